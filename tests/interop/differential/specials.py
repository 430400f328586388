"""Generators of calls that come to the special extensions i t T h s e in all ways, and of what follows a Dial's end."""

# ruff: noqa: E501

from __future__ import annotations

from random import Random

from tests.interop.differential.pair import Case

SEEN = "${EXTEN},${PRIORITY} ${CONTEXT} <${INVALID_EXTEN}> ${EXCEPTION(reason)}/${EXCEPTION(context)}/${EXCEPTION(exten)}/${EXCEPTION(priority)} ${HANGUPCAUSE} ${DIALSTATUS}"

#: ways to leave an extension; `@` is the case's name, `%` an @
WAYS = ["Goto(nowhere,1)", "Goto(@-b,nowhere,1)", "Goto(@-none,s,1)", "Goto(s,99)", "Goto(x,99)", "Goto(t,7)", "Goto(@-b,x,1)", "Goto(@-b,x,9)", "Goto(i,1)", "Goto(i,2)", "Goto(e,1)", "Goto(h,1)", "Goto(T,1)",
        "Hangup()", "Hangup(17)", "Hangup(abc)", "Congestion(0.3)", "Busy(0.3)", "NoSuchApp()", "RaiseException(mine)", "RaiseException()", "WaitExten(0.4)", "Background(nosuch)", "Return()", "Gosub(@-b,sub,1)",
        "Gosub(@-b,sub,1(a))", "Gosub(nowhere,1)", "Incomplete()", "Incomplete(n)", "Goto(lab)", "Goto(nolabel)", "Goto(x,lab)", "Set(TIMEOUT(absolute)=0.5)\n same => n,Wait(2)", "Set(TIMEOUT(absolute)=0.5)\n same => n,WaitExten(3)",
        "Dial(Local/none%@-none)", "Dial(Local/busy%@-far)", "Dial(Local/cong%@-far)", "Dial(Local/hang%@-far)", "Dial(Local/ans%@-far)", "Dial(Local/ans%@-far,,g)", "Dial(Local/ring%@-far,1)", "Dial(Local/x%@-far)",
        "Dial(Local/ans%@-far,,F(@-b^x^1))", "Dial(Nosuch/1)", "Dial()", "Dial(Local/busy%@-far&Local/cong%@-far)", "Progress()", "Ringing()", "Answer()", "NoOp()", "ExecIf(1?NoSuchApp())",
        "ExecIf(1?Goto(nowhere,1))", "TryExec(NoSuchApp())", "Exec(Hangup())", "Exec(Goto(x,1))", "Set(CHANNEL(hangup_handler_push)=@-b,hh,1)", "Goto(@-b,i,1)", "Playback(nosuch)", "Read(V,nosuch,1,s,1,0.3)", "ChannelRedirect(${CHANNEL},@-b,x,1)",
        "SoftHangup(${CHANNEL})", "Goto(,x,1)", "Goto(x)", "Goto(2)", "GotoIf(1?nowhere,1)", "GosubIf(1?nowhere,1)", "StackPop()", "EndWhile()", "Macro(x)", "Wait(0.2)", "Set(CALLERID(num)=55)", "BlindTransfer(x,@-b)", "Transfer(x)",
        "Originate(Local/ans%@-far,exten,@-b,x,1,2)", "DISA(no-password,@-b)", "Bridge(nosuch)", "Pickup(nosuch)", "Park()", "Exec(NoSuchApp())", "EvalExten(@-b,x,1)", "While(0)", "ExitWhile()", "Goto(@-b,,1)", "Goto(@-b,s,lab)"]  # fmt: skip
#: of these each needs a stock box's module that may be missing, or hangs on chance
LEFT_OUT = (
    "Originate",
    "DISA",
    "Park",
    "EvalExten",
    "Macro",
    "Transfer(x)",
    "Pickup",
    "BlindTransfer",
    "Read(V",
    "SoftHangup",
    "ChannelRedirect",
)

FAR = """[@-far]
exten => busy,1,Busy(0.2)
exten => cong,1,Congestion(0.2)
exten => hang,1,Hangup(21)
exten => ans,1,Answer()
 same => n,Wait(0.4)
exten => ring,1,Ringing()
 same => n,Wait(3)
"""


def _extension(rng: Random, head: str, ways: list[str], name: str) -> list[str]:
    lines = [f"exten => {head},1,EMIT({head}: {SEEN})"]
    for step in range(rng.randrange(0, 3)):
        label = "(lab)" if step == 0 and rng.random() < 0.3 else ""
        lines.append(f" same => n{label},{rng.choice(ways).replace('@', name).replace('%', '@')}")
        lines.append(f" same => n,EMIT({head} on: {SEEN})")
    return lines


def specials(rng: Random, name: str) -> Case:
    """An extension that leaves in odd ways, with some of the special extensions there and some not."""
    ways = [way for way in WAYS if not way.startswith(LEFT_OUT)]
    lines = [f"[{name}]", f"exten => s,1,EMIT(s: {SEEN})"]
    # what goes round ends some time
    lines.append(f" same => n,Set(COUNT=$[0${{COUNT}} + 1])\n same => n,GotoIf($[${{COUNT}} > 4]?{name}-end,1,1)")
    if rng.random() < 0.6:
        lines.append(" same => n,Answer()")
    for _ in range(rng.randrange(1, 4)):
        lines.append(
            f" same => n,{rng.choice(ways).replace('@', name).replace('%', '@')}\n same => n,EMIT(s on: {SEEN})"
        )
    for context in (name, f"{name}-b"):
        if context != name:
            lines.append(f"[{context}]")
        heads = rng.sample(["i", "t", "T", "h", "e", "x", "_X.", "_.", "_[a-z]", "s"], rng.randrange(1, 7))
        for head in heads:
            if head == "s" and context == name:
                continue
            if head in ("_.", "_[a-z]") and rng.random() < 0.7:
                continue
            later = (
                [way for way in ways if "Goto" not in way and "Exception" not in way and "Gosub" not in way]
                if head in ("i", "t", "e", "T", "_.", "_[a-z]")
                else ways
            )
            lines += [f"exten => {head},1,Set(COUNT=$[0${{COUNT}} + 1])\n same => n,GotoIf($[${{COUNT}} > 6]?{name}-end,1,1)", *[f" same => n{e[e.index(',', e.index('=> ')) + 2:]}" if n == 0 else e for n, e in enumerate(_extension(rng, head, later, name))]]  # fmt: skip
        if rng.random() < 0.25:
            lines.append(f"include => {name}-c")
    lines.append(
        f"[{name}-b](+)\nexten => sub,1,EMIT(sub {SEEN})\n same => n,{rng.choice(['Return()', 'Return(v)', 'Hangup()', 'NoOp()', 'Goto(nowhere,1)', 'Goto(x,1)'])}"
    )
    lines.append(f"exten => hh,1,EMIT(hh {SEEN})\n same => n,Return()")
    lines.append(f"[{name}-c]")
    for head in rng.sample(["i", "t", "h", "e", "T"], 2):
        lines.append(f"exten => {head},1,EMIT(c {head}: {SEEN})")
    lines.append(f"[{name}-end]\nexten => 1,1,EMIT(end)\n same => n,Hangup()")
    text = "\n".join(lines) + "\n" + FAR.replace("@", name)
    return Case(
        name, text, [f"{rng.choice(['s', 's', 's', 's', 'nowhere', 'x'])}@{name}"], hold=rng.choice([5, 5, 5, 1])
    )
