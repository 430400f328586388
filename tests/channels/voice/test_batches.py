"""However a batch is cut the output is the same, and it is what one frame at a time would give."""

from __future__ import annotations

import struct
from collections import defaultdict
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from pbx.channels.voice.batch import PART
from pbx.channels.voice.port import Edge, EdgeKind, LegFlags
from pbx.codecs import g711
from tests.channels.voice.pure import START, Sim
from tests.channels.voice.rig import ALAW, ULAW, full, mini

LEGS = 4
ADDRESS = {row: (f"10.0.0.{row % 2 + 1}", 4569) for row in range(1, LEGS + 1)}
OWN = {row: 2000 + row for row in range(1, LEGS + 1)}
REMOTE = {row: 300 + row for row in range(1, LEGS + 1)}
#: bytes at which a trunk frame of one entry is full, and one of two
MTUS = (274, 400)
ACROSS = {(ULAW, ALAW): g711.ULAW_TO_ALAW, (ALAW, ULAW): g711.ALAW_TO_ULAW}


#: shrinking a story takes minutes; the failing one is printed whole
_PHASES = (Phase.explicit, Phase.reuse, Phase.generate)


@dataclass
class Leg:
    """One leg of the model: plain integers."""

    rx_format: int = 0
    tx_format: int = 0
    transit: int = 0
    tx: int = -1
    high: int = -1
    offset: int = 0
    origin: int = 0
    need_full: bool = True
    waiting: list[tuple[int, bytes]] | None = None
    ask_again: int = 0
    trunk: bool = False
    #: voice that waits, behind each full frame (an int) that was not accepted yet
    held: list[tuple[int, bytes] | int] = field(default_factory=list)
    rx: int = -1
    received: int = 0


@dataclass
class Model:
    """One frame at a time, written from the rules (voice time, barriers, relay), not from the plane's code."""

    legs: dict[int, Leg]
    to: dict[int, int]
    out: dict[int, list[Any]] = field(default_factory=lambda: defaultdict(list))
    asked: list[tuple[str, int, int, int, bytes, int]] = field(default_factory=list)
    now: int = 0
    barriers: int = 0

    def frame(self, row: int, kind: str, stamp: int, payload: bytes, format_bit: int) -> None:
        leg = self.legs.get(row)
        if leg is None:
            return
        if kind == "voice":
            newer = 0 < ((stamp - leg.rx) & 0xFFFFFFFF) < 0x80000000
            barrier = 0
            if leg.rx < 0 or newer or format_bit != leg.rx_format:
                barrier = self.barriers = self.barriers + 1
                leg.held.append(barrier)
            self.out[-row].append(("told", stamp, payload))
            self.asked.append(("voice", row, stamp, format_bit, payload, barrier))
        elif leg.held:
            leg.held.append((stamp, payload))
        else:
            self.mini(row, stamp, payload)

    def mini(self, row: int, stamp: int, payload: bytes) -> None:
        leg = self.legs[row]
        if not leg.rx_format:
            return
        due = self.now - leg.transit
        high = due // 65536
        guesses = [(high + k) * 65536 + stamp for k in (-1, 0, 1)]
        self.voice(row, min(guesses, key=lambda t: (abs(t - due), t)), payload)

    def accepted(self, row: int, stamp: int, payload: bytes, format_bit: int, barrier: int) -> None:
        """The core took a VOICE frame and gave its voice back: what came behind it goes on, up to the next one."""
        leg = self.legs.get(row)
        if leg is None:
            return
        leg.rx_format = format_bit
        if leg.rx < 0 or abs(self.now - stamp - leg.transit) > 1000:
            leg.rx = -1
        self.voice(row, stamp, payload)
        if leg.held[:1] == [barrier]:
            leg.held.pop(0)
            while leg.held and not isinstance(leg.held[0], int):
                self.mini(row, *leg.held.pop(0))

    def voice(self, row: int, ts: int, payload: bytes) -> None:
        leg = self.legs[row]
        leg.transit = self.now - ts
        leg.received += 1
        if leg.rx < 0 or not -1000 < ts - leg.rx <= 0:
            leg.rx = ts
        sink = self.legs.get(self.to.get(row, 0))
        if sink is None or not sink.tx_format:
            return
        if sink.tx_format != leg.rx_format:
            payload = payload.translate(ACROSS[leg.rx_format, sink.tx_format])
        tx = ts + sink.offset
        if sink.origin != row or abs(tx - self.now) > 160:
            by_clock = -(-max(0, self.now) // 20) * 20
            tx = by_clock
            if sink.tx >= 0 and by_clock < sink.tx + 20 <= max(0, self.now) + 160:
                tx = sink.tx + 20
            sink.offset, sink.origin = tx - ts, row
        self.leave(self.to[row], tx, payload)

    def leave(self, row: int, tx: int, payload: bytes) -> None:
        sink = self.legs[row]
        if sink.waiting is not None:
            sink.waiting.append((tx, payload))
            del sink.waiting[:-25]
            sink.tx = tx
            return
        moved = (tx >> 16) - sink.high > 1 and not sink.trunk
        sink.high, sink.tx = tx >> 16, tx
        if sink.need_full or moved:
            sink.need_full, sink.waiting = False, []
            self.out[row].append(("due", tx, sink.tx_format, payload))
            self.asked.append(("due", row, tx, sink.tx_format, payload, 0))
        else:
            self.out[row].append(("mini", tx & 0xFFFF, payload))

    def passed(self, row: int) -> None:
        """The core sent the VOICE frame."""
        sink = self.legs.get(row)
        if sink is None or sink.waiting is None:
            return
        waiting, sink.waiting = sink.waiting, None
        for tx, payload in waiting:
            self.leave(row, tx, payload)


class Control:
    """The core's side: remembers what it was told, and answers when asked to."""

    def __init__(self) -> None:
        self.sim: Any = None
        self.out: dict[int, list[Any]] = defaultdict(list)
        self.questions: list[tuple[Any, ...]] = []

    def datagram(
        self, socket: int, address: Any, local: str, row: int, generation: int, stamp: int, data: bytes, held: int
    ) -> None:
        if not row:
            return
        ts = struct.unpack(">I", data[4:8])[0]
        self.out[-row].append(("told", ts, data[12:]))
        self.questions.append(("voice", row, ts, data[11], data[12:], held))

    def voice_due(self, row: int, generation: int, ts64: int, format_bit: int, payload: bytes) -> None:
        self.out[row].append(("due", ts64, format_bit, payload))
        self.questions.append(("due", row, ts64, format_bit, payload, 0))

    def voice_unknown(self, row: int, generation: int) -> None: ...
    def voice_trunked(self, row: int, generation: int) -> None: ...
    def finished(self, source: int, reason: str) -> None: ...
    def detected(self, row: int, what: str) -> None: ...


_kind = st.one_of(st.sampled_from(["mini"] * 8 + ["voice", "trunk"]), st.sampled_from(["trunk"] * 12 + ["voice"]))
_frame = st.tuples(
    st.integers(1, LEGS),
    _kind,
    st.sampled_from([0, 20, 20, 20, 20, 20, 20, 40, 60]),
    st.integers(0, 255),
    st.sampled_from([ULAW, ALAW]),
)
_run = st.lists(_frame, max_size=14)
_command = st.sampled_from(["none", "none", "remove 2", "send 1 8", "send 2 4", "swap"])
_story = st.lists(
    st.tuples(_run, st.lists(st.integers(0, 14), max_size=3), _command, st.sampled_from([5, 20, 20, 60, 700, 70000])),
    min_size=1,
    max_size=6,
)


def _drain(sim: Sim, out: dict[int, list[Any]]) -> None:
    """Minis that were sent, into their rows' histories."""
    for datagrams in sim.sent.values():
        for data in datagrams:
            call, _ = struct.unpack(">HH", data[:4])
            if call & 0x8000:
                continue
            for entry in [data] if call else _entries(data):
                call, stamp = struct.unpack(">HH", entry[:4])
                row = next(r for r, own in OWN.items() if own == call)
                out[row].append(("mini", stamp, entry[4:]))
        datagrams.clear()


def _entries(frame: bytes) -> list[bytes]:
    """The entries of a stamped trunk frame, each from its mini header on."""
    assert frame[:4] == b"\0\0\1\1"
    assert len(frame) <= max(MTUS)
    found, at = [], 8
    while at < len(frame):
        size = int.from_bytes(frame[at : at + 2], "big")
        found.append(frame[at + 2 : at + 6 + size])
        at += 6 + size
    return found


def _answer(sim: Sim, control: Control) -> None:
    while control.questions:
        questions, control.questions = control.questions, []
        for what, row, ts, format_bit, payload, held in questions:
            if what == "voice":
                sim.port.voice_in(row, ts, format_bit, payload)
                sim.port.release(row, held)
            else:
                frame = full(OWN[row], REMOTE[row], ts, 2, format_bit, payload)
                sim.port.send(1, ADDRESS[row], frame, row=row, barrier=True)
            sim.plane.commands(sim.port.take(), sim.now)
            sim.collect()
            _drain(sim, control.out)


def _play(
    story: Any, cuts: bool, few: int = 0, many: int = 99, mtu: int = 0, most: int = PART
) -> tuple[dict[int, list[Any]], Sim]:
    control = Control()
    sim = Sim(control)
    sim.plane.few, sim.plane.short = few, many < 99
    sim.plane.express.fewest, sim.plane.express.pause = many, few
    sim.plane.most = most
    control.sim = sim
    for row in range(1, LEGS + 1):
        flags = LegFlags.TRUNK if mtu else LegFlags(0)
        sim.leg(row, ADDRESS[row], OWN[row], REMOTE[row], receive=ULAW, send=ULAW, flags=flags)
    largest = mtu or max(MTUS)
    sim.port.set_trunk(frequency_ms=20, mtu=largest, timestamps=True, max_size=128000)
    to = {1: 2, 2: 1, 3: 3}
    sim.port.reset_edges([], [Edge(a, b, EdgeKind.RELAY) for a, b in to.items()])
    sim.obey()
    clock = dict.fromkeys(ADDRESS, 0)
    for run, places, command, later in story:
        datagrams: list[tuple[Any, bytes]] = []
        former = 0
        for row, kind, step, byte, format_bit in run:
            now = (sim.now - START) // 1_000_000
            clock[row] = max(clock[row], now - 100) + step
            payload = bytes([byte]) * 160
            stamp = clock[row]
            if kind == "voice":
                data = full(REMOTE[row], OWN[row], stamp, 2, format_bit, payload)
            elif kind == "trunk":
                data = struct.pack(">HHH", 160, REMOTE[row], stamp & 0xFFFF) + payload
                if former and ADDRESS[former] == ADDRESS[row] and len(datagrams[-1][1]) + len(data) <= largest:
                    data = datagrams.pop()[1] + data
                else:
                    data = bytes((0, 0, 1, 1)) + struct.pack(">I", now) + data
            else:
                data = mini(REMOTE[row], stamp, payload)
            former = row if kind == "trunk" else 0
            datagrams.append((ADDRESS[row], data))
        edges = sorted({0, len(datagrams), *(p for p in places if p < len(datagrams))}) if cuts else [0, len(datagrams)]
        for a, b in pairwise(edges):
            sim.receive(datagrams[a:b])
            _drain(sim, control.out)
        _answer(sim, control)
        sim.plane.trunk_tick(sim.now)
        sim.collect()
        _drain(sim, control.out)
        _say(sim, command)
        _drain(sim, control.out)
        sim.now += later * 1_000_000
        sim.plane.expire(sim.now)
        sim.collect()
        _drain(sim, control.out)
    return control.out, sim


def _say(sim: Sim, command: str) -> None:
    words = command.split()
    if words[0] == "remove":
        sim.port.remove_leg(int(words[1]), 1)
    elif words[0] == "send" and sim.plane.legs.live[int(words[1])]:
        row = int(words[1])
        sim.port.set_formats(row, int(sim.plane.legs.rx_format[row]), int(words[2]))
    elif words[0] == "swap":
        sim.port.reset_edges([Edge(3, 3, EdgeKind.RELAY)], [Edge(3, 1, EdgeKind.RELAY)])
        sim.port.reset_edges([Edge(2, 1, EdgeKind.RELAY)], [Edge(2, 4, EdgeKind.RELAY)])
    sim.obey()


def _model(story: Any, trunked: bool = False) -> tuple[dict[int, list[Any]], Model]:
    model = Model({row: Leg(ULAW, ULAW, trunk=trunked) for row in ADDRESS}, {1: 2, 2: 1, 3: 3})
    clock = dict.fromkeys(ADDRESS, 0)
    for run, _, command, later in story:
        for row, kind, step, byte, format_bit in run:
            clock[row] = max(clock[row], model.now - 100) + step
            stamp = clock[row] if kind == "voice" else clock[row] & 0xFFFF
            model.frame(row, kind, stamp, bytes([byte]) * 160, format_bit)
        _model_answers(model)
        words = command.split()
        if words[0] == "remove":
            model.legs.pop(int(words[1]), None)
        elif words[0] == "send" and int(words[1]) in model.legs:
            leg = model.legs[int(words[1])]
            if leg.tx_format != int(words[2]):
                leg.tx_format, leg.need_full, leg.waiting = int(words[2]), True, None
        elif words[0] == "swap":
            model.to = {1: 2, 2: 4, 3: 1}
        model.now += later
    return model.out, model


def _model_answers(model: Model) -> None:
    """What the core answers to all that it was told, and to what follows from the answers."""
    while model.asked:
        asked, model.asked = model.asked, []
        for what, row, ts, format_bit, payload, barrier in asked:
            if what == "voice":
                model.accepted(row, ts, payload, format_bit, barrier)
            else:
                model.passed(row)


@settings(max_examples=100, deadline=None, phases=_PHASES, suppress_health_check=[HealthCheck.too_slow])
@given(_story, st.sampled_from((0, *MTUS)))
def test_any_cut_gives_the_same(story: Any, mtu: int) -> None:
    whole, one = _play(story, cuts=False, mtu=mtu)
    for cuts, few, many in ((True, 0, 99), (False, 99, 99), (True, 99, 99), (False, 0, 1), (True, 0, 1), (True, 3, 4)):
        parts, two = _play(story, cuts, few, many, mtu)
        assert {r: o for r, o in whole.items() if o} == {r: o for r, o in parts.items() if o}
        assert (one.table.table == two.table.table).all()
    parts, two = _play(story, False, 0, 1, mtu, 700)
    assert {r: o for r, o in whole.items() if o} == {r: o for r, o in parts.items() if o}
    assert (one.table.table == two.table.table).all()


@settings(max_examples=100, deadline=None, phases=_PHASES, suppress_health_check=[HealthCheck.too_slow])
@given(_story, st.sampled_from((0, *MTUS)))
def test_equals_one_frame_at_a_time(story: Any, mtu: int) -> None:
    got, sim = _play(story, cuts=True, few=12 if len(story) % 2 else 0, many=1, mtu=mtu)
    want, model = _model(story, bool(mtu))
    for row in ADDRESS:
        assert got.get(row, []) == want.get(row, []), row
        if row in model.legs:
            assert sim.table.legs(row).received == model.legs[row].received
            assert sim.table.tx_ts64(row) == model.legs[row].tx


def test_plain_frames_beside_unusual_ones_go_the_short_way() -> None:
    """One leg of 20 lost a frame, one has a full frame in the batch: the others do not notice, and order is kept."""
    sim = Sim(Control())
    sim.events.sim = sim
    sim.plane.few = 0
    far = ("10.0.0.9", 4569)
    for row in range(1, 21):
        sim.leg(row, far, 500 + row, 100 + row)
    sim.port.reset_edges([], [Edge(row, row, EdgeKind.RELAY) for row in range(1, 21)])
    sim.obey()
    for row in range(1, 21):
        sim.plane.outbound.need_full(row)
        sim.plane.legs.sink_state[row] &= ~3
        sim.plane.legs.tx_high[row] = 0
    for n in range(4):
        batch = [(far, mini(100 + row, 20 * n, bytes([n]) * 160)) for row in range(1, 21) if (n, row) != (2, 7)]
        if n == 3:
            batch.insert(4, (far, full(111, 511, 61, 6, 2)))
        sim.now += 20_000_000
        sim.receive(batch)
    sent = [(*struct.unpack(">HH", d[:4]), d[4]) for d in sim.sent[far]]
    for row in range(1, 21):
        mine = [payload for call, _, payload in sent if call == 500 + row]
        assert mine == ([0, 1, 3] if row == 7 else [0, 1, 2, 3])
        assert sim.table.legs(row).lost == int(row == 7)
