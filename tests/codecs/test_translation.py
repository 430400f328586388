"""Paths and costs as Asterisk prints them; translators over rows; resampling."""

from __future__ import annotations

import re
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pbx.codecs import g711, registry, translation
from pbx.codecs.codec import Samples
from pbx.codecs.formats import ALAW, BY_NAME, FORMATS, GSM, SLIN, SLIN16, ULAW, Format
from pbx.codecs.resample import Resampler
from pbx.codecs.translation import Translator
from tests.codecs.sounds import signals
from tests.shared import shared_dir

HERE = [f for f in FORMATS if registry.available(f)]
SOUND = signals(160 * 6, 4)
EVERY = np.arange(len(SOUND))


def test_costs_are_those_of_core_show_translation() -> None:
    lines = (shared_dir() / "reference" / "cli" / "core-show-translation.txt").read_text().splitlines()
    columns = lines[3].split()
    seen = 0
    for line in lines[4:]:
        words = line.split()
        source = BY_NAME.get({"slin8": "slin"}.get(words[0], words[0]))
        # a blank column (g726aal2 from itself and others) shifts nothing: cut by the header's right edges
        ends = [match.end() for match in re.finditer(r"\S+", lines[3])]
        cells = [line[: ends[0]].split()[-1]] + [line[a:b].strip() for a, b in pairwise(ends)]
        for name, cell in zip(columns, cells, strict=True):
            target = BY_NAME.get({"slin8": "slin"}.get(name, name))
            if source in HERE and target in HERE and source is not target and cell.isdigit():
                assert translation.cost(source, target) == int(cell), (source, target)
                seen += 1
    assert seen >= len(HERE) * (len(HERE) - 1) - 2


def test_paths() -> None:
    def text(source: Format, target: Format) -> list[str] | None:
        chain = translation.path(source, target)
        return None if chain is None else [str(step) for step in chain]

    assert text(ULAW, ULAW) == []
    assert text(ULAW, ALAW) == ["ulaw->alaw"]
    assert text(ULAW, GSM) == ["ulaw->slin", "slin->gsm"]
    assert text(GSM, SLIN16) == ["gsm->slin", "slin->slin16"]
    assert text(ULAW, BY_NAME["g729"]) is None
    assert translation.cost(BY_NAME["h264"], ULAW) is None
    assert translation.cost(BY_NAME["h264"], BY_NAME["h264"]) == 0


def test_the_cheapest_target_is_taken_and_the_first_where_equal() -> None:
    assert translation.reachable(GSM, [ULAW, ALAW, GSM]) is GSM
    assert translation.reachable(ULAW, [GSM, ALAW]) is ALAW
    assert translation.reachable(GSM, [BY_NAME["g729"], ALAW, ULAW]) is ALAW
    assert translation.reachable(GSM, [BY_NAME["g729"]]) is None


def payloads(which: Format, sound: Samples) -> np.ndarray:
    """(rows, octets) of that format, by its own codec."""
    if which.rate == 16000:
        sound = np.repeat(sound, 2, axis=1)
    codec = registry.codec(which)
    for row in range(len(sound)):
        codec.add_row(row)
    return codec.encode(np.arange(len(sound)), sound)


@pytest.mark.parametrize("target", HERE, ids=str)
@pytest.mark.parametrize("source", HERE, ids=str)
def test_batches_equal_one_payload_at_a_time(source: Format, target: Format) -> None:
    data = payloads(source, SOUND)
    size = source.bytes_per_20ms
    batch, single = Translator(source, target), Translator(source, target)
    for row in range(len(SOUND)):
        batch.add_row(row)
        single.add_row(row)
    whole = [b""] * len(SOUND)
    for at in range(0, data.shape[1], size):
        part = data[:, at : at + size]
        result = batch.translate(EVERY, part)
        assert result.shape == (len(SOUND), target.bytes_per_20ms)
        for row in range(len(SOUND)):
            one = single.translate_one(row, part[row].tobytes())
            assert one == result[row].tobytes()
            whole[row] += one
    # packets of 60 ms carry the same sound
    long = Translator(source, target)
    for row in range(len(SOUND)):
        long.add_row(row)
    for row in range(len(SOUND)):
        parts = [long.translate_one(row, data[row, i : i + 3 * size].tobytes()) for i in range(0, 6 * size, 3 * size)]
        assert b"".join(parts) == whole[row]


def test_ends_in_machine_order_are_decoders_and_encoders() -> None:
    samples = SOUND[:, :160]
    octets = translation.encoder(ULAW).translate(EVERY, samples)
    assert (octets == g711.encode("ulaw", samples)).all()
    assert (translation.decoder(ULAW).translate(EVERY, octets) == g711.decode("ulaw", octets)).all()
    assert (translation.encoder(SLIN).translate(EVERY, samples) == samples.astype(">i2").view(np.uint8)).all()
    assert (translation.decoder(SLIN).translate(EVERY, samples.astype(">i2").view(np.uint8)) == samples).all()
    wide = translation.decoder(ULAW, 16000)
    for row in EVERY:
        wide.add_row(int(row))
    assert wide.translate(EVERY, octets).shape == (len(SOUND), 320)


def test_odd_payloads_lose_only_what_is_no_whole_frame() -> None:
    to_ulaw = Translator(SLIN, ULAW)
    assert to_ulaw.translate_one(0, b"\0\0\0") == b"\xff"
    assert to_ulaw.translate_one(0, b"\0") == b""
    narrow = Translator(SLIN16, ULAW)
    narrow.add_row(0)
    assert len(narrow.translate_one(0, b"\0" * 10)) == 2  # five samples: two of 8 kHz
    from_gsm = Translator(GSM, ALAW)
    from_gsm.add_row(0)
    assert len(from_gsm.translate_one(0, b"\xd0" * 40)) == 160
    assert Translator(GSM, GSM).translate_one(0, b"\xd0" * 40) == b"\xd0" * 40


def test_no_path_is_a_lookup_error() -> None:
    with pytest.raises(LookupError):
        Translator(BY_NAME["g729"], ULAW)
    with pytest.raises(LookupError):
        registry.codec(BY_NAME["opus"])
    with pytest.raises(ValueError):
        Resampler(8000, 44100)


def level(sound: np.ndarray, frequency: float, rate: int) -> tuple[float, float]:
    """dB of a full-scale tone at that frequency, and of everything else."""
    window = np.hanning(len(sound))
    spectrum = np.abs(np.fft.rfft(sound * window)) / (window.sum() / 2) / 32768
    near = np.abs(np.fft.rfftfreq(len(sound), 1 / rate) - frequency) < 25
    loud, rest = spectrum[near].max(), np.sqrt(np.square(spectrum[~near]).sum())
    return 20 * np.log10(loud + 1e-12), 20 * np.log10(rest + 1e-12)


@pytest.mark.parametrize("frequency", [200, 1000, 2500, 3400])
def test_resampling_keeps_what_both_rates_can_carry(frequency: int) -> None:
    for source, target in ((8000, 16000), (16000, 8000)):
        tone = np.rint(16384 * np.sin(2 * np.pi * frequency * np.arange(source // 2) / source)).astype(np.int16)
        resampler = Resampler(source, target)
        resampler.add_row(0)
        parts = [resampler.run(np.array([0]), part[None]) for part in tone.reshape(-1, source // 50)]
        loud, rest = level(np.concatenate(parts, axis=1)[0, target // 10 :].astype(float), frequency, target)
        assert loud == pytest.approx(-6.02, abs=0.1)
        assert rest < -60


@pytest.mark.parametrize("frequency", [4600, 5500, 7000])
def test_what_8_khz_cannot_carry_does_not_fold_back(frequency: int) -> None:
    tone = np.rint(16384 * np.sin(2 * np.pi * frequency * np.arange(8000) / 16000)).astype(np.int16)
    resampler = Resampler(16000, 8000)
    resampler.add_row(0)
    heard = resampler.run(np.array([0]), tone[None])[0, 200:].astype(float)
    assert 20 * np.log10(np.abs(heard).max() / 16384 + 1e-9) < -50


@settings(max_examples=20, deadline=None)
@given(st.data())
def test_resampling_does_not_depend_on_how_the_sound_is_cut(data: st.DataObject) -> None:
    source, target = data.draw(st.sampled_from([(8000, 16000), (16000, 8000)]))
    whole = Resampler(source, target)
    cut = Resampler(source, target)
    for row in range(8):
        whole.add_row(row)
        cut.add_row(row)
    expected = whole.run(EVERY, SOUND)
    for row in range(8):
        places = sorted({0, 960, *(2 * p for p in data.draw(st.lists(st.integers(1, 479), max_size=6)))})
        index = np.array([row])
        parts = [cut.run(index, SOUND[row : row + 1, a:b]) for a, b in pairwise(places)]
        assert (np.concatenate(parts, axis=1)[0] == expected[row]).all()
