"""jitterbuffer of iax.conf: per user and peer, whatever the voice goes to; its numbers are told to the plane."""

from __future__ import annotations

from pathlib import Path

import pytest

from pbx.channels.events import Text
from pbx.channels.iax2.leg import Iax2Leg
from pbx.channels.log import Record, set_sink
from pbx.channels.voice.port import Buffering, BufferKind
from pbx.codecs.formats import ULAW
from tests.channels.iax2.boxes import Boxes, Owner, share
from tests.channels.iax2.test_driver import tone
from tests.channels.iax2.test_driver_bridge import Chain, say

HOSTS = {"a": "127.0.55.21", "m": "127.0.55.22", "c": "127.0.55.23"}


@pytest.mark.parametrize("wanted", [True, False])
def test_sound_of_a_buffered_leg(tmp_path: Path, wanted: bool) -> None:
    """Through a box in the middle whose two legs are relayed to each other: buffered all the same, and heard."""
    sound = tone(1.0, 1)
    (tmp_path / "said.ulaw").write_bytes(sound)
    with Boxes() as boxes:
        chain = Chain(boxes, hosts=HOSTS, more=f"jitterbuffer={'yes' if wanted else 'no'}")
        channel, other, _ = chain.call()
        chain.c.switch.graph.record(other, str(tmp_path / "heard.ulaw"), ULAW)
        ends = say(chain.a, channel, tmp_path / "said.ulaw")
        boxes.run(lambda: ends)
        boxes.turn(0.5)
        delays = []
        for one in chain.m.channels():
            assert isinstance(one.leg, Iax2Leg)
            delays.append(chain.m.port.counters.legs(one.leg.call.row).delay)
        # what comes from `a` waits: the extra of 40 ms at least; nothing came from `c`
        assert (max(delays) >= 40) is wanted
        channel.hangup()
        chain.settled()
    assert share(sound, (tmp_path / "heard.ulaw").read_bytes()) > 0.5


SMOOTH = "jitterbuffer=yes\njittertargetextra=400\n"


def test_signals_wait_for_the_voice_they_came_with(tmp_path: Path) -> None:
    """Each box hears 400 ms late: so does it hear digits and text that were sent while somebody spoke."""
    (tmp_path / "said.ulaw").write_bytes(tone(3.0, 1))
    with Boxes() as boxes:
        chain = Chain(boxes, hosts=HOSTS, more=SMOOTH)
        channel, _, _ = chain.call()
        say(chain.a, channel, tmp_path / "said.ulaw")
        boxes.turn(1.0)
        assert channel.leg is not None
        begun = boxes.reactor.seconds()
        channel.leg.send_text("here")
        boxes.run(lambda: Text("here") in chain.log, 5)
        # two buffers on the way, each of 400 ms and more
        assert boxes.reactor.seconds() - begun >= 0.7
        waiting = [leg.waiting for box in (chain.m, chain.c) for leg in box.driver.legs._legs.values()]
        assert not any(waiting)
        channel.hangup()
        chain.settled()


def test_a_signal_that_waits_when_voice_dies_is_heard(tmp_path: Path) -> None:
    (tmp_path / "said.ulaw").write_bytes(tone(3.0, 1))
    with Boxes() as boxes:
        chain = Chain(boxes, hosts=HOSTS, more="jitterbuffer=yes\njittertargetextra=4000\nmaxjitterbuffer=9000\n")
        channel = chain.a.switch.request("IAX2/m/201", (ULAW,), None)
        channel.claim(Owner())
        chain.a.switch.call(channel)
        # m waits with RINGING and ANSWER of c, which are to be heard 4 s later; the plane forgets them

        def bridged() -> bool:
            chain.m.driver.voice_restarted()
            return len(chain.m.switch.bridges) == 1

        boxes.run(lambda: any(leg.waiting for leg in chain.m.driver.legs._legs.values()), 5)
        assert not chain.m.switch.bridges
        boxes.run(bridged, 2)
        channel.hangup()
        chain.settled()


def test_a_channel_may_have_its_own_buffer() -> None:
    """JITTERBUFFER() goes before iax.conf, and `disabled` gives way to it again."""
    with Boxes() as boxes:
        chain = Chain(boxes, hosts=HOSTS, more="jitterbuffer=yes\nmaxjitterbuffer=700\nresyncthreshold=-1\n")
        channel, _, _ = chain.call()
        for one in chain.m.channels():
            assert isinstance(one.leg, Iax2Leg)
            call = one.leg.call
            by_file = Buffering(BufferKind.ADAPTIVE, 700, -1, 10, 40)
            assert dict(chain.m.driver.legs.buffered())[call] == by_file
            own = Buffering(BufferKind.FIXED, 100)
            assert one.leg.buffer(own)
            assert dict(chain.m.driver.legs.buffered())[call] == own
            chain.m.port.flush()
            assert chain.m.port.plane.relay.jitter._settings[call.row] == own
            one.leg.buffer(None)
            assert dict(chain.m.driver.legs.buffered())[call] == by_file
        channel.hangup()
        chain.settled()


def test_what_buffers_do_can_be_watched(tmp_path: Path) -> None:
    (tmp_path / "said.ulaw").write_bytes(tone(3.0, 1))
    records: list[Record] = []
    former = set_sink(records.append)
    try:
        with Boxes() as boxes:
            chain = Chain(boxes, hosts=HOSTS, more="jitterbuffer=yes")
            channel, _, _ = chain.call()
            say(chain.a, channel, tmp_path / "said.ulaw")
            chain.m.driver.buffers.set(True)
            name = next(one.name for one in chain.m.channels() if one.name.startswith("IAX2/a"))

            def lines() -> list[str]:
                return [record.text for record in records if record.text.startswith(f"JB {name}: adaptive, delay ")]

            boxes.run(lambda: len(lines()) >= 2, 5)
            chain.m.driver.buffers.set(False)
            said = len(lines())
            boxes.turn(1.2)
            assert len(lines()) == said
            channel.hangup()
            chain.settled()
    finally:
        set_sink(former)
