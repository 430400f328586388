"""Many frames in one message: what arrives is the same datagrams, in the same order for each address."""

from __future__ import annotations

import errno
import socket
from collections.abc import Iterator

import numpy as np
import pytest

from pbx.channels.voice import address as addresses
from pbx.channels.voice.arena import Arena
from pbx.channels.voice.counters import CounterTable, PlaneCounters
from pbx.channels.voice.legs import LegTable
from pbx.channels.voice.mmsg import Kernel, best_kernel, send
from pbx.channels.voice.outbox import Outbox
from pbx.channels.voice.segments import Refused, Segments

OWN = "127.0.55.41"
PEERS = ("127.0.55.42", "127.0.55.43")


@pytest.fixture
def ends() -> Iterator[list[socket.socket]]:
    made = []
    for host in (OWN, *PEERS):
        one = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        one.bind((host, 0))
        one.setblocking(False)
        made.append(one)
    yield made
    for one in made:
        one.close()


class Refusing:
    """A kernel without segmentation: messages of several pieces are refused from the `after`-th call on."""

    def __init__(self, error: int, good: int = 0) -> None:
        self.real = best_kernel()
        self.error = error
        self.good = good

    def receive(self, fd: int, table: int, count: int) -> tuple[int, int]:
        return self.real.receive(fd, table, count)

    def send(self, fd: int, table: int, count: int) -> tuple[int, int]:
        if self.good:
            self.good -= 1
            return self.real.send(fd, table, 1)
        return -1, self.error


def fill(ends: list[socket.socket], frames: list[tuple[int, bytes]]) -> tuple[LegTable, Outbox, Arena]:
    """A box with these (leg, datagram); odd legs are at one peer, even ones at the other."""
    legs, arena, box = LegTable(64, CounterTable(64)), Arena(), Outbox(8)
    for row in range(1, 64):
        legs.bind(row, addresses.pack(*ends[1 + row % 2].getsockname()), addresses.NONE, 1)
    for row, data in frames:
        box.add_plain(arena.base + arena.put(data), len(data), int(legs.name_pointer(row)))
    return legs, box, arena


def arrived(end: socket.socket) -> list[bytes]:
    found = []
    while True:
        try:
            found.append(end.recv(4096))
        except BlockingIOError:
            return found


def frames(count: int) -> list[tuple[int, bytes]]:
    """Frames of two lengths, for legs at two peers, numbered."""
    return [(1 + i % 40, i.to_bytes(4, "big") + bytes(160 if i % 5 else 33)) for i in range(count)]


def wanted(which: list[tuple[int, bytes]], peer: int, size: int) -> list[bytes]:
    return [data for row, data in which if row % 2 == peer and len(data) == size]


@pytest.mark.parametrize("count", [24, 100, 200])
def test_the_same_datagrams_arrive_in_order(ends: list[socket.socket], count: int) -> None:
    sent = frames(count)
    legs, box, _arena = fill(ends, sent)
    counters = PlaneCounters()
    try:
        assert Segments(legs, best_kernel(), counters).send(ends[0].fileno(), box)
    except Refused:
        pytest.skip("this kernel has no UDP segmentation")
    for peer in (0, 1):
        here = arrived(ends[1 + peer])
        for size in (37, 164):
            assert [data for data in here if len(data) == size] == wanted(sent, peer, size)
        assert len(here) == len(wanted(sent, peer, 37)) + len(wanted(sent, peer, 164))
    assert box.count == 0
    assert (counters.sent_datagrams, counters.send_errors, counters.send_dropped) == (count, 0, 0)


@pytest.mark.parametrize("good", [0, 1, 2])
def test_what_a_kernel_refuses_leaves_one_by_one(ends: list[socket.socket], good: int) -> None:
    sent = frames(100)
    legs, box, _arena = fill(ends, sent)
    kernel: Kernel = Refusing(errno.EINVAL, good)
    counters = PlaneCounters()
    with pytest.raises(Refused):
        Segments(legs, kernel, counters).send(ends[0].fileno(), box)
    send(best_kernel(), ends[0].fileno(), box, counters)
    assert sorted(arrived(ends[1]) + arrived(ends[2])) == sorted(data for _, data in sent)
    assert counters.sent_datagrams == 100


def test_a_full_socket_drops_and_counts(ends: list[socket.socket]) -> None:
    legs, box, _arena = fill(ends, frames(100))
    counters = PlaneCounters()
    assert Segments(legs, Refusing(errno.EAGAIN), counters).send(ends[0].fileno(), box)
    assert counters.send_dropped == 100
    assert box.count == 0


def test_few_for_each_are_not_worth_it(ends: list[socket.socket]) -> None:
    sent = [(1 + i, bytes(20 + i)) for i in range(30)]
    legs, box, _arena = fill(ends, sent)
    assert not Segments(legs, best_kernel(), PlaneCounters()).send(ends[0].fileno(), box)
    assert box.count == 30


def test_arrays_to_legs_leave_by_groups_or_stand_before_what_is_added_later(ends: list[socket.socket]) -> None:
    sent = frames(40)
    for later in (0, 1):
        legs, box, arena = fill(ends, [])
        put = [(arena.base + arena.put(data), len(data), row) for row, data in sent]
        pointer, length, rows = np.array(put, np.int64).T
        box.add_legs(pointer, length, rows, legs.name_pointer)
        assert box.count == 40
        if later:
            box.add_plain(arena.base + arena.put(b"last"), 4, int(legs.name_pointer(2)))
            assert [data for _, _, data in box.messages()] == [data for _, data in sent] + [b"last"]
        counters = PlaneCounters()
        try:
            assert Segments(legs, best_kernel(), counters).send(ends[0].fileno(), box)
        except Refused:
            pytest.skip("this kernel has no UDP segmentation")
        here = arrived(ends[1]) + arrived(ends[2])
        assert sorted(here) == sorted([data for _, data in sent] + [b"last"] * later)
        assert counters.sent_datagrams == 40 + later and not box.count
