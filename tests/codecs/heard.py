"""Synthetic sounds by their description: what a detector is to hear, the same on every machine.

A description is a list of parts, each `kind:milliseconds` with more after it:

    s:500                silence
    n:300:3000           noise, samples up to 3000 in size
    t:400:2600           a tone of 2600 Hz (`t:400:480+620:4000`: two, each with an amplitude of 4000)
    N*(...)              the parts in brackets N times
"""

from __future__ import annotations

import re

import numpy as np

from pbx.codecs.codec import Samples

RATE = 8000
_MANY = re.compile(r"(\d+)\*\(([^()]*)\)")


def render(text: str) -> Samples:
    """The samples of a description, 8 kHz.  Raises ValueError for another kind of part."""
    while _MANY.search(text):
        text = _MANY.sub(lambda m: " ".join([m[2]] * int(m[1])), text)
    parts, seed = [np.zeros(0)], 1
    for part in text.split():
        kind, length, *more = part.split(":")
        count = int(length) * RATE // 1000
        if kind == "s":
            parts.append(np.zeros(count))
        elif kind == "n":
            top = int(more[0]) if more else 3000
            parts.append(np.random.RandomState(seed).randint(-top, top + 1, count).astype(float))
            seed += 1
        elif kind == "t":
            size = float(more[1]) if len(more) > 1 else 6000.0
            at = np.arange(count) / RATE
            parts.append(sum((size * np.sin(2 * np.pi * float(f) * at) for f in more[0].split("+")), np.zeros(count)))
        else:
            raise ValueError(part)
    return np.clip(np.round(np.concatenate(parts)), -32768, 32767).astype(np.int16)
