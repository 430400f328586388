"""A recorded sound as something to look at: a waveform of text, the notes in it, a small PNG."""

from __future__ import annotations

import itertools
import struct
import zlib

import numpy as np
import numpy.typing as npt

Samples = npt.NDArray[np.float64]

BARS = " ▁▂▃▄▅▆▇█"
NAMES = ("C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B")


def read_sln(path: str) -> Samples:
    """A headerless 16-bit file (Asterisk's `.sln`) as -1 .. 1; silence of no length when it is not there."""
    try:
        data = np.fromfile(path, dtype="<i2")
    except OSError:
        data = np.zeros(0, dtype="<i2")
    return data.astype(np.float64) / 32768.0


def waveform(samples: Samples, width: int = 72) -> str:
    """Loudness over time, one character a column."""
    if not len(samples):
        return " " * width
    edges = np.linspace(0, len(samples), width + 1).astype(int)
    peaks = [float(np.abs(samples[a:b]).max()) if b > a else 0.0 for a, b in itertools.pairwise(edges)]
    return "".join(BARS[min(len(BARS) - 1, int(np.ceil(min(peak * 2.5, 1.0) * (len(BARS) - 1))))] for peak in peaks)


def pitch(samples: Samples, rate: int = 8000) -> float:
    """The strongest frequency (Hz), 0.0 for silence."""
    if len(samples) < 64 or float(np.abs(samples).max()) < 0.01:
        return 0.0
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples)), 4 * len(samples)))
    return float(np.argmax(spectrum)) * rate / (4 * len(samples))


def note(frequency: float) -> str:
    """`A4` for 440 Hz; "-" for none."""
    if frequency <= 0:
        return "-"
    number = round(12 * float(np.log2(frequency / 440.0))) + 69
    return f"{NAMES[number % 12]}{number // 12 - 1}"


def notes(samples: Samples, rate: int = 8000, step: float = 0.05) -> list[str]:
    """The notes of a melody in order; what sounds for less than two steps (seconds) is passed over."""
    size = int(rate * step)
    heard = [note(pitch(samples[at : at + size], rate)) for at in range(0, len(samples) - size + 1, size)]
    melody: list[str] = []
    for before, now in itertools.pairwise(heard):
        if before == now != "-" and (not melody or melody[-1] != now):
            melody.append(now)
    return melody


def roll(samples: Samples, names: list[str], width: int = 64, rate: int = 8000) -> list[str]:
    """Which of these notes sounds when: a line for each, the highest on top."""
    size = max(1, len(samples) // width)
    columns = [note(pitch(samples[at : at + max(size, 400)], rate)) for at in range(0, size * width, size)]
    height = {name: 12 * int(name[-1]) + NAMES.index(name[:-1]) for name in names}
    ordered = sorted(names, key=lambda name: -height[name])
    return [f"{name:>3} |{''.join('█' if column == name else ' ' for column in columns)}|" for name in ordered]


def png(sounds: list[Samples], path: str, width: int = 900, height: int = 160) -> None:
    """Waveforms below each other as a grey PNG."""
    rows = np.full((height * len(sounds), width), 255, dtype=np.uint8)
    for index, samples in enumerate(sounds):
        middle = index * height + height // 2
        edges = np.linspace(0, len(samples), width + 1).astype(int)
        for column in range(width):
            part = samples[edges[column] : edges[column + 1]]
            low, high = (float(part.min()), float(part.max())) if len(part) else (0.0, 0.0)
            top, bottom = middle - int(high * height / 2), middle - int(low * height / 2)
            rows[top : bottom + 1, column] = 60
    raw = b"".join(b"\0" + row.tobytes() for row in rows)

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", width, rows.shape[0], 8, 0, 0, 0, 0)
    with open(path, "wb") as file:
        file.write(
            b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(raw)) + chunk(b"IEND", b"")
        )
