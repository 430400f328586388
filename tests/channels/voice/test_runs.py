"""Datagrams that the kernel hands over as one message (UDP_GRO), through the whole plane: as if they had come alone."""

from __future__ import annotations

import socket
import struct
from random import Random
from typing import Any

import pytest

from pbx.channels.voice.layout import UDP_GRO
from pbx.channels.voice.port import Edge, EdgeKind
from tests.channels.voice.rig import ALAW, ULAW, Rig, full, mini

_UDP_SEGMENT = 103
#: speakers' rows; row + 1 hears each
SPEAKERS = (1, 3, 5)
SIZE = 160


def _send(rig: Rig, sock: socket.socket, frames: list[bytes], together: bool) -> None:
    """Those of one length that follow each other as one message, or each alone."""
    while frames:
        run = [frames.pop(0)]
        while together and frames and len(frames[0]) == len(run[0]) and len(run) < 40:
            run.append(frames.pop(0))
        size = [(socket.IPPROTO_UDP, _UDP_SEGMENT, struct.pack("=H", len(run[0])))] if len(run) > 1 else []
        sock.sendmsg([b"".join(run)], size, 0, rig.address)


def _play(seed: int, together: bool) -> tuple[dict[int, list[tuple[int, bytes]]], list[bytes], Any]:
    """What each hearer heard (format bit of the last full frame, payload), what control was told, received frames."""
    random = Random(seed)
    with Rig("127.0.38.90") as rig, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as far:
        try:
            rig.socket.setsockopt(socket.IPPROTO_UDP, UDP_GRO, 1)
        except OSError as why:
            pytest.skip(f"this kernel has no UDP_GRO: {why}")
        ends = {}
        far.bind(("127.0.38.91", 0))
        for row in SPEAKERS:
            speaker = rig.far(row, 500 + row, host=f"127.0.38.9{row + 1}")
            # all speakers are calls of one address
            rig.port.remove_leg(row, 7)
            speaker.address = far.getsockname()
            rig.port.add_leg(row, 8, 1, speaker.address, "", speaker.own, speaker.call, 0, rig.clock)
            rig.port.set_formats(row, ULAW, ULAW)
            ends[row + 1] = rig.far(row + 1, 500 + row + 1, hears=ULAW, host=f"127.0.38.10{row + 1}")
        rig.port.reset_edges([], [Edge(row, row + 1, EdgeKind.RELAY) for row in SPEAKERS])
        rig.port.flush()
        for row in SPEAKERS:
            far.sendto(full(500 + row, 1000 + row, 0, 2, ULAW, bytes(SIZE)), rig.address)
        rig.run(lambda: all(end.got for end in ends.values()))
        ring, apart = rig.port._host._ring, []
        take = ring._take_apart

        def counted(done: int) -> None:
            take(done)
            if ring.count > done:
                apart.append(ring.count)

        ring._take_apart = counted
        number = 0
        for n in range(1, 25):
            frames = []
            for row in random.choices(SPEAKERS, k=random.randrange(1, 40)):
                number += 1
                what, stamp = random.random(), 20 * n + number % 20
                payload = struct.pack(">I", number) * (SIZE // 4)
                if what < 0.1:
                    # of a mini's length: it stands in the middle of runs
                    frames.append(full(500 + row, 1000 + row, stamp, 2, random.choice((ULAW, ALAW)), payload[:-8]))
                elif what < 0.15:
                    frames.append(full(500 + row, 1000 + row, stamp, 6, 2))
                elif what < 0.4:
                    entry = struct.pack(">HHH", SIZE, 500 + row, stamp) + payload
                    frames.append(b"\0\0\1\1" + struct.pack(">I", 20 * n) + entry)
                else:
                    frames.append(mini(500 + row, stamp, payload))
            _send(rig, far, frames, together)
            rig.turn(0.01)
        rig.turn(0.1)
        assert bool(apart) is together, "the kernel gave no runs: nothing was tried"
        heard: dict[int, list[tuple[int, bytes]]] = {row: [] for row in ends}
        for row, end in ends.items():
            for data in end.got:
                heard[row].append((data[0] & 0x80, data[12:] if data[0] & 0x80 else data[4:]))
        told = [one[5] for one in rig.told.datagrams]
        return heard, told, [rig.port.counters.legs(row).received for row in SPEAKERS]


@pytest.mark.parametrize("seed", range(3))
def test_runs_give_what_single_ones_give(seed: int) -> None:
    alone, told, received = _play(seed, together=False)
    runs, told_runs, received_runs = _play(seed, together=True)
    assert told_runs == told
    assert received_runs == received
    assert runs == alone
    assert all(len(found) > 20 for found in alone.values())
