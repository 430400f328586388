"""Programs that play music on hold: real ones, heard through a real voice plane."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from pbx.channels import log
from pbx.channels.graph import Graph
from pbx.channels.music import MusicClass
from pbx.codecs.g711 import DECODE
from pbx.musicprograms import CannotPlay, Once, Program, command, player_command
from tests.channels.voice.rig import Rig

SECOND = (8000 * np.sin(2 * np.pi * 440 * np.arange(8000) / 8000)).astype("=i2")


class Place:
    """A voice plane, its graph, and a folder for programs."""

    def __init__(self, rig: Rig, folder: Path) -> None:
        self.rig = rig
        self.folder = folder
        switch: Any = SimpleNamespace(clock=rig.reactor)
        self.graph = Graph(switch, rig.port)
        rig.told.finished = self.graph.finished  # type: ignore[method-assign]

    def program(self, text: str, **settings: Any) -> Program:
        """The program of a class: a shell script."""
        script = self.folder / "program"
        script.write_text(f"#!/bin/sh\n{text}\n")
        script.chmod(0o755)
        which = MusicClass("radio", "custom", application=f"{script} one two", **settings)
        return Program(self.rig.reactor, self.graph, which, str(self.folder))

    def read(self, name: str) -> list[str]:
        path = self.folder / name
        return path.read_text().split() if path.exists() else []

    def wait(self, name: str, count: int = 1) -> list[str]:
        """Until so many words are in a file."""
        self.rig.run(lambda: len(self.read(name)) >= count, 8)
        return self.read(name)

    def end(self, program: Program) -> float:
        """Stop it; how long that took."""
        begun = time.monotonic()
        ended: list[None] = []
        program.stop().addCallback(ended.append)
        self.rig.run(lambda: bool(ended), 8)
        return time.monotonic() - begun


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    # as in the daemon, which listens to it: what is ignored (by nohup) is ignored by programs that it starts, too
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    with Rig("127.0.84.31") as rig:
        yield Place(rig, tmp_path)
    signal.signal(signal.SIGHUP, before)


@pytest.fixture
def said(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    lines: list[str] = []
    monkeypatch.setattr(log, "sink", lambda record: lines.append(record.text))
    return lines


def alive(pid: str) -> bool:
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return False
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"


def test_what_it_writes_is_heard_and_when_it_ends_it_begins_anew(place: Place, said: list[str]) -> None:
    (place.folder / "second").write_bytes(SECOND.tobytes())
    program = place.program(f"echo $@ >> {place.folder}/runs; cat {place.folder}/second")
    program.start()
    far = place.rig.far(1, 201)
    place.rig.port.play_stream(999, 1, program.stream)
    assert place.wait("runs", 4) == ["one", "two", "one", "two"]
    place.rig.run(lambda: len(far.got) > 60)
    sound = np.concatenate([DECODE["ulaw"][np.frombuffer(p, np.uint8)] for p in far.payloads]).astype(float)
    parts = sound[: len(sound) // 800 * 800].reshape(-1, 800)
    loud = [np.abs(np.fft.rfft(part)).argmax() == 44 for part in parts if np.abs(part).mean() > 4000]
    assert len(loud) >= 9 and all(loud[1:-1])
    place.end(program)
    assert said == []


def test_it_ends_at_the_first_signal_that_it_obeys(place: Place) -> None:
    program = place.program(
        f"trap 'echo hup >> {place.folder}/heard' HUP; trap 'echo term >> {place.folder}/heard; exit' TERM\n"
        f"echo $$ > {place.folder}/pid\nwhile :; do sleep 0.05; done"
    )
    # long enough for a shell that gets little of a busy machine to obey the first before the second comes
    program.which.kill_delay_ms = 1500
    program.start()
    (pid,) = place.wait("pid")
    assert place.end(program) >= 1.5
    assert place.read("heard") == ["hup", "term"] and not alive(pid)


@pytest.mark.parametrize("method", ["process_group", "process"])
def test_who_obeys_none_is_killed_and_its_children_if_asked(place: Place, method: str) -> None:
    program = place.program(
        f"trap '' HUP TERM\nsleep 60 >/dev/null 2>&1 &\necho $! $$ > {place.folder}/pid\nwhile :; do sleep 0.05; done",
        kill_method=method,
    )
    program.start()
    child, pid = place.wait("pid", 2)
    assert place.end(program) >= 0.2
    assert not alive(pid)
    assert alive(child) is (method == "process")
    if method == "process":
        os.kill(int(child), signal.SIGKILL)


def test_a_program_that_fails_is_tried_again_after_longer_and_longer_pauses_and_that_is_said_once(
    place: Place, said: list[str]
) -> None:
    program = place.program(f"echo x >> {place.folder}/runs; echo first >&2; echo no such station >&2; exit 3")
    program.start()
    place.wait("runs", 3)
    place.end(program)
    assert len(said) == 1 and "status 3; no such station" in said[0] and "'radio'" in said[0]
    begun = len(place.read("runs"))
    place.rig.turn(0.3)
    assert len(place.read("runs")) == begun


def test_it_outlives_its_class_while_somebody_hears_it(place: Place) -> None:
    program = place.program(f"echo $$ > {place.folder}/pid; exec cat /dev/zero")
    program.start()
    (pid,) = place.wait("pid")
    program.joined()
    program.retire()
    place.rig.turn(0.2)
    assert alive(pid)
    program.left()
    place.rig.run(lambda: not alive(pid))


def test_what_is_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("a.mp3", "b.sln", "c.raw", "d.txt", ".e.mp3", "F.MP3"):
        (tmp_path / name).write_bytes(b"")
    plays = MusicClass("x", "custom", directory="moh", application="/bin/sh  -e one")
    found = command(plays, str(tmp_path))
    assert found[:3] == ["/bin/sh", "-e", "one"] and sorted(found[3:]) == ["F.MP3", "a.mp3", "b.sln", "c.raw"]
    assert command(MusicClass("x", "custom", application="/bin/sh"), "") == ["/bin/sh"]
    with pytest.raises(CannotPlay, match="no/such"):
        command(MusicClass("x", "custom", application="/no/such x"), "")
    (tmp_path / "bin").mkdir()
    player = tmp_path / "bin" / "mpg123"
    monkeypatch.setattr("pbx.musicprograms._MPG123", (str(player),))
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(CannotPlay, match="mpg123"):
        command(MusicClass("x", "mp3", directory="moh"), str(tmp_path))
    player.write_text("#!/bin/sh\n")
    player.chmod(0o755)
    head = [str(player), "-q", "-s", "--mono", "-r", "8000"]
    found = command(MusicClass("x", "mp3", directory="moh"), str(tmp_path))
    assert found[:-2] == [*head, "-b", "2048", "-f", "8192"] and sorted(found[-2:]) == ["F.MP3", "a.mp3"]
    assert command(MusicClass("x", "QuietMP3NB", directory="http://x/y"), "") == [*head, "-f", "4096", "http://x/y"]
    with pytest.raises(CannotPlay, match="there are no files"):
        command(MusicClass("x", "quietmp3", directory="moh"), str(tmp_path / "bin"))
    with pytest.raises(CannotPlay, match="No such file"):
        command(MusicClass("x", "quietmp3", directory="moh"), str(tmp_path / "none"))


def test_what_mp3player_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As a stock box ran it."""
    player = tmp_path / "mpg123"
    monkeypatch.setattr("pbx.musicprograms._MPG123", (str(player),))
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(CannotPlay, match="mpg123"):
        player_command("x.mp3")
    player.write_text("")
    player.chmod(0o755)
    for location, options in (
        ("/x/y.mp3,b", "-e s16 -q -s -f 8192 --mono -r 8000 /x/y.mp3,b"),
        ("http://h/s.mp3", "-e s16 -q -s -b 96 -f 8192 --mono -r 8000 http://h/s.mp3"),
        ("http://h/s.m3u", "-e s16 -q -s -b 0 -f 8192 --mono -r 8000 -@ http://h/s.m3u"),
        ("list.m3u", "-e s16 -q -z -s -f 8192 --mono -r 8000 -@ list.m3u"),
    ):
        assert player_command(location) == [str(player), *options.split()]


def test_a_player_is_heard_once(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    (place.folder / "second").write_bytes(SECOND.tobytes()[:8000])
    player = place.folder / "mpg123"
    player.write_text(f"#!/bin/sh\necho x >> {place.folder}/runs\ncat {place.folder}/second\n")
    player.chmod(0o755)
    monkeypatch.setattr("pbx.musicprograms._MPG123", (str(player),))
    far = place.rig.far(1, 201)
    once = Once(place.rig.reactor, place.graph, "x.mp3")
    place.rig.port.play_stream(999, 1, once.stream)
    place.rig.run(lambda: once.done.called)
    sound = np.concatenate([DECODE["ulaw"][np.frombuffer(p, np.uint8)] for p in far.payloads])
    assert 3600 <= np.count_nonzero(sound) <= 4000
    place.rig.turn(0.1)
    assert place.read("runs") == ["x"]
