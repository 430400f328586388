"""What could still come of the digits dialled so far, asked by DPREQ.

It tells of one number whether it exists, could exist with more digits, whether more digits could make it another
(MATCHMORE), and ignorepat.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

from pbx.channels.iax2.elements import Element, Elements
from pbx.channels.iax2.frames import Command
from tests.interop.boxes import Box
from tests.interop.differential.asking import ask
from tests.interop.differential.cases import pattern
from tests.interop.differential.pair import Pair
from tests.interop.rawcall import RawCall

#: contexts that iax.conf has users for
CONTEXTS = 24
IAX = "[general]\nbindaddr=@BIND@\nautokill=no\n" + "".join(
    f"[u{n}]\ntype=user\ncontext=c{n}\n" for n in range(CONTEXTS)
)

_call_numbers = itertools.cycle(range(100, 30_000))


@dataclass
class Asked:
    """One context `@` (others: `@-b`), who calls, and the numbers asked."""

    text: str
    caller: str
    numbers: list[str]


def pair(address: str) -> Pair:
    """Two boxes whose contexts can be asked."""
    made = Pair(address)
    (made.folder / "iax.conf").write_text(IAX, encoding="utf-8")
    modules = made.folder / "modules.conf"
    modules.write_text(modules.read_text() + "load => res_crypto.so\nload => chan_iax2.so\n", encoding="utf-8")
    return made


def play(box: Box, host: str, cases: Sequence[Asked], general: str = "") -> list[dict[str, int]]:
    """number -> DPSTATUS, for each case; at most CONTEXTS of them."""
    text = f"[general]\n{general or 'extenpatternmatchnew=no'}\n"
    for number, case in enumerate(cases):
        text += re.sub("@", f"c{number}", case.text)
    (box.home / "etc" / "extensions.conf").write_bytes(text.encode("utf-8", "surrogateescape"))
    ask(box, "dialplan reload")
    return [_status(box.bind, host, f"u{number}", case) for number, case in enumerate(cases)]


def _status(target: str, host: str, user: str, case: Asked) -> dict[str, int]:
    found = {}
    opening = Elements().add_uint(Element.VERSION, 2).add_text(Element.CALLED_NUMBER, "TBD")
    if case.caller:
        opening.add_text(Element.CALLING_NUMBER, case.caller)
    opening.add_text(Element.USERNAME, user).add_uint(Element.FORMAT, 4).add_uint(Element.CAPABILITY, 4)
    with RawCall(host, target, next(_call_numbers)) as call:
        answer = call.open(Command.NEW, opening)
        assert answer.subclass == Command.ACCEPT, answer
        for number in case.numbers:
            call.send(Command.DPREQ, Elements().add_text(Element.CALLED_NUMBER, number))
            reply = call.receive()
            assert reply is not None and reply.subclass == Command.DPREP, reply
            found[number] = Elements.parse(reply.data).uint(Element.DPSTATUS) or 0
    return found


# ---- generators ----------------------------------------------------------------------------------------------------

DIGITS = "0123456789*#ab+-"


def overlap(rng: Random) -> Asked:
    """Patterns, caller-ID matches, includes, ignorepat."""
    lines = ["[@]"]
    for _ in range(rng.randrange(1, 7)):
        name = pattern(rng)
        if rng.random() < 0.2:
            name += "/" + rng.choice(["5", "_5X", "", "55", "_X.", "_5!", "6", "5X"])
        lines.append(f"exten => {name},{rng.choice('111112')},NoOp()")
    if rng.random() < 0.3:
        lines.append(f"ignorepat => {rng.choice(['9', '_9', '_X', '1', '_1!', '_1.', '12', '*'])}")
    if rng.random() < 0.3:
        lines.append("include => @-b")
    lines.append("[@-b]")
    for _ in range(rng.randrange(0, 3)):
        lines.append(f"exten => {pattern(rng)},1,NoOp()")
    numbers = {
        "".join(rng.choice(DIGITS if rng.random() < 0.3 else "0123459") for _ in range(rng.randrange(1, 5)))
        for _ in range(16)
    }
    return Asked("\n".join(lines) + "\n", rng.choice(["", "", "5", "55", "6"]), sorted(numbers))
