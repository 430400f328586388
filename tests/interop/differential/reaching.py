"""Generators of ways from context to context: includes, switches, and hints."""

# ruff: noqa: E501

from __future__ import annotations

from random import Random

from tests.interop.differential.cases import pattern
from tests.interop.differential.pair import Case
from tests.interop.differential.wholes import Whole

LOOPS = ["Loopback/@@-b", "Loopback/${EXTEN}@@-b", "Loopback/1${EXTEN}@@-b", "Loopback/${EXTEN:1}@@-b", "Loopback/12@@-b", "Loopback/@@-c", "Loopback/${EXTEN}@@-c:2", "Loopback/@@-b/_1X", "Loopback/@@-b/_X.",
         "Loopback/${EXTEN}@${CONTEXT}-b", "Loopback/${EXTEN}", "Loopback/", "Loopback", "Loopback/@", "Loopback/x@@-none", "Loopback/${EXTEN}@@-b:${PRIORITY}", "Loopback/${EXTEN}@@-b/", "Loopback/${EXTEN}@@-b:1/_[1-3].",
         "Loopback/${G}@@-b", "loopback/@@-b", "LOOPBACK/9@@-b", "Loopback/${EXTEN:0:1}@@-c/_XX", "Local/@@-b", "Nosuch/x", "Loopback/@@-b:x", "Loopback/s@@-b", "Loopback/${EXTEN}@@-b@@-c", "Loopback/${LEN(${EXTEN})}@@-b",
         "Loopback/_1X@@-b", "Loopback/i@@-b", "Loopback/${V}@@-b"]  # fmt: skip
TIMES = [
    "",
    "",
    "",
    ",*,*,*,*",
    ",*,*,31,feb",
    ",x,*,*,*",
    ",00:00-23:59,sun-sat,1-31,jan-dec",
    "|*|*|*|*",
    ",",
    ",,,,",
    ",*,*,*,feb,UTC",
    ",*",
    ",0:00-24:00",
    ",*,*,*,*,Nowhere/City",
]


def reaching(rng: Random, name: str) -> Case:
    """Which number is found where, by includes with times and switches of all kinds.

    Switches lead to later contexts only, and so do includes beside them: in a circle of theirs a stock box ends (its
    stack overflows).  Without switches includes lead anywhere.
    """
    lines = []
    # d stands before b and c, which the switches name
    contexts = [name, f"{name}-d", f"{name}-b", f"{name}-c"]
    switches = rng.random() < 0.7
    for at, context in enumerate(contexts):
        lines.append(f"[{context}]")
        for _ in range(rng.randrange(0, 4)):
            exten = rng.choice(["1", "12", "s", "i", "_1X", "_X.", "9", pattern(rng, 2), pattern(rng, 3)])
            lines.append(
                f"exten => {exten},{rng.choice('11112')},EMIT({{${{EXTEN}}}} ${{CONTEXT}} {context} {exten})\n same => n,Return()"
            )
        others = contexts[at + 1 :] if switches else contexts
        for _ in range(rng.randrange(0, 3)):
            lines.append(f"include => {rng.choice([*others, name + '-none'])}{rng.choice(TIMES)}")
        if rng.random() < 0.2:
            lines.append(f"ignorepat => {rng.choice(['9', '_1X', '_X.', '1', '', '12', '_[2-9]'])}")
        ways = [way for way in LOOPS if (at < 2 or "@-b" not in way) and at < 3]
        for _ in range(rng.choice([0, 1, 1, 2]) if switches and ways else 0):
            kind = rng.choice(["switch", "switch", "lswitch", "eswitch", "eswitch"])
            way = rng.choice(ways).replace("@", chr(0)).replace(chr(0) * 2, "@" + name).replace(chr(0), "@")
            lines.append(f"{kind} => {way}")
    asked = ["1", "12", "13", "112", "9", "22", "s", "x", "i", "123"]
    lines.append(f"[{name}-run]\nexten => s,1,Set(V=12)")
    for number in asked:
        lines.append(
            f" same => n,EMIT({number} ${{DIALPLAN_EXISTS({name},{number},1)}}${{DIALPLAN_EXISTS({name},{number},2)}}${{DIALPLAN_EXISTS({name},{number},lab)}})"
        )
        lines.append(f" same => n,GosubIf(${{DIALPLAN_EXISTS({name},{number},1)}}?{name},{number},1)")
    lines.append(" same => n,EMIT(end)\nexten => h,1,EMIT(h ${EXTEN})")
    return Case(
        name,
        "\n".join(lines) + "\n",
        [f"s@{name}-run"],
        ask=[f"dialplan show {name}", f"dialplan show 12@{name}", f"dialplan show 1@{name}"],
    )


HINTS = ["Custom:a", "Custom:a&Custom:b", "IAX2/x", "SIP/x&IAX2/y", "Custom:a,CustomPresence:b", ",CustomPresence:b", "Custom:${EXTEN}", "${G}", "Custom:a&", "&Custom:a", "Nosuch/x", "Custom:a,", "Custom:a(b)", "custom:a", "",
         "Custom:a , CustomPresence:b", "Custom:a,b,c", "Local/s@clean", "Custom:", "x", "Custom:${EXTEN:1}&Custom:b"]  # fmt: skip


def hints(rng: Random, name: str) -> Whole:
    """Hints and their states, as the console tells of them."""
    lines = ["[globals]", "G=Custom:g"]
    for context in ("c", "d"):
        lines.append(f"[{context}]")
        for _ in range(rng.randrange(1, 6)):
            exten = rng.choice(["1", "12", "a", "_1X", "_X.", "1-2", "s"])
            lines.append(
                f"exten => {exten},{rng.choice(['hint', 'hint', 'hint', 'hint', '-1', 'hint(l)'])},{rng.choice(HINTS)}"
            )
        lines.append("exten => 1,1,NoOp()")
    # a stock box shows how a Local device stood in the dialplan before this one, so its place is in both
    lines.append("[clean]\nexten => s,1,NoOp()")
    asks = ["dialplan show", "core show hints", "core show hint 1", "core show hint 12@c", "core show hint nothing"]
    for exten in ("1@c", "12@c", "15@c", "a@d", "9@c"):
        asks += [
            f"dialplan eval function EXTENSION_STATE({exten})",
            f"dialplan eval function HINT({exten})",
            f"dialplan eval function HINT({exten},n)",
        ]
    return Whole(name, "\n".join(lines) + "\n", ask=asks)
