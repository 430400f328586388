"""Nobody learns by calling which names there are: the same frames, sizes and delays for a name that is not there,
for a wrong secret, and for an address that may not call."""

from __future__ import annotations

import pytest

from pbx.channels.iax2.elements import Element, Elements
from pbx.channels.iax2.frames import parse_full
from tests.channels.iax2.test_option_effects import A, B, Link

Answer = tuple[float, int, int, dict[int, bytes]]


def answers(login: str, callee: str = "", general: str = "") -> list[Answer]:
    """What the called side said to one caller: (seconds, subclass, size, elements but for the challenge)."""
    link = Link(login, callee, general_b=general)
    # both ends have seen one good login before
    link.call()
    assert link.net.log is not None
    link.net.log.clear()
    began = link.net.now
    link.call()
    link.net.run(40)
    found = []
    for when, source, to, data in link.net.log:
        if source == B and to == A and data[0] & 0x80:
            frame = parse_full(data)
            elements = {number: value for number, value in Elements.parse(frame.data) if number != Element.CHALLENGE}
            elements.pop(Element.USERNAME, None)
            found.append((round(when - began, 3), frame.subclass, len(data), elements))
    return found


@pytest.mark.parametrize("general", ["", "delayreject=yes"])
def test_a_call_by_an_unknown_name_fails_like_one_with_a_wrong_secret(general: str) -> None:
    known = answers("username=a\nsecret=wrong", general=general)
    assert len(known) >= 3
    assert answers("username=z\nsecret=wrong", general=general) == known


def test_an_address_that_may_not_call_is_told_nothing_else() -> None:
    walled = answers("username=a\nsecret=sesame", callee="deny=0.0.0.0/0")
    assert walled == answers("username=a\nsecret=wrong")
