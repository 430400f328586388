"""The voice plane: commands and datagrams in, datagrams and events out.  No socket, reactor or clock in it.

Who drives it (`LocalPort`, the voice process, a test) calls, in any order but
never at the same time: `commands`, `datagrams`, `tick` (each 20 ms),
`trunk_tick` (each trunkfreq) and `expire`; after each, what stands in `boxes`
is to be sent and cleared (then `sent()`), and `take_events()` is for control.
`now` is CLOCK_MONOTONIC in ns.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import numpy as np

from pbx.channels.voice import address as addresses
from pbx.channels.voice.batch import PART, Batch, Some, but_first, heads, parts
from pbx.channels.voice.ciphers import Ciphers
from pbx.channels.voice.clocked import Clocked, Input
from pbx.channels.voice.core import Core
from pbx.channels.voice.counters import RX_TS, CounterTable
from pbx.channels.voice.crowd import Crowd
from pbx.channels.voice.detect import Detectors
from pbx.channels.voice.edges import Edges
from pbx.channels.voice.express import Express
from pbx.channels.voice.headers import Headers, Kind
from pbx.channels.voice.holds import CHANGE_MS, HOLD_MS
from pbx.channels.voice.inbound import Inbound
from pbx.channels.voice.legs import Ints, LegTable, SinkState, SocketKeys, SourceState
from pbx.channels.voice.listeners import Listeners
from pbx.channels.voice.outbound import Outbound
from pbx.channels.voice.outbox import Outbox
from pbx.channels.voice.port import Buffering, Direction, Edge, EdgeKind, LegFlags
from pbx.channels.voice.records import apply_commands
from pbx.channels.voice.relay import Relay
from pbx.channels.voice.single import FEW, Heads, Single
from pbx.channels.voice.sinks import Recorder
from pbx.channels.voice.slots import Slots
from pbx.channels.voice.sounds import Outside, Sounds
from pbx.channels.voice.streams import Streams
from pbx.channels.voice.trunk import Trunks
from pbx.channels.voice.trunked import Trunked

_TRUNK_FLAG, _NO_CLEAR = int(LegFlags.TRUNK), int(LegFlags.NO_CLEAR)
_TRUNKED = int(LegFlags.TRUNK | LegFlags.ENCRYPTED)
_BAD, _FULL, _MINI, _TRUNK = int(Kind.BAD), int(Kind.FULL), int(Kind.MINI), int(Kind.TRUNK)
#: a full frame that is not told
_DROPPED = -1


#: what follows the first 64 bits of an IPv4 sockaddr
_V4_REST = bytes(addresses.SIZE - 8)


class Plane(Sounds):
    """See the module.  Implements `records.Plane`."""

    def __init__(self, headers: Headers, outside: Outside, counters: CounterTable) -> None:
        capacity = counters.rows
        self.core = Core(headers, capacity, counters)
        self.legs: LegTable = self.core.legs
        self.boxes: dict[int, Outbox] = self.core.boxes
        self.counters = self.core.counters
        self._outside = outside
        self.crowd = Crowd(self.core)
        self._edges = Edges()
        self.outbound = Outbound(self.core)
        self.slots = self.outbound.slots = Slots(self.core)
        self.trunks = self.outbound.trunks = Trunks(self.core)
        self.trunked = Trunked(self.core)
        self.relay = Relay(self.core, self.outbound, self.slots, self._aside)
        self.inbound = Inbound(self.core, self.relay.deliver)
        self.ciphers = self.outbound.ciphers = Ciphers(self.core)
        self.inbound.unseal = self.ciphers.one
        self.clocked = Clocked(self.core, self.outbound, self.slots, self._ended)
        self._single = Single(self.core)
        self.express = Express(self.core, self.trunks, self.trunked)
        #: batches up to this size are relayed one frame at a time
        self.few = FEW if sys.byteorder == "little" else 0
        #: bytes of datagrams that are dealt with at a time
        self.most = PART
        #: whether the short way can be tried
        self.short = sys.byteorder == "little"
        self.detectors = Detectors(self.core.events.detected)
        self.listeners = Listeners(self.slots, self.core.events.heard)
        self.streams = Streams(outside.read_stream, self._stream_over)
        self._recorders: dict[int, Recorder] = {}
        self._inputs: dict[int, list[tuple[int, Direction]]] = {}
        self._smooth: set[int] = set()
        #: sockets that hear more than one address, so that what is sent has to say which one it leaves from
        self._everywhere: set[int] = set()
        self._now = self._stamp = 0

    # ---- what it is driven by ---------------------------------------------------------------------------------

    def commands(self, batch: bytes, now: int) -> None:
        """Obey a batch of commands, in order.  Raises records.Malformed."""
        self._begin(now)
        apply_commands(batch, self)

    def datagrams(self, socket: int, batch: Batch, now: int) -> None:
        """What one socket received."""
        self._begin(now)
        n = batch.count
        keys = self.core.keys.get(socket)
        if not n or keys is None:
            return
        core = self.core
        core.counters.datagrams += n
        if n <= self.few:
            done = self.few_datagrams(socket, heads(batch), now, batch)
            if done == n:
                return
            batch = but_first(batch, done)
        self.arrays(socket, batch, keys)

    def arrays(self, socket: int, batch: Batch, keys: SocketKeys) -> None:
        """What one socket received, as arrays; after `begin`."""
        for part in parts(batch, self.most):
            self._arrays(socket, part, keys)

    def _arrays(self, socket: int, batch: Batch, keys: SocketKeys) -> None:
        core, n = self.core, batch.count
        offset, length, name = batch.offset[:n], batch.length[:n], batch.name[:n]
        if self.short and not keys.six and len(self.boxes) == 1:
            rest = self.express.relay(keys, self.boxes[socket], name, offset, length, self._now)
            if rest is not None:
                if not len(rest):
                    return
                batch, n = Some(batch, rest), len(rest)
                offset, length, name = batch.offset, batch.length, batch.name
        kind, call, stamp = core.headers.classify(core.arena.word[offset], length)
        row = keys.find(name, call)
        if kind is not None:
            full = (kind == _FULL).nonzero()[0]
            if len(full):
                kind[full[self.crowd.refused(name[full], row[full], self._now)]] = _DROPPED
                self._signalling(socket, batch, kind, row, stamp)
                return
            core.counters.malformed += int((kind == _BAD).sum())
            if (kind == _TRUNK).any():
                self._mixed(socket, batch, keys, kind, row, stamp, np.arange(n))
                return
            some = np.nonzero(kind == _MINI)[0]
            row, stamp, offset, length = row[some], stamp[some], offset[some], length[some]
        self._minis(row, stamp, offset, length)

    def rest(self, socket: int, batch: Batch, now: int) -> None:
        """What `few_datagrams` left of a batch, or one that is too large for it."""
        self.core.counters.datagrams += batch.count
        keys = self.core.keys.get(socket)
        if keys is not None:
            self._begin(now)
            self.arrays(socket, batch, keys)

    def few_datagrams(self, socket: int, few: Heads, now: int, batch: Batch | None = None) -> int:
        """Deal with the head of a small batch one by one, up to the first that needs more; how many that were.

        batch: asked for the local address of signalling; None where the socket has but one.
        """
        keys = self.core.keys.get(socket)
        if keys is None or keys.six or len(self.boxes) != 1:
            return 0
        box, relay, now_ms = self.boxes[socket], self._single.relay, now // 1_000_000
        done, n = relay(keys, box, few, now_ms), len(few[0])
        if done == n:
            return n
        memory, full_call = self.core.arena.memory, self.core.headers.full_call
        names, offsets, lengths = few
        self._begin(now)
        while done < n:
            offset, length = offsets[done], lengths[done]
            call = full_call(memory, offset, length)
            if call < 0:
                break
            name = names[done]
            owner = keys.one.get(name & ~0xFFFF | call, 0)
            data = bytes(memory[offset : offset + length])
            local = addresses.NONE if batch is None else batch.control(done)[0]
            held = self._hold(owner, data, self._clear(owner, data))
            self._told(socket, name.to_bytes(8, sys.byteorder) + _V4_REST, local, owner, data, held)
            done += 1
            if done < n:
                done += relay(keys, box, (names[done:], offsets[done:], lengths[done:]), now_ms)
        return done

    def _hold(self, row: int, data: bytes, clear: bytes) -> int:
        """Number of the hold that this full frame begins, 0 when voice of its row need not wait.

        Behind RTKEY nobody can read what comes: with the key in that one it may begin a hold, too.
        """
        headers, legs, holds = self.core.headers, self.legs, self.inbound.holds
        if row in holds and row in self.ciphers:
            return holds.begin(row, self._now, CHANGE_MS)
        if not clear:
            return 0
        format_bit = int(legs.rx_format[row])
        if not headers.holds(clear, format_bit, int(legs.rx[row, RX_TS])):
            return 0
        # of the very time of the last frame it would hold for what else it changes
        changes = row in holds or headers.holds(clear, format_bit, headers.full_stamp(clear))
        return holds.begin(row, self._now, CHANGE_MS if changes else HOLD_MS)

    def _told(self, socket: int, name: bytes, local: bytes, owner: int, data: bytes, held: int) -> None:
        generation = int(self.legs.generation[owner]) if owner else 0
        self.counters.signalling += 1
        self.core.events.datagram(socket, name, local, owner, generation, self._stamp, data, held)

    def tick(self, now: int, missed: int = 0) -> None:
        """20 ms of all that goes by the clock.  missed: ticks that were skipped before; recordings get them, too."""
        self._begin(now)
        for _ in range(missed):
            if not self.slots.pull_kept():
                break
            self._record()
        if self.relay.jitter.active:
            self.relay.jitter.tick(self._now)
        if self.slots.used:
            self.slots.pull()
            self._record()
            self.detectors.feed(self.slots.frame)
            self.listeners.feed()
        self.streams.tick()
        if self.clocked.active:
            self.clocked.tick(self._now)

    def trunk_tick(self, now: int) -> None:
        """Send the trunk frames that gathered."""
        self._begin(now)
        if self.trunks.queued:
            self.trunks.tick(self._now)

    def expire(self, now: int) -> None:
        """End holds that lasted too long, forget idle trunks.  Call at least each 100 ms while `holding`."""
        self._begin(now)
        self.inbound.holds.expire(self._now)
        self.trunks.expire(self._now)

    def _aside(self, work: Callable[[], Any], done: Callable[[Any, int], None]) -> None:
        def ended(result: Any, now: int) -> None:
            self._begin(now)
            done(result, self._now)

        self._outside.aside(work, ended)

    def take_events(self) -> bytes:
        """Events since the last time, as records."""
        return self.core.events.take()

    @property
    def events(self) -> bool:
        """True when `take_events` has something to say."""
        return bool(self.core.events)

    def sent(self) -> None:
        """All boxes were sent and cleared: the scratch is free again."""
        self.core.arena.reset()

    @property
    def ticking(self) -> bool:
        """True while `tick` has work."""
        return self.slots.used or self.clocked.active or self.relay.jitter.active or self.streams.active

    @property
    def holding(self) -> bool:
        return bool(self.inbound.holds)

    def _begin(self, now: int) -> None:
        self._stamp = now
        self._now = self.trunks.now = now // 1_000_000
        if self.relay.irregular:
            # packets that are no whole codec frames of the other end: those edges go through the clocked mix
            rows = set(self.relay.irregular)
            self.relay.irregular.clear()
            self._smooth |= rows
            self._refresh(rows | {e.sink for r in rows for e in self._edges.leaving(r)})

    # ---- datagrams --------------------------------------------------------------------------------------------

    def _minis(self, row: Ints, stamp: Ints, offset: Ints, length: Ints) -> None:
        """Mini frames: whole datagrams."""
        if np.count_nonzero(row) != len(row):
            known = row != 0
            self.counters.unknown_minis += len(row) - int(known.sum())
            row, stamp, offset, length = row[known], stamp[known], offset[known], length[known]
            if not len(row):
                return
        if self.ciphers:
            row, stamp, offset, length = self._open(row, stamp, offset, length)
            if not len(row):
                return
        over = self.core.headers.overhead
        self.inbound.minis(row, stamp, offset + over, length - over, self._now)

    def _open(self, row: Ints, stamp: Ints, offset: Ints, length: Ints) -> tuple[Ints, Ints, Ints, Ints]:
        """Minis in the clear; those whose key may be on its way wait as they are."""
        stamp, length = stamp.copy(), length.copy()
        dropped = self.ciphers.minis(row, stamp, offset, length, self._now)
        held = int(SourceState.HELD)
        for i in np.nonzero(self.legs.source_state[row] & held)[0].tolist():
            r = int(row[i])
            if r in self.ciphers:
                self.inbound.seal(r, self.core.arena.bytes_at(int(offset[i]), int(length[i])), self._now)
                dropped.append(i)
        if dropped:
            rest = np.setdiff1d(np.arange(len(row)), dropped)
            return row[rest], stamp[rest], offset[rest], length[rest]
        return row, stamp, offset, length

    def _clear(self, row: int, data: bytes) -> bytes:
        """A leg's full frame, deciphered; nothing when nobody can read it, or it is of no leg."""
        if row not in self.ciphers:
            return data if row else b""
        clear = self.ciphers.full(row, data)
        return clear if clear is not None and self.core.headers.is_frame(clear) else b""

    def _signalling(self, socket: int, batch: Batch, kind: Any, row: Ints, stamp: Ints) -> None:
        """A batch with full frames: voice before one that holds its row goes first, voice behind it waits."""
        core = self.core
        keys = core.keys[socket]
        core.counters.malformed += int((kind == _BAD).sum())
        start = 0
        for i in np.nonzero(kind == _FULL)[0].tolist():
            data = core.arena.bytes_at(int(batch.offset[i]), int(batch.length[i]))
            local, _ = batch.control(i)
            owner = int(row[i])
            clear = self._clear(owner, data)
            if clear and core.headers.holds(clear, int(self.legs.rx_format[owner]), -1):
                # it may: what came before it is dealt with first, then its time can be judged
                if i > start:
                    self._mixed(socket, batch, keys, kind, row, stamp, np.arange(start, i))
                start = i
            self._told(socket, batch.name[i].tobytes(), local, owner, data, self._hold(owner, data, clear))
        if start < batch.count:
            self._mixed(socket, batch, keys, kind, row, stamp, np.arange(start, batch.count))

    def _mixed(
        self, socket: int, batch: Batch, keys: SocketKeys, kind: Any, row: Ints, stamp: Ints, index: Ints
    ) -> None:
        """The voice among these datagrams: minis and trunk frames in order of arrival."""
        trunk = index[kind[index] == _TRUNK]
        mini = index[kind[index] == _MINI]
        if not len(trunk):
            if len(mini):
                self._minis(row[mini], stamp[mini], batch.offset[mini], batch.length[mini])
            return
        if self.ciphers and len(mini):
            self._minis(row[mini], stamp[mini], batch.offset[mini], batch.length[mini])
            mini = mini[:0]
        core = self.core
        entries = core.headers.trunk_entries(core.arena.flat, batch.offset[trunk], batch.length[trunk])
        core.counters.trunk_frames += len(trunk)
        core.counters.bad_trunk_frames += entries.bad
        rows = self.trunked.look(keys.find(batch.name.take(trunk.take(entries.frame), axis=0), entries.call))
        stamps = self.trunks.stamps(socket, batch.name[trunk], entries, rows, self._now)
        place = trunk[entries.frame]
        offset, length = entries.offset, entries.length
        if len(mini):
            over = core.headers.overhead
            place = np.concatenate([place, mini])
            order = np.argsort(place, kind="stable")
            rows = np.concatenate([rows, row[mini]])[order]
            stamps = np.concatenate([stamps, stamp[mini]])[order]
            offset = np.concatenate([offset, batch.offset[mini] + over])[order]
            length = np.concatenate([length, batch.length[mini] - over])[order]
        if np.count_nonzero(rows) != len(rows):
            known = rows != 0
            self.counters.unknown_minis += len(rows) - int(known.sum())
            rows, stamps, offset, length = rows[known], stamps[known], offset[known], length[known]
        if len(rows):
            self.inbound.minis(rows, stamps, offset, length, self._now)

    # ---- commands: sockets and datagrams out --------------------------------------------------------------------

    def add_socket(self, socket: int, fd: int, family: int) -> None:
        self.core.keys[socket] = SocketKeys(family, self.legs)
        self.boxes[socket] = Outbox(family=family)
        if self._outside.open_socket(socket, fd, family):
            self._everywhere.add(socket)

    def remove_socket(self, socket: int) -> None:
        self._outside.close_socket(socket)
        self._everywhere.discard(socket)
        self.core.keys.pop(socket, None)
        self.boxes.pop(socket, None)

    def send(
        self,
        socket: int,
        address: bytes,
        local: bytes,
        data: bytes,
        row: int,
        barrier: bool,
        clear: bytes = b"",
    ) -> None:
        clear = clear or data
        box = self.boxes.get(socket)
        if box is None:
            self.counters.unsendable += 1
            return
        known = bool(row) and self._live(row)
        if known:
            if barrier:
                self.outbound.barrier(row)
            if len(clear) >= 8:
                # the high half of whatever was sent last decides when voice has to say its time in full
                clock = self._now - int(self.legs.clock[row])
                stamp = self.core.headers.full_stamp(clear)
                self.legs.tx_high[row] = (clock + ((stamp - clock + 2**31) & 0xFFFFFFFF) - 2**31) >> 16
        self._post(box, socket, address, local, data, row if known else 0)
        if known and barrier and self.core.headers.is_voice(clear):
            self.outbound.passed(row, self._now)

    def _post(self, box: Outbox, socket: int, address: bytes, local: bytes, data: bytes, row: int) -> None:
        """Queue a datagram that is an object: by way of the scratch where that is all there is to it."""
        core = self.core
        at = core.arena.put(data) if socket not in self._everywhere and box.takes(address) else -1
        if at >= 0 and row and address == self.legs.name[row].tobytes():
            box.add_plain(core.arena.base + at, len(data), self.legs.name_pointer(row))
            return
        name = core.arena.put(address) if at >= 0 else -1
        if name >= 0:
            box.add_plain(core.arena.base + at, len(data), core.arena.base + name)
            box.others = True
            return
        box.add_bytes(data, address, local if socket in self._everywhere else addresses.NONE)

    # ---- commands: legs ---------------------------------------------------------------------------------------

    def _live(self, row: int) -> bool:
        return 0 < row < self.legs.capacity and bool(self.legs.live[row])

    def add_leg(
        self,
        row: int,
        generation: int,
        socket: int,
        address: bytes,
        local: bytes,
        own_call: int,
        remote_call: int,
        flags: int,
        clock_start: int,
        resumed: bool = False,
    ) -> None:
        if not 0 < row < self.legs.capacity:
            return
        self._outside.send_boxes()
        if self.legs.live[row]:
            self._drop(row)
        self.legs.add(row, generation, socket, own_call, flags, clock_start // 1_000_000, resumed)
        self.legs.bind(row, address, self._local(socket, address, local), remote_call)
        self.slots.restore_flags(row)
        self._rebind(row)
        if self._edges.touch(row):
            self._refresh({row, *(e.source for e in self._edges.entering(row))})

    def bind_leg(self, row: int, address: bytes, local: bytes, remote_call: int, also: bool = False) -> None:
        if self._live(row):
            self._outside.send_boxes()
            self.legs.bind(row, address, self._local(int(self.legs.socket[row]), address, local), remote_call)
            self._rebind(row, also)

    def _local(self, socket: int, address: bytes, local: bytes) -> bytes:
        """The local address that voice to `address` has to name; none where it leaves from there by itself."""
        if socket not in self._everywhere or self._outside.natural_source(address, local):
            return addresses.NONE
        return local

    def _rebind(self, row: int, also: bool = False) -> None:
        keys = self.core.keys.get(int(self.legs.socket[row]))
        if keys is not None:
            keys.add(row, also=also)
        self._trunk(row)

    def _trunk(self, row: int) -> None:
        flags = int(self.legs.flags[row])
        self.trunked.set(row, bool(flags & _NO_CLEAR))
        if flags & _TRUNKED == _TRUNK_FLAG:
            self.trunks.join(row)
        else:
            self.trunks.leave(row)

    def set_flags(self, row: int, flags: int) -> None:
        if self._live(row):
            self.trunks.flush_leg(row)
            self.legs.set_flags(row, flags)
            self._trunk(row)

    def set_buffer(self, row: int, buffer: Buffering) -> None:
        if self._live(row):
            self.relay.jitter.set(row, buffer)
            self._refresh({row})

    def mark(self, row: int, ts64: int, number: int) -> None:
        if self._live(row):
            self.relay.jitter.mark(row, ts64, number, self._now)

    def set_keys(self, row: int, send: bytes, receive: tuple[bytes, ...]) -> None:
        if not self._live(row):
            return
        self.ciphers.set(row, send, receive)

    def set_formats(self, row: int, receive: int, send: int) -> None:
        if not self._live(row):
            return
        self._receive_format(row, receive)
        self._send_format(row, send)

    def _receive_format(self, row: int, format_bit: int) -> None:
        legs = self.legs
        if int(legs.rx_format[row]) == format_bit:
            return
        legs.rx_format[row] = format_bit
        legs.set_source(row, SourceState.NO_FORMAT, not format_bit)
        legs.size[row] = -1
        if self._edges.touch(row):
            self._refresh({row, *(e.sink for e in self._edges.leaving(row))})

    def _send_format(self, row: int, format_bit: int) -> None:
        legs = self.legs
        if int(legs.tx_format[row]) == format_bit:
            return
        self.outbound.barrier(row)
        legs.tx_format[row] = format_bit
        legs.set_sink(row, SinkState.NO_FORMAT, not format_bit)
        self.outbound.need_full(row)
        if self._edges.touch(row):
            self._refresh({row, *(e.source for e in self._edges.entering(row))})

    def remove_leg(self, row: int, generation: int) -> None:
        if self._live(row) and int(self.legs.generation[row]) == generation:
            self._drop(row)

    def _drop(self, row: int) -> None:
        """The leg ends: what it played and recorded too."""
        self.outbound.barrier(row)
        for number in self.clocked.sources_of(row):
            self._ended(number, "stopped")
        for number in [n for n, r in self._recorders.items() if r.row == row]:
            self._end_recording(number, "stopped")
        self.detect(row, False, False, 0)
        self._silence_listeners(row)
        for keys in self.core.keys.values():
            keys.discard(row)
        self.inbound.forget(row)
        self.outbound.forget(row)
        self.ciphers.forget(row)
        self.trunks.leave(row)
        self.trunked.forget(row)
        self.relay.jitter.remove(row)
        touched = self._edges.remove_row(row)
        self._smooth.discard(row)
        if touched or row in self._inputs:
            self._refresh(touched | {row})
        self.clocked.forget(row)
        self.legs.remove(row)

    # ---- commands: voice by way of the core --------------------------------------------------------------------

    def voice_in(self, row: int, ts64: int, format_bit: int, payload: bytes) -> None:
        if not self._live(row):
            return
        if format_bit:
            self._receive_format(row, format_bit)
        at = self.core.arena.put(payload) if payload else -1
        if at >= 0:
            self.inbound.full(row, ts64, at, len(payload), self.inbound.holds.since(row, self._now))

    def release(self, row: int, held: int) -> None:
        if self._live(row):
            self.inbound.holds.release(row, held)

    def voice_restart(self, row: int, clock_start: int) -> None:
        if not self._live(row):
            return
        legs = self.legs
        self.inbound.forget(row)
        legs.clock[row] = legs.transit[row] = clock_start // 1_000_000
        legs.rx_ts[row] = legs.tx_ts[row] = legs.tx_high[row] = -1
        legs.origin[row] = 0
        self.relay.jitter.restart(row)
        self.outbound.need_full(row)
        self._receive_format(row, 0)

    # ---- commands: the graph ----------------------------------------------------------------------------------

    def reset_edges(self, removed: list[Edge], added: list[Edge]) -> None:
        good = [e for e in added if 0 < e.source < self.legs.capacity and 0 < e.sink < self.legs.capacity]
        self._refresh(self._edges.apply(removed, good))

    def _refresh(self, rows: set[int]) -> None:
        """Compile the edges of these rows to columns, targets and mixes."""
        for row in rows:
            self._inputs_of(row)
        sources = rows | {e.source for row in rows for e in self._edges.entering(row)}
        for row in sources:
            sinks = [
                e.sink
                for e in self._edges.leaving(row)
                if e.kind is EdgeKind.RELAY and self._live(e.sink) and not self._is_clocked(e.sink)
            ]
            self.relay.set_targets(row, sinks if self._live(row) else [])

    def _is_clocked(self, row: int) -> bool:
        """Its sound is made here: something is mixed, played, made louder, or needs other packet lengths."""
        if self.clocked.has_sources(row) or self.clocked.has_volume(row):
            return True
        relays = 0
        for edge in self._edges.entering(row):
            if edge.kind is EdgeKind.DETECT:
                continue
            relays += 1
            if edge.kind is not EdgeKind.RELAY or relays > 1 or edge.gain or edge.source in self._smooth:
                return True
        return False

    def _inputs_of(self, row: int) -> None:
        """What is mixed for a leg, as slots; none while it is relayed to."""
        mixed = self._live(row) and self._is_clocked(row)
        if not mixed and row not in self._inputs:
            return
        wanted: list[tuple[int, Direction]] = []
        gains: list[float] = []
        if mixed:
            for edge in self._edges.entering(row):
                if edge.kind is EdgeKind.DETECT:
                    continue
                for direction in (Direction.IN, Direction.OUT):
                    if edge.direction & direction:
                        wanted.append((edge.source, direction))
                        gains.append(10 ** (edge.gain / 2000))
        slots = [self.slots.want(r, d) for r, d in wanted]
        for r, d in self._inputs.pop(row, ()):
            self.slots.unwant(r, d)
        if wanted:
            self._inputs[row] = wanted
        self.clocked.set_inputs(row, tuple(Input(s, g) for s, g in zip(slots, gains, strict=True)))

    # ---- commands: settings -----------------------------------------------------------------------------------

    def set_trunk(self, frequency_ms: int, mtu: int, timestamps: bool, max_size: int) -> None:
        trunks = self.trunks
        if trunks.queued:
            trunks.tick(self._now)
        trunks.frequency, trunks.mtu = max(1, frequency_ms), mtu
        trunks.timestamps = timestamps
        trunks.room.allow(max_size)
        self._outside.trunk_frequency(trunks.frequency)

    def test_jitter(self, late_ms: int, resync_ms: int, jitter_ms: int, percent: int) -> None:
        tests = self.relay.jitter.tests
        tests.late, tests.resync, tests.jitter, tests.percent = late_ms, resync_ms, jitter_ms, percent

    def set_concealment(self, decoded: bool, translated: bool, equal: bool) -> None:
        self.slots.conceals = decoded
        self.relay.conceals, self.relay.conceals_equal = translated, equal

    def set_options(self, mediatick_us: int) -> None:
        self._outside.media_tick(mediatick_us)

    def test_timer(self, rate: int) -> None:
        self._outside.test_timer(min(max(1, rate), 1000))
