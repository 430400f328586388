"""Sound of encrypted calls through a box in the middle, while keys change; enciphered on the wire."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pbx.channels.channel import Channel
from pbx.channels.iax2 import call_crypto
from pbx.channels.iax2.crypto import Decryptor, Encryptor
from pbx.channels.iax2.leg import Iax2Leg
from pbx.channels.voice.port import Edge, EdgeKind, LegFlags
from pbx.codecs.formats import ULAW
from tests.channels.iax2.boxes import Boxes, share
from tests.channels.iax2.test_driver import tone
from tests.channels.iax2.test_driver_bridge import Chain, say
from tests.channels.voice.pure import Sim
from tests.channels.voice.rig import full, mini

HOSTS = {"a": "127.0.56.21", "m": "127.0.56.22", "c": "127.0.56.23"}


def rotate(channel: Channel) -> None:
    leg = channel.leg
    assert isinstance(leg, Iax2Leg)
    driver = leg._driver
    call_crypto.rotate(leg.call, driver.now())
    driver.pump()


@pytest.mark.parametrize(
    ("more", "apart"),
    [
        ("encryption=yes", False),
        ("forceencryption=yes\ntrunk=yes", False),
        pytest.param("encryption=yes", True, marks=pytest.mark.slow),
    ],
)
def test_sound_crosses_while_keys_change(tmp_path: Path, more: str, apart: bool) -> None:
    sounds = {"there": tone(1.0, 1), "back": tone(1.0, 50)}
    for name, sound in sounds.items():
        (tmp_path / f"{name}.ulaw").write_bytes(sound)
    with Boxes(apart=apart) as boxes:
        chain = Chain(boxes, hosts=HOSTS, more=more)
        channel, other, _ = chain.call()
        for one in (channel, other, *chain.m.channels()):
            assert one.leg is not None
            assert one.leg.detail("secure_signaling") == one.leg.detail("secure_media") == "1"
        chain.c.switch.graph.record(other, str(tmp_path / "heard_c.ulaw"), ULAW)
        chain.a.switch.graph.record(channel, str(tmp_path / "heard_a.ulaw"), ULAW)
        ends = [say(chain.a, channel, tmp_path / "there.ulaw"), say(chain.c, other, tmp_path / "back.ulaw")]
        for _ in range(4):
            boxes.turn(0.15)
            for one in (channel, other, *chain.m.channels()):
                rotate(one)
        boxes.run(lambda: all(ends))
        boxes.turn(0.3)
        for one in (channel, other):
            leg = one.leg
            assert isinstance(leg, Iax2Leg)
            assert leg.call.remote_number
        channel.hangup()
        chain.settled()
    assert share(sounds["there"], (tmp_path / "heard_c.ulaw").read_bytes()) > 0.9
    assert share(sounds["back"], (tmp_path / "heard_a.ulaw").read_bytes()) > 0.9


# ---- the plane alone ----------------------------------------------------------------------------------------

KEYS = {n: bytes([n]) * 16 for n in (1, 2, 3)}
SEALERS = {n: Encryptor(key, bytes) for n, key in KEYS.items()}
FAR, NEAR = ("127.0.56.31", 4569), ("127.0.56.32", 4569)
SOUND = bytes(range(160))


class Told:
    """Voice that wants a full frame gets one, in the clear."""

    def __init__(self) -> None:
        self.sim: Any = None

    def voice_due(self, row: int, generation: int, ts64: int, format_bit: int, payload: bytes) -> None:
        plain = full(302, 402, ts64, 2, format_bit, payload)
        self.sim.port.send(1, NEAR, SEALERS[2].frame(plain), row=row, barrier=True, clear=plain[:12])

    def datagram(self, *more: object) -> None: ...


def sealed_pair(receive: tuple[bytes, ...]) -> Sim:
    """Row 1 hears what comes under `receive`, row 2 sends it on under key 2."""
    told = Told()
    told.sim = sim = Sim(told)
    sim.leg(1, FAR, 301, 401, flags=LegFlags.ENCRYPTED)
    sim.leg(2, NEAR, 302, 402, flags=LegFlags.ENCRYPTED)
    sim.port.set_keys(1, b"", receive)
    sim.port.set_keys(2, KEYS[2], ())
    sim.port.reset_edges([], [Edge(1, 2, EdgeKind.RELAY)])
    sim.now += 20_000_000
    sim.port.voice_in(1, 20, 4, SOUND)
    sim.obey()
    assert len(sim.sent.pop(NEAR)) == 1
    return sim


def test_minis_are_opened_and_sealed_by_the_plane() -> None:
    """In under one of two keys, out under another; what fits no key is dropped, and counted."""
    sim = sealed_pair((KEYS[2], KEYS[1]))
    for at, n in enumerate((1, 2, 3, 2), 2):
        sim.now += 20_000_000
        sim.receive([(FAR, SEALERS[n].frame(mini(401, 20 * at, SOUND)))])
    opened = [Decryptor(KEYS[2]).frame(data) for data in sim.sent[NEAR]]
    assert opened == [mini(302, 20 * at, SOUND) for at in (2, 3, 5)]
    assert sim.plane.counters.undeciphered == 1


def test_a_sender_whose_clock_jumped_is_heard_again_after_a_while() -> None:
    sim = sealed_pair((KEYS[1],))
    for at in range(2, 16):
        sim.now += 20_000_000
        sim.receive([(FAR, SEALERS[1].frame(mini(401, 30_000 + 20 * at, SOUND)))])
    assert sim.plane.counters.undeciphered == 10
    assert len(sim.sent[NEAR]) == 4


def test_voice_waits_behind_a_new_key() -> None:
    """RTKEY, VOICE of another format and a mini in one go: the mini waits for both."""
    sim = sealed_pair((KEYS[1],))
    sim.receive(
        [
            (FAR, SEALERS[1].frame(full(401, 301, 30, 6, 39, b"\x0f\x10" + KEYS[2]))),
            (FAR, SEALERS[2].frame(full(401, 301, 40, 2, 8, SOUND, 1))),
            (FAR, SEALERS[2].frame(mini(401, 60, SOUND))),
        ]
    )
    sim.port.set_keys(1, b"", (KEYS[2], KEYS[1]))
    sim.port.release(1)
    sim.obey()
    assert sim.sent[NEAR] == []
    sim.port.voice_in(1, 40, 8, SOUND)
    sim.obey()
    assert len(sim.sent[NEAR]) == 2
    assert sim.plane.counters.undeciphered == 0


def test_a_key_that_never_comes_stops_voice_for_a_moment_only() -> None:
    sim = sealed_pair((KEYS[1],))
    sim.receive([(FAR, SEALERS[1].frame(full(401, 301, 30, 6, 39, b"\x0f\x10" + KEYS[2])))])
    for at in range(2, 12):
        sim.now += 20_000_000
        sim.receive([(FAR, SEALERS[1].frame(mini(401, 20 * at, SOUND)))])
        sim.plane.expire(sim.now)
        sim.collect()
    assert len(sim.sent[NEAR]) == 10


def test_an_encrypted_legs_voice_never_goes_into_a_trunk() -> None:
    sim = sealed_pair((KEYS[1],))
    sim.port.set_flags(2, LegFlags.ENCRYPTED | LegFlags.TRUNK)
    sim.obey()
    sim.now += 20_000_000
    sim.receive([(FAR, SEALERS[1].frame(mini(401, 40, SOUND)))])
    assert [Decryptor(KEYS[2]).frame(data) for data in sim.sent[NEAR]] == [mini(302, 40, SOUND)]
