"""Call numbers over the life of calls, in virtual time: whose they are, how long they rest, what is named by them."""

from __future__ import annotations

from random import Random

import pytest

from pbx.channels.iax2.call import CannotCall, Outgoing
from pbx.channels.iax2.numbers import FIRST, HOLD, HOLD_ACKED, LAST, NumberPool
from tests.channels.iax2.test_calls import A, B, World
from tests.channels.world import World as SwitchWorld

ALL = set(range(FIRST, LAST + 1))


def test_every_number_may_be_used_and_is_unique_over_all_addresses_while_any_is_free() -> None:
    pool = NumberPool(Random(2))
    hosts = [(f"127.0.37.{n}", 4569) for n in range(1, 8)]
    taken = [pool.take(hosts[n % 7], n % 3 == 0, 0.0) for n in range(len(ALL))]
    assert len(taken) == len(set(taken))
    assert set(taken) == ALL


def test_when_none_is_free_each_address_may_have_others_numbers_but_none_twice() -> None:
    pool = NumberPool(Random(2))
    hosts = [(f"127.0.37.{n}", 4569) for n in range(1, 4)]
    own = {host: {pool.take(host, False, 0.0) for _ in range(len(ALL) // 3)} for host in hosts}
    assert sum(map(len, own.values())) == len(ALL) == len(set().union(*own.values()))
    for host in hosts:
        more = {pool.take(host, False, 0.0) for _ in range(5000)}
        assert len(more) == 5000
        assert not more & own[host]


def test_a_number_given_back_by_one_address_stays_the_others() -> None:
    pool = NumberPool(Random(2))
    here, there = ("127.0.37.1", 4569), ("127.0.37.2", 4569)
    taken = {pool.take(here, False, 0.0) for _ in range(len(ALL))}
    assert taken == ALL
    number = pool.take(there, False, 0.0)
    pool.give_back(number, here, 0.0)
    assert pool.known(number, there, HOLD + 1)
    assert not pool.known(number, here, HOLD + 1)
    assert not pool.move(number + 1 if number < LAST else FIRST, there, here)


def ends_of_a_call(world: World) -> tuple[int, int]:
    """Both ends' numbers of a call that stands."""
    call = world.call()
    world.net.run(1)
    (other,) = world.b.endpoint.calls()
    assert call.remote_number == other.own_number
    return call.own_number, other.own_number


def test_the_number_of_a_call_whose_hangup_was_acknowledged_rests_half_a_minute() -> None:
    world = World()
    near, far = ends_of_a_call(world)
    world.a.endpoint.calls()[0].hangup(16, world.net.now)
    world.a.pump()
    world.net.run(1)
    ended = world.net.now
    numbers = world.a.endpoint.core.numbers
    assert not world.a.endpoint.core.by_own
    assert numbers.known(near, B, ended + HOLD_ACKED - 1.1)
    assert not numbers.known(near, B, ended + HOLD_ACKED)
    # the other end can't know that its ACK came
    assert world.b.endpoint.core.numbers.known(far, A, ended + HOLD - 1.1)
    assert not world.b.endpoint.core.numbers.known(far, A, ended + HOLD)


def test_the_number_of_a_call_that_nobody_acknowledged_rests_a_minute() -> None:
    world = World()
    near, _ = ends_of_a_call(world)
    world.net.link.cut = True
    world.a.endpoint.calls()[0].hangup(16, world.net.now)
    world.a.pump()
    core = world.a.endpoint.core
    while core.by_own:
        world.net.run(1)
    ended = world.net.now
    assert core.numbers.known(near, B, ended + HOLD - 1.1)
    assert not core.numbers.known(near, B, ended + HOLD)


def test_no_call_without_a_number() -> None:
    world = World()
    numbers = world.a.endpoint.core.numbers
    for _ in range(numbers.free[0] + numbers.free[1]):
        numbers.take(B, False, world.net.now)
    with pytest.raises(CannotCall) as refused:
        world.a.endpoint.place_call(Outgoing("b", exten="600"), world.net.now)
    assert refused.value.cause == 42
    # another address has its own
    assert numbers.take(A, False, world.net.now)


def test_names_of_living_channels_are_unique() -> None:
    switch = SwitchWorld().switch
    names = [switch.create("IAX2/sink-77").name for _ in range(3)]
    assert names == ["IAX2/sink-77", "IAX2/sink-77-2", "IAX2/sink-77-3"]
    assert [switch.channel(name.upper()).name for name in names] == names  # type: ignore[union-attr]
    switch.channel(names[0]).end()  # type: ignore[union-attr]
    assert switch.create("IAX2/sink-77").name == "IAX2/sink-77"
