"""Voice in a codec that takes milliseconds: nobody waits for it, and it is the same as if all had."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from pbx.channels.voice.port import Edge, EdgeKind
from pbx.channels.voice.slow import Copies, Slow, Worker
from pbx.codecs import registry, translation
from pbx.codecs.formats import GSM as GSM_FORMAT
from pbx.codecs.formats import ULAW as ULAW_FORMAT
from pbx.codecs.gsm import VectorGsm
from pbx.codecs.translation import Translator
from tests.channels.voice.pure import START, Sim
from tests.channels.voice.rig import GSM, ULAW, full, mini

A, B, C, D = ((f"10.0.0.{n}", 4569) for n in (2, 3, 4, 5))
RANDOM = np.random.default_rng(3)


class Late(Sim):
    """Work aside is done when the test says so."""

    def __init__(self, events: Any) -> None:
        self.jobs: list[tuple[Callable[[], Any], Callable[[Any, int], None]]] = []
        super().__init__(events)

    def aside(self, work: Callable[[], Any], done: Callable[[Any, int], None]) -> None:
        self.jobs.append((work, done))

    def finish(self) -> None:
        """The job that the thread has."""
        work, done = self.jobs.pop(0)
        done(work(), self.now)
        self.collect()
        self.obey()


class Control:
    """Sends the full frame that begins voice."""

    def __init__(self) -> None:
        self.sim: Any = None

    def voice_due(self, row: int, generation: int, ts64: int, format_bit: int, payload: bytes) -> None:
        frame = full(100 + row, 200 + row, ts64, 2, format_bit, payload)
        self.sim.port.send(1, (A, B, C, D)[row - 1], frame, row=row, barrier=True)


@pytest.fixture
def late(monkeypatch: pytest.MonkeyPatch) -> Late:
    monkeypatch.setattr(registry, "_FACTORIES", {**registry._FACTORIES, GSM_FORMAT.name: VectorGsm})
    translation.path.cache_clear()
    control = Control()
    sim = Late(control)
    control.sim = sim
    for row, address, send in ((1, A, ULAW), (2, B, GSM), (3, C, ULAW), (4, D, GSM)):
        sim.leg(row, address, 100 + row, 200 + row, send=send)
    sim.port.reset_edges([], [Edge(1, 2, EdgeKind.RELAY), Edge(3, 4, EdgeKind.RELAY)])
    sim.obey()
    return sim


def _speech(frames: int) -> list[bytes]:
    return [RANDOM.integers(0, 256, 160, np.uint8).tobytes() for _ in range(frames)]


def _say(sim: Late, n: int, *who: tuple[tuple[str, int], int, bytes]) -> None:
    sim.now = START + n * 20_000_000
    sim.receive([(address, mini(call, 20 * n, payload)) for address, call, payload in who])
    sim.obey()


def _translated(speech: list[bytes]) -> list[bytes]:
    want = Translator(ULAW_FORMAT, GSM_FORMAT)
    return [want.translate_one(0, payload) for payload in speech] if want.add_row(0) is None else []


def _heard(sim: Late, address: tuple[str, int]) -> list[bytes]:
    return [data[12:] if data[0] & 0x80 else data[4:] for data in sim.sent[address]]


def test_what_comes_meanwhile_is_the_next_job(late: Late) -> None:
    one, two = _speech(12), _speech(12)
    for n in range(12):
        _say(late, n, (A, 201, one[n]), (C, 203, two[n]))
        assert len(late.jobs) == 1, "one job at a time"
        if n % 4 == 3:
            late.finish()
    while late.jobs:
        late.finish()
    assert _heard(late, B) == _translated(one) and _heard(late, D) == _translated(two)


def test_voice_for_an_edge_that_is_gone_goes_nowhere(late: Late) -> None:
    one = _speech(3)
    _say(late, 0, (A, 201, one[0]))
    late.finish()
    _say(late, 1, (A, 201, one[1]))
    late.port.reset_edges([Edge(1, 2, EdgeKind.RELAY), Edge(3, 4, EdgeKind.RELAY)], [Edge(1, 4, EdgeKind.RELAY)])
    late.obey()
    _say(late, 2, (A, 201, one[2]))
    while late.jobs:
        late.finish()
    assert _heard(late, B) == _translated(one[:1])
    assert _heard(late, D) == _translated(one[2:]), "a stream of its own, begun anew"


def test_more_than_can_wait_is_dropped() -> None:
    jobs: list[Any] = []
    heard: list[np.ndarray] = []
    slow = Slow(lambda work, done: jobs.append((work, done)), lambda c, p, now: heard.append(p), np.zeros(9, np.int64))
    translator = Translator(ULAW_FORMAT, GSM_FORMAT)
    translator.add_row(1)
    row = np.array([1])
    copies, payload = Copies(row, row, row, row), np.zeros((1, 160), np.uint8)
    assert sum(slow.put(translator, copies, payload) for _ in range(5000)) == 4097
    while jobs:
        work, done = jobs.pop()
        done(work(), 0)
    assert sum(len(p) for p in heard) == 4097


def test_an_error_of_the_thread_is_raised_in_the_plane() -> None:
    worker = Worker(lambda f, *args: failed.append((f, args)))
    failed: list[Any] = []
    worker.put(lambda: 1 // 0, lambda _: None)
    worker.stop()
    with pytest.raises(ZeroDivisionError):
        failed[0][0](*failed[0][1])


def test_the_thread_does_one_after_the_other() -> None:
    done: list[int] = []
    worker = Worker(lambda f, *args: f(*args))
    for n in range(100):
        worker.put(lambda n=n: n, done.append)
    worker.stop()
    assert done == list(range(100))
