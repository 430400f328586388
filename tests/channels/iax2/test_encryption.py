"""Encrypted calls: what is offered and picked, what goes enciphered, keys that change, also over bad networks."""

from __future__ import annotations

import pytest

from pbx.channels.iax2 import call_crypto
from pbx.channels.iax2.call import Call, Outgoing
from pbx.channels.iax2.cipher import AES128, KEYROTATE, Opener
from pbx.channels.iax2.crypto import Decryptor
from pbx.channels.iax2.elements import Element, Elements
from pbx.channels.iax2.events import CallAccepted, CallKeys, CallText, CallVoice
from pbx.channels.iax2.frames import Command, FrameType, FullFrame, parse_full
from tests.simulation.network import Box, Link, Network, Plan

A, B = ("127.0.56.10", 4569), ("127.0.56.11", 4569)
GENERAL = "[general]\ndisallow=all\nallow=ulaw\n"


class World:
    """a calls b."""

    def __init__(self, caller: str = "", callee: str = "", link: Link | None = None, seed: int = 1) -> None:
        self.net = Network(seed, link)
        self.net.log = []
        head = f"{GENERAL}[b]\ntype=peer\nhost={B[0]}\nusername=a\nsecret=sesame\n"
        self.a = Box(self.net, A, head + caller)
        self.b = Box(self.net, B, f"{GENERAL}[a]\ntype=user\ncontext=default\nauth=md5\n{callee}", Plan())

    def call(self, seconds: float = 1) -> Call:
        call = self.a.endpoint.place_call(Outgoing("b", exten="600"), self.net.now)
        self.net.run(seconds)
        return call

    def elements(self, command: Command) -> list[Elements]:
        """Elements of all frames of that command that went in the clear."""
        found = []
        for _, _, _, data in self.net.log or []:
            frame = parse_full(data)
            if frame.type == FrameType.IAX and frame.subclass == command:
                found.append(Elements.parse(frame.data))
        return found


YES = "encryption=yes\n"
SECRET = "secret=sesame\n"


@pytest.mark.parametrize(
    ("caller", "callee", "offer", "pick", "rotates"),
    [
        (YES, YES, AES128 | KEYROTATE, AES128, (False, True)),
        ("encryption=aes128\nkeyrotate=no\n", YES, AES128, AES128, (False, False)),
        (YES, YES + "keyrotate=no\n", AES128 | KEYROTATE, AES128, (False, False)),
        ("forceencryption=yes\n", YES, AES128 | KEYROTATE, AES128, (False, True)),
        (YES, "", AES128 | KEYROTATE, None, (False, False)),
        ("", YES, None, None, (False, False)),
    ],
)
def test_one_offers_the_other_picks(
    caller: str, callee: str, offer: int | None, pick: int | None, rotates: tuple[bool, bool]
) -> None:
    w = World(caller, callee + SECRET)
    call = w.call()
    (there,) = w.b.incoming
    assert w.elements(Command.NEW)[0].uint(Element.ENCRYPTION) == offer
    assert w.elements(Command.AUTHREQ)[0].uint(Element.ENCRYPTION) == pick
    assert (call.encrypted, there.encrypted) == (pick is not None,) * 2
    assert (call.rotates, there.rotates) == rotates
    assert w.a.of(CallAccepted)
    # nothing behind AUTHREQ is in the clear
    assert bool(w.elements(Command.ACCEPT)) is (pick is None)
    assert bool(w.elements(Command.AUTHREP)) is (pick is None)
    for box, leg, other in ((w.a, call, w.b), (w.b, there, w.a)):
        leg.text("psst", w.net.now)
        box.pump()
        w.net.run(0.2)
        assert [e.text for e in other.of(CallText)] == ["psst"]
    assert any(b"psst" in data for _, _, _, data in w.net.log or []) is (pick is None)
    call.hangup(16, w.net.now)
    w.net.run(90)
    assert not w.a.endpoint.core.by_own
    assert not w.b.endpoint.core.by_own


def test_any_of_several_secrets_is_the_key() -> None:
    w = World(YES, YES + "secret=wrong\nsecret=sesame\nsecret=other\n")
    call = w.call()
    assert call.encrypted
    assert w.a.of(CallAccepted)
    assert w.b.incoming[0].voice_keys == call.voice_keys


def test_md5secret_makes_a_key() -> None:
    w = World(YES + "md5secret=0123456789abcdef0123456789abcdef\n".replace("md5secret", "secret"),
              YES + "md5secret=0123456789ABCDEF0123456789ABCDEF\n")  # fmt: skip
    assert w.call().encrypted
    assert w.a.of(CallAccepted)


def test_another_secret_opens_nothing_and_the_verdict_says_so() -> None:
    w = World(YES, YES + "secret=other\n")
    w.call(70)
    assert not w.b.incoming
    (verdict,) = w.b.verdicts
    assert "another secret" in verdict.got
    assert verdict.security == "ChallengeResponseFailed"
    assert w.a.verdicts


@pytest.mark.parametrize(
    ("caller", "callee"),
    [("forceencryption=yes\n", SECRET), ("forceencryption=yes\n", ""), ("", "forceencryption=yes\n" + SECRET)],
)
def test_forced_encryption_allows_no_call_in_the_clear(caller: str, callee: str) -> None:
    w = World(caller, callee)
    call = w.call(3)
    assert not w.a.of(CallAccepted)
    assert w.a.ended(call) is not None
    verdicts = [v for box in (w.a, w.b) for v in box.verdicts if "forceencryption" in v.expected]
    assert len(verdicts) == 1
    assert verdicts[0].place


def test_the_called_side_renews_its_key_before_voice_and_every_few_minutes() -> None:
    w = World(YES, YES + SECRET)
    call = w.call()
    (there,) = w.b.incoming
    first, _ = there.voice_keys
    there.voice_full(1000, 4, b"v" * 160, w.net.now)
    w.b.pump()
    keys = {first, there.voice_keys[0]}
    assert len(keys) == 2
    w.net.run(0.5)
    assert [e.payload for e in w.a.of(CallVoice)] == [b"v" * 160]
    assert call.voice_keys == (first, (there.voice_keys[0], first))
    # a second voice frame needs no new key
    there.voice_full(1200, 4, b"w" * 160, w.net.now)
    w.b.pump()
    assert there.voice_keys[0] in keys
    w.net.run(301)
    assert there.voice_keys[0] not in keys
    assert call.voice_keys[1][0] == there.voice_keys[0]
    # the caller's own key stays
    assert call.voice_keys[0] == first
    call.voice_full(int(w.net.now), 4, b"x" * 160, w.net.now)
    w.a.pump()
    assert call.voice_keys[0] == first


def test_rtkey_goes_under_the_old_key_and_its_retransmission_too() -> None:
    w = World(YES, YES + SECRET)
    w.call()
    (there,) = w.b.incoming
    old = there.voice_keys[0]
    w.net.link.cut = True
    assert w.net.log is not None
    w.net.log.clear()
    there.voice_full(1000, 4, b"v" * 160, w.net.now)
    w.net.run(4)
    names = []
    for _, source, _, data in w.net.log:
        if source != B:
            continue
        for key in (old, there.voice_keys[0]):
            plain = Decryptor(key).frame(data)
            if plain is not None and len(plain) >= 12:
                frame = parse_full(plain)
                if frame.name in ("RTKEY", "VOICE 0x4"):
                    names.append((frame.name, key == old, frame.retry))
    assert names == [
        ("RTKEY", True, False), ("VOICE 0x4", False, False), ("RTKEY", True, True), ("VOICE 0x4", False, True),
    ]  # fmt: skip
    w.net.link.cut = False
    w.net.run(12)
    assert [e.payload for e in w.a.of(CallVoice)] == [b"v" * 160]


def test_a_frame_under_a_former_key_is_still_read() -> None:
    w = World(YES, YES + SECRET)
    call = w.call()
    (there,) = w.b.incoming
    late = there.encrypting
    assert late is not None
    there.voice_full(1000, 4, b"v" * 160, w.net.now)
    w.net.run(0.5)
    frame = FullFrame(there.own_number, call.own_number, 1500, there.reliable.oseqno, 0, FrameType.TEXT, 0, b"old\0")
    w.net.carry(B, A, late.frame(frame.encode()))
    w.net.run(0.5)
    assert [e.text for e in w.a.of(CallText)] == ["old"]


def test_nobody_without_the_key_can_speak() -> None:
    w = World(YES, YES + SECRET)
    call = w.call()
    (there,) = w.b.incoming
    hangup = FullFrame(
        there.own_number, call.own_number, 1500, there.reliable.oseqno, there.reliable.iseqno, FrameType.IAX,
        Command.HANGUP, b"",
    )  # fmt: skip
    w.net.carry(B, A, hangup.encode())
    for at in range(300):
        w.net.carry(B, A, hangup.encode()[:4] + w.net.random.randbytes(32 + 16 * (at % 4)))
    w.net.run(1)
    assert w.a.ended(call) is None
    assert call.reliable.iseqno == there.reliable.oseqno


def test_rtkey_in_a_call_in_the_clear_means_nothing() -> None:
    w = World("", SECRET)
    call = w.call()
    (there,) = w.b.incoming
    call.send(Command.RTKEY, w.net.now, Elements().add(Element.CHALLENGE, b"k" * 16))
    w.net.run(0.5)
    assert not there.encrypted
    assert not w.b.of(CallKeys)
    assert not call.reliable.pending


@pytest.mark.parametrize("seed", range(25))
def test_keys_change_over_a_bad_network(seed: int) -> None:
    """A quarter of all frames is lost, others are doubled or overtake: what is said arrives whole and in order."""
    link = Link(delay=0.03, jitter=0.2, loss=0.25, duplication=0.1)
    w = World(YES, YES + SECRET, seed=seed)
    call = w.call()
    (there,) = w.b.incoming
    w.net.link = link
    said: list[str] = []
    for turn in range(30):
        if turn % 3 == 0:
            call_crypto.rotate(there, w.net.now)
            call_crypto.rotate(call, w.net.now)
        text = f"{turn}"
        said.append(text)
        there.text(text, w.net.now)
        call.text(text, w.net.now)
        w.net.run(0.3)
    w.net.link = Link()
    w.net.run(60)
    assert (w.a.ended(call), w.b.ended(there)) == (None, None)
    assert [e.text for e in w.a.of(CallText)] == said
    assert [e.text for e in w.b.of(CallText)] == said
    assert there.voice_keys[0] == call.voice_keys[1][0]
    assert call.voice_keys[0] == there.voice_keys[1][0]


def test_an_opener_without_keys_opens_nothing() -> None:
    w = World("", "")
    call = w.call()
    opener = Opener(())
    assert opener.frame(bytes(64), call) is None
    assert opener.failed == 1
