"""Small pieces of the daemon: slices, modules.conf, tones, admission, the pictures of the demo."""

from __future__ import annotations

import gc
from collections.abc import Generator
from pathlib import Path

import numpy as np
from twisted.internet.task import Clock

from pbx import demo, indications, modules, picture
from pbx.admission import tight
from pbx.collector import Collector
from pbx.conf.diagnostics import Diagnostics
from pbx.slices import in_slices


def test_long_work_lets_the_reactor_turn() -> None:
    clock = Clock()
    steps: list[int] = []

    def work() -> Generator[None, None, str]:
        for number in range(10):
            steps.append(number)
            clock.rightNow += 0.0004
            yield
        return "done"

    result: list[str] = []
    in_slices(clock, work()).addCallback(result.append)
    assert len(steps) == 3 and not result  # a millisecond is over
    clock.pump([0] * 10)
    assert result == ["done"]


def test_cancelled_work_ends() -> None:
    clock = Clock()
    closed: list[bool] = []

    def work() -> Generator[None, None, None]:
        try:
            while True:
                clock.rightNow += 1
                yield
        finally:
            closed.append(True)

    running = in_slices(clock, work())
    running.addErrback(lambda _: None)
    running.cancel()
    assert closed == [True] and not clock.getDelayedCalls()


def test_modules_conf(tmp_path: Path) -> None:
    file = tmp_path / "modules.conf"
    file.write_text(
        "[modules]\nautoload=no\nload => chan_iax2.so\nload = unknown_thing.so\n"
        "noload => app_x.so\npreload=pbx_config\n"
    )
    findings = Diagnostics()
    conf = modules.load_conf(str(file), findings)
    assert (
        conf.wants("chan_iax2")
        and conf.wants("pbx_config")
        and not conf.wants("app_x")
        and not conf.wants("res_crypto")
    )
    assert not list(findings)  # unknown names are no error
    everything = modules.load_conf(str(tmp_path / "none.conf"), Diagnostics())
    assert everything.wants("anything")


def test_tones(tmp_path: Path) -> None:
    file = tmp_path / "indications.conf"
    file.write_text("[general]\ncountry=at\n[at]\ndescription=Austria\nDial = 420\nringcadence=1,2\n[ch]\nalias = at\n")
    tones, country = indications.load(str(file), Diagnostics())
    assert country == "at" and tones["at"] == {"dial": "420"} == tones["ch"]
    assert indications.load(str(tmp_path / "none"), Diagnostics())[0]["us"]["busy"] == "480+620/500,0/500"


def test_a_machine_without_room_takes_no_calls() -> None:
    assert tight(0, 0) == ""
    assert tight(10_000, 1) == ""
    assert "minmemfree" in tight(0, 1 << 40)


def melody(*names: str) -> np.ndarray:
    frequencies = {name: frequency for tune in demo.MELODIES.values() for name, frequency in tune}
    second = np.arange(1600) / 8000
    parts = [np.concatenate([0.4 * np.sin(2 * np.pi * frequencies[name] * second), np.zeros(320)]) for name in names]
    return np.concatenate(parts)


def test_the_demo_hears_what_was_played() -> None:
    for tune in demo.MELODIES.values():
        names = [name for name, _ in tune]
        heard = picture.notes(melody(*names, *names))
        assert heard == names * 2
        assert demo.follows(heard, names) and demo.follows(heard[2:], names)
    assert not demo.follows(["C5", "G5"], ["C5", "E5", "G5"])
    assert not demo.follows([], ["C5"])


def test_full_collections_wait_for_a_quiet_moment() -> None:
    clock, busy, thresholds = Clock(), [1], gc.get_threshold()
    collector = Collector(clock, lambda: busy[0])
    try:
        collector.start()
        done: list[int] = []
        gc.callbacks.append(lambda phase, info: done.append(info["generation"]) if phase == "stop" else None)
        clock.advance(60)
        assert 2 not in done
        busy[0] = 0
        clock.advance(60)
        assert done.count(2) == 1
    finally:
        gc.callbacks.pop()
        collector.stop()
        gc.unfreeze()
        gc.set_threshold(*thresholds)
    assert not clock.getDelayedCalls()


def test_pictures(tmp_path: Path) -> None:
    sound = melody("A4", "C5")
    drawn = picture.waveform(sound, 40)
    assert len(drawn) == 40 and drawn[0] == "█" and " " in drawn
    assert picture.waveform(sound[:0], 5) == "     "
    assert picture.roll(sound, ["A4", "C5"], 10) == [" C5 |     █████|", " A4 |█████     |"]
    picture.png([sound, sound[:0]], str(tmp_path / "x.png"), 100, 20)
    data = (tmp_path / "x.png").read_bytes()
    assert data.startswith(b"\x89PNG\r\n\x1a\n") and data[16:24] == (100).to_bytes(4, "big") + (40).to_bytes(4, "big")
