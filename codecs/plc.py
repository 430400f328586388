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
#: samples of the past that a gap is filled from
KEEP: Final = _TEMPLATE + _LONGEST
_FULL: Final = 80  # samples of a gap before the sound fades
_GONE: Final = 480
_SEAM: Final = 40  # 5 ms


class Gaps:
    """What fills the gaps of many streams, whose past the caller keeps (the last `KEEP` samples before the gap)."""

    def __init__(self) -> None:
        self._state = RowState(
            {
                "cycle": ((_LONGEST,), np.float64, 0),
                "period": ((), np.int64, _SHORTEST),
                "gap": ((), np.int64, 0),
            }
        )
        self._open: set[int] = set()

    def add_row(self, row: int) -> None:
        self._state.add(row)
        self._open.discard(row)

    def remove_row(self, row: int) -> None:
        self._state.remove(row)
        self._open.discard(row)

    def open(self, rows: Rows) -> npt.NDArray[np.bool_]:
        """Which rows stand in a gap."""
        if not self._open:
            return np.zeros(len(rows), np.bool_)
        return np.fromiter((row in self._open for row in rows.tolist()), np.bool_, len(rows))

    def fill(self, rows: Rows, past: Samples, count: int) -> Samples:
        """`count` samples for each row; past (rows, KEEP) is read where a gap begins."""
        s = self._state.take(rows)
        fresh = np.flatnonzero(s["gap"] == 0)
        if len(fresh):
            period, cycle = _pitch(past[fresh])
            s["period"][fresh] = period
            s["cycle"][:, fresh] = cycle.T
        out: Samples = np.rint(_ghost(s, count)).astype(np.int16)
        s["gap"] = s["gap"] + count
        self._state.put(rows, s)
        self._open.update(rows.tolist())
        return out

    def blend(self, rows: Rows, samples: Samples) -> Samples:
        """Sound that came; behind a gap its first 5 ms are blended with what filled the gap, which ends."""
        behind = np.flatnonzero(self.open(rows))
        if not len(behind):
            return samples
        s = self._state.take(rows[behind])
        count = min(_SEAM, samples.shape[1])
        rise = (np.arange(count) + 1) / (count + 1)
        out = samples.copy()
        out[behind, :count] = np.rint(samples[behind, :count] * rise + _ghost(s, count) * (1 - rise)).astype(np.int16)
        s["gap"][:] = 0
        self._state.put(rows[behind], s)
        self._open.difference_update(rows[behind].tolist())
        return out


class Concealer:
    """The last sound of each row, and what to say in its place when nothing comes."""

    def __init__(self) -> None:
        self._state = RowState({"past": ((KEEP,), np.int16, 0)})
        self._gaps = Gaps()

    def add_row(self, row: int) -> None:
        self._state.add(row)
        self._gaps.add_row(row)

    def remove_row(self, row: int) -> None:
        self._state.remove(row)
        self._gaps.remove_row(row)

    def good(self, rows: Rows, samples: Samples) -> Samples:
        """Sound that came (rows, n); behind a gap its first 5 ms are blended with what filled the gap."""
        past = self._state.take(rows)["past"].T
        return self._remember(rows, past, self._gaps.blend(rows, samples))

    def lost(self, rows: Rows, count: int = 160) -> Samples:
        """`count` samples for each row, in place of sound that did not come."""
        past = self._state.take(rows)["past"].T
        return self._remember(rows, past, self._gaps.fill(rows, past, count))

    def _remember(self, rows: Rows, past: Samples, samples: Samples) -> Samples:
        line = np.concatenate([past, samples], axis=1)
        self._state.put(rows, {"past": line[:, -KEEP:].T})
        return samples


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
    start = KEEP - period[:, None]
    cycle = line[row, np.minimum(start + k, KEEP - 1)]
    before = line[row, np.clip(start - period[:, None] + k, 0, KEEP - 1)]
    quarter = period[:, None] // 4
    weight = np.clip((k - (period[:, None] - quarter)) / quarter, 0.0, 1.0)
    return period, cycle * (1 - weight) + before * weight
