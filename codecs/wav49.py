"""GSM as Microsoft's WAV stores it: two frames in 65 octets, 260 bits each, lowest bit first, without the 0xD."""

from __future__ import annotations

from typing import Final

import numpy as np

from pbx.codecs.gsm import bits

BLOCK: Final = 65
SILENCE: Final = bytes.fromhex("d820a2e15a50004924924924500049249249245000492492492450004924924924")
"""A GSM frame that decodes to silence."""

_WIDTHS: Final = bits.WIDTHS[1:]
# where each bit of a frame (lowest bit of a parameter first) stands among the frame's bits (highest first)
_ENDS: Final = 4 + np.cumsum(_WIDTHS)
_ORDER: Final = np.concatenate(
    [np.arange(end - 1, end - width - 1, -1) for end, width in zip(_ENDS, _WIDTHS, strict=True)]
)


def to_frames(blocks: bytes) -> bytes:
    """Blocks of 65 octets to pairs of 33-octet frames; what is no whole block is dropped."""
    count = len(blocks) // BLOCK
    if not count:
        return b""
    source = np.frombuffer(blocks, np.uint8, count * BLOCK).reshape(count, BLOCK)
    packed = np.unpackbits(source, axis=1, bitorder="little").reshape(2 * count, 260)
    frames = np.zeros((2 * count, 264), np.uint8)
    frames[:, [0, 1, 3]] = 1  # 0xD
    frames[:, _ORDER] = packed
    return np.packbits(frames, axis=1).tobytes()


def from_frames(frames: bytes) -> bytes:
    """Pairs of 33-octet frames to blocks of 65; an odd last frame is dropped."""
    count = len(frames) // 66
    if not count:
        return b""
    source = np.frombuffer(frames, np.uint8, count * 66).reshape(2 * count, 33)
    packed = np.unpackbits(source, axis=1)[:, _ORDER].reshape(count, 520)
    return np.packbits(packed, axis=1, bitorder="little").tobytes()
