"""Batch system calls: what is received and sent is whole, and every error that a kernel gives is survived."""

from __future__ import annotations

import errno
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from random import Random

import numpy as np
import pytest

from pbx.channels.voice import address as addresses
from pbx.channels.voice.arena import SLOTS, Arena
from pbx.channels.voice.counters import PlaneCounters
from pbx.channels.voice.host import prepare
from pbx.channels.voice.layout import UDP_GRO, control_for, read_control
from pbx.channels.voice.mmsg import Kernel, MmsgKernel, PlainKernel, Ring, send
from pbx.channels.voice.outbox import Outbox

KERNELS = [MmsgKernel, PlainKernel]


class Shim:
    """A kernel that fails as told: each entry of a plan is None (do it), an errno, or how many to do at most."""

    def __init__(self, plan: list[int | None], most: list[int] | None = None) -> None:
        self.real = MmsgKernel()
        self.plan = plan
        self.most = most or []
        self.calls = 0

    def _next(self) -> int | None:
        self.calls += 1
        return self.plan.pop(0) if self.plan else None

    def receive(self, fd: int, table: int, count: int) -> tuple[int, int]:
        error = self._next()
        return (-1, error) if error else self.real.receive(fd, table, count)

    def send(self, fd: int, table: int, count: int) -> tuple[int, int]:
        error = self._next()
        if error:
            return -1, error
        return self.real.send(fd, table, min(count, self.most.pop(0)) if self.most else count)


@contextmanager
def _pair(host: str = "127.0.23.2") -> Iterator[tuple[socket.socket, socket.socket]]:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as one, socket.socket(family, socket.SOCK_DGRAM) as two:
        for sock in (one, two):
            sock.bind((host, 0))
            sock.setblocking(False)
        yield one, two


def _ring(kernel: Kernel) -> tuple[Ring, Arena, PlaneCounters]:
    arena, counters = Arena(), PlaneCounters()
    return Ring(arena, kernel, counters), arena, counters


def _box(sock: socket.socket, datagrams: list[bytes]) -> Outbox:
    box = Outbox(2)
    for data in datagrams:
        box.add_bytes(data, addresses.pack(*sock.getsockname()[:2]), addresses.NONE)
    return box


def _all(sock: socket.socket) -> list[bytes]:
    found = []
    while True:
        try:
            found.append(sock.recv(65536))
        except BlockingIOError:
            return found


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("host", ["127.0.23.2", "::1"])
def test_received_as_sent(kernel: type[Kernel], host: str) -> None:
    with _pair(host) as (one, two):
        ring, arena, _ = _ring(kernel())
        assert ring.receive(two.fileno()) == 0
        for round_ in range(2):
            datagrams = [bytes([i, round_]) * (i + 1) for i in range(20)]
            for data in datagrams:
                one.sendto(data, two.getsockname())
            assert ring.receive(two.fileno()) == 20
            got = [arena.bytes_at(int(ring.offset[i]), int(ring.length[i])) for i in range(20)]
            assert got == datagrams
            assert addresses.unpack(ring.name[7].tobytes()) == one.getsockname()[:2]


@pytest.mark.parametrize("kernel", KERNELS)
def test_a_long_one_is_whole(kernel: type[Kernel]) -> None:
    with _pair() as (one, two):
        ring, arena, _ = _ring(kernel())
        sizes = [2048, 2049, 9000, 65507]
        for size in sizes:
            one.sendto((bytes(range(251)) * 300)[:size], two.getsockname())
        assert ring.receive(two.fileno()) == 4
        _, offsets, lengths = ring.heads()
        assert (offsets, lengths) == (ring.offset[:4].tolist(), sizes), "for those who go one by one"
        for i, size in enumerate(sizes):
            assert arena.bytes_at(int(ring.offset[i]), int(ring.length[i])) == (bytes(range(251)) * 300)[:size]


@contextmanager
def _putting_together() -> Iterator[tuple[socket.socket, socket.socket]]:
    """A pair whose second one gets datagrams that were sent as one message as one."""
    with _pair() as (one, two):
        try:
            two.setsockopt(socket.IPPROTO_UDP, UDP_GRO, 1)
        except OSError as why:
            pytest.skip(f"this kernel has no UDP_GRO: {why}")
        prepare(two.fileno(), socket.AF_INET)
        yield one, two


def _cut(data: bytes, size: int) -> list[bytes]:
    return [data[at : at + size] for at in range(0, len(data), size)]


def _as_one(sock: socket.socket, data: bytes, size: int, to: socket.socket) -> list[bytes]:
    """Send datagrams of that many bytes (the last one may have fewer) as one message; the datagrams."""
    sock.sendmsg([data], [(socket.IPPROTO_UDP, 103, size.to_bytes(2, sys.byteorder))], 0, to.getsockname())
    return _cut(data, size)


def _taken(ring: Ring, arena: Arena) -> list[bytes]:
    return [arena.bytes_at(int(ring.offset[i]), int(ring.length[i])) for i in range(ring.count)]


def test_what_the_kernel_put_together_is_taken_apart() -> None:
    random = Random(8)
    with _putting_together() as (one, two), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as third:
        third.bind(("127.0.23.9", 0))
        ring, arena, _ = _ring(MmsgKernel())
        for _ in range(30):
            sent: list[bytes] = []
            owner: list[tuple[str, int]] = []
            for _ in range(random.randrange(1, 12)):
                who, size = random.choice((one, third)), random.randrange(12, 900)
                if random.random() < 0.4:
                    data = [random.randbytes(random.choice((0, 1, 12, 164, 1240, 5000)))]
                    who.sendto(data[0], two.getsockname())
                else:
                    data = _as_one(who, random.randbytes(random.randrange(size + 1, min(40 * size, 60000))), size, two)
                sent += data
                owner += [who.getsockname()] * len(data)
            assert ring.receive(two.fileno(), runs=True) == len(sent)
            assert _taken(ring, arena) == sent
            assert [addresses.unpack(name.tobytes()) for name in ring.name[: ring.count]] == owner
            names, offsets, lengths = ring.heads()
            assert offsets == ring.offset[: ring.count].tolist() and lengths == [len(data) for data in sent]
            assert names == ring.name[: ring.count].view(np.uint64)[:, 0].tolist()


def test_runs_and_single_ones_take_turns() -> None:
    """What one receive left in the tables is no part of the next."""
    with _putting_together() as (one, two):
        ring, arena, _ = _ring(MmsgKernel())
        for plain in (True, False, True, True, False):
            want = _as_one(one, bytes(range(200)) * 4, 164, two)
            assert ring.receive(two.fileno(), plain, True) == len(want)
            assert _taken(ring, arena) == want
            for n in range(7):
                one.sendto(bytes([n]) * 30, two.getsockname())
            assert ring.receive(two.fileno(), plain, True) == 7
            assert _taken(ring, arena) == [bytes([n]) * 30 for n in range(7)]
            assert ring.heads()[2] == [30] * 7


def test_runs_at_a_wildcard_socket_say_where_they_came_to() -> None:
    with _putting_together() as (one, _), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_:
        any_.bind(("0.0.0.0", 0))
        any_.setblocking(False)
        any_.setsockopt(socket.IPPROTO_UDP, UDP_GRO, 1)
        prepare(any_.fileno(), socket.AF_INET)
        ring, arena, _ = _ring(MmsgKernel())
        for _ in range(3):
            want: list[bytes] = []
            hosts: list[str] = []
            for n, size in ((81, 164), (82, 0), (83, 33)):
                any_to = (f"127.0.23.{n}", any_.getsockname()[1])
                data = bytes(range(200)) * 3
                if size:
                    control = [(socket.IPPROTO_UDP, 103, size.to_bytes(2, sys.byteorder))]
                    one.sendmsg([data], control, 0, any_to)
                else:
                    one.sendto(data, any_to)
                pieces = _cut(data, size or len(data))
                want += pieces
                hosts += [any_to[0]] * len(pieces)
            assert ring.receive(any_.fileno(), runs=True) == len(want)
            assert _taken(ring, arena) == want
            assert [addresses.unpack(ring.control(i)[0])[0] for i in range(ring.count)] == hosts
            one.sendto(b"alone", ("127.0.23.84", any_.getsockname()[1]))
            assert ring.receive(any_.fileno(), runs=True) == 1
            assert _taken(ring, arena) == [b"alone"]


def test_the_drop_counter_stands_before_the_length_of_a_run() -> None:
    with _putting_together() as (one, two):
        two.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        ring, arena, _ = _ring(MmsgKernel())
        for _ in range(100):
            one.sendto(bytes(1000), two.getsockname())
        while ring.receive(two.fileno(), False, True):
            pass
        want = _as_one(one, bytes(range(150)) * 4, 164, two)
        assert ring.receive(two.fileno(), False, True) == len(want)
        assert _taken(ring, arena) == want
        assert ring.control(len(want) - 1)[1] > 0 and ring.last_has_drops


@pytest.mark.parametrize("kernel", KERNELS)
def test_the_local_address_is_told_and_obeyed(kernel: type[Kernel]) -> None:
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as far,
    ):
        any_.bind(("0.0.0.0", 0))
        any_.setblocking(False)
        prepare(any_.fileno(), socket.AF_INET)
        far.bind(("127.0.23.3", 0))
        far.setblocking(False)
        port = any_.getsockname()[1]
        ring, _, counters = _ring(kernel())
        far.sendto(b"hello", ("127.0.23.77", port))
        assert ring.receive(any_.fileno()) == 1
        local, _ = ring.control(0)
        assert addresses.unpack(local)[0] == "127.0.23.77"
        box = Outbox()
        box.add_bytes(b"back", ring.name[0].tobytes(), local)
        send(kernel(), any_.fileno(), box, counters)
        assert far.recvfrom(100) == (b"back", ("127.0.23.77", port))


@pytest.mark.parametrize("kernel", KERNELS)
def test_sent_whole_and_in_order(kernel: type[Kernel]) -> None:
    with _pair() as (one, two):
        counters = PlaneCounters()
        datagrams = [bytes([i]) * 20 for i in range(50)]
        box = _box(two, datagrams)
        rows = np.arange(30, dtype=np.uint8)
        base = box.keep(rows)
        name = box.keep(addresses.pack(*two.getsockname()[:2]))
        box.add_two((base, 10), (base + 20, 5), name, addresses.LENGTH[socket.AF_INET], 0, 0)
        send(kernel(), one.fileno(), box, counters)
        assert _all(two) == [*datagrams, bytes([*range(10), *range(20, 25)])]
        assert box.count == 0
        assert counters.sent_datagrams == 51


def test_sendmmsg_that_stops_early_goes_on() -> None:
    with _pair() as (one, two):
        shim, counters = Shim([], [3, 1, 2]), PlaneCounters()
        datagrams = [bytes([i]) for i in range(10)]
        send(shim, one.fileno(), _box(two, datagrams), counters)
        assert _all(two) == datagrams
        assert shim.calls == 4


@pytest.mark.parametrize(
    ("plan", "lost"),
    [
        ([errno.ECONNREFUSED], 0),  # of an earlier datagram: this one is tried again
        ([errno.ECONNREFUSED, errno.ECONNREFUSED], 1),
        ([errno.EINTR], 0),
        ([errno.ENOBUFS], 1),
        ([errno.EPERM], 1),
        ([errno.EMSGSIZE, errno.ENETUNREACH], 2),
    ],
)
def test_an_error_costs_one_datagram_at_most(plan: list[int | None], lost: int) -> None:
    with _pair() as (one, two):
        counters = PlaneCounters()
        datagrams = [bytes([i]) for i in range(6)]
        send(Shim(plan), one.fileno(), _box(two, datagrams), counters)
        assert _all(two) == datagrams[lost:]
        assert counters.send_errors == lost


def test_a_full_socket_drops_the_rest() -> None:
    with _pair() as (one, two):
        counters = PlaneCounters()
        box = _box(two, [bytes([i]) for i in range(6)])
        send(Shim([None, errno.EAGAIN], [2]), one.fileno(), box, counters)
        assert _all(two) == [b"\0", b"\1"]
        assert counters.send_dropped == 4
        assert box.count == 0


def test_errors_of_receiving_hide_nothing() -> None:
    with _pair() as (one, two):
        ring, _, counters = _ring(Shim([errno.ECONNREFUSED, errno.EINTR, errno.ECONNREFUSED]))
        one.sendto(b"x", two.getsockname())
        assert ring.receive(two.fileno()) == 1
        assert counters.receive_errors == 3
        ring, _, _ = _ring(Shim([errno.EAGAIN]))
        assert ring.receive(two.fileno()) == 0
        ring, _, _ = _ring(Shim([errno.EBADF] * 100))
        assert ring.receive(two.fileno()) == 0


def test_a_peer_that_is_not_there_stops_nobody() -> None:
    with _pair() as (one, two):
        counters = PlaneCounters()
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as gone:
            gone.bind(("127.0.23.4", 0))
            dead = gone.getsockname()
        for _ in range(5):
            box = Outbox()
            for i in range(4):
                box.add_bytes(b"d", addresses.pack(*dead), addresses.NONE)
                box.add_bytes(bytes([i]), addresses.pack(*two.getsockname()), addresses.NONE)
            send(MmsgKernel(), one.fileno(), box, counters)
            assert _all(two) == [bytes([i]) for i in range(4)]


def test_a_full_ring_is_taken_in_pieces() -> None:
    with _pair() as (one, two):
        two.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        ring, _, _ = _ring(MmsgKernel())
        for _ in range(SLOTS + 5):
            one.sendto(b"x", two.getsockname())
        assert [ring.receive(two.fileno()) for _ in range(3)] == [SLOTS, 5, 0]


@pytest.mark.parametrize("host", ["127.0.0.9", "fe80::1%1", "2001:db8::7"])
def test_addresses_go_round(host: str) -> None:
    raw = addresses.pack(host, 4569)
    assert len(raw) == addresses.SIZE
    assert addresses.unpack(raw) == (host, 4569)
    local, dropped = read_control(control_for(addresses.pack(host, 0)))
    # what is sent with names the source, what is received names the destination: only IPv6 has one field for both
    if ":" in host:
        assert addresses.unpack(local)[0] == host
    assert dropped == -1
    assert addresses.unpack(addresses.NONE) == ("", 0)


@pytest.mark.parametrize("junk", [b"", b"\1", b"\xff" * 16, b"\0" * 64, b"\x10" + b"\0" * 20])
def test_control_data_that_makes_no_sense(junk: bytes) -> None:
    assert read_control(junk) == (addresses.NONE, -1)
