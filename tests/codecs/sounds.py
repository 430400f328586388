"""Signals that try a codec: speech-like, noise, clipping, silence, square wave, tone, near silence, steps."""

from __future__ import annotations

import numpy as np

from pbx.codecs.codec import Samples


def signals(length: int, seed: int = 1, rate: int = 8000) -> Samples:
    """(8, length) samples."""
    rng = np.random.default_rng(seed)
    t = np.arange(length)
    # a glottal pulse train through three formants, with pauses
    pitch = (np.sin(2 * np.pi * np.cumsum(110 + 20 * np.sin(t / 3000)) / rate) > 0.95).astype(float)
    speech = sum(np.convolve(pitch, np.exp(-np.arange(200) / 40) * np.sin(np.arange(200) * f)) for f in (0.4, 1.0, 1.9))
    speech = np.asarray(speech)[:length] * (np.sin(t / 2200) > -0.3) * 4000 + rng.normal(size=length) * 30
    rows = [
        speech,
        rng.integers(-32768, 32768, length),
        90000 * np.sin(t * 0.05) * rng.normal(size=length),
        np.zeros(length),
        np.where(t // 23 % 2, 32767, -32768),
        20000 * np.sin(t * 0.31),
        rng.integers(-4, 5, length),
        np.where(t // 700 % 2, 32767, -32768) * (t // 2100 % 2),
    ]
    return np.array([np.clip(row, -32768, 32767) for row in rows]).astype(np.int16)


def exact_signal(length: int = 16000) -> Samples:
    """A rising tone with noise from whole numbers only: the same on every machine, for digests of what others made."""
    value, out = 1, []
    for n in range(length):
        value = (value * 1103515245 + 12345) & 0x7FFFFFFF
        phase = n * n // 40 % 8192  # of a triangle
        triangle = phase if phase < 4096 else 8192 - phase
        loud = 6 if n // 4000 % 2 else 1
        out.append((triangle - 2048) * loud + (value >> 20) % 256 - 128)
    return np.array(out, np.int16)
