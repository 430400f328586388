"""From one format to another by the cheapest chain of steps.

`path` says which steps; a `Translator` runs them over rows of payloads as they stand on the wire.  Costs are
those that Asterisk prints (`core show translation`: computed from what a step loses, not from its run time),
so both systems choose alike.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType
from typing import Final, Protocol

import numpy as np

from pbx.codecs import g711, registry
from pbx.codecs.codec import Codec, Octets, Rows
from pbx.codecs.formats import ALAW, BY_NAME, SLIN, SLIN16, ULAW, Format
from pbx.codecs.resample import Resampler


@dataclass(frozen=True, slots=True)
class Step:
    """One translation.  cost: Asterisk's computed cost, "microseconds for one second of data"."""

    source: Format
    target: Format
    cost: int

    def __str__(self) -> str:
        return f"{self.source}->{self.target}"


_TO_SLIN: Final = 9000  # something lossy to linear, same rate
_FROM_SLIN: Final = 6000
_COSTS: Final[Mapping[tuple[str, str], int]] = MappingProxyType(
    {
        ("ulaw", "alaw"): 9150,
        ("alaw", "ulaw"): 9150,
        ("slin", "slin16"): 8000,
        ("slin16", "slin"): 8500,
        **{(name, "slin"): _TO_SLIN for name in ("ulaw", "alaw", "gsm", "g726", "g726aal2", "adpcm")},
        **{("slin", name): _FROM_SLIN for name in ("ulaw", "alaw", "gsm", "g726", "g726aal2", "adpcm")},
        ("g722", "slin"): 9600,
        ("slin", "g722"): 8250,
        ("g722", "slin16"): 9000,
        ("slin16", "g722"): 6000,
    }
)


def steps_there_are() -> tuple[Step, ...]:
    """Every single translation this installation can do (a codec may need a library that is not here)."""
    return tuple(
        Step(BY_NAME[source], BY_NAME[target], cost)
        for (source, target), cost in _COSTS.items()
        if registry.available(BY_NAME[source]) and registry.available(BY_NAME[target])
    )


@cache
def path(source: Format, target: Format) -> tuple[Step, ...] | None:
    """The cheapest chain; () when both are the same format, None when there is no way."""
    if source is target:
        return ()
    by_source: dict[str, list[Step]] = {}
    for step in steps_there_are():
        by_source.setdefault(step.source.name, []).append(step)
    queue: list[tuple[int, int, tuple[Step, ...]]] = [(0, 0, ())]
    order = 0
    done: set[str] = set()
    while queue:
        spent, _, chain = heapq.heappop(queue)
        here = chain[-1].target if chain else source
        if here is target:
            return chain
        if here.name in done:
            continue
        done.add(here.name)
        for step in by_source.get(here.name, ()):
            order += 1
            heapq.heappush(queue, (spent + step.cost, order, (*chain, step)))
    return None


def cost(source: Format, target: Format) -> int | None:
    """Sum of the path's costs; 0 for the same format, None where no path is."""
    chain = path(source, target)
    return None if chain is None else sum(step.cost for step in chain)


def reachable(source: Format, targets: Iterable[Format]) -> Format | None:
    """The target that is cheapest to reach from `source`, the earlier one where equal; None if none can be."""
    best: tuple[int, Format] | None = None
    for target in targets:
        spent = cost(source, target)
        if spent is not None and (best is None or spent < best[0]):
            best = (spent, target)
    return best[1] if best else None


class _Stage(Protocol):
    """A running step between arrays; linear sound stands in this machine's byte order between stages."""

    def add_row(self, row: int) -> None: ...

    def remove_row(self, row: int) -> None: ...

    def run(self, rows: Rows, data: np.ndarray) -> np.ndarray: ...


class _Decode:
    def __init__(self, codec: Codec) -> None:
        self.add_row, self.remove_row, self.run = codec.add_row, codec.remove_row, codec.decode
        self.slow = codec.slow


class _Encode:
    def __init__(self, codec: Codec) -> None:
        self.add_row, self.remove_row, self.run = codec.add_row, codec.remove_row, codec.encode
        self.slow = codec.slow


class _Across:
    """One law to the other without an array in between."""

    def __init__(self, law: Format) -> None:
        self._law = law.name

    def add_row(self, row: int) -> None:
        """Nothing to keep."""

    def remove_row(self, row: int) -> None:
        """Nothing was kept."""

    def run(self, rows: Rows, data: Octets) -> Octets:
        return g711.across(self._law, data)


def _stages(step: Step) -> list[_Stage]:
    source, target = step.source, step.target
    linear = (SLIN, SLIN16)
    if source in (ULAW, ALAW) and target in (ULAW, ALAW):
        return [_Across(source)]
    stages: list[_Stage] = []
    rate = source.rate
    if source not in linear:
        rate = registry.linear_rate(source, target.rate)
        stages.append(_Decode(registry.codec(source, rate)))
    wanted = target.rate if target in linear else registry.linear_rate(target, rate)
    if rate != wanted:
        stages.append(Resampler(rate, wanted))
    if target not in linear:
        stages.append(_Encode(registry.codec(target, wanted)))
    return stages


class Translator:
    """Runs a path over many streams; every stateful step keeps a state for each row.

    native_in, native_out: linear sound at that end is int16 in this machine's order, not octets of the wire;
    so `Translator(gsm, slin, native_out=True)` is a decoder, and `Translator(slin, gsm, native_in=True)` an encoder.
    Raises LookupError where no path is.
    """

    def __init__(self, source: Format, target: Format, *, native_in: bool = False, native_out: bool = False) -> None:
        chain = path(source, target)
        if chain is None:
            raise LookupError(f"no path from {source} to {target}")
        self.source, self.target, self.steps = source, target, chain
        stages: list[_Stage] = []
        if source in (SLIN, SLIN16) and not native_in:
            stages.append(_Decode(registry.codec(source)))
        for step in chain:
            stages.extend(_stages(step))
        if target in (SLIN, SLIN16) and not native_out:
            stages.append(_Encode(registry.codec(target)))
        wire_to_wire = not chain and not native_in and not native_out
        self._run: tuple[_Stage, ...] = () if wire_to_wire else tuple(stages)
        #: a frame takes milliseconds (`Codec.slow`)
        self.slow = any(getattr(stage, "slow", False) for stage in self._run)
        self._table = _TABLES.get((source.name, target.name))
        self._native_in, self._native_out = native_in, native_out

    def add_row(self, row: int) -> None:
        """Begin (or begin anew) the stream `row`, a small integer >= 0."""
        for stage in self._run:
            stage.add_row(row)

    def remove_row(self, row: int) -> None:
        """Forget it; unknown rows are ignored."""
        for stage in self._run:
            stage.remove_row(row)

    def translate(self, rows: Rows, data: np.ndarray) -> np.ndarray:
        """(rows, octets or samples) to the same of the target; each row once; whole codec frames only.

        Raises KeyError for a row that was not added where a step has a state.
        """
        for stage in self._run:
            data = stage.run(rows, data)
        return data

    def translate_one(self, row: int, payload: bytes) -> bytes:
        """One payload of one stream, wire to wire; octets beyond the last whole codec frame are dropped.

        Payloads whose format does not change are handed back as they are.
        """
        if self._table is not None:
            return payload.translate(self._table)
        if not self._run:
            return payload
        whole = len(payload) - len(payload) % self._unit()
        if not whole:
            return b""
        data = np.frombuffer(payload, np.uint8, whole).reshape(1, whole)
        return self.translate(np.array([row], np.intp), data).tobytes()

    def _unit(self) -> int:
        """Octets that make whole codec frames of source and target both."""
        samples = self.source.frame_samples
        octets = self.source.frame_bytes
        ratio = self.target.rate / self.source.rate
        count = 1
        while count * samples * ratio % self.target.frame_samples:
            count += 1
        return count * octets


_TABLES: Final = {("ulaw", "alaw"): g711.ULAW_TO_ALAW, ("alaw", "ulaw"): g711.ALAW_TO_ULAW}


def decoder(source: Format, rate: int = 8000) -> Translator:
    """Payloads of `source` to int16 samples at 8000 or 16000 Hz."""
    return Translator(source, SLIN16 if rate == 16000 else SLIN, native_out=True)


def encoder(target: Format, rate: int = 8000) -> Translator:
    """int16 samples at 8000 or 16000 Hz to payloads of `target`."""
    return Translator(SLIN16 if rate == 16000 else SLIN, target, native_in=True)
