"""However a batch is cut: keys that change and calls that end in the middle of it lose no voice and mix up none."""

from __future__ import annotations

from collections import defaultdict
from itertools import pairwise
from typing import Any

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from pbx.channels.iax2.media import MediaHeaders
from pbx.channels.voice.port import Edge, EdgeKind, LegFlags
from tests.channels.voice.pure import START, Sim
from tests.channels.voice.rig import ULAW, full, mini

#: rows that speak: two under keys of their own and two in the clear; row + 1 hears each
SPEAKERS = (1, 3, 5, 7)
SEALED = (1, 3)
FAR, NEAR = ("10.0.3.1", 4569), ("10.0.3.2", 4569)
KEYS = [bytes([n]) * 16 for n in range(1, 60)]
_HEADERS = MediaHeaders()
_PHASES = (Phase.explicit, Phase.reuse, Phase.generate)


class Control:
    """Obeys at the end of a run: takes keys, ends calls, sends full voice frames."""

    def __init__(self) -> None:
        self.sim: Any = None
        self.heard: dict[int, list[tuple[str, bytes]]] = defaultdict(list)
        self.questions: list[tuple[int, bytes, int]] = []
        self.keys: dict[int, list[bytes]] = {}

    def datagram(
        self, socket: int, address: Any, local: str, row: int, gen: int, stamp: int, data: bytes, held: int
    ) -> None:
        if row:
            self.questions.append((row, data, held))

    def voice_due(self, row: int, generation: int, ts64: int, format_bit: int, payload: bytes) -> None:
        frame = full(200 + row, 300 + row, ts64, 2, format_bit, payload)
        self.sim.port.send(1, NEAR, frame, row=row, barrier=True)

    def voice_unknown(self, row: int, generation: int) -> None: ...
    def voice_trunked(self, row: int, generation: int) -> None: ...

    def answer(self) -> None:
        """One by one, as a core does."""
        questions, self.questions = self.questions, []
        for row, data, held in questions:
            if row in self.keys:
                data = _HEADERS.opener(self.keys[row][0]).frame(data) or b""
            if data[10:12] == bytes((6, 39)):
                self.keys[row].insert(0, data[14:30])
                self.sim.port.set_keys(row, b"", tuple(self.keys[row]))
            elif data[10:12] == bytes((6, 5)):
                self.sim.port.remove_leg(row, 1)
            if held:
                self.sim.port.release(row, held)
            self.sim.obey()

    def listen(self) -> None:
        for data in self.sim.sent.pop(NEAR, ()):
            head = int.from_bytes(data[:2], "big")
            payload = data[12:] if head & 0x8000 else data[4:]
            self.heard[(head & 0x7FFF) - 200].append((data[2:4].hex(), payload))


_what = st.sampled_from(["mini"] * 6 + ["key", "hangup", "ping"])
_run = st.lists(st.tuples(st.sampled_from(SPEAKERS), _what), min_size=1, max_size=20)
_story = st.lists(st.tuples(_run, st.lists(st.integers(0, 20), max_size=4)), min_size=1, max_size=5)


def _play(story: Any, cuts: bool, few: int) -> tuple[Control, Sim, dict[int, list[bytes]]]:
    """Who heard what, the plane, and what each leg's far end said while its call stood."""
    control = Control()
    control.sim = sim = Sim(control)
    sim.plane.few = few
    newest = dict.fromkeys(SEALED, 0)
    for row in SPEAKERS:
        sealed = row in SEALED
        sim.leg(row, FAR, 200 + row, 300 + row, flags=LegFlags.ENCRYPTED if sealed else LegFlags(0))
        sim.leg(row + 1, NEAR, 201 + row, 301 + row)
        if sealed:
            control.keys[row] = [KEYS[0]]
            sim.port.set_keys(row, b"", (KEYS[0],))
    sim.port.reset_edges([], [Edge(row, row + 1, EdgeKind.RELAY) for row in SPEAKERS])
    for row in SPEAKERS:
        sim.port.voice_in(row, 0, ULAW, b"first" * 32)
    sim.obey()
    clock = dict.fromkeys(SPEAKERS, 0)
    said: dict[int, list[bytes]] = {row: [b"first" * 32] for row in SPEAKERS}
    number = 0
    for run, places in story:
        datagrams, ends = [], set()
        sim.now += 100_000_000
        now = (sim.now - START) // 1_000_000
        for row, what in run:
            clock[row] = max(clock[row], now - 100) + 20
            number += 1
            key = newest.get(row)
            if what == "key" and key is not None:
                data = full(300 + row, 200 + row, clock[row], 6, 39, b"\x0f\x10" + KEYS[key + 1])
                newest[row] += 1
            elif what == "hangup" and key is None:
                data = full(300 + row, 200 + row, clock[row], 6, 5)
                ends.add(row)
            elif what == "ping":
                data = full(300 + row, 200 + row, clock[row], 6, 2)
            else:
                payload = number.to_bytes(4, "big") * 40
                said.get(row, []).append(payload)
                data = mini(300 + row, clock[row], payload)
            datagrams.append((FAR, data if key is None else _HEADERS.sealer(KEYS[key]).frame(data)))
        edges = sorted({0, len(datagrams), *(p for p in places if p < len(datagrams))}) if cuts else [0, len(datagrams)]
        for a, b in pairwise(edges):
            sim.receive(datagrams[a:b])
            control.listen()
        control.answer()
        control.listen()
        for row in ends:
            said[-row] = said.pop(row, said.get(-row, []))
    return control, sim, {abs(row): heard for row, heard in said.items()}


@settings(max_examples=80, deadline=None, phases=_PHASES, suppress_health_check=[HealthCheck.too_slow])
@given(_story)
def test_keys_and_hangups_in_mid_batch(story: Any) -> None:
    """All that was said before the end of its call is heard, in order, whichever keys came in between."""
    control, sim, said = _play(story, cuts=False, few=0)
    for row in SPEAKERS:
        assert [payload for _, payload in control.heard[row + 1]] == said[row]
    assert sim.plane.counters.undeciphered == 0
    for cuts, few in ((True, 0), (False, 99), (True, 99), (True, 3)):
        other, parts, _ = _play(story, cuts, few)
        assert other.heard == control.heard
        assert (parts.table.table == sim.table.table).all()
