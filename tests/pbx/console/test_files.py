"""file convert, core show file formats, paths of translation: a running pbx in a stock box's words."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from pbx.codecs.files import SUFFIXES, SoundReader, SoundWriter, unwrap
from pbx.codecs.formats import ALAW, GSM, SLIN, ULAW
from pbx.codecs.g711 import DECODE
from pbx.console.commands.files import translated
from tests.pbx.running import Pbx

SOUND = bytes(range(256)) * 40


def through(source: object, pieces: list[bytes], target: object) -> bytes:
    work = translated(source, pieces, target)  # type: ignore[arg-type]
    while True:
        try:
            next(work)
        except StopIteration as end:
            return b"".join(end.value)


def test_translation_of_whole_files() -> None:
    pieces = [SOUND[:8000], SOUND[8000:]]
    linear = through(ULAW, pieces, SLIN)
    assert np.array_equal(np.frombuffer(linear, ">i2"), DECODE["ulaw"][np.frombuffer(SOUND, np.uint8)])
    assert through(ULAW, pieces, ULAW) == SOUND
    # a last piece of half a frame
    assert len(through(ULAW, [SOUND[:240]], GSM)) == 66 and len(through(ULAW, [SOUND[:240]], ALAW)) == 240
    assert len(through(GSM, [b"\xd0" + bytes(32)], ULAW)) == 160


@pytest.fixture(scope="module")
def pbx(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pbx]:
    found = Pbx(
        tmp_path_factory.mktemp("files"),
        iax="[general]\nbindaddr=127.0.84.50\n",
        extensions="[default]\nexten => 1,1,NoOp()\n",
    )
    found.start()
    yield found
    found.stop()


def asked(pbx: Pbx, text: str) -> list[str]:
    return pbx.run(text).stdout.splitlines()


def test_file_convert(pbx: Pbx, tmp_path: Path) -> None:
    with SoundWriter(tmp_path / "a.ulaw") as writer:
        writer.write(SOUND)
    # what a stock box writes for it
    for name, size in (("o.gsm", 2112), ("o.wav", 20524)):
        (line,) = filter(None, asked(pbx, f"file convert {tmp_path}/a.ulaw {tmp_path}/{name}"))
        assert line.startswith(f"Converted {tmp_path}/a.ulaw to {tmp_path}/{name} in ") and line.endswith("ms")
        assert (tmp_path / name).stat().st_size == size
    with SoundReader(tmp_path / "o.gsm") as reader:
        assert reader.milliseconds == 1280
    asked(pbx, f"file convert {tmp_path}/a.ulaw {tmp_path}/a.ulaw")
    assert unwrap(tmp_path / "a.ulaw", (tmp_path / "a.ulaw").read_bytes()) == (ULAW, SOUND)
    (tmp_path / "b.wav").write_bytes(b"x")
    for source, target, said in (
        ("a", "o.gsm", f"'{tmp_path}/a' is an invalid filename!"),
        ("a.ulaw", "o", f"'{tmp_path}/o' is an invalid filename!"),
        ("a.foo", "o.gsm", f"Unable to open input file: {tmp_path}/a.foo"),
        ("none.ulaw", "o.gsm", f"Unable to open input file: {tmp_path}/none.ulaw"),
        ("b.wav", "o.gsm", f"Unable to open input file: {tmp_path}/b.wav"),
        ("a.ulaw", "o.foo", f"Unable to open output file: {tmp_path}/o.foo"),
        ("a.ulaw", "no/o.gsm", f"Unable to open output file: {tmp_path}/no/o.gsm"),
    ):
        assert asked(pbx, f"file convert {tmp_path}/{source} {tmp_path}/{target}")[0] == said
    assert asked(pbx, "file convert x.ulaw")[0].startswith("Usage: file convert <file_in> <file_out>")


def test_what_is_shown(pbx: Pbx) -> None:
    lines = asked(pbx, "core show file formats")
    assert lines[0] == "Format     Name       Extensions          "
    assert "alaw       alaw       alaw|al|alw         " in lines
    kinds = len(set(SUFFIXES.values()))
    assert f"{kinds} file formats registered." in lines and len(lines) >= kinds + 3
    paths = asked(pbx, "core show translation paths slin 16000")
    assert paths[0] == '--- Translation paths SRC Codec "slin" sample rate 16000 ---'
    wide = "\tslin:16000       To ulaw:8000       : (slin@16000)->(slin@8000)->(ulaw@8000)"
    assert f"{wide:<99}" in paths
    for wrong in ("nosuch", "slin 7", "ulaw 16000"):
        name = wrong.split()[0]
        assert asked(pbx, f"core show translation paths {wrong}")[0] == f'Source codec "{name}" is not found.'
