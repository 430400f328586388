"""Packet loss concealment on 8 kHz samples, in the manner of G.711 Appendix I, for many streams at once.

A gap is filled with the last pitch period, repeated: full for 10 ms, then fading to nothing at 60 ms.  The
seams are cross-faded, the last one with the first sound after the gap, so that neither clicks.  No delay is added.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt

from pbx.codecs.codec import Rows, RowState, Samples

_SHORTEST, _LONGEST = 40, 120  # pitch period: 200 to 67 Hz
_TEMPLATE: Final = 160
_KEEP: Final = _TEMPLATE + _LONGEST
_FULL: Final = 80  # samples of a gap before the sound fades
_GONE: Final = 480
_SEAM: Final = 40  # 5 ms


class Concealer:
    """The last sound of each row, and what to say in its place when nothing comes."""

    def __init__(self) -> None:
        self._state = RowState(
            {
                "past": ((_KEEP,), np.int16, 0),
                "cycle": ((_LONGEST,), np.float64, 0),
                "period": ((), np.int64, _SHORTEST),
                "gap": ((), np.int64, 0),
            }
        )

    def add_row(self, row: int) -> None:
        self._state.add(row)

    def remove_row(self, row: int) -> None:
        self._state.remove(row)

    def good(self, rows: Rows, samples: Samples) -> Samples:
        """Sound that came (rows, n); behind a gap its first 5 ms are blended with what filled the gap."""
        s = self._state.take(rows)
        behind = np.flatnonzero(s["gap"] > 0)
        out = samples
        if len(behind):
            count = min(_SEAM, samples.shape[1])
            rise = (np.arange(count) + 1) / (count + 1)
            ghost = _ghost({name: value[..., behind] for name, value in s.items()}, count)
            out = samples.copy()
            out[behind, :count] = np.rint(samples[behind, :count] * rise + ghost * (1 - rise)).astype(np.int16)
            s["gap"][behind] = 0
        self._remember(rows, s, out)
        return out

    def lost(self, rows: Rows, count: int = 160) -> Samples:
        """`count` samples for each row, in place of sound that did not come."""
        s = self._state.take(rows)
        fresh = np.flatnonzero(s["gap"] == 0)
        if len(fresh):
            period, cycle = _pitch(s["past"][:, fresh].T)
            s["period"][fresh] = period
            s["cycle"][:, fresh] = cycle.T
        out = np.rint(_ghost(s, count)).astype(np.int16)
        s["gap"] = s["gap"] + count
        self._remember(rows, s, out)
        return out

    def _remember(self, rows: Rows, s: dict[str, npt.NDArray[Any]], samples: Samples) -> None:
        line = np.concatenate([s["past"].T, samples], axis=1)
        s["past"] = line[:, -_KEEP:].T
        self._state.put(rows, s)


def _ghost(s: dict[str, npt.NDArray[Any]], count: int) -> npt.NDArray[np.float64]:
    """The next `count` samples of the fading repetition, (rows, count)."""
    at = s["gap"][:, None] + np.arange(count)
    row = np.arange(len(at))[:, None]
    fade = np.clip((_GONE - at) / (_GONE - _FULL), 0.0, 1.0)
    value: npt.NDArray[np.float64] = s["cycle"][at % s["period"][:, None], row] * fade
    return value


def _pitch(past: Samples) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
    """Period of each row's last 20 ms, by normalised correlation, and one cycle that joins itself smoothly."""
    line = past.astype(np.float64)
    template = line[:, -_TEMPLATE:]
    windows = np.lib.stride_tricks.sliding_window_view(line, _TEMPLATE, axis=1)[:, :-1]
    windows = windows[:, : _LONGEST - _SHORTEST + 1][:, ::-1]  # shortest period first
    match = np.einsum("nlk,nk->nl", windows, template)
    energy = np.einsum("nlk,nlk->nl", windows, windows)
    period = (np.maximum(match, 0) / np.sqrt(energy + 1.0)).argmax(axis=1) + _SHORTEST
    row = np.arange(len(line))[:, None]
    # the cycle begins as the sound went on after the period before: its end blends into what stood before its start
    k = np.arange(_LONGEST)
    start = _KEEP - period[:, None]
    cycle = line[row, np.minimum(start + k, _KEEP - 1)]
    before = line[row, np.clip(start - period[:, None] + k, 0, _KEEP - 1)]
    quarter = period[:, None] // 4
    weight = np.clip((k - (period[:, None] - quarter)) / quarter, 0.0, 1.0)
    return period, cycle * (1 - weight) + before * weight
