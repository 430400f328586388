"""core show file formats, file convert: the kinds of sound files there are, and one made into another."""

from __future__ import annotations

import os
from collections.abc import Generator

import numpy as np

from pbx.codecs.files import SUFFIXES, BadSound, Kind, SoundReader, SoundWriter, kind_of
from pbx.codecs.formats import Format
from pbx.codecs.translation import Translator
from pbx.console.registry import CommandFailed, Context, UsageShown, command
from pbx.slices import in_slices

_ROW = "{:<10} {:<10} {:<20}"
_FRAMES = 50


@command(
    "core show file formats",
    "Displays file formats",
    "Usage: core show file formats\n       The kinds of sound files that can be read and written, by suffix.\n",
)
def show_file_formats(context: Context, words: list[str]) -> None:
    if words:
        raise UsageShown
    suffixes: dict[Kind, list[str]] = {}
    for suffix, kind in SUFFIXES.items():
        suffixes.setdefault(kind, []).append(suffix)
    context.line(_ROW.format("Format", "Name", "Extensions"))
    context.line(_ROW.format("------", "----", "----------"))
    for kind, names in suffixes.items():
        context.line(_ROW.format(kind.format.name, kind.name, "|".join(names)))
    context.line(f"{len(suffixes)} file formats registered.")


@command(
    "file convert",
    "Convert audio file",
    "Usage: file convert <file_in> <file_out>\n"
    "       Writes the sound of one file in the format that the suffix of the\n"
    "       other one says; relative names are those of the sounds folder.\n"
    "       Example: file convert hello.wav hello.gsm\n",
)
async def file_convert(context: Context, words: list[str]) -> None:
    if len(words) != 2:
        raise UsageShown
    pbx = context.pbx
    for name in words:
        if not os.path.splitext(name)[1]:
            raise CommandFailed(f"'{name}' is an invalid filename!")
    folder = os.path.join(pbx.conf.directories["astdatadir"], "sounds")
    source, target = (os.path.join(folder, name) for name in words)
    begun = pbx.reactor.seconds()
    try:
        form, data = await pbx.blocking(lambda: _read(source))
    except (OSError, BadSound):
        raise CommandFailed(f"Unable to open input file: {words[0]}") from None
    try:
        wanted = kind_of(target).format
        pieces = await in_slices(pbx.reactor, translated(form, data, wanted))
        await pbx.blocking(lambda: _write(target, pieces))
    except (OSError, BadSound):
        raise CommandFailed(f"Unable to open output file: {words[1]}") from None
    except LookupError:
        raise CommandFailed(f"There is no way from {form} to {wanted}") from None
    context.line(f"Converted {words[0]} to {words[1]} in {1000 * (pbx.reactor.seconds() - begun):.0f}ms")


def _read(path: str) -> tuple[Format, list[bytes]]:
    """Its format, and the sound in pieces of a second."""
    with SoundReader(path) as reader:
        pieces = []
        while piece := reader.read(_FRAMES):
            pieces.append(piece)
        return reader.format, pieces


def _write(path: str, pieces: list[bytes]) -> None:
    with SoundWriter(path) as writer:
        for piece in pieces:
            writer.write(piece)


def translated(source: Format, pieces: list[bytes], target: Format) -> Generator[None, None, list[bytes]]:
    """The same sound in another format; a step for each piece.  Raises LookupError where no way is."""
    if source is target:
        return pieces
    translator = Translator(source, target)
    translator.add_row(0)
    row = np.zeros(1, np.intp)
    found = []
    for piece in pieces:
        # a last piece that is shorter than a frame of the target's is filled up with what it holds last
        missing = -len(piece) % source.bytes_per_20ms if target.frame_samples > 1 else 0
        whole = piece + piece[-source.frame_bytes :] * (missing // source.frame_bytes)
        found.append(translator.translate(row, np.frombuffer(whole, np.uint8)[None, :]).tobytes())
        yield
    return found
