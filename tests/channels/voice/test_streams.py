"""Sound through a pipe: read by the clock, one for all who hear it, silence where nothing comes."""

from __future__ import annotations

import contextlib
import fcntl
import os
import threading

import numpy as np
import pytest

from pbx.channels.voice.streams import Stream, Streams, stream_format
from pbx.codecs.formats import GSM
from pbx.codecs.g711 import DECODE
from pbx.codecs.translation import decoder, encoder
from tests.channels.voice.rig import GSM as GSM_BIT
from tests.channels.voice.rig import Rig
from tests.channels.voice.test_sounds_here import Here, tone

FRAME = 320


def heard(here: Here, row: int) -> np.ndarray:
    return DECODE["ulaw"][np.frombuffer(here.heard(row), np.uint8)]


def close(one: np.ndarray, two: np.ndarray) -> bool:
    """Alike but for u-law's steps."""
    return len(one) == len(two) and bool((np.abs(one.astype(int) - two.astype(int)) <= 260).all())


def test_all_hear_the_same_and_it_is_read_by_the_clock() -> None:
    here = Here()
    here.leg(1)
    here.leg(2)
    sound = tone(440, 1.0)
    here.sim.pipes[9] = sound.astype("=i2").tobytes()
    here.sim.port.open_stream(9, -1, "slin", False)
    here.sim.port.play_stream(5, 1, 9)
    here.sim.obey()
    here.ticks(11)
    here.sim.port.play_stream(6, 2, 9)
    here.sim.obey()
    here.ticks(20)
    # the first tick asks, the second hears; the other one joins what is played now
    assert close(heard(here, 1), np.concatenate([np.zeros(160, np.int16), sound[: 30 * 160]]))
    assert here.heard(1)[-20 * 160 :] == here.heard(2)
    # no more was read than what is heard within 200 ms
    assert len(here.sim.pipes[9] or b"") >= len(sound) * 2 - 40 * FRAME
    assert here.told.done == []


def test_nobody_listens_nothing_is_read_unless_always() -> None:
    here = Here()
    here.sim.pipes.update({8: bytes(50 * FRAME), 9: bytes(50 * FRAME)})
    here.sim.port.open_stream(8, -1, "slin", False)
    here.sim.obey()
    assert not here.sim.plane.ticking
    here.sim.port.open_stream(9, -1, "slin", True)
    here.sim.obey()
    assert here.sim.plane.ticking
    here.ticks(20)
    assert len(here.sim.pipes[8] or b"") == 50 * FRAME
    assert len(here.sim.pipes[9] or b"") <= 30 * FRAME
    here.sim.pipes[9] = None
    here.ticks(60)
    assert here.told.done == [(9, "end")] and not here.sim.plane.ticking


def test_the_end_comes_after_the_last_sound_and_another_pipe_goes_on() -> None:
    here = Here()
    here.leg(1)
    sound = tone(700, 0.05)
    here.sim.pipes[9] = sound.astype("=i2").tobytes()
    here.sim.port.open_stream(9, -1, "slin", False)
    here.sim.port.play_stream(5, 1, 9)
    here.sim.obey()
    here.ticks(3)
    assert not heard(here, 1).any()
    here.sim.pipes[9] = None
    here.ticks(2)
    assert here.told.done == []
    here.ticks(3)
    assert here.told.done == [(9, "end")]
    assert close(heard(here, 1)[480 : 480 + 400], sound) and not heard(here, 1)[880:].any()
    here.sim.pipes[9] = sound.astype("=i2").tobytes() * 4
    here.sim.port.open_stream(9, -1, "slin", False)
    here.sim.obey()
    here.ticks(5)
    assert close(heard(here, 1)[8 * 160 : 8 * 160 + 400], sound)
    here.sim.port.close_stream(9)
    here.sim.obey()
    here.ticks(3)
    assert not heard(here, 1)[-160:].any()
    here.sim.port.stop(5)
    here.sim.obey()
    assert here.told.done[-1] == (5, "stopped")


def test_an_empty_pipe_is_silence_until_100_ms_have_come() -> None:
    waiting = [bytes(4 * FRAME), None, b"\1\0" * 160, None, bytes(3 * FRAME)]
    stream = Stream(1, "slin", False)
    blocks = []
    for _ in range(5):
        stream.asked = True
        stream.advance(lambda number, most: waiting.pop(0) if waiting else None)
        blocks.append(bool(stream.block.any()))
    assert blocks == [False] * 5
    loud: Stream = Stream(2, "slin", False)
    pieces = iter([b"\1\0" * 160 * 4, b"\1\0" * 160, *[None] * 5, b"\1\0" * 160 * 4, b"\1\0" * 160])
    played = []
    for _ in range(10):
        loud.asked = True
        loud.advance(lambda number, most: next(pieces, None))
        played.append(bool(loud.block.any()))
    assert played == [False, True, True, True, True, True, False, False, True, True]


@pytest.mark.parametrize("name", ["slin16", "slin24", "slin48", "slin192"])
def test_linear_sound_of_other_rates(name: str) -> None:
    rate = int(name[4:]) * 1000
    size, decode = stream_format(name)
    assert size == rate // 50 * 2
    at = np.arange(rate // 2) / rate
    low, high = 8000 * np.sin(2 * np.pi * 1000 * at), 8000 * np.sin(2 * np.pi * 6000 * at)
    for wave, level in ((low, 5657), (high, 0)):
        octets = wave.astype("=i2").tobytes()
        made = np.concatenate([decode(octets[i : i + size]) for i in range(0, len(octets), size)])
        assert len(made) == 4000
        assert np.sqrt((made[800:].astype(float) ** 2).mean()) == pytest.approx(level, abs=60)


def test_coded_sound_and_what_cannot_be_streamed() -> None:
    coder = encoder(GSM)
    coder.add_row(0)
    rows = np.zeros(1, np.intp)
    frames = [coder.translate(rows, tone(440, 0.02)[None])[0].tobytes() for _ in range(3)]
    plain = decoder(GSM)
    plain.add_row(0)
    expected = np.concatenate([plain.translate(rows, np.frombuffer(f, np.uint8)[None])[0] for f in frames])
    size, decode = stream_format("gsm")
    assert size == 33
    assert np.concatenate([decode(frame) for frame in frames]).tolist() == expected.tolist()
    assert not decode(b"\xd0").any()
    for name in ("slin12", "slin44", "g723", "h264", "nothing", "slin7x"):
        with pytest.raises(ValueError, match=name):
            stream_format(name)
    here = Here()
    here.sim.port.open_stream(9, -1, "slin44", True)
    here.sim.obey()
    assert [number for number, _ in here.told.done] == [9] and here.told.done[0][1].startswith("error: ")


def test_who_hears_the_same_is_encoded_once(monkeypatch: pytest.MonkeyPatch) -> None:
    here = Here()
    for row in (1, 2, 3):
        here.leg(row, send=GSM_BIT)
    here.sim.pipes[9] = tone(440, 1.0).astype("=i2").tobytes()
    here.sim.port.open_stream(9, -1, "slin", False)
    for row in (1, 2, 3):
        here.sim.port.play_stream(10 + row, row, 9)
    here.sim.obey()
    sizes: list[int] = []
    here.ticks(1)
    translator = here.sim.plane.clocked._encoders[GSM_BIT]
    assert translator is not None
    translate = translator.translate
    monkeypatch.setattr(translator, "translate", lambda rows, data: sizes.append(len(rows)) or translate(rows, data))
    here.ticks(10)
    assert sizes == [1] * 10
    assert here.heard(1) == here.heard(2) == here.heard(3)


def test_streams_that_are_over_are_told_once() -> None:
    over: list[int] = []
    streams = Streams(lambda number, most: b"", over.append)
    streams.add(4, "ulaw", True)
    for _ in range(5):
        streams.tick()
    assert over == [4] and not streams.active and not streams.hear(4).any() and not streams.hear(77).any()


@pytest.mark.parametrize("apart", [False, True], ids=["here", "apart"])
def test_a_real_pipe(apart: bool) -> None:
    """What is written to a pipe is heard; the writer waits while nobody listens; it goes on in a new voice process."""
    read_end, write_end = os.pipe()
    os.set_blocking(read_end, False)
    fcntl.fcntl(write_end, fcntl.F_SETPIPE_SZ, 4096)
    sound = tone(440, 5.0)
    written = threading.Event()

    def write() -> None:
        with contextlib.suppress(BrokenPipeError):
            os.write(write_end, sound.astype("=i2").tobytes())
        os.close(write_end)
        written.set()

    writer = threading.Thread(target=write, daemon=True)
    with Rig("127.0.84.30", apart=apart) as rig:
        far = rig.far(1, 201)
        writer.start()
        rig.port.open_stream(9, read_end, "slin", False)
        rig.turn(0.3)
        assert not written.is_set()
        rig.port.play_stream(5, 1, 9)
        rig.run(lambda: len(far.got) >= 20)
        if apart:
            os.kill(rig.port.pid, 9)
            rig.run(lambda: rig.port.restarts == 1)
            rig.port.play_stream(6, 1, 9)
            count = len(far.got)
            rig.run(lambda: len(far.got) >= count + 20)
        assert not written.is_set()
        one = np.concatenate([DECODE["ulaw"][np.frombuffer(p, np.uint8)] for p in far.payloads])
        assert np.abs(np.fft.rfft(one[-1600:].astype(float))).argmax() == 88
        os.close(read_end)
        rig.port.close_stream(9)
        rig.turn(0.05)
    # nobody reads any more: the writer is told so
    writer.join(3)
    assert not writer.is_alive()
