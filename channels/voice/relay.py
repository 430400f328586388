"""From a leg's voice in to whoever hears it: plain relay, relay with codec, copies for those who want the sound."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from pbx.channels.voice.core import Core, format_of
from pbx.channels.voice.counters import RX_STATE, RX_TO
from pbx.channels.voice.jitter import Jitter
from pbx.channels.voice.legs import Ints, SourceState
from pbx.channels.voice.outbound import Outbound
from pbx.channels.voice.slots import Slots
from pbx.channels.voice.slow import Aside, Copies, Payload, Slow
from pbx.codecs.concealment import ConcealingTranslator
from pbx.codecs.formats import Format
from pbx.codecs.translation import Translator

_SLOT = int(SourceState.SLOT)
_JITTER = int(SourceState.JITTER)
_NOWHERE, _MULTI, _CODEC = int(SourceState.NOWHERE), int(SourceState.MULTI), int(SourceState.CODEC)
_SPECIAL = _MULTI | _CODEC


AnyTranslator: TypeAlias = Translator | ConcealingTranslator


@dataclass(slots=True)
class Target:
    """One relay edge that needs a copy: to more than one sink, or translated.  stream: its row in the translator."""

    sink: int
    translator: AnyTranslator | None
    stream: int


class Relay:
    """Delivers accepted voice.  aside: see `Slow`."""

    def __init__(self, core: Core, outbound: Outbound, slots: Slots, aside: Aside) -> None:
        self._core = core
        self._outbound = outbound
        self._slots = slots
        self.jitter = Jitter(core, self.play, self.conceal, lambda row: slots.conceal(row, missing=False))
        #: gaps of buffered legs are filled where their sound is translated; where it is not
        self.conceals = False
        self.conceals_equal = False
        self._targets: dict[int, list[Target]] = {}
        self._translators: dict[tuple[int, int, bool], AnyTranslator | None] = {}
        #: of a row whose one edge has a codec: number of the translator (0 = it has several edges), stream, sink
        self._kind, self._stream, self._sink = np.zeros((3, core.legs.capacity), np.int64)
        self._kinds: list[AnyTranslator | None] = [None]
        self._streams = _Streams()
        #: counts the changes of each row's edges
        self._age = np.zeros(core.legs.capacity, np.int64)
        self._slow = Slow(aside, self._pass, self._age)
        #: rows whose packets can't be translated one by one; the plane makes their edges clocked
        self.irregular: set[int] = set()

    def deliver(self, row: Ints, record: Ints, ts: Ints, offset: Ints, size: Ints, now: int) -> None:
        """Voice of these rows (each once) with its 64-bit time; `record`: their rx records."""
        state = record[:, RX_STATE]
        if np.count_nonzero(state):
            buffered = (state & _JITTER) != 0
            if buffered.any():
                self.jitter.put(row[buffered], record[buffered], ts[buffered], offset[buffered], size[buffered], now)
                free = np.nonzero(~buffered)[0]
                if not len(free):
                    return
                row, record, ts, offset, size = row[free], record[free], ts[free], offset[free], size[free]
        self.play(row, record, ts, offset, size, now)

    def play(self, row: Ints, record: Ints, ts: Ints, offset: Ints, size: Ints, now: int) -> None:
        """The same, behind the jitter buffer."""
        state = record[:, RX_STATE]
        sink = record[:, RX_TO]
        if np.count_nonzero(state):
            wanted = (state & _SLOT) != 0
            if wanted.any():
                self._slots.spoken(row[wanted], ts[wanted], offset[wanted], size[wanted])
            special = (state & _SPECIAL) != 0
            if special.any():
                chosen = np.nonzero(special)[0]
                self._copies(row[chosen], ts[chosen], offset[chosen], size[chosen], now)
            some = np.nonzero(sink)[0]
            if not len(some):
                return
            sink, row, ts, offset, size = sink[some], row[some], ts[some], offset[some], size[some]
        self._outbound.relay(sink, row, ts, offset, size, now)

    def conceal(self, row: Ints, ts: Ints, now: int) -> None:
        """20 ms of these legs' voice did not come."""
        self._slots.conceal(row, missing=True)
        jobs: dict[ConcealingTranslator, list[tuple[int, Target]]] = {}
        for i, r in enumerate(row.tolist()):
            for target in self._targets.get(r, ()):
                if isinstance(target.translator, ConcealingTranslator):
                    jobs.setdefault(target.translator, []).append((i, target))
        for translator, job in jobs.items():
            index = np.array([i for i, _ in job], np.int64)
            sink, stream = (np.array([(t.sink, t.stream) for _, t in job], np.int64)).T
            copies = Copies(row[index], sink, stream, ts[index])
            if translator.slow:
                self._aside(translator, copies, None)
            else:
                self._pass(copies, translator.conceal(stream.astype(np.intp)), now)

    def _copies(self, row: Ints, ts: Ints, offset: Ints, size: Ints, now: int) -> None:
        """Voice that leaves by an edge with a codec, or by several edges."""
        kind = self._kind[row]
        if np.count_nonzero(kind) != len(kind):
            several = np.nonzero(kind == 0)[0]
            self._several(row[several], ts[several], offset[several], size[several], now)
            one = np.nonzero(kind)[0]
            row, ts, offset, size, kind = row[one], ts[one], offset[one], size[one], kind[one]
        group = kind << 32 | size
        for number in sorted(set(group.tolist())):
            some = np.nonzero(group == number)[0]
            mine = row[some]
            copies = Copies(mine, self._sink[mine], self._stream[mine], ts[some])
            self._copy(copies, offset[some], self._kinds[number >> 32], number & 0xFFFFFFFF, now)

    def _several(self, row: Ints, ts: Ints, offset: Ints, size: Ints, now: int) -> None:
        """Voice of these rows for each of their targets."""
        jobs: dict[tuple[int, int], list[tuple[int, Target]]] = {}
        sizes = size.tolist()
        for i, r in enumerate(row.tolist()):
            for target in self._targets.get(r, ()):
                jobs.setdefault((id(target.translator), sizes[i]), []).append((i, target))
        for (_, one_size), job in jobs.items():
            index = np.array([i for i, _ in job], np.int64)
            sink, stream = (
                np.array(part, np.int64) for part in zip(*((t.sink, t.stream) for _, t in job), strict=True)
            )
            copies = Copies(row[index], sink, stream, ts[index])
            self._copy(copies, offset[index], job[0][1].translator, one_size, now)

    def _copy(self, copies: Copies, offset: Ints, translator: AnyTranslator | None, size: int, now: int) -> None:
        """Payloads of one size, each copied and translated, to their sinks."""
        payload = self._core.gather(offset, size)
        if translator is not None:
            if not _whole(translator, size):
                self.irregular.update(copies.row.tolist())
                return
            if translator.slow:
                self._aside(translator, copies, payload)
                return
            payload = translator.translate(copies.stream, payload)
        self._pass(copies, payload, now)

    def _aside(self, translator: AnyTranslator, copies: Copies, payload: Payload | None) -> None:
        if not self._slow.put(translator, copies, payload):
            self._core.counters.held_dropped += len(copies.row)

    def _pass(self, copies: Copies, payload: Payload, now: int) -> None:
        """Payloads of one size to their sinks."""
        at = self._core.scatter(payload)
        if at is None:
            self._core.counters.held_dropped += len(payload)
            return
        length = np.full(len(payload), payload.shape[1], np.int64)
        for chosen in self._rounds(copies.sink):
            self._outbound.relay(
                copies.sink[chosen], copies.row[chosen], copies.ts[chosen], at[chosen], length[chosen], now
            )

    @staticmethod
    def _rounds(sink: Ints) -> list[Ints] | list[slice]:
        """Indices of which no two go to one sink."""
        if len(set(sink.tolist())) == len(sink):
            return [slice(None)]
        return [np.array([i]) for i in range(len(sink))]

    # ---- what the edges say -----------------------------------------------------------------------------------

    def set_targets(self, row: int, sinks: list[int]) -> None:
        """The relay edges leaving `row`: one plain edge becomes a column, anything else a list of targets."""
        legs = self._core.legs
        self._age[row] += 1
        for target in self._targets.pop(row, ()):
            if target.translator is not None:
                self._say(target.translator, target.translator.remove_row, target.stream)
                self._streams.free(target.stream)
        source = int(legs.rx_format[row])
        targets: list[Target] = []
        codec = False
        for sink in sinks:
            wanted = int(legs.tx_format[sink])
            gaps = row in self.jitter and (self.conceals_equal if wanted == source else self.conceals)
            if not wanted or not source or (wanted == source and not gaps):
                targets.append(Target(sink, None, 0))
                continue
            translator = self._translator(source, wanted, gaps)
            if translator is None and wanted == source:
                targets.append(Target(sink, None, 0))
                continue
            if translator is None:
                self._core.counters.untranslatable += 1
                continue
            stream = self._streams.take()
            self._say(translator, translator.add_row, stream)
            targets.append(Target(sink, translator, stream))
            codec = True
        plain = len(targets) == 1 and not codec
        legs.relay_to[row] = targets[0].sink if plain else 0
        state = int(legs.source_state[row]) & ~(_NOWHERE | _SPECIAL)
        if not plain:
            state |= _NOWHERE | (_MULTI if len(targets) > 1 else 0) | (_CODEC if codec else 0)
        legs.source_state[row] = state
        self._kind[row] = 0
        if targets and not plain:
            self._targets[row] = targets
            one = targets[0]
            if len(targets) == 1 and one.translator is not None:
                if one.translator not in self._kinds:
                    self._kinds.append(one.translator)
                self._kind[row], self._stream[row] = self._kinds.index(one.translator), one.stream
                self._sink[row] = one.sink

    def _say(self, translator: AnyTranslator, what: Callable[[int], None], stream: int) -> None:
        if translator.slow:
            self._slow.change(what, stream)
        else:
            what(stream)

    def _translator(self, source: int, wanted: int, gaps: bool) -> AnyTranslator | None:
        key = source, wanted, gaps
        if key not in self._translators:
            one, two = format_of(source), format_of(wanted)
            self._translators[key] = _make(one, two, gaps) if one and two else None
        return self._translators[key]


def _make(source: Format, target: Format, gaps: bool) -> AnyTranslator | None:
    if gaps:
        with contextlib.suppress(LookupError):
            return ConcealingTranslator(source, target)
    if source is target:
        return None
    try:
        return Translator(source, target)
    except LookupError:
        return None


def _whole(translator: AnyTranslator, size: int) -> bool:
    """True when a packet of `size` bytes is whole codec frames at both ends."""
    source, target = translator.source, translator.target
    if not source.frame_bytes or size % source.frame_bytes:
        return False
    samples = size // source.frame_bytes * source.frame_samples * target.rate // source.rate
    return samples > 0 and samples % target.frame_samples == 0


class _Streams:
    """Small numbers for codec states."""

    def __init__(self) -> None:
        self._free: list[int] = []
        self._next = 0

    def take(self) -> int:
        if self._free:
            return self._free.pop()
        self._next += 1
        return self._next - 1

    def free(self, number: int) -> None:
        self._free.append(number)
