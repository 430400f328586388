"""Generators of cases, by group: (maker, cases that make a batch)."""

# ruff: noqa: E501

from __future__ import annotations

from collections.abc import Callable
from random import Random

from tests.interop.differential import texts
from tests.interop.differential.pair import Case

Maker = Callable[[Random, str], Case]
LINES = 40


def of_texts(make: texts.Text) -> Maker:
    """A case of many texts, each on a numbered line."""

    def case(rng: Random, name: str) -> Case:
        lines = [f"[{name}]", "exten => s,1,NoOp()"]
        lines += [f" same => n,Set({each})" for each in texts.SETUP]
        for number in range(LINES):
            text = make(rng).replace(";", "\\;").replace("\n", "")
            lines.append(f" same => n,EMIT({number} {text})")
        lines.append(" same => n,EMIT(end)")
        return Case(name, "\n".join(lines) + "\n", [f"s@{name}"])

    return case


# ---- patterns ------------------------------------------------------------------------------------------------------

POSITIONS = ["X", "N", "Z", "1", "2", "9", "0", "[1-3]", "[2-9]", "[13579]", "[0-9]", "[1-9]", "[a-c]", "a", "[5]", "x", "*", "#", "+", "-",
             "[13-5]", "[2-46]", "[^1]", "[1-]", "[-1]"]  # fmt: skip
NUMBERS = "0123456789123456789ab*#+"


def pattern(rng: Random, longest: int = 4) -> str:
    if rng.random() < 0.15:
        return "".join(rng.choice("0123456789ab*#-") for _ in range(rng.randrange(1, longest + 1)))
    text = "_" + "".join(rng.choice(POSITIONS) for _ in range(rng.randrange(0, longest + 1)))
    return text + rng.choice(["", "", "", ".", "!"]) if len(text) > 1 else text + rng.choice("X.!")


def number(rng: Random) -> str:
    return "".join(rng.choice(NUMBERS) for _ in range(rng.randrange(1, 6)))


def patterns(rng: Random, name: str) -> Case:
    """Which pattern wins for numbers, and the order in which the context is listed."""
    found = list(dict.fromkeys(pattern(rng) for _ in range(rng.randrange(2, 9))))
    lines = [f"[{name}]"]
    asked = [number(rng) for _ in range(12)]
    lines += [f"exten => {each},1,EMIT({{{each}}} ${{EXTEN}})\n same => n,Return()" for each in found]
    lines.append(f"exten => i,1,EMIT(i)\n same => n,Return()\n[{name}-run]\nexten => s,1,NoOp()")
    for each in asked:
        lines.append(f" same => n,EMIT({each} ${{DIALPLAN_EXISTS({name},{each},1)}})")
        lines.append(f" same => n,GosubIf(${{DIALPLAN_EXISTS({name},{each},1)}}?{name},{each},1)")
    return Case(name, "\n".join(lines) + "\n", [f"s@{name}-run"], ask=[f"dialplan show {name}"])


# ---- what steers a call --------------------------------------------------------------------------------------------

VALUES = [
    "1",
    "0",
    "",
    "a",
    "a,b",
    '"a"',
    '"a,b"',
    "a\\,b",
    "a=b",
    " a",
    "a ",
    "(a)",
    "${A}",
    "$[${A}+1]",
    "${B:1}",
    "\\\\",
    "'a'",
    "a|b",
    "a^b",
    "a&b",
]
CONDITIONS = [
    "1",
    "0",
    "",
    "a",
    "$[1=1]",
    "$[1=2]",
    "${A}",
    "${NONE}",
    " 1",
    "00",
    "$[${A} > 3]",
    "-1",
    "0a",
    "+1",
    "0.5",
    '"0"',
    '""',
    " ",
]


def _setting(rng: Random, case: str) -> str:
    name = rng.choice(
        [
            "A",
            "B",
            "_A",
            "__B",
            "A ",
            " A",
            "X${A}",
            "LOCAL(A)",
            f"GLOBAL({case})",
            "C(1)",
            "",
            "a",
            "HASH(H,k)",
            "ARRAY(P,Q)",
        ]
    )
    return rng.choice(
        [
            f"Set({name}={rng.choice(VALUES)})",
            f"Set({name}={rng.choice(VALUES)},{rng.choice(['B', 'Z'])}={rng.choice(VALUES)})",
            f"MSet({name}={rng.choice(VALUES)},Z={rng.choice(VALUES)})",
            f"MSet({name}={rng.choice(VALUES)})",
            f"Exec(Set({name}={rng.choice(VALUES)}))",
            f"TryExec(Set({name}={rng.choice(VALUES)}))",
            f"ExecIf({rng.choice(CONDITIONS)}?Set({name}={rng.choice(VALUES)}):Set(Z={rng.choice(VALUES)}))",
            f"ExecIf({rng.choice(CONDITIONS)}?Set({name}={rng.choice(VALUES)}))",
            f"Set({name})",
            f"Set({name}:{rng.choice(VALUES)})",
            "ClearHash(H)",
        ]
    )


def assignments(rng: Random, name: str) -> Case:
    """Set, MSet, Exec, ExecIf with all sorts of quoting."""
    lines = [f"[{name}]", "exten => s,1,Set(A=5)", " same => n,Set(B=abc)"]
    for step in range(14):
        lines.append(f" same => n,{_setting(rng, name)}")
        lines.append(
            f" same => n,EMIT({step} [${{A}}] [${{B}}] [${{Z}}] [${{a}}] [${{{name}}}] [${{HASH(H,k)}}] [${{P}}] [${{Q}}] [${{TRYSTATUS}}])"
        )
        lines.append(" same => n,Set(Z=)")
    lines.append(" same => n,EMIT(end)\nexten => h,1,EMIT(h ${EXTEN} ${PRIORITY})")
    return Case(name, "\n".join(lines) + "\n", [f"s@{name}"])


def _place(rng: Random, name: str) -> str:
    if rng.random() < 0.8:
        # a good one
        exten = rng.choice(["s", "a", "b", "12", "15", "99"])
        return rng.choice([f"{exten},{rng.choice(['1', '2'])}", f"{name}-b,{exten},1", f"{name},{exten},1", f"{name}-b,,3", f",,{rng.choice('123')}",
                           "+2", "+1"])  # fmt: skip
    exten = rng.choice(["s", "a", "b", "12", "15", "99", "${A}", "i", "h", "t", "nope"])
    priority = rng.choice(
        ["1", "2", "3", "5", "9", "lab", "two", "nolabel", "+1", "+2", "-1", "${P}", "0", "n", "1x", " 2", "2 "]
    )
    context = rng.choice([name, name, name, f"{name}-b", f"{name}-b", "nocontext"])
    return rng.choice([priority, priority, f"{exten},{priority}", f"{exten},{priority}", f"{context},{exten},{priority}", f",{exten},{priority}",
                       f"{context},,{priority}", f",,{priority}", f"{exten}"])  # fmt: skip


def _step(rng: Random, name: str, depth: int = 0) -> str:
    place = _place(rng, name)
    condition = rng.choice(CONDITIONS)
    kind = rng.randrange(24)
    if kind < 2:
        return f"Goto({place})"
    if kind < 5:
        return f"GotoIf({condition}?{place}{rng.choice(['', ':', ':' + _place(rng, name)])})"
    if kind < 8:
        arguments = ",".join(rng.choice(VALUES) for _ in range(rng.randrange(4)))
        return f"Gosub({place}{rng.choice(['', '(' + arguments + ')', '(' + arguments + ')'])})"
    if kind < 10:
        return f"GosubIf({condition}?{place}({rng.choice(VALUES)}){rng.choice(['', ':', ':' + _place(rng, name) + '(x,y)'])})"
    if kind < 12:
        return f"Return({rng.choice(VALUES)})"
    if kind == 12:
        return "StackPop()"
    if kind == 13:
        return rng.choice(
            ["While($[${I} < 3])", "While(0)", "While(1)", "EndWhile()", "ExitWhile()", "ContinueWhile()"]
        )
    if kind == 14:
        return rng.choice([f"If({condition})", f"ElseIf({condition})", "Else()", "EndIf()", "ExitIf()"])
    if kind == 15:
        return rng.choice(
            ["Hangup()", "Hangup(17)", "NoOp()", "NoOp()", "NoSuchApp()", "RaiseException(X)", "Busy(0.1)"]
        )
    if kind == 16:
        return rng.choice([f"Set(LOCAL(A)={rng.choice(VALUES)})", "Set(LOCAL(L)=1)", "Set(LOCAL(I)=9)"])
    if kind == 17 and not depth:
        return f"ExecIf({condition}?{_step(rng, name, 1)}{rng.choice(['', ':' + _step(rng, name, 1)])})"
    if kind == 18 and not depth:
        return f"{rng.choice(['Exec', 'TryExec'])}({_step(rng, name, 1)})"
    if kind == 19:
        return f"Set(CHANNEL(hangup_handler_push)={name}-hh,{rng.choice(['s,1', 's,1(x)', 's,lab', 'nope,1'])})"
    if kind == 20:
        return rng.choice([f"Set(CHANNEL(hangup_handler_pop)={name}-hh,s,1)", "Set(CHANNEL(hangup_handler_wipe)=)"])
    if kind == 21:
        return f"Set(E=${{STACK_PEEK({rng.choice(['1', '2', '0'])},{rng.choice('ecpl')}{rng.choice(['', ',1'])})}})"
    return "Set(I=$[${I} + 1])"


_SEEN = "${I}|${A}|${L}|${ARGC}|${ARG1}|${ARG2}|${ARG3}|${GOSUB_RETVAL}|${E}|${INVALID_EXTEN}|${EXCEPTION(reason)}"


def flow(rng: Random, name: str) -> Case:
    """Programs of jumps, subroutines and loops; each step counts, so that they end."""
    lines = []
    for context in (name, f"{name}-b"):
        lines.append(f"[{context}]")
        for exten in ("s", "a", "b", "_1X", "_9."):
            if exten == "s" and context == name:
                lines.append("exten => s,1,Set(I=0)\n same => n,Set(COUNT=0)\n same => n,Set(A=a)\n same => n,Set(P=2)")
            else:
                lines.append(f"exten => {exten},1,NoOp()")
            for step in range(rng.randrange(2, 6)):
                label = {1: "(lab)", 3: "(two)"}.get(step, "") if rng.random() < 0.6 else ""
                lines.append(f" same => n{label},Set(I=$[${{I}} + 1])")
                lines.append(" same => n,Set(COUNT=$[${COUNT} + 1])")
                lines.append(f" same => n,EMIT(${{CONTEXT}},${{EXTEN}},${{PRIORITY}} {_SEEN})")
                lines.append(f" same => n,GotoIf($[${{COUNT}} > 14]?{name}-end,s,1)")
                lines.append(f" same => n,{_step(rng, name)}")
        for exten in rng.sample(["i", "e", "t", "h"], rng.randrange(0, 4)):
            lines.append(
                f"exten => {exten},1,Set(I=$[${{I}} + 1])\n same => n,Set(COUNT=$[${{COUNT}} + 1])\n same => n,EMIT({exten} ${{CONTEXT}} {_SEEN})"
            )
            if rng.random() < 0.5:
                lines.append(f" same => n,GotoIf($[${{COUNT}} > 14]?{name}-end,s,1)\n same => n,{_step(rng, name)}")
                lines.append(f" same => n,EMIT({exten} again)")
    lines.append(
        f"[{name}-end]\nexten => s,1,EMIT(end)\n same => n,Hangup()\nexten => h,1,EMIT(h end ${{I}} ${{HANGUPCAUSE}})"
    )
    lines.append(f"[{name}-hh]\nexten => s,1,EMIT(handler ${{ARG1}} ${{EXTEN}})\n same => n(lab),Return()")
    return Case(name, "\n".join(lines) + "\n", [f"s@{name}"])


# ---- the file ------------------------------------------------------------------------------------------------------

EXTENS = ["s", "1", "12", "_X", "_1X", "a", " 1 ", "1/5", "1/", "_X/55", "_X/_5X", "i", "_[12", "_[1-3]X", "1-2", "_1-2", "${G}", "", "a b", "'1'", "s/",
          "_.", "_!", "_X!", "h", "+1", "hint", "1 2", "_X [1 2]"]  # fmt: skip
PRIORITIES = ["1", "2", "3", "n", "n", "n", "n(a)", "n(b)", "1(a)", "n+1", "n+2(c)", "s", "s(d)", "hint", "a+1", "0", "-1", "x", " n ", "n (e)", "n+", "", "n(",
              "2+1", "next", "same", "b", "n(a", "1 (f)", "n+1 (g)", "a", "+1"]  # fmt: skip
CALLS = ["NoOp(x)", "NoOp()", "NoOp", "NoOp(a,b)", "NoOp(a\\,b)", 'NoOp("a")', "NoOp(a)b", "NoOp((a)", "NoOp(a))", " NoOp ( x ) ", "", "NoOp(x", "noop(X)",
         "NoOp,x", "NoOp(${G})", "Nope(1)", "IAX2/x", "Goto(s,1)", "NoOp(a\\;b)", "NoOp(a;b)", "Set(A=1)", "NoOp(a|b)", "NoOp(  x  )", "${G}(x)"]  # fmt: skip


def _line(rng: Random, name: str) -> str:
    arrow = rng.choice([" => ", " => ", "=>", " = ", "="])
    kind = rng.randrange(20)
    if kind < 8:
        return f"exten{arrow}{rng.choice(EXTENS)},{rng.choice(PRIORITIES)},{rng.choice(CALLS)}"
    if kind < 15:
        return f"{rng.choice(['', ' ', '  '])}same{arrow}{rng.choice(PRIORITIES)},{rng.choice(CALLS)}"
    if kind == 15:
        when = rng.choice(
            ["", "", ",9:00-17:00,mon-fri,*,*", ",*,*,*,*", ",x,y", ",9:00-17:00", "|mon", ",*,mon,1-5,jan"]
        )
        return f"include{arrow}{rng.choice([name + '-b', name + '-c', 'nowhere', ''])}{when}"
    if kind == 16:
        return f"{rng.choice(['ignorepat', 'switch', 'lswitch', 'eswitch'])}{arrow}{rng.choice(['9', '_9X', 'Loopback/1@x', 'IAX2/a:b@c/d', '', 'Loopback/${G}@x'])}"
    if kind == 17:
        return rng.choice(["exten", "exten =>", "same", "nonsense => 1", "exten => 1", "exten => 1,1", "exten => ,1,NoOp()", "same => n", "; comment",
                           "exten => 1,n", "exten + 1"])  # fmt: skip
    if kind == 18:
        return f"[{name}-b]" + rng.choice(["", "", "(+)", "(!)", f"({name})", " ; x", " x"])
    return f"exten{arrow}{rng.choice(EXTENS)},hint,{rng.choice(['IAX2/x', 'IAX2/x&SIP/y', 'Custom:${EXTEN}', 'IAX2/x,CustomPresence:y', ',z', ''])}"


def files(rng: Random, name: str) -> Case:
    """Lines of extensions.conf, right and wrong; what `dialplan show` makes of them."""
    lines = [f"[{name}]", *(_line(rng, name) for _ in range(rng.randrange(3, 14)))]
    return Case(name, "\n".join(lines) + "\n", [], ask=[f"dialplan show {name}", f"dialplan show {name}-b"])


GROUPS: dict[str, tuple[Maker, int]] = {name: (of_texts(make), 25) for name, make in texts.GROUPS.items()}
GROUPS |= {"patterns": (patterns, 60), "assignments": (assignments, 40), "flow": (flow, 60), "files": (files, 40)}
