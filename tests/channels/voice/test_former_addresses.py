"""A leg that hears one call from two addresses (voice goes directly, all else by the middle): both are the leg's."""

from __future__ import annotations

import socket

import numpy as np
import pytest

from pbx.channels.voice import address as addresses
from pbx.channels.voice.counters import CounterTable
from pbx.channels.voice.legs import LegTable, SocketKeys

FAMILIES = {
    socket.AF_INET: ("127.0.25.1", "127.0.25.2", "127.0.25.3"),
    socket.AF_INET6: ("2001:db8::1", "2001:db8::2", "fe80::3%1"),
}


@pytest.mark.parametrize("family", FAMILIES)
def test_both_lead_to_it_until_it_is_bound_anew(family: socket.AddressFamily) -> None:
    legs = LegTable(64, CounterTable(64))
    keys = SocketKeys(family, legs)
    former, present, other = (addresses.pack(host, 4569) for host in FAMILIES[family])

    def found(address: bytes, call: int) -> int:
        name = np.frombuffer(address, np.uint8).reshape(1, -1).copy()
        return int(keys.find(name, np.array([call]))[0])

    legs.bind(5, former, addresses.NONE, 77)
    keys.add(5)
    assert (found(former, 77), found(present, 77)) == (5, 0)
    legs.bind(5, present, addresses.NONE, 78)
    keys.add(5, also=True)
    assert (found(former, 77), found(present, 78)) == (5, 5)
    assert (found(former, 78), found(present, 77), found(other, 77)) == (0, 0, 0)
    legs.bind(5, other, addresses.NONE, 79)
    keys.add(5)
    assert (found(former, 77), found(present, 78), found(other, 79)) == (0, 0, 5)
    keys.discard(5)
    assert found(other, 79) == 0
