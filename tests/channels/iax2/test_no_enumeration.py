"""Nobody learns by calling which names there are: the same frames, sizes and delays for a name that is not there,
for a wrong secret, and for an address that may not call."""

from __future__ import annotations

from collections import Counter
from random import Random

import pytest

from pbx.channels.causes import Cause
from pbx.channels.iax2.call import Outgoing
from pbx.channels.iax2.disguise import Disguise
from pbx.channels.iax2.elements import Element, Elements
from pbx.channels.iax2.frames import Command, FrameType, FullFrame, parse_full
from pbx.channels.iax2.logins import Credentials, NoKeys
from pbx.channels.iax2.settings import AuthMethods
from pbx.channels.iax2.settings_load import from_text
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


# ---- names that nobody has are asked for what sections are asked for ----------------------------------------------

MIXED = """
[a]\ntype=user\nsecret=sesame
[b]\ntype=friend\nhost=dynamic\nsecret=sesame
[c]\ntype=friend\nhost=dynamic\nsecret=sesame\nauth=plaintext
[d]\ntype=friend\nhost=dynamic\nauth=rsa\ninkeys=d
[e]\ntype=friend\nhost=dynamic\nsecret=sesame\nencryption=yes
[f]\ntype=user
[g]\ntype=peer\nhost=dynamic\nsecret=sesame\nauth=plaintext
[h]\ntype=peer\nhost=127.0.53.9\nsecret=sesame\nauth=plaintext
"""


class Kept(dict[tuple[str, str], str]):
    """An astdb."""

    def get(self, family: str, key: str) -> str | None:  # type: ignore[override]
        return super().get((family, key))

    def put(self, family: str, key: str, value: str) -> None:
        self[family, key] = value

    def delete(self, family: str, key: str) -> bool:
        return self.pop((family, key), None) is not None


def disguise(seed: int, store: Kept | None = None) -> Disguise:
    made = Disguise(Random(seed), Credentials(NoKeys()))
    if store is not None:
        made.store = store
    return made


def test_unknown_names_are_dealt_what_sections_ask_for_as_often_as_they_do() -> None:
    settings = from_text(MIXED)
    dealt = Counter(disguise(1).of(f"name{i}", settings) for i in range(7000))
    md5, plain, rsa = int(AuthMethods.MD5), int(AuthMethods.PLAINTEXT), int(AuthMethods.RSA)
    # the static peer can't log in, and a section without login would ask whom it does not let in for md5
    shares = {(md5, 0): 3, (plain, 0): 2, (rsa, 0): 1, (md5, 0x8001): 1}
    assert {(m.methods, m.encryption) for m in dealt} == shares.keys()
    for manner, count in dealt.items():
        assert abs(count / 1000 - shares[manner.methods, manner.encryption]) < 0.15


def test_a_name_is_always_dealt_the_same() -> None:
    settings, store = from_text(MIXED), Kept()
    names = [f"name{i}" for i in range(300)]
    first = [disguise(1, store).of(name, settings) for name in names]
    assert [disguise(2, store).of(name, settings) for name in names] == first, "after a restart"
    assert [disguise(2).of(name, settings) for name in names] != first, "with another secret"
    more = from_text(MIXED + "[i]\ntype=user\nsecret=sesame\n")
    changed = sum(disguise(1, store).of(name, more) != manner for name, manner in zip(names, first, strict=True))
    assert changed < 90, "another section changes the answers for few names"


def test_a_name_of_another_kind_is_asked_for_its_own() -> None:
    settings = from_text(MIXED)
    for name, methods in (("g", AuthMethods.PLAINTEXT), ("d", AuthMethods.RSA), ("f", AuthMethods.MD5)):
        assert disguise(3).of(name, settings).methods == methods


def test_without_sections_md5_is_asked_for() -> None:
    assert disguise(1).of("anybody", from_text("[general]\n")).methods == AuthMethods.MD5


def asked(link: Link, name: str) -> tuple[int | None, int | None]:
    """AUTHMETHODS and ENCRYPTION of the AUTHREQ that a caller of that name is sent."""
    link.a.endpoint.place_call(Outgoing("b", exten="600", user=name, secret="wrong"), link.net.now)
    assert link.net.log is not None
    link.net.log.clear()
    link.a.pump()
    link.net.run(3)
    elements = next(e for _, e in link.sent(Command.AUTHREQ, B) if e.text(Element.USERNAME) == name)
    return elements.uint(Element.AUTHMETHODS), elements.uint(Element.ENCRYPTION)


def test_what_an_unknown_name_is_asked_for_does_not_follow_others() -> None:
    link = Link("encryption=yes", MIXED)
    secret = link.b.endpoint.core.disguise
    settings = link.b.endpoint.core.settings
    unknown = [f"name{i}" for i in range(12)]
    manners = {name: secret.of(name, settings) for name in unknown}
    expected = {name: (manner.methods, manner.encryption & 1 or None) for name, manner in manners.items()}
    assert len(set(expected.values())) > 1
    for before in ("a", "c", "d", "e"):
        asked(link, before)
        for name in unknown:
            assert asked(link, name) == expected[name], (before, name)


def test_as_many_calls_may_wait_for_an_unknown_name_as_for_a_known_one() -> None:
    def answers_to(name: str) -> list[tuple[int, int | None]]:
        link = Link(general_b="maxauthreq=2\ncalltokenoptional=0.0.0.0/0.0.0.0")
        found = []
        for number in range(1, 5):
            elements = Elements().add_uint(Element.VERSION, 2).add_text(Element.CALLED_NUMBER, "600")
            data = elements.add_text(Element.USERNAME, name).add_uint(Element.FORMAT, 4).encode()
            opener = FullFrame(number, 0, 3, 0, 0, FrameType.IAX, Command.NEW, data)
            link.b.endpoint.receive(0, A, "", opener.encode(), link.net.now)
            for datagram in link.b.endpoint.take_datagrams():
                frame = parse_full(datagram.data)
                found.append((frame.subclass, Elements.parse(frame.data).uint(Element.CAUSECODE)))
        return found

    known = answers_to("a")
    assert [cause for command, cause in known if command == Command.REJECT] == [Cause.CALL_REJECTED] * 2
    assert answers_to("z") == known
