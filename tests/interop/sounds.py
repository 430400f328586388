"""Test sounds that can be recognised: no two 20 ms frames of one are alike."""

from __future__ import annotations

import ctypes

import numpy as np


def sweep(seconds: float = 3.0, low: float = 300.0, high: float = 3000.0) -> np.ndarray:
    """A rising tone at 8 kHz, int16."""
    t = np.arange(int(8000 * seconds)) / 8000
    phase = 2 * np.pi * (low * t + (high - low) * t * t / (2 * seconds))
    return (12000 * np.sin(phase)).astype(np.int16)


def to_ulaw(samples: np.ndarray) -> bytes:
    """G.711 mu-law, straight from its definition (a test's own, not the project's)."""
    x = np.clip(samples.astype(np.int32), -32635, 32635)
    sign = np.where(x < 0, 0x80, 0)
    x = np.abs(x) + 132
    exponent = np.floor(np.log2(x)).astype(np.int32) - 7
    mantissa = (x >> (exponent + 3)) & 15
    return (~(sign | (exponent << 4) | mantissa) & 0xFF).astype(np.uint8).tobytes()


def from_ulaw(data: bytes) -> np.ndarray:
    u = ~np.frombuffer(data, np.uint8).astype(np.int32) & 0xFF
    x = (((u & 15) << 3) + 132 << ((u >> 4) & 7)) - 132
    return np.where(u & 0x80, -x, x).astype(np.int16)


def to_gsm(samples: np.ndarray) -> list[bytes]:
    """Frames of 33 bytes, by libgsm (not the project's own coder)."""
    library, state = _libgsm()
    frame = ctypes.create_string_buffer(33)
    found = []
    for block in samples[: len(samples) // 160 * 160].reshape(-1, 160):
        library.gsm_encode(state, np.ascontiguousarray(block, np.int16).ctypes.data_as(ctypes.c_void_p), frame)
        found.append(frame.raw)
    library.gsm_destroy(state)
    return found


def from_gsm(frames: list[bytes]) -> np.ndarray:
    library, state = _libgsm()
    sound = np.zeros((len(frames), 160), np.int16)
    for row, frame in zip(sound, frames, strict=True):
        library.gsm_decode(state, frame, row.ctypes.data_as(ctypes.c_void_p))
    library.gsm_destroy(state)
    return sound.reshape(-1)


def _libgsm() -> tuple[ctypes.CDLL, ctypes.c_void_p]:
    library = ctypes.CDLL("libgsm.so.1")
    library.gsm_create.restype = ctypes.c_void_p
    return library, ctypes.c_void_p(library.gsm_create())


def alike(sent: np.ndarray, heard: np.ndarray) -> float:
    """Best normalised correlation of what was sent with what was heard (1.0 = the same), over all shifts."""
    a = sent.astype(np.float64)
    b = heard.astype(np.float64)
    if len(b) < len(a) // 2 or not b.any():
        return 0.0
    n = 1 << (len(a) + len(b)).bit_length()
    product = np.fft.irfft(np.fft.rfft(b, n) * np.conj(np.fft.rfft(a, n)), n)
    return float(product.max() / np.sqrt((a * a).sum() * (b * b).sum() + 1e-9))
