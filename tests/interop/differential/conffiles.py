"""Generators of whole extensions.conf files: templates, additions, comments, includes of files, options, globals."""

# ruff: noqa: E501

from __future__ import annotations

from random import Random

from tests.interop.differential.wholes import Whole

NAMES = ["a", "b", "c", "A", "d"]
EXTENS = ["s", "1", "2", "_X", "_1.", "x"]
PRIORITIES = ["1", "2", "n", "n", "n", "n(l)", "hint", "n+2", "3"]

#: text as it may stand behind an application
TAILS = ["", "", "", " ; why", ";why", " ;-- in --;", ";-- in --; x", "\\; no comment", " ;--open", " --;", "\\", " \\", ";\\", "\\\\; x", "\\;\\;", ";--- three", ";----;",
         " ;-- a ;-- b --; c --; d", "--;--;", "\t", "\r", "\x0b", ",", ",,", " // x", " # x", "\\;-- x --;", ";--;", ";---;", ";-- x", "\x00rest", "\x07", "\x1b[0m"]  # fmt: skip


def header(rng: Random) -> str:
    name = rng.choice(NAMES)
    other = rng.choice(NAMES)
    if rng.random() < 0.6:
        return f"[{name}]"
    if rng.random() < 0.75:
        return f"[{name}]" + rng.choice(
            [
                "(!)",
                f"({other})",
                f"({other},{rng.choice(NAMES)})",
                f"(!,{other})",
                "(+)",
                f"({other},!)",
                "(!)",
                f"({other})",
            ]
        )
    return rng.choice([f"[{name}] ({other})", f"[{name}]x", f"[ {name}]", f"[{name} ]", f"[{name}](+,!)", f"[{name}]({other},)", f"[{name}]( {other})", f"[{name}](+{other}=1)",
                       f"[{name}](+exten=s,1)", f"[{name}](+TEMPLATES=include)", f"[{name}](+TEMPLATES=restrict)", f"[{name}](+exten=^s&exten=NoOp)", f"[{name}]()", f"[{name}](!)({other})",
                       "[]", f"[{name}", f"[{name}](", f"[{name}]({other}", f"  [{name}]", f"\t[{name}]", f"[{name}];c", f"[{name}](+);c", f"[{name};x]", f"[{name}]]", f"[[{name}]]",
                       f"[{name}\\]", f"\\[{name}]", f"[{name}](nowhere)", f"[{name}](+),({other})", f"[{name}](+,{other})", f"[{name}]({other},+)", f"[{name}]\t(+)", f"[{name}](!,!)",
                       f"[{name}](+!)", "[general](+)", "[globals](+)", f"[{name}](globals)", f"[{name}](!)=x", "[a b]", "[ü]", f"[{name}]({other})(+)"])  # fmt: skip


def entry(rng: Random) -> str:
    kind = rng.randrange(40)
    arrow = rng.choice(
        [" => "] * 5
        + ["=>", "=", " = ", " =>", "= >", " =  > ", "+=", " += ", " +=> ", "\t=>\t", "=>>", "==", " +=>", "=>="]
    )
    tail = rng.choice(TAILS) if rng.random() < 0.35 else ""
    data = rng.choice(
        [
            "x",
            "a,b",
            '"q"',
            "a b",
            " x ",
            "${G}",
            "a=b",
            "[x]",
            "(x)",
            "${EXTEN:1}",
            "'x'",
            "a\\,b",
            "ü",
            "#x",
            "a&b",
            "\\[x",
            "%",
        ]
    )
    if kind < 16:
        return f"{rng.choice(['', '', '', ' ', chr(9)])}exten{arrow}{rng.choice(EXTENS)},{rng.choice(PRIORITIES)},NoOp({data}){tail}"
    if kind < 28:
        return f"{rng.choice(['', ' '])}same{arrow}{rng.choice(PRIORITIES)},NoOp({data}){tail}"
    if kind < 30:
        return f"include{arrow}{rng.choice(NAMES)}{tail}"
    if kind < 31:
        return f"{rng.choice(['ignorepat', 'switch', 'eswitch', 'lswitch', 'Include', 'EXTEN', 'Exten', 'SAME', 'autohints'])}{arrow}{rng.choice(['9', 'Loopback/x@a', '1,1,NoOp(up)', 'n,NoOp(up)', 'yes'])}{tail}"
    if kind < 32:
        return rng.choice(["exten", "= x", "=> x", "exten =", "exten =>", "x", "\\exten => s,n,NoOp(b)", "\\", "\\ x=1", "\\#x = 1", "exten => s,n,NoOp(a) \\", "exten => \\#1,1,NoOp(h)",
                           "\\[x] = 1", "+= 1", "a += 1", "exten += ,n,NoOp(z)", "exten +=x", "same += y", "#exec echo 'exten => 77,1,NoOp()'", "#", "#x", "#include", "# include \"inc/one\"",
                           "#INCLUDE \"inc/one\"", "#Include inc/one", "##", "#\tx", "#include ''", '#include ""', "#include <>", '#include "'])  # fmt: skip
    if kind < 34:
        return rng.choice(["; comment", ";", ";;", " ; c", ";-- block", "--;", ";-- in line --;", "--; exten => 8,1,NoOp(behind)", ";--- x", ";--;", "-- ;", ";-", ";--\t", "exten => 9,1,NoOp(;-- x --;y)",
                           ";-- ;--", "--; --;", "x --;", ";-- a\nexten => 7,1,NoOp(hidden)\n--;", ";--[a]", ";-- --;exten => 6,1,NoOp(six)", "\\;-- y", ";\\;-- z"])  # fmt: skip
    if kind < 36:
        mark = rng.choice(["#include ", "#include ", "#tryinclude ", "#include\t", "#tryinclude  "])
        name = rng.choice(["inc/one", "inc/two", "inc/o*", "inc/*", "inc/none", "inc/[ot]*", "inc/{one,two}", "@HOME@/etc/inc/one", "../etc/inc/one", "inc/sub/*", "inc/sub", "inc/self", "inc/none*", "inc/on?",
                           "inc//one", "./inc/one", "inc/bad", "inc/{one,none}", "inc/loop1"])  # fmt: skip
        return mark + rng.choice(
            [
                f'"{name}"',
                f'"{name}"',
                name,
                f"<{name}>",
                f"'{name}'",
                f'"{name}" x',
                f'"{name}" ; c',
                f'"{name}";c',
                f"{name} ; c",
                f'"{name}',
                f'{name}"',
                f'"{name}"   ',
            ]
        )
    if kind < 37:
        return ""
    return header(rng)


def options(rng: Random) -> list[str]:
    found = []
    for _ in range(rng.randrange(0, 4)):
        name = rng.choice(
            [
                "static",
                "writeprotect",
                "autofallthrough",
                "clearglobalvars",
                "userscontext",
                "extenpatternmatchnew",
                "priorityjumping",
                "overrideswitch",
                "Static",
                "unknown",
            ]
        )
        found.append(
            f"{name}{rng.choice(['=', ' => ', ' = ', '+='])}{rng.choice(['yes', 'no', 'true', '1', '0', '', 'Yes', 'on', 'x', '-1', 'y', 't', 'off'])}"
        )
    return found


def variables(rng: Random) -> list[str]:
    found = []
    for _ in range(rng.randrange(0, 7)):
        name = rng.choice(["G", "H", "A", "a", "_U", "__V", "X Y", "ü", "LONG_NAME", "1", "G", "EXTEN", "A.B", "x(y)"])
        value = rng.choice(["1", "${H}", "${G}x", '"q"', "a b", " x ", "$[1 + 2]", "$[${G}+1]", "a\\;b", "a;c", "${LEN(abc)}", "${ENV(HOME_NOT)}", "a=b", "", "${NONE}", "a,b", "'s'", "\\${G}", "${", "$[", "a\\",
                            "${G:1}", "${TOUPPER(abc)}", "[x]", "a+=b", "${CHANNEL}", "${EPOCH:0:0}", "${IF($[1=1]?y:n)}", "${MATH(1+1)}", "${H${G}}", "${GLOBAL(G)}"])  # fmt: skip
        found.append(f"{name}{rng.choice(['=', ' => ', ' = ', '=', '+=', ' += ', '=>'])}{value}")
    return found


def _beside(rng: Random) -> dict[str, str]:
    def lines(count: int) -> str:
        return "\n".join(entry(rng) for _ in range(count)) + rng.choice(["\n", "", "\n\n"])

    return {
        "one": rng.choice(["exten => 11,1,NoOp(one)\n", f"[b]\nexten => 11,1,NoOp(one)\n{lines(2)}", lines(3), "\ufeffexten => 11,1,NoOp(bom)\n", "same => n,NoOp(one)", "", ";-- open\n"]),
        "two": rng.choice(["exten => 12,1,NoOp(two)\n", "[c](!)\nexten => 12,1,NoOp(two)\n", lines(2), '#include "inc/one"\nexten => 13,1,NoOp(three)\n', "--; x\n"]),
        "self": "exten => s,n,NoOp(self)\n#include \"inc/self\"\n",
        "loop1": "same => n,NoOp(l1)\n#include \"inc/loop2\"\nsame => n,NoOp(l1e)\n",
        "loop2": "same => n,NoOp(l2)\n#include \"inc/loop1\"\nsame => n,NoOp(l2e)\n",
        "bad": "exten => s,n,NoOp(before)\n[open\nexten => s,n,NoOp(behind)\n",
        "sub/deep": "exten => 15,1,NoOp(deep)\n",
    }  # fmt: skip


def conf_file(rng: Random, name: str) -> Whole:
    """A file of everything."""
    lines: list[str] = []
    if rng.random() < 0.1:
        lines.append(entry(rng))
    if rng.random() < 0.6:
        lines += [rng.choice(["[general]"] * 4 + ["[General]", "[general](!)"]), *options(rng)]
    if rng.random() < 0.6:
        lines += [rng.choice(["[globals]"] * 4 + ["[GLOBALS]", "[globals](!)"]), *variables(rng)]
    for _ in range(rng.randrange(1, 5)):
        lines.append(header(rng))
        lines += [entry(rng) for _ in range(rng.randrange(0, 6))]
        if rng.random() < 0.05:
            lines += ["[globals]", *variables(rng)]
        if rng.random() < 0.05:
            lines += ["[general]", *options(rng)]
    text = rng.choice(["\n"] * 9 + ["\r\n"]).join(lines) + rng.choice(["\n", "\n", ""])
    if rng.random() < 0.03:
        text = "\ufeff" + text
    return Whole(name, text, _beside(rng))
