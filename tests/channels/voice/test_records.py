"""What is said on one side of the port is heard on the other, word for word."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pbx.channels.voice import address as addresses
from pbx.channels.voice.link import packets
from pbx.channels.voice.port import PLAIN, Buffering, BufferKind, Direction, Edge, EdgeKind, LegFlags, Shape
from pbx.channels.voice.records import HEAD, Commands, Events, Malformed, apply_commands, deliver_events
from pbx.channels.voice.timertest import Exactness

A, LOCAL = ("127.0.0.9", 4569), "127.0.0.8"
RAW, RAW_LOCAL = addresses.pack(*A), addresses.pack(LOCAL, 0)


class Heard:
    """Writes down every call."""

    def __init__(self) -> None:
        self.calls: list[tuple[Any, ...]] = []

    def __getattr__(self, name: str) -> Any:
        return lambda *args: self.calls.append((name, *args))


def test_every_command_arrives() -> None:
    edges = [Edge(1, 2, EdgeKind.RELAY), Edge(2, 3, EdgeKind.TAP, Direction.IN | Direction.OUT, -600)]
    port = Commands()
    port.add_socket(1, 7, 2)
    port.remove_socket(1)
    port.send(1, A, b"data", local=LOCAL, row=5, barrier=True)
    port.send(1, A, b"sealed", row=5, clear=b"head")
    port.set_keys(5, b"k" * 16, (b"a" * 16, b"b" * 16))
    port.add_leg(5, 6, 1, A, LOCAL, 0x7FFF, 0x7FFE, LegFlags.TRUNK | LegFlags.ENCRYPTED, 2**62)
    port.resume_leg(5, 6, 1, A, LOCAL, 3, 4, LegFlags(0), 1)
    port.bind_leg(5, A, "", 9)
    port.set_flags(5, LegFlags.ENCRYPTED)
    port.set_formats(5, 1 << 34, 4)
    port.remove_leg(5, 2**32 - 1)
    port.voice_in(5, 2**40, 4, b"x" * 161)
    port.release(5, 7)
    port.voice_restart(5, 77)
    port.reset_edges(edges[:1], edges[1:])
    port.play_file(1, 5, "/a/b\udcff.gsm", 2, skip_ms=20, loop=True)
    port.play_tone(1, 5, "!350+440/100")
    port.play_silence(1, 5, 100)
    port.pause(1, True)
    port.open_stream(8, 9, "slin16", True)
    port.play_stream(3, 5, 8)
    port.close_stream(8)
    port.stop(1)
    port.record(2, 5, "/tmp/x", 4, Direction.OUT, append=True, silence_ms=3000, max_ms=2**33)
    shape = Shape(3, True, True, -1806, 602)
    port.record(3, 5, "/tmp/y", 64, Direction.IN | Direction.OUT, shape=shape)
    port.detect(5, digits=True, talk=False, silence_threshold=99, silence_ms=2**40)
    port.listen(4, 5, Direction.OUT, "tone 2600 500 16")
    port.set_volume(5, -1204)
    port.set_trunk(20, 1240, True, 128000)
    port.set_buffer(5, Buffering(BufferKind.FIXED, 200, -1, 10, 40))
    port.mark(5, 2**40, 2**33)
    port.test_jitter(30, -40, 50, 10)
    port.set_concealment(False, True, True)
    port.test_timer(50)
    port.set_options(2500)
    heard = Heard()
    apply_commands(port.take(), heard)
    assert heard.calls == [
        ("add_socket", 1, 7, 2),
        ("remove_socket", 1),
        ("send", 1, RAW, RAW_LOCAL, b"data", 5, True, b""),
        ("send", 1, RAW, addresses.NONE, b"sealed", 5, False, b"head"),
        ("set_keys", 5, b"k" * 16, (b"a" * 16, b"b" * 16)),
        ("add_leg", 5, 6, 1, RAW, RAW_LOCAL, 0x7FFF, 0x7FFE, LegFlags.TRUNK | LegFlags.ENCRYPTED, 2**62, False),
        ("add_leg", 5, 6, 1, RAW, RAW_LOCAL, 3, 4, LegFlags(0), 1, True),
        ("bind_leg", 5, RAW, addresses.NONE, 9, False),
        ("set_flags", 5, LegFlags.ENCRYPTED),
        ("set_formats", 5, 1 << 34, 4),
        ("remove_leg", 5, 2**32 - 1),
        ("voice_in", 5, 2**40, 4, b"x" * 161),
        ("release", 5, 7),
        ("voice_restart", 5, 77),
        ("reset_edges", edges[:1], edges[1:]),
        ("play_file", 1, 5, "/a/b\udcff.gsm", 2, 20, True),
        ("play_tone", 1, 5, "!350+440/100"),
        ("play_silence", 1, 5, 100),
        ("pause", 1, True),
        ("open_stream", 8, 9, "slin16", True),
        ("play_stream", 3, 5, 8),
        ("close_stream", 8),
        ("stop", 1),
        ("record", 2, 5, "/tmp/x", 4, Direction.OUT, True, 3000, 2**33, PLAIN),
        ("record", 3, 5, "/tmp/y", 64, Direction.IN | Direction.OUT, False, 0, 0, shape),
        ("detect", 5, True, False, 99, 2**40),
        ("listen", 4, 5, Direction.OUT, "tone 2600 500 16"),
        ("set_volume", 5, -1204),
        ("set_trunk", 20, 1240, True, 128000),
        ("set_buffer", 5, Buffering(BufferKind.FIXED, 200, -1, 10, 40)),
        ("mark", 5, 2**40, 2**33),
        ("test_jitter", 30, -40, 50, 10),
        ("set_concealment", False, True, True),
        ("test_timer", 50),
        ("set_options", 2500),
    ]
    assert not port


def test_every_event_arrives() -> None:
    events = Events()
    events.datagram(1, RAW, RAW_LOCAL, 5, 6, 2**60, b"full", 7)
    events.voice_due(5, 6, 2**40, 4, b"y" * 33)
    events.voice_unknown(5, 6)
    events.mark_due(5, 6, 2**40)
    events.voice_trunked(5, 6)
    events.timer_tested(Exactness(50, 1000, 70, 900, True))
    events.finished(9, "error: für")
    events.detected(5, "digit:5")
    events.heard(4, "hit")
    heard = Heard()
    deliver_events(events.take(), heard)
    assert heard.calls == [
        ("datagram", 1, A, LOCAL, 5, 6, 2**60, b"full", 7),
        ("voice_due", 5, 6, 2**40, 4, b"y" * 33),
        ("voice_unknown", 5, 6),
        ("mark_due", 5, 6, 2**40),
        ("voice_trunked", 5, 6),
        ("timer_tested", Exactness(50, 1000, 70, 900, True)),
        ("finished", 9, "error: für"),
        ("detected", 5, "digit:5"),
        ("heard", 4, "hit"),
    ]


def test_an_event_that_raises_costs_no_other() -> None:
    events = Events()
    for source in range(3):
        events.finished(source, "end")
    done: list[int] = []
    failed: list[int] = []

    class Fails:
        def finished(self, source: int, reason: str) -> None:
            done.append(source)
            if source == 1:
                raise RuntimeError("no")

    fails: Any = Fails()
    batch = events.take()
    deliver_events(batch, fails, lambda: failed.append(1))
    assert (done, failed) == ([0, 1, 2], [1])
    with pytest.raises(RuntimeError):
        deliver_events(batch, fails)


@given(st.lists(st.binary(max_size=70000), max_size=8))
def test_packets_are_whole_records(tails: list[bytes]) -> None:
    port = Commands()
    for i, tail in enumerate(tails):
        port.voice_in(i + 1, 0, 4, tail)
    batch = port.take()
    cut = list(packets(batch))
    assert b"".join(cut) == batch
    heard = Heard()
    for packet in cut:
        apply_commands(packet, heard)
    assert [call[4] for call in heard.calls] == tails


@pytest.mark.parametrize(
    "batch", [b"x", HEAD.pack(10, 0, 1, 0, 50, 0, 0, 0, 0), HEAD.pack(999, 0, 0, 0, 0, 0, 0, 0, 0)]
)
def test_what_cannot_be_read_is_refused(batch: bytes) -> None:
    with pytest.raises(Malformed):
        apply_commands(batch, Heard())
