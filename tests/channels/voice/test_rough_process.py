"""Bad lines against the voice process as it really runs: other calls do not notice, and its totals tell."""

from __future__ import annotations

import os
import random
import signal
import socket
import struct
from collections.abc import Callable
from functools import partial

import pytest

from pbx.channels.voice.counters import PlaneCounters
from pbx.channels.voice.mmsg import PlainKernel
from pbx.channels.voice.port import Edge, EdgeKind
from tests.channels.voice.rig import Far, Rig, mini

Make = Callable[[], Rig]
FRAMES = 100


@pytest.fixture(params=["apart", "without recvmmsg"])
def make(request: pytest.FixtureRequest) -> Make:
    if request.param == "apart":
        return partial(Rig, "127.0.38.61", apart=True)
    return partial(Rig, "127.0.38.61", kernel=PlainKernel())


def _good(rig: Rig) -> tuple[Far, Far]:
    """A call that must not notice: who speaks, and who hears."""
    speaker, hearer = rig.far(1, 501, host="127.0.38.62"), rig.far(2, 502, host="127.0.38.63")
    hearer.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
    rig.port.reset_edges([], [Edge(1, 2, EdgeKind.RELAY)])
    rig.port.flush()
    rig.obeyed()
    return speaker, hearer


def _packet(n: int) -> bytes:
    return struct.pack(">I", n) * 40


def _talk(rig: Rig, speaker: Far, hearer: Far, meanwhile: Callable[[int], None]) -> None:
    """The good call's frames, each behind something bad; all of them are heard, in order."""
    speaker.voice(0, _packet(0))
    rig.run(lambda: len(hearer.got) == 1, 15)
    for n in range(1, FRAMES):
        meanwhile(n)
        speaker.mini(20 * n, _packet(n))
        rig.turn(0.002)
    rig.run(lambda: len(hearer.got) >= FRAMES, 15)
    assert hearer.payloads == [_packet(n) for n in range(FRAMES)]
    assert rig.port.counters.legs(1).received == FRAMES
    assert (rig.port.counters.legs(1).lost, rig.port.counters.legs(1).out_of_order) == (0, 0)


def _totals(rig: Rig, enough: Callable[[PlaneCounters], bool]) -> PlaneCounters:
    try:
        rig.run(lambda: enough(rig.port.counters.totals()), 15)
    except AssertionError:
        raise AssertionError(rig.port.counters.totals()) from None
    return rig.port.counters.totals()


def test_trunk_frames_that_lie(make: Make) -> None:
    """Random octets, frames cut short, lengths that lie, from a peer with a call and from a stranger."""
    dice = random.Random(38)
    whole = b"\0\0\1\1" + struct.pack(">I", 7) + struct.pack(">HHH", 160, 700, 20) + bytes(160)
    kinds: list[Callable[[], bytes]] = [
        lambda: b"\0\0\1\1" + dice.randbytes(4) + b"\xff" + dice.randbytes(dice.randrange(5, 900)),
        lambda: whole[: dice.randrange(9, len(whole))],
        lambda: whole[:8] + b"\x7f\xff" + whole[10:],
        lambda: b"\0\0\1\1\0\0\0\0\0\0" * dice.randrange(1, 90) + b"\1",
    ]
    with make() as rig:
        speaker, hearer = _good(rig)
        bad = rig.far(3, 700, host="127.0.38.64")
        rig.port.flush()
        stranger = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        stranger.bind(("127.0.38.65", 0))

        def lie(n: int) -> None:
            bad.send(kinds[n % 4]())
            stranger.sendto(kinds[(n + 1) % 4](), rig.address)
            bad.send(b"\0\0\7" + dice.randbytes(30))
            bad.send(b"\0")

        _talk(rig, speaker, hearer, lie)
        totals = _totals(rig, lambda t: t.datagrams == 1 + 5 * (FRAMES - 1))
        assert totals.malformed == 2 * (FRAMES - 1)
        assert totals.bad_trunk_frames > 1.5 * FRAMES
        stranger.close()


def test_a_port_that_answers_with_icmp_errors_and_a_peer_that_stops_reading(make: Make) -> None:
    with make() as rig:
        speaker, hearer = _good(rig)
        talkers = [rig.far(10 + i, 510 + i, host=f"127.0.38.7{i}") for i in range(2)]
        dead, deaf = (rig.far(20 + i, 520 + i, host=f"127.0.38.8{i}") for i in range(2))
        rig.port.reset_edges([], [Edge(10, 20, EdgeKind.RELAY), Edge(11, 21, EdgeKind.RELAY)])
        rig.port.flush()
        rig.obeyed()
        for talker in talkers:
            talker.voice(0, _packet(0))
        rig.run(lambda: bool(dead.got and deaf.got), 15)
        deaf.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
        rig.fars.remove(deaf)
        rig.fars.remove(dead)
        dead.socket.close()

        def say(n: int) -> None:
            for talker in talkers:
                talker.mini(20 * n, _packet(n))

        _talk(rig, speaker, hearer, say)
        # an error that the kernel tells at a send belongs to an earlier datagram: nobody else's is lost by it
        assert [rig.port.counters.legs(row).sent for row in (2, 20, 21)] == [FRAMES] * 3
        totals = _totals(rig, lambda t: t.datagrams >= 3 * FRAMES)
        assert totals.send_dropped == 0
        deaf.socket.close()


def test_a_flood_of_one_stranger_fills_the_socket_and_is_counted() -> None:
    """What the kernel drops while the plane sleeps is told; voice goes on right after."""
    with Rig("127.0.38.66") as rig:
        speaker, hearer = _good(rig)
        speaker.voice(0, _packet(0))
        rig.run(lambda: len(hearer.got) == 1, 15)
        rig.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 16)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
            stranger.bind(("127.0.38.67", 0))
            for _ in range(3000):
                stranger.sendto(bytes((2, 2, 0, 0)) + bytes(160), rig.address)
        rig.run(lambda: rig.plane.counters.unknown_minis > 0)
        rig.turn(0.05)
        for n in range(1, 600):
            speaker.mini(20 * n, _packet(n))
            rig.turn(0.001)
        rig.run(lambda: len(hearer.got) == 600, 15)
        totals = _totals(rig, lambda t: t.kernel_dropped > 0)
        assert totals.kernel_dropped + totals.unknown_minis == 3000


def test_what_the_kernel_dropped_is_counted_over_all_sockets() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other, Rig("127.0.38.70") as rig:
        other.bind(("127.0.38.71", 0))
        other.setblocking(False)
        rig.port.add_socket(2, other.fileno(), socket.AF_INET)
        rig.port.flush()
        rig.turn(0.01)
        counters, host = rig.plane.counters, rig.port._host
        sent = 0
        for mine, number in ((rig.socket, 1), (other, 2), (rig.socket, 1)):
            mine.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 15)
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
                for _ in range(1000):
                    stranger.sendto(bytes((2, 2, 0, 0)) + bytes(160), mine.getsockname())
            sent += 1000
            while host._drain(number):
                pass
            # the kernel tells at the next datagram, and the plane looks each so many times
            for _ in range(300):
                rig.turn(0)
                with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
                    stranger.sendto(bytes((2, 2, 0, 0)) + bytes(160), mine.getsockname())
                sent += 1
                host._drain(number)
            assert counters.kernel_dropped + counters.unknown_minis == sent


def test_a_flood_is_taken_in_parts() -> None:
    """However much waits, one reading of a socket ends: ticks, commands and other sockets have their turn between."""
    with Rig("127.0.38.69") as rig, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
        rig.port.flush()
        for _ in range(5000):
            stranger.sendto(bytes((2, 2, 0, 0)) + bytes(160), rig.address)
        # without the right to it the buffer is smaller than all that
        taken = rig.port._host._drain(1)
        assert 0 < taken == rig.plane.counters.unknown_minis <= 2048
        before = taken
        while taken:
            taken = rig.port._host._drain(1)
            assert taken <= 2048
            before += taken
        assert rig.plane.counters.unknown_minis == before


def test_totals_go_on_when_the_process_is_replaced() -> None:
    with Rig("127.0.38.68", apart=True) as rig:
        bad = rig.far(3, 700, host="127.0.38.64")
        rig.port.flush()
        for _ in range(5):
            bad.send(b"\0")
        _totals(rig, lambda t: t.malformed == 5)
        rig.turn(2.1)
        os.kill(rig.port.pid, signal.SIGKILL)
        rig.run(lambda: rig.port.restarts == 1, 30)
        rig.run(lambda: rig.port.pid != 0, 30)
        bad.send(b"\0")
        bad.send(mini(9, 0, bytes(20)))
        totals = _totals(rig, lambda t: t.malformed == 6 and t.unknown_minis == 1)
        assert totals.datagrams == 7
