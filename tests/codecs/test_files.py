"""Sound files: every kind there and back, heads as other programs write them, names found as Asterisk finds them."""

from __future__ import annotations

import struct
import wave
from pathlib import Path

import numpy as np
import pytest

from pbx.codecs import registry, wav49
from pbx.codecs.files import SUFFIXES, BadSound, SoundReader, SoundWriter, kind_of, unwrap
from pbx.codecs.formats import ALAW, BY_NAME, GSM, SLIN, SLIN16, ULAW, Format
from pbx.codecs.sounds import find_sound, languages
from tests.codecs.sounds import signals


def frames_of(which: Format, count: int) -> bytes:
    """So many 20 ms payloads that are no silence."""
    if which is GSM:
        codec = registry.codec(GSM)
        codec.add_row(0)
        return codec.encode(np.array([0]), signals(160 * count)[:1]).tobytes()
    size = which.bytes_per_20ms * count
    return np.random.default_rng(5).integers(0, 256, size, dtype=np.uint8).tobytes()


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_there_and_back(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"sound.{suffix}"
    which = kind_of(path).format
    sent = frames_of(which, 6)
    size = which.bytes_per_20ms
    with SoundWriter(path) as writer:
        writer.write(sent[: 3 * size])
        writer.write(sent[3 * size : 4 * size])
    with SoundWriter(path, append=True) as writer:
        writer.write(sent[4 * size :])
    with SoundReader(path) as reader:
        assert reader.format is which
        assert reader.milliseconds == 120
        assert b"".join(reader) == sent
        assert reader.read() == b""
        reader.seek(40)
        assert reader.read(2) == sent[2 * size : 4 * size]
        reader.seek(9999)
        assert reader.read() == b""
    assert unwrap(path, path.read_bytes()) == (which, sent)


def test_frames_are_20_ms_and_the_last_one_is_what_is_left(tmp_path: Path) -> None:
    path = tmp_path / "a.ulaw"
    path.write_bytes(bytes(350))
    assert [len(frame) for frame in SoundReader(path)] == [160, 160, 30]
    path = tmp_path / "a.gsm"
    path.write_bytes(bytes(33 * 2 + 5))
    assert [len(frame) for frame in SoundReader(path)] == [33, 33]
    path = tmp_path / "a.sln"
    path.write_bytes(b"\x01\x02\x03")
    assert list(SoundReader(path)) == [b"\x02\x01"]


def test_wav_files_are_those_of_the_standard_library(tmp_path: Path) -> None:
    samples = signals(800)[0]
    for suffix, rate in (("wav", 8000), ("wav16", 16000)):
        path = tmp_path / f"ours.{suffix}"
        with SoundWriter(path) as writer:
            writer.write(samples.astype(">i2").tobytes())
        with wave.open(str(path)) as read:
            assert (read.getframerate(), read.getnchannels(), read.getsampwidth()) == (rate, 1, 2)
            assert read.readframes(9999) == samples.astype("<i2").tobytes()
        theirs = tmp_path / "theirs.wav"
        with wave.open(str(theirs), "wb") as write:
            write.setnchannels(1)
            write.setsampwidth(2)
            write.setframerate(rate)
            write.writeframes(samples.astype("<i2").tobytes())
        with SoundReader(theirs) as reader:  # the head says the rate, not the suffix
            assert reader.format is (SLIN if rate == 8000 else SLIN16)
            assert b"".join(reader) == samples.astype(">i2").tobytes()


# one block as sox wrote it, and the two frames that libgsm makes of it
BLOCK = bytes.fromhex(
    "468e61da84c2f4b782ac2d07a30963a4b6e5c64586db80d477b5a6c637b58d1b8be0db654daa1a3c416c3589c32cfa0b61bfa4b6247c411db57ad42c82d98bfc01"
)
PAIR = bytes.fromhex(
    "d1b9c4259a5054ff9105db636029870a56db1bb84646d806efaad626efa26dc6e5d238dba55a54a1e68296a69486c2dfd032f64d6cc26e82ae2773a8c290f6656ec0"
)


def test_wav49_blocks() -> None:
    assert wav49.to_frames(BLOCK) == PAIR
    assert wav49.from_frames(PAIR) == BLOCK
    assert wav49.to_frames(BLOCK[:-1]) == b""
    many = np.random.default_rng(1).integers(0, 256, 65 * 50, dtype=np.uint8).tobytes()
    assert wav49.from_frames(wav49.to_frames(many)) == many


def test_an_odd_gsm_frame_gets_a_silent_partner(tmp_path: Path) -> None:
    path = tmp_path / "odd.WAV"
    sent = frames_of(GSM, 3)
    with SoundWriter(path) as writer:
        writer.write(sent)
    assert b"".join(SoundReader(path)) == sent + wav49.SILENCE
    assert path.stat().st_size == 60 + 130


def riff(*chunks: tuple[bytes, bytes]) -> bytes:
    body = b"".join(name + struct.pack("<I", len(data)) + data + b"\0" * (len(data) % 2) for name, data in chunks)
    return b"RIFF" + struct.pack("<I", len(body) + 4) + b"WAVE" + body


def pcm(tag: int = 1, channels: int = 1, rate: int = 8000, bits: int = 16) -> bytes:
    return struct.pack("<HHIIHH", tag, channels, rate, rate * channels * bits // 8, channels * bits // 8, bits)


def test_foreign_chunks_are_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    path.write_bytes(riff((b"LIST", b"odd"), (b"fmt ", pcm()), (b"fact", b"\0\0\0\0"), (b"data", b"\x01\x02" * 160)))
    assert list(SoundReader(path)) == [b"\x02\x01" * 160]
    path.write_bytes(riff((b"fmt ", pcm(tag=7, bits=8)), (b"data", b"\xff" * 160), (b"LIST", b"tail")))
    with SoundReader(path) as reader:
        assert (reader.format, list(reader)) == (ULAW, [b"\xff" * 160])
    # a head that was never finished
    unfinished = bytearray(riff((b"fmt ", pcm()), (b"data", b"")))
    path.write_bytes(bytes(unfinished) + b"\x01\x02" * 10)
    assert list(SoundReader(path)) == [b"\x02\x01" * 10]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"RIFFxxxxWAVE",
        b"JUNK" * 20,
        riff((b"data", b"\0\0")),
        riff((b"fmt ", pcm(channels=2)), (b"data", b"")),
        riff((b"fmt ", pcm(rate=44100)), (b"data", b"")),
        riff((b"fmt ", b"\1\0"), (b"data", b"")),
        riff((b"fmt ", pcm(tag=85)), (b"data", b"")),
    ],
)
def test_wrong_heads_are_named(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "bad.wav"
    path.write_bytes(content)
    with pytest.raises(BadSound, match=r"bad\.wav"):
        SoundReader(path)


def test_unknown_suffixes_and_missing_files(tmp_path: Path) -> None:
    with pytest.raises(BadSound):
        SoundReader(tmp_path / "a.mp3")
    with pytest.raises(FileNotFoundError):
        SoundReader(tmp_path / "a.gsm")
    (tmp_path / "b.au").write_bytes(b"nonsense")
    with pytest.raises(BadSound):
        SoundReader(tmp_path / "b.au")


# ---- names -----------------------------------------------------------------------------------------------------


def make(root: Path, *names: str) -> None:
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"\0" * 66)


def found(root: Path, language: str, name: str, wanted: Format = ULAW, prefix: bool = True) -> str | None:
    got = find_sound([str(root)], language, name, wanted, language_prefix=prefix)
    return None if got is None else str(Path(got[0]).relative_to(root)) if root in Path(got[0]).parents else got[0]


def test_order_of_languages() -> None:
    assert list(languages("xx_YY_ZZ")) == ["xx_YY_ZZ", "xx_YY", "xx", "", "en"]
    assert list(languages("en_GB")) == ["en_GB", "en", ""]
    assert list(languages("")) == ["", "en"]


def test_languages_fall_back_as_in_asterisk(tmp_path: Path) -> None:
    """Each line was asked of stock Asterisk 22."""
    make(tmp_path, "none.gsm", "de/de.gsm", "de_AT/at.gsm", "de/both.gsm", "both.ulaw", "en/en.gsm")
    make(tmp_path, "noneen.ulaw", "en/noneen.gsm", "xx_YY/x3.gsm", "xx/x3.sln", "xx/x4.gsm", "zq/de/pre.gsm")
    expected = {"none": "none.gsm", "de": "de/de.gsm", "at": "de_AT/at.gsm", "both": "de/both.gsm", "en": "en/en.gsm"}
    assert {name: found(tmp_path, "de_AT", name) for name in expected} == expected
    assert found(tmp_path, "de_AT", "noneen") == "noneen.ulaw"
    assert found(tmp_path, "fr", "de") is None
    assert found(tmp_path, "xx_YY_ZZ", "x3") == "xx_YY/x3.gsm"
    assert found(tmp_path, "xx_YY_ZZ", "x4") == "xx/x4.gsm"
    assert found(tmp_path, "de", "zq/pre") is None
    assert found(tmp_path, "de", "zq/pre", prefix=False) == "zq/de/pre.gsm"
    assert found(tmp_path, "de", "none.gsm") is None


def test_absolute_names(tmp_path: Path) -> None:
    make(tmp_path, "abs.gsm", "de/abs2.gsm", "pp/x.gsm")
    assert found(tmp_path, "de", f"{tmp_path}/abs") == "abs.gsm"
    assert found(tmp_path, "de_AT", f"{tmp_path}/abs2") == "de/abs2.gsm"
    assert find_sound(["/nowhere"], "de", f"{tmp_path}/pp/../abs", ULAW) == (f"{tmp_path}/pp/../abs.gsm", GSM)
    assert found(tmp_path, "", "") is None
    assert found(tmp_path, "", "pp/") is None


def test_the_file_that_is_cheapest_to_turn_is_taken(tmp_path: Path) -> None:
    make(tmp_path, "m.gsm", "m.ulaw", "m.alaw", "m.sln", "m.g729")
    assert [found(tmp_path, "", "m", BY_NAME[n]) for n in ("ulaw", "alaw", "gsm", "slin", "g729")] == [
        "m.ulaw",
        "m.alaw",
        "m.gsm",
        "m.sln",
        "m.g729",
    ]
    make(tmp_path, "two.gsm", "two.alaw")
    assert found(tmp_path, "", "two", ULAW) == "two.alaw"
    make(tmp_path, "only.g729")
    assert found(tmp_path, "", "only", ULAW) is None
    assert find_sound([str(tmp_path)], "", "two", ()) == (f"{tmp_path}/two.gsm", GSM)
    assert find_sound([str(tmp_path)], "", "only", ()) is None
    assert find_sound([str(tmp_path)], "", "m", (ALAW, ULAW)) == (f"{tmp_path}/m.ulaw", ULAW)


def test_debians_voices_and_several_folders(tmp_path: Path) -> None:
    ours, debian = tmp_path / "ours", tmp_path / "debian"
    make(debian, "en_US_f_Allison/digits/1.gsm")
    make(ours, "en/digits/1.gsm", "en/digits/2.gsm")
    directories = [str(debian), str(ours), str(tmp_path / "missing")]
    assert find_sound(directories, "en", "digits/1", ULAW) == (f"{debian}/en_US_f_Allison/digits/1.gsm", GSM)
    assert find_sound(directories, "en_GB", "digits/2", ULAW) == (f"{ours}/en/digits/2.gsm", GSM)


def test_shipped_prompts_are_whole() -> None:
    folder = Path(__file__).resolve().parents[2] / "conf" / "samples" / "sounds"
    lines = (folder / "prompts.txt").read_text().splitlines()
    names = [line.partition(" = ")[0] for line in lines if line and not line.startswith("#")]
    names += ["beep", "beeperr", *(f"silence/{n}" for n in range(1, 11))]
    codec = registry.codec(GSM)
    for name in names:
        got = find_sound([str(folder)], "en", name, GSM)
        assert got is not None, name
        with SoundReader(got[0]) as reader:
            length = reader.milliseconds
            sound = reader.read(9999)
        assert len(sound) % 33 == 0
        codec.add_row(0)
        heard = np.abs(codec.decode(np.array([0]), np.frombuffer(sound, np.uint8)[None]).astype(int))
        if name.startswith("silence/"):
            assert length == 1000 * int(name.partition("/")[2])
            assert heard.max() < 50
        else:
            assert 200 < length < 15000
            assert heard.max() > 3000, name
    assert sum(path.stat().st_size for path in folder.rglob("*.gsm")) < 300_000
