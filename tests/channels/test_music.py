"""Music on hold in virtual time: who hears which file from where."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pbx.channels.bridge import bridge_channels
from pbx.channels.channel import Channel, State
from pbx.channels.events import Control, Indication
from pbx.channels.graph import Graph
from pbx.channels.local.driver import LocalTechnology
from pbx.channels.music import MusicClass
from pbx.codecs.formats import ULAW
from tests.channels.world import PortLog, World


class Hall:
    """A world with sounds of ten seconds, and what runs at each row: (file, milliseconds skipped)."""

    def __init__(self, folder: Path, **more: Any) -> None:
        self.world = World()
        self.port = PortLog()
        self.switch = self.world.switch
        self.switch.graph = Graph(self.switch, self.port)  # type: ignore[arg-type]
        self.folder = folder
        for name in ("a", "b", "c", "said"):
            (folder / f"{name}.ulaw").write_bytes(bytes(80_000))
        (folder / "short.ulaw").write_bytes(bytes(8_000))
        self.switch.music.find = self.find
        files = tuple(str(folder / name) for name in "abc")
        self.add("default", files=files, **more)
        self.add("jazz", files=files[1:])

    def add(self, name: str, **more: Any) -> MusicClass:
        found = self.switch.music.classes[name] = MusicClass(name, **more)
        return found

    def find(self, name: str, language: str, formats: Any) -> Any:
        path = self.folder / f"{name.rpartition('/')[2]}.ulaw"
        return (str(path), ULAW) if path.exists() else None

    def channel(self, name: str, row: int | None = None, state: State = State.UP) -> Channel:
        channel = self.world.channel(name, state, row)
        self.switch.graph.attach(channel)
        return channel

    def heard(self, row: int) -> list[tuple[str, int]]:
        return [
            (Path(command[2]).stem, command[-1]["skip_ms"])
            for command in self.port.running.values()
            if command[0] == "play_file" and command[1] == row
        ]

    def over(self) -> None:
        """What plays has come to its end (the plane says so)."""
        for number in list(self.port.running):
            self.port.running.pop(number)
            self.switch.graph.finished(number, "end")


@pytest.fixture
def hall(tmp_path: Path) -> Hall:
    return Hall(tmp_path)


def test_files_one_after_another_for_ever(hall: Hall) -> None:
    channel = hall.channel("A", 1)
    assert hall.switch.music.start(channel)
    played = []
    for _ in range(7):
        played += hall.heard(1)
        hall.over()
    assert [name for name, _ in played] == ["a", "b", "c", "a", "b", "c", "a"]
    hall.switch.music.stop(channel)
    assert hall.heard(1) == []


def test_each_channel_goes_on_where_it_was(hall: Hall) -> None:
    one, two = hall.channel("A", 1), hall.channel("B", 2)
    music = hall.switch.music
    music.start(one)
    hall.world.clock.advance(3)
    music.start(two)
    hall.world.clock.advance(1)
    music.stop(one)
    music.stop(two)
    music.start(one)
    music.start(two)
    assert hall.heard(1) == [("a", 4000)] and hall.heard(2) == [("a", 1000)]
    music.stop(one)
    music.start(one, "jazz")  # another class begins at its beginning
    assert hall.heard(1) == [("b", 0)]
    one.hangup()
    assert one not in music.playing


def test_what_is_played_ends_the_music_and_what_is_mixed_does_not(hall: Hall) -> None:
    channel = hall.channel("A", 1)
    graph, music = hall.switch.graph, hall.switch.music
    music.start(channel)
    graph.play(channel, str(hall.folder / "short.ulaw"), ULAW, over=True)
    assert channel in music.playing
    hall.world.clock.advance(2)
    graph.play(channel, str(hall.folder / "said.ulaw"), ULAW)
    assert channel not in music.playing
    assert [name for name, _ in hall.heard(1)] == ["short", "said"]
    music.start(channel)
    assert ("a", 2000) in hall.heard(1)


def test_an_announcement_before_each_file(tmp_path: Path) -> None:
    hall = Hall(tmp_path, announcement="said")
    channel = hall.channel("A", 1)
    hall.switch.music.start(channel)
    played = []
    for _ in range(5):
        played += hall.heard(1)
        hall.over()
    assert [name for name, _ in played] == ["said", "a", "said", "b", "said"]


@pytest.mark.parametrize(("option", "wanted"), [({"loop_last": True}, "abccc"), ({"sort": "random"}, None)])
def test_orders(tmp_path: Path, option: dict[str, Any], wanted: str | None) -> None:
    hall = Hall(tmp_path, **option)
    hall.switch.music.random.seed(4)
    hall.switch.music.start(hall.channel("A", 1))
    played = ""
    for _ in range(5 if wanted else 60):
        played += hall.heard(1)[0][0]
        hall.over()
    assert played == wanted if wanted else set(played) == set("abc") and "abcabc" not in played[:12]


def test_files_that_are_gone_are_passed_over(hall: Hall) -> None:
    channel = hall.channel("A", 1)
    (hall.folder / "a.ulaw").unlink()
    (hall.folder / "b.ulaw").unlink()
    assert hall.switch.music.start(channel)
    assert hall.heard(1) == [("c", 0)]
    (hall.folder / "c.ulaw").unlink()
    hall.over()
    assert channel not in hall.switch.music.playing


def test_which_class(hall: Hall) -> None:
    music, channel = hall.switch.music, hall.channel("A", 1)
    hall.add("queue", files=("/x/a",))
    names = []
    for own, wanted, interpret, prefer in (
        ("", "", "", True),
        ("", "jazz", "queue", True),
        ("queue", "jazz", "", True),
        ("queue", "jazz", "", False),
        ("", "", "queue", True),
        ("", "nosuch", "JAZZ", True),
    ):
        channel.musicclass, music.prefer_channel = own, prefer
        found = music.choose(channel, wanted, interpret)
        names.append(found.name if found else "")
    assert names == ["default", "jazz", "queue", "jazz", "queue", "jazz"]
    music.classes.clear()
    assert not music.start(channel)


def test_answeredonly_and_digits(tmp_path: Path) -> None:
    hall = Hall(tmp_path, answered_only=True)
    hall.switch.music.classes["jazz"].digit = "3"
    channel = hall.channel("A", 1, State.RING)
    assert not hall.switch.music.start(channel)
    channel.answer()
    assert hall.switch.music.start(channel)
    assert not hall.switch.music.digit(channel, "4")
    assert hall.switch.music.digit(channel, "3")
    assert channel.musicclass == "jazz" and hall.heard(1) == [("b", 0)]


def _musical(channel: Channel) -> None:
    leg: Any = channel.leg
    plain = leg.indicate

    def indicate(control: Control, data: bytes = b"") -> None:
        if control in (Control.HOLD, Control.UNHOLD):
            channel.music(control is Control.HOLD, data)
        else:
            plain(control, data)

    leg.indicate = indicate


def bridged(hall: Hall) -> tuple[Channel, Channel]:
    one, two = hall.channel("A", 1), hall.channel("B", 2)
    for channel in (one, two):
        _musical(channel)

    async def talk(channel: Channel) -> None:
        await bridge_channels(channel, channel, two)

    hall.world.extensions.scripts["s@x"] = talk
    one.context, one.exten = "x", "s"
    hall.world.extensions.run(one)
    return one, two


def test_who_is_held_hears_music_until_let_go(hall: Hall) -> None:
    one, two = bridged(hall)
    assert hall.port.pairs() == {(1, 2), (2, 1)}
    one.deliver(Indication(Control.HOLD, b"jazz"))
    assert hall.heard(2) == [("b", 0)] and hall.heard(1) == []
    # what the held one says is still heard; it hears nothing but the music
    assert hall.port.pairs() == {(2, 1)} and two.on_hold
    one.deliver(Indication(Control.UNHOLD))
    assert hall.port.pairs() == {(1, 2), (2, 1)} and hall.heard(2) == [] and not two.on_hold


def test_the_end_of_a_bridge_ends_its_hold(hall: Hall) -> None:
    one, two = bridged(hall)
    two.deliver(Indication(Control.HOLD))
    assert hall.heard(1) == [("a", 0)]
    two.hangup()
    assert hall.heard(1) == [] and one not in hall.switch.music.playing


def test_music_of_a_local_half_is_heard_beyond_the_pair(hall: Hall) -> None:
    local = LocalTechnology(hall.switch)
    hall.world.extensions.scripts["1@x"] = None  # type: ignore[assignment]
    half = local.request("1@x", (ULAW,), None)
    other = next(c for c in hall.switch.channels() if c.name.endswith(";2"))
    far = hall.channel("A", 1)
    hall.switch.graph.join(other, far)
    half.indicate(Control.HOLD, b"jazz")
    assert hall.heard(1) == [("b", 0)]
    assert not other.has_events
    half.indicate(Control.UNHOLD)
    assert hall.heard(1) == []
    passing = local.request("1@x/m", (ULAW,), None)
    passing.indicate(Control.HOLD)
    assert passing not in hall.switch.music.playing
