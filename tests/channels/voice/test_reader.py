"""When sockets are read, and how exact ticks are."""

from __future__ import annotations

import time
from typing import Any

import pytest
from twisted.internet.epollreactor import EPollReactor
from twisted.internet.task import Clock

from pbx.channels.voice.reader import Readers
from pbx.channels.voice.timer import Ticker
from pbx.channels.voice.timertest import Exactness, TimerTest


class FakeReactor(Clock):
    """Readers by hand; ticks come from the clock (as on a system without timerfd)."""

    def __init__(self) -> None:
        super().__init__()
        self.readers: set[Any] = set()

    def addReader(self, reader: Any) -> None:
        self.readers.add(reader)

    def removeReader(self, reader: Any) -> None:
        self.readers.discard(reader)


@pytest.fixture
def no_timerfd(monkeypatch: pytest.MonkeyPatch) -> None:
    def none() -> int:
        raise OSError("none here")

    monkeypatch.setattr("pbx.channels.voice.timer.open_timer", none)


class Load:
    """So many datagrams a second wait at one socket."""

    def __init__(self) -> None:
        self.reactor = FakeReactor()
        self.rate = 0.0
        self.waiting = 0.0
        self.drains = 0
        self.taken = 0
        self.readers = Readers(self.reactor, self._drain, lambda: int(self.reactor.seconds() * 1e9))
        self.readers.add(1, 99)

    def _drain(self, socket: int) -> int:
        assert socket == 1
        taken, self.drains = min(int(self.waiting), 1024), self.drains + 1
        self.waiting -= taken
        self.taken += taken
        return taken

    def run(self, rate: float, seconds: float) -> None:
        for _ in range(int(seconds * 2000)):
            self.reactor.advance(0.0005)
            self.waiting += rate / 2000
            if self.waiting >= 1:
                for reader in tuple(self.reactor.readers):
                    reader.doRead()


@pytest.mark.usefixtures("no_timerfd")
def test_much_is_read_on_a_tick_and_little_at_once() -> None:
    load = Load()
    load.run(300, 2)
    assert not load.readers.ticking
    load.run(5000, 1)
    assert load.readers.ticking
    assert load.readers.period == 2500
    assert not load.reactor.readers
    load.run(80_000, 2)
    assert load.readers.period == 2000
    load.run(190_000, 2)
    assert load.readers.period == 1500
    load.run(700, 3)
    assert load.readers.ticking  # it comes back below 500 only
    load.run(200, 3)
    assert not load.readers.ticking
    assert len(load.reactor.readers) == 1
    drains = load.drains
    load.run(200, 1)
    assert load.drains - drains <= 201
    assert load.waiting < 2


@pytest.mark.usefixtures("no_timerfd")
def test_the_tick_has_a_cap_and_ends_with_the_socket() -> None:
    load = Load()
    load.readers.mediatick = 1000
    load.run(5000, 1)
    assert load.readers.period == 1000
    load.readers.remove(1)
    assert not load.readers.ticking
    assert not load.reactor.readers
    assert not load.reactor.getDelayedCalls()


def test_ticks_by_the_kernel_do_not_drift_and_tell_what_was_missed() -> None:
    reactor = EPollReactor()
    counts: list[int] = []
    ticker = Ticker(reactor, counts.append)
    begin = time.monotonic()
    ticker.start(10_000)
    while sum(counts) < 20:
        reactor.doIteration(0.5)
        if len(counts) == 5:
            time.sleep(0.045)  # a stall
    spent = time.monotonic() - begin
    ticker.stop()
    assert max(counts) >= 4
    assert sum(counts) * 0.01 <= spent
    assert not reactor.getReaders()[:-1]
    reactor._poller.close()


@pytest.mark.usefixtures("no_timerfd")
@pytest.mark.parametrize(("mediatick", "period"), [(2500, 10000), (1000, 1000)])
def test_what_can_wait_is_read_less_often(mediatick: int, period: int) -> None:
    """Trunk frames can, unless somebody asked for a short tick."""
    load = Load()
    load.readers.mediatick = mediatick
    load.readers.patient = lambda: True
    load.run(5000, 2)
    assert load.readers.period == period
    load.readers.patient = lambda: False
    load.run(5000, 2)
    assert load.readers.period == min(mediatick, 2500)


@pytest.mark.usefixtures("no_timerfd")
def test_what_was_just_read_is_not_read_again() -> None:
    load = Load()
    load.run(5000, 1)
    assert load.readers.period == 2500
    load.reactor.advance(0.0025 - load.reactor.seconds() % 0.0025 + 0.001)  # 1 ms behind a tick
    drains = load.drains
    load.reactor.advance(0.001)
    load.readers.read_all()
    load.reactor.advance(0.001)
    assert load.drains == drains + 1  # the tick came half a millisecond later
    load.reactor.advance(0.0025)
    assert load.drains == drains + 2


@pytest.mark.usefixtures("no_timerfd")
def test_ticks_by_the_reactor_keep_to_their_schedule() -> None:
    clock = Clock()
    counts: list[int] = []
    ticker = Ticker(clock, counts.append)
    ticker.start(20_000)
    clock.advance(0.019)
    assert counts == []
    clock.advance(0.0011)
    assert counts == [1]
    clock.advance(0.0999)
    assert counts == [1, 5]
    clock.advance(0.0201)
    assert counts == [1, 5, 1]
    ticker.stop()
    assert not clock.getDelayedCalls()


def test_a_second_of_ticks_is_compared_with_the_schedule() -> None:
    reactor = EPollReactor()
    found: list[Exactness] = []
    TimerTest(reactor, 100, found.append)
    reactor.startRunning(installSignalHandlers=False)
    deadline = time.monotonic() + 10
    while not found and time.monotonic() < deadline:
        reactor.runUntilCurrent()
        reactor.doIteration(0.05)
    (one,) = found
    assert one.kernel
    assert one.ticks >= 99
    assert one.milliseconds >= 990
    assert 0 <= one.mean <= one.worst
    # no tick was early, and none got lost: those that were missed are counted when the next comes
    assert one.ticks <= one.milliseconds // 10
    assert not reactor.getReaders() or all(r.logPrefix() != "voice timer" for r in reactor.getReaders())


class Control:
    """The way to control: how often it was read on a tick."""

    def __init__(self) -> None:
        self.reads = 0

    def fileno(self) -> int:
        return 7

    def doRead(self) -> None: ...

    def read_all(self) -> None:
        self.reads += 1


def signalling() -> tuple[Load, Control]:
    """All that comes is signalling; control speaks, too."""
    load = Load()
    control = load.readers.beside = Control()
    load.reactor.addReader(control)
    load.readers.silent = lambda: True
    return load, control


@pytest.mark.usefixtures("no_timerfd")
def test_signalling_alone_is_read_on_a_longer_tick_and_control_with_it() -> None:
    load, control = signalling()
    load.run(200, 2)
    assert not load.readers.ticking
    load.run(600, 2)
    assert load.readers.period == 20_000
    assert not load.reactor.readers
    before, said = load.drains, control.reads
    load.run(600, 1)
    assert 49 <= load.drains - before <= 51
    assert control.reads - said == load.drains - before
    load.run(2400, 1)
    assert load.readers.period == 13_000
    load.run(10_000, 1)
    assert load.readers.period == 10_000
    # voice comes: what is too little for a tick is read at once again, and so is control
    load.readers.silent = lambda: False
    load.run(400, 2)
    assert not load.readers.ticking
    assert control in load.reactor.readers and len(load.reactor.readers) == 2


@pytest.mark.usefixtures("no_timerfd")
def test_control_is_heard_when_the_last_socket_closes() -> None:
    load, control = signalling()
    load.run(600, 2)
    assert control not in load.reactor.readers
    load.readers.remove(1)
    assert load.reactor.readers == {control}
