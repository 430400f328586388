"""How long a sound lasts, without playing it: what times a sound that no leg hears."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pbx.codecs.formats import Format

#: a GSM pair in a Microsoft wav (`.WAV`, `.wav49`): 65 bytes hold 320 samples
_WAV49 = (65, 320)


def file_ms(path: str, format: Format) -> int:
    """Milliseconds of a sound file: `.wav` and `.WAV` by their header, others as a row of frames of `format`.

    Raises OSError when it can't be read.
    """
    suffix = os.path.splitext(path)[1]
    if suffix.lower() in (".wav", ".wav49"):
        with open(path, "rb") as file:
            return _wave_ms(file.read(512), os.fstat(file.fileno()).st_size)
    with open(path, "rb") as file:  # opened, not only looked at: it has to be readable
        size = os.fstat(file.fileno()).st_size
    if not format.rate:
        return 0
    if not format.frame_bytes:
        return 0
    return format.samples_of(size) * 1000 // format.rate


def _wave_ms(head: bytes, size: int) -> int:
    """Length of a RIFF file from its first bytes; 0 for what is none."""
    if head[:4] != b"RIFF" or head[8:12] != b"WAVE":
        return 0
    tag, rate, block = 1, 8000, 2
    at = 12
    while at + 8 <= len(head):
        name, length = head[at : at + 4], int.from_bytes(head[at + 4 : at + 8], "little")
        if name == b"fmt ":
            body = head[at + 8 : at + 24]
            tag, rate = int.from_bytes(body[0:2], "little"), int.from_bytes(body[4:8], "little")
            block = int.from_bytes(body[12:14], "little")
        if name == b"data":
            # a recorder that was killed leaves a length of 0 or one too large: the file itself knows better
            there = size - at - 8
            used = length if 0 < length <= there else there
            if tag == 49:
                return used // _WAV49[0] * _WAV49[1] * 1000 // (rate or 8000)
            return used // (block or 1) * 1000 // (rate or 8000)
        at += 8 + length + (length & 1)
    return 0


_TONE = re.compile(r"\s*(?P<once>!)?[^/]*(?:/(?P<ms>\d+))?\s*")


def tone_ms(spec: str) -> int | None:
    """Milliseconds of a tone list, None when it goes on until stopped.

    A list repeats from its first element without `!`; an element without a length lasts for ever.
    """
    total = 0
    for element in re.split(r"[,|]", spec):
        match = _TONE.fullmatch(element)
        if match is None or match["ms"] is None or not match["once"]:
            return None
        total += int(match["ms"])
    return total
