"""The graph of channels against a port that writes down what it is told, in virtual time."""

from __future__ import annotations

from pathlib import Path

import pytest
from twisted.internet.defer import Deferred

from pbx.channels.channel import Channel
from pbx.channels.durations import file_ms, tone_ms
from pbx.channels.graph import Graph
from pbx.channels.interrupts import Hangup
from pbx.channels.rows import REST, Rows
from pbx.channels.sounds import Handle
from pbx.channels.voice.port import PLAIN, Direction, Edge, EdgeKind
from pbx.codecs.formats import GSM, SLIN, ULAW
from tests.channels.world import PortLog, World, garbage_of


class GraphWorld(World):
    def __init__(self) -> None:
        super().__init__()
        self.port = PortLog()
        self.graph = Graph(self.switch, self.port)
        self.switch.graph = self.graph

    def leg(self, name: str) -> Channel:
        """A channel with a row."""
        channel = self.channel(name, row=self.graph.rows.allocate()[0])
        self.graph.attach(channel)
        return channel

    def local(self, name: str) -> tuple[Channel, Channel]:
        one, two = self.channel(f"Local/{name};1"), self.channel(f"Local/{name};2")
        self.graph.pair(one, two)
        return one, two

    def calm(self) -> bool:
        """Nothing is left: no edge, no sound, no timer, nothing remembered."""
        graph = self.graph
        kept = (graph._row, graph._pairs, graph._edges, graph._handles, graph._numbers, graph._detecting, graph._held)
        arcs = [arcs for arcs in graph._arcs.values() if arcs]
        return not any(kept) and not arcs and not self.port.edges and not self.clock.getDelayedCalls()


@pytest.fixture
def world() -> GraphWorld:
    return GraphWorld()


def outcome(handle: Handle) -> list[str]:
    """Fills with the reason when the sound ends."""
    reasons: list[str] = []
    handle.done.addCallback(reasons.append)
    return reasons


def sound(folder: Path, seconds: float = 2.0) -> str:
    path = folder / "hello.ulaw"
    path.write_bytes(b"\xff" * round(8000 * seconds))
    return str(path)


def test_join_and_part(world: GraphWorld) -> None:
    a, b = world.leg("T/a"), world.leg("T/b")
    world.graph.join(a, b)
    world.graph.join(a, b)
    assert world.port.edges == {Edge(1, 2, EdgeKind.RELAY), Edge(2, 1, EdgeKind.RELAY)}
    assert len(world.port.commands) == 1
    world.graph.part(b, a)
    assert world.port.edges == set()


def test_only_the_difference_is_said(world: GraphWorld) -> None:
    a, b, c = world.leg("T/a"), world.leg("T/b"), world.leg("T/c")
    world.graph.join(a, b)
    world.graph.tap(c, a, Direction.IN)
    assert world.port.commands[-1][1:3] == ([], [Edge(1, 3, EdgeKind.TAP, Direction.IN)])
    world.graph.untap(c, a)
    assert world.port.commands[-1][1:3] == ([Edge(1, 3, EdgeKind.TAP, Direction.IN)], [])


def test_the_end_of_a_channel_takes_its_edges_along(world: GraphWorld) -> None:
    a, b = world.leg("T/a"), world.leg("T/b")
    world.graph.join(a, b)
    world.graph.loop(a)
    a.end(16)
    assert world.port.edges == set()
    world.graph.join(a, b)  # too late: nothing comes of it
    assert world.port.edges == set()
    b.end(16)
    assert world.calm()


def test_hold_unhold_mute(world: GraphWorld) -> None:
    a, b = world.leg("T/a"), world.leg("T/b")
    world.graph.join(a, b)
    world.graph.hold(b)
    assert world.port.pairs() == set()
    world.graph.unhold(b)
    world.graph.mute(a, Direction.IN)
    assert world.port.pairs() == {(2, 1)}
    world.graph.mute(a, Direction(0))
    assert world.port.pairs() == {(1, 2), (2, 1)}


def test_a_row_that_comes_later(world: GraphWorld) -> None:
    a, b = world.leg("T/a"), world.channel("T/b")
    world.graph.join(a, b)
    assert world.port.pairs() == set()
    assert b.leg is not None
    b.leg.row = 7
    world.graph.attach(b)
    assert world.port.pairs() == {(1, 7), (7, 1)}
    b.leg.row = 8
    world.graph.attach(b)
    assert world.port.pairs() == {(1, 8), (8, 1)}


def test_sound_goes_through_a_pair_and_is_cut_with_it(world: GraphWorld) -> None:
    a, b = world.leg("T/a"), world.leg("T/b")
    one, two = world.local("x")
    world.graph.join(a, one)
    world.graph.join(two, b)
    assert world.port.pairs() == {(1, 2), (2, 1)}
    two.end(16)
    assert world.port.pairs() == set()


# ---- sources ------------------------------------------------------------------------------------------------------


def test_a_file_plays_at_the_row_and_the_plane_says_when_it_is_through(world: GraphWorld, tmp_path: Path) -> None:
    a, b = world.leg("T/a"), world.leg("T/b")
    world.graph.join(a, b)
    path = sound(tmp_path)
    source = world.graph.play(a, path, ULAW)
    ended = outcome(source)
    assert world.port.running == {1: ("play_file", 1, path, ULAW.bit, {"skip_ms": 0, "loop": False})}
    assert world.port.pairs() == {(1, 2)}  # a hears only the file; b goes on hearing a
    assert world.clock.getDelayedCalls() == []
    world.clock.advance(2)
    assert ended == []
    world.graph.finished(1, "end")
    assert ended == ["end"]
    assert world.port.pairs() == {(1, 2), (2, 1)}
    assert source.elapsed_ms == 2000
    assert ("stop", 1, {}) not in world.port.commands


def test_over_is_mixed(world: GraphWorld, tmp_path: Path) -> None:
    a, b = world.leg("T/a"), world.leg("T/b")
    world.graph.join(a, b)
    source = world.graph.play(a, sound(tmp_path), ULAW, over=True)
    assert world.port.edges == {Edge(1, 2, EdgeKind.RELAY), Edge(2, 1, EdgeKind.MIX)}
    source.stop()
    assert world.port.edges == {Edge(1, 2, EdgeKind.RELAY), Edge(2, 1, EdgeKind.RELAY)}


def test_stop_tells_the_plane_and_its_late_word_is_passed_over(world: GraphWorld, tmp_path: Path) -> None:
    a = world.leg("T/a")
    source = world.graph.play(a, sound(tmp_path), ULAW)
    ended = outcome(source)
    source.stop()
    source.stop()
    assert (ended, world.port.running, source.playing) == (["stopped"], {}, False)
    world.graph.finished(1, "stopped")
    assert ended == ["stopped"]


def test_cancelling_done_stops_the_sound(world: GraphWorld, tmp_path: Path) -> None:
    """So that an Interrupt or a timeout of channel.wait does."""
    a = world.leg("T/a")
    seen: list[object] = []

    async def task() -> None:
        seen.append(await a.wait(world.graph.play(a, sound(tmp_path), ULAW).done, 1.0))
        try:
            await a.wait(world.graph.play(a, sound(tmp_path), ULAW).done)
        except Hangup as hangup:
            seen.append(hangup)

    class Holder:
        def left(self, channel: Channel, to: object) -> None: ...

    a.start(Holder(), task())
    world.clock.advance(1.0)
    assert seen == [None]
    assert len(world.port.running) == 1
    a.end(17)
    assert seen == [None, Hangup(17)]
    assert world.port.running == {}
    assert world.calm()


def test_a_file_that_nobody_hears_lasts_as_long(world: GraphWorld, tmp_path: Path) -> None:
    one, two = world.local("x")
    ended = outcome(world.graph.play(two, sound(tmp_path, 2.0), ULAW))
    world.clock.advance(1.99)
    assert ended == []
    world.clock.advance(0.02)
    assert ended == ["end"]
    assert world.port.commands == []
    one.end(16)
    two.end(16)
    assert world.calm()


def test_a_sound_moves_to_the_leg_that_begins_to_hear_it(world: GraphWorld, tmp_path: Path) -> None:
    a = world.leg("T/a")
    one, two = world.local("x")
    path = sound(tmp_path, 4.0)
    ended = outcome(world.graph.play(two, path, ULAW))
    world.clock.advance(1)
    world.graph.join(a, one)
    assert world.port.running == {1: ("play_file", 1, path, ULAW.bit, {"skip_ms": 1000, "loop": False})}
    assert world.clock.getDelayedCalls() == []
    world.clock.advance(1)
    world.graph.part(a, one)
    assert world.port.running == {}
    world.clock.advance(1.99)
    assert ended == []
    world.clock.advance(0.02)
    assert ended == ["end"]


def test_pause_and_go_on(world: GraphWorld, tmp_path: Path) -> None:
    one, two = world.local("x")
    source = world.graph.play(two, sound(tmp_path, 2.0), ULAW)
    ended = outcome(source)
    world.clock.advance(1)
    source.pause()
    world.clock.advance(10)
    assert (ended, source.elapsed_ms) == ([], 1000)
    a = world.leg("T/a")
    world.graph.join(a, one)
    assert world.port.commands[-1] == ("pause", 1, True, {})
    world.graph.part(a, one)
    source.pause(False)
    world.clock.advance(1)
    assert ended == ["end"]


def test_a_missing_file(world: GraphWorld, tmp_path: Path) -> None:
    a = world.leg("T/a")
    (reason,) = outcome(world.graph.play(a, str(tmp_path / "none.ulaw"), ULAW))
    assert reason.startswith("error: No such file")
    assert world.port.commands == []


def test_an_error_of_the_plane(world: GraphWorld, tmp_path: Path) -> None:
    a = world.leg("T/a")
    ended = outcome(world.graph.play(a, sound(tmp_path), ULAW))
    world.graph.finished(1, "error: no codec")
    assert ended == ["error: no codec"]


def test_tones_and_silence(world: GraphWorld) -> None:
    one, _ = world.local("x")
    endless = outcome(world.graph.tone(one, "1004"))
    once = outcome(world.graph.tone(one, "!350+440/100,!0/100"))
    quiet = outcome(world.graph.silence(one, 300))
    world.clock.advance(0.2)
    assert (once, quiet) == (["end"], [])
    world.clock.advance(0.1)
    assert quiet == ["end"]
    world.clock.advance(1000)
    assert endless == []
    one.end(16)
    assert endless == ["hangup"]


def test_a_sound_on_a_dead_channel(world: GraphWorld, tmp_path: Path) -> None:
    a = world.leg("T/a")
    a.end(16)
    assert outcome(world.graph.play(a, sound(tmp_path), ULAW)) == ["hangup"]
    assert outcome(world.graph.record(a, str(tmp_path / "r"), SLIN)) == ["hangup"]
    assert world.calm()


# ---- recording, detecting, a plane that died ------------------------------------------------------------------------


def test_recording_follows_the_sound(world: GraphWorld, tmp_path: Path) -> None:
    a = world.leg("T/a")
    one, two = world.local("x")
    path = str(tmp_path / "r.sln")
    ended = outcome(world.graph.record(two, path, SLIN, max_ms=5000))
    assert Path(path).read_bytes() == b""
    world.clock.advance(2)
    world.graph.join(a, one)
    assert world.port.running == {
        1: (
            "record",
            1,
            path,
            SLIN.bit,
            Direction.IN,
            {"append": True, "silence_ms": 0, "max_ms": 3000, "shape": PLAIN},
        )
    }
    world.clock.advance(2.99)
    assert ended == []
    world.clock.advance(0.02)
    assert ended == ["max"]
    assert world.port.running == {}


@pytest.mark.parametrize(("silence", "maximum", "at", "reason"), [(3000, 0, 3, "silence"), (3000, 1000, 1, "max")])
def test_recording_nobody(
    world: GraphWorld, tmp_path: Path, silence: int, maximum: int, at: float, reason: str
) -> None:
    _, two = world.local("x")
    ended = outcome(world.graph.record(two, str(tmp_path / "r"), SLIN, silence_ms=silence, max_ms=maximum))
    world.clock.advance(at - 0.01)
    assert ended == []
    world.clock.advance(0.02)
    assert ended == [reason]


def test_a_recording_that_cannot_be_written(world: GraphWorld, tmp_path: Path) -> None:
    _, two = world.local("x")
    ended = outcome(world.graph.record(two, str(tmp_path / "no" / "r"), SLIN))
    world.clock.advance(0)
    assert ended[0].startswith("error:")


def test_detectors(world: GraphWorld) -> None:
    a = world.leg("T/a")
    one, two = world.local("x")
    world.graph.join(a, one)
    heard: list[str] = []
    talking: list[str] = []
    world.graph.detect(two, heard.append, digits=True)
    world.graph.detect(a, talking.append, talk=True)
    assert world.port.commands[-1] == (
        "detect",
        1,
        {"digits": True, "talk": True, "silence_threshold": 256, "silence_ms": 2500},
    )
    world.graph.detected(1, "digit:5")
    world.graph.detected(1, "talk")
    assert (heard, talking) == (["digit:5"], ["talk"])
    world.graph.detect(a, None)
    two.end(16)
    assert world.port.commands[-1] == ("detect", 1, {"digits": False, "talk": False})


def test_a_listener_follows_the_sound_and_ends_with_its_channel(world: GraphWorld) -> None:
    a, b = world.leg("T/a"), world.leg("T/b")
    one, two = world.local("x")
    heard: list[str] = []
    listener = world.graph.listen(two, "mf", heard.append)
    assert not listener.places
    world.graph.join(a, one)
    assert [*listener.places] == [1]
    world.graph.heard(listener.places[1], "digit:5")
    world.graph.part(a, one)
    assert not listener.places and not world.port.running
    world.graph.join(b, one)
    assert [*listener.places] == [2]
    former = listener.places[2]
    world.port.running.clear()
    world.graph.replay()
    assert [*listener.places] == [2] and listener.places[2] != former
    world.graph.heard(former, "digit:6")
    world.graph.heard(listener.places[2], "digit:7")
    assert heard == ["digit:5", "digit:7"]
    two.end(16)
    assert listener.done.result == "hangup" and not world.port.running


def test_who_hears_what_is_sent(world: GraphWorld) -> None:
    a = world.leg("T/a")
    listener = world.graph.listen(a, "mf", print, Direction.OUT)
    assert world.port.commands[-1][:5] == ("listen", listener.places[1], 1, Direction.OUT, "mf")
    world.graph.finished(listener.places[1], "error: no such detector")
    assert listener.done.result == "error: no such detector"


def test_a_detector_goes_with_its_channel(world: GraphWorld) -> None:
    a = world.leg("T/a")
    world.graph.detect(a, lambda what: None, talk=True)
    a.end(16)
    assert world.port.commands[-1] == ("detect", 1, {"digits": False, "talk": False})
    assert world.calm()


def test_a_new_plane_is_told_everything(world: GraphWorld, tmp_path: Path) -> None:
    a, b = world.leg("T/a"), world.leg("T/b")
    world.graph.join(a, b)
    path = sound(tmp_path)
    ended = outcome(world.graph.play(b, path, ULAW))
    world.graph.detect(a, lambda what: None, talk=True)
    world.clock.advance(1)
    world.port.commands.clear()
    world.port.running.clear()
    world.graph.replay()
    assert [command[0] for command in world.port.commands] == ["detect", "play_file"]
    assert world.port.running == {2: ("play_file", 2, path, ULAW.bit, {"skip_ms": 1000, "loop": False})}
    assert (
        "detect",
        1,
        {"digits": False, "talk": True, "silence_threshold": 256, "silence_ms": 2500},
    ) in world.port.commands
    world.graph.finished(1, "end")
    assert ended == []
    world.graph.finished(2, "end")
    assert ended == ["end"]


# ---- lengths and rows ----------------------------------------------------------------------------------------


def test_lengths_of_files(tmp_path: Path) -> None:
    raw = tmp_path / "a.gsm"
    raw.write_bytes(bytes(33 * 50))
    assert file_ms(str(raw), GSM) == 1000
    wave = tmp_path / "a.wav"
    head = b"RIFF\0\0\0\0WAVEfmt \x10\0\0\0\x01\0\x01\0" + (16000).to_bytes(4, "little") + bytes(4) + b"\2\0\x10\0"
    wave.write_bytes(head + b"data" + (32000).to_bytes(4, "little") + bytes(32000))
    assert file_ms(str(wave), SLIN) == 1000
    wave.write_bytes(head + b"data" + (0).to_bytes(4, "little") + bytes(16000))
    assert file_ms(str(wave), SLIN) == 500
    wave.write_bytes(b"nonsense")
    assert file_ms(str(wave), SLIN) == 0


@pytest.mark.parametrize(
    ("spec", "length"),
    [
        ("!350+440/100,!0/100", 200),
        ("1004", None),
        ("350+440/100,0/100", None),
        ("!1/100,2/50", None),
        ("!100*20/7", 7),
        ("!5", None),
    ],
)
def test_lengths_of_tones(spec: str, length: int | None) -> None:
    assert tone_ms(spec) == length


def test_rows_rest_before_they_are_given_again() -> None:
    rows = Rows(capacity=1000)
    first = rows.allocate()
    assert first == (1, 1)
    rows.free(1)
    rows.free(1)
    given = [rows.allocate() for _ in range(10)]
    assert [row for row, _ in given] == list(range(2, 12))
    for row, _ in given:
        rows.free(row)
    seen = set()
    for _ in range(REST * 3):
        row, generation = rows.allocate()
        seen.add((row, generation))
        rows.free(row)
    assert (1, 2) in seen
    assert len(seen) == REST * 3
    small = Rows(capacity=3)
    small.allocate()
    small.allocate()
    with pytest.raises(LookupError):
        small.allocate()
    small.free(2)
    assert small.allocate() == (2, 2)


def test_a_thousand_calls_leave_nothing(world: GraphWorld, tmp_path: Path) -> None:
    path = sound(tmp_path, 1.0)

    def calls(count: int) -> None:
        for n in range(count):
            a = world.leg(f"T/a{n}")
            one, two = world.local(f"x{n}")
            world.graph.join(a, one)
            world.graph.play(two, path, ULAW)
            world.graph.tone(a, "1004").stop()
            cancelled: Deferred[str] = world.graph.play(a, path, ULAW).done
            cancelled.cancel()
            for channel in (two, a, one) if n % 2 else (a, one, two):
                assert channel.leg is not None
                if channel.leg.row:
                    world.graph.rows.free(channel.leg.row)
                channel.end(16)
        world.heard.clear()
        world.port.commands.clear()

    calls(10)
    assert garbage_of(lambda: calls(1000)) == 0
    assert world.calm()
    assert len(world.graph.rows) == 0
