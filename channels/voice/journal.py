"""What a voice plane must be told again when it is started anew: sockets, streams, legs, edges, settings.

Sounds, recordings and detectors are the graph's to say again (`Graph.replay`).
"""

from __future__ import annotations

from dataclasses import dataclass, field

from pbx.channels.voice.port import Buffering, Direction, Edge, EdgeKind, LegFlags
from pbx.channels.voice.records import Commands


@dataclass(slots=True)
class _Leg:
    generation: int
    socket: int
    address: tuple[str, int]
    local: str
    own_call: int
    remote_call: int
    flags: LegFlags
    clock_start: int
    receive: int = 0
    send: int = 0
    volume: int = 0
    keys: tuple[bytes, tuple[bytes, ...]] | None = field(default=None, repr=False)
    buffer: Buffering | None = None


class JournaledCommands(Commands):
    """`Commands` that remember what lasts.  All state is control's own words; nothing is read back from the plane."""

    def __init__(self) -> None:
        super().__init__()
        self.sockets: dict[int, tuple[int, int]] = {}
        #: number -> (pipe, format, always)
        self.streams: dict[int, tuple[int, str, bool]] = {}
        self._legs: dict[int, _Leg] = {}
        self._edges: dict[tuple[int, int, EdgeKind, Direction], Edge] = {}
        self._by_row: dict[int, set[tuple[int, int, EdgeKind, Direction]]] = {}
        self._trunk: tuple[int, int, bool, int] | None = None
        self._tests: tuple[int, int, int, int] | None = None
        self._concealment: tuple[bool, bool, bool] | None = None
        self._mediatick: int | None = None

    def add_socket(self, socket: int, fd: int, family: int) -> None:
        self.sockets[socket] = fd, family
        super().add_socket(socket, fd, family)

    def remove_socket(self, socket: int) -> None:
        self.sockets.pop(socket, None)
        super().remove_socket(socket)

    def open_stream(self, stream: int, fd: int, name: str, always: bool) -> None:
        self.streams[stream] = fd, name, always
        super().open_stream(stream, fd, name, always)

    def close_stream(self, stream: int) -> None:
        self.streams.pop(stream, None)
        super().close_stream(stream)

    def add_leg(
        self,
        row: int,
        generation: int,
        socket: int,
        address: tuple[str, int],
        local: str,
        own_call: int,
        remote_call: int,
        flags: LegFlags,
        clock_start: int,
    ) -> None:
        self._forget_edges(row)
        self._legs[row] = _Leg(generation, socket, address, local, own_call, remote_call, flags, clock_start)
        super().add_leg(row, generation, socket, address, local, own_call, remote_call, flags, clock_start)

    def bind_leg(self, row: int, address: tuple[str, int], local: str, remote_call: int, *, also: bool = False) -> None:
        leg = self._legs.get(row)
        if leg is not None:
            leg.address, leg.local, leg.remote_call = address, local, remote_call
        super().bind_leg(row, address, local, remote_call, also=also)

    def set_flags(self, row: int, flags: LegFlags) -> None:
        if row in self._legs:
            self._legs[row].flags = flags
        super().set_flags(row, flags)

    def set_keys(self, row: int, send: bytes, receive: tuple[bytes, ...]) -> None:
        if row in self._legs:
            self._legs[row].keys = send, receive
        super().set_keys(row, send, receive)

    def set_formats(self, row: int, receive: int, send: int) -> None:
        if row in self._legs:
            self._legs[row].receive, self._legs[row].send = receive, send
        super().set_formats(row, receive, send)

    def set_volume(self, row: int, gain: int) -> None:
        if row in self._legs:
            self._legs[row].volume = gain
        super().set_volume(row, gain)

    def voice_in(self, row: int, ts64: int, format_bit: int, payload: bytes) -> None:
        if format_bit and row in self._legs:
            self._legs[row].receive = format_bit
        super().voice_in(row, ts64, format_bit, payload)

    def voice_restart(self, row: int, clock_start: int) -> None:
        if row in self._legs:
            self._legs[row].clock_start, self._legs[row].receive = clock_start, 0
        super().voice_restart(row, clock_start)

    def remove_leg(self, row: int, generation: int) -> None:
        leg = self._legs.get(row)
        if leg is not None and leg.generation == generation:
            del self._legs[row]
            self._forget_edges(row)
        super().remove_leg(row, generation)

    def reset_edges(self, removed: list[Edge], added: list[Edge]) -> None:
        for edge in removed:
            key = edge.source, edge.sink, edge.kind, edge.direction
            self._edges.pop(key, None)
            for row in (edge.source, edge.sink):
                self._by_row.get(row, set()).discard(key)
        for edge in added:
            key = edge.source, edge.sink, edge.kind, edge.direction
            self._edges[key] = edge
            for row in (edge.source, edge.sink):
                self._by_row.setdefault(row, set()).add(key)
        super().reset_edges(removed, added)

    def _forget_edges(self, row: int) -> None:
        """The plane forgets the edges of a leg with the leg."""
        for key in self._by_row.pop(row, set()):
            self._edges.pop(key, None)
            other = key[1] if key[0] == row else key[0]
            self._by_row.get(other, set()).discard(key)

    def set_trunk(self, frequency_ms: int, mtu: int, timestamps: bool, max_size: int) -> None:
        self._trunk = frequency_ms, mtu, timestamps, max_size
        super().set_trunk(frequency_ms, mtu, timestamps, max_size)

    def set_buffer(self, row: int, buffer: Buffering) -> None:
        if row in self._legs:
            self._legs[row].buffer = buffer
        super().set_buffer(row, buffer)

    def test_jitter(self, late_ms: int, resync_ms: int, jitter_ms: int, percent: int) -> None:
        self._tests = 0, resync_ms, jitter_ms, percent
        super().test_jitter(late_ms, resync_ms, jitter_ms, percent)

    def set_concealment(self, decoded: bool, translated: bool, equal: bool) -> None:
        self._concealment = decoded, translated, equal
        super().set_concealment(decoded, translated, equal)

    def set_options(self, mediatick_us: int) -> None:
        self._mediatick = mediatick_us
        super().set_options(mediatick_us)

    def replay(self) -> None:
        """Say all of it again."""
        self.take()
        if self._trunk is not None:
            super().set_trunk(*self._trunk)
        if self._tests is not None:
            super().test_jitter(*self._tests)
        if self._concealment is not None:
            super().set_concealment(*self._concealment)
        if self._mediatick is not None:
            super().set_options(self._mediatick)
        for socket, (fd, family) in self.sockets.items():
            super().add_socket(socket, fd, family)
        for stream, (fd, name, always) in self.streams.items():
            super().open_stream(stream, fd, name, always)
        for row, leg in self._legs.items():
            super().resume_leg(
                row,
                leg.generation,
                leg.socket,
                leg.address,
                leg.local,
                leg.own_call,
                leg.remote_call,
                leg.flags,
                leg.clock_start,
            )
            if leg.keys is not None:
                super().set_keys(row, *leg.keys)
            if leg.buffer is not None:
                super().set_buffer(row, leg.buffer)
            super().set_formats(row, leg.receive, leg.send)
            if leg.volume:
                super().set_volume(row, leg.volume)
        if self._edges:
            super().reset_edges([], list(self._edges.values()))
