"""Sums: whoever is joined with whom hears what adding up one by one gives; a conference is added up once."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from pbx.channels.voice.mixing import Input, Mixer
from pbx.channels.voice.port import Direction, Edge, EdgeKind
from tests.channels.voice.pure import START, Sim
from tests.channels.voice.rig import full, mini


def _plainly(frame: np.ndarray, spoke: np.ndarray, inputs: dict[int, tuple[Input, ...]]) -> dict[int, list[int]]:
    heard = {}
    for row, mixed in inputs.items():
        if any(spoke[one.slot] for one in mixed):
            heard[row] = sum((frame[one.slot].astype(np.int32) * one.gain).astype(np.int32) for one in mixed).tolist()
    return heard


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_it_is_the_plain_sum(data: st.DataObject) -> None:
    rows = data.draw(st.integers(2, 9))
    parties = data.draw(st.lists(st.integers(0, 2), min_size=rows, max_size=rows))
    mute = data.draw(st.sets(st.integers(0, rows - 1)))
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32 - 1)))
    frame = rng.integers(-32768, 32768, (rows + 1, 160)).astype(np.int16)
    spoke = rng.random(rows + 1) < 0.6
    spoke[0] = False
    frame[~spoke] = 0
    slots: Any = SimpleNamespace(frame=frame, spoke=spoke)
    unheard = data.draw(st.sets(st.sampled_from(sorted(mute)))) if mute else set()
    mixer = Mixer(slots, lambda row: 0 if row in unheard else row + 1)
    inputs = {}
    for row in range(rows):
        others = [o for o in range(rows) if o != row and parties[o] == parties[row] and o not in mute]
        gain = data.draw(st.sampled_from([1.0, 1.0, 1.0, 0.5]))
        inputs[row] = tuple(Input(o + 1, gain) for o in others)
        mixer.set(row, inputs[row])
    inputs = {row: mixed for row, mixed in inputs.items() if mixed}
    for _ in range(2):
        assert {row: sound.tolist() for row, sound in mixer.mix().items()} == _plainly(frame, spoke, inputs)
        # somebody leaves
        gone = data.draw(st.integers(0, rows - 1))
        inputs.pop(gone, None)
        mixer.set(gone, ())
        for row, mixed in list(inputs.items()):
            inputs[row] = tuple(one for one in mixed if one.slot != gone + 1)
            mixer.set(row, inputs[row])
        inputs = {row: mixed for row, mixed in inputs.items() if mixed}


def test_a_conference_is_added_up_once_and_listeners_share_it() -> None:
    rows, talk = 60, 40
    frame = np.random.default_rng(1).integers(-300, 300, (rows + 1, 160)).astype(np.int16)
    slots: Any = SimpleNamespace(frame=frame, spoke=np.ones(rows + 1, np.bool_))
    mixer = Mixer(slots, lambda row: row + 1 if row < talk else 0)
    for row in range(rows):
        mixer.set(row, tuple(Input(o + 1, 1.0) for o in range(talk) if o != row))
    heard = mixer.mix()
    assert len(heard) == rows
    assert not len(mixer._sinks)
    (conference,) = mixer._conferences
    assert (len(conference.slots), len(conference.speakers), len(conference.listeners)) == (talk, talk, rows - talk)
    assert len({id(heard[row]) for row in range(talk, rows)}) == 1


class Control:
    def __init__(self) -> None:
        self.sim: Any = None

    def voice_due(self, row: int, generation: int, ts64: int, format_bit: int, payload: bytes) -> None:
        frame = full(200 + row, 1, ts64, 2, format_bit, payload)
        self.sim.port.send(1, (f"10.0.1.{row}", 4569), frame, row=row, barrier=True)


def test_who_only_listens_gets_one_stream_encoded_once() -> None:
    """Four speak, six only listen (gsm): the six hear the same octets; each speaker hears the three others."""
    control = Control()
    sim = Sim(control)
    control.sim = sim
    gsm, ulaw = 2, 4
    speakers, listeners = range(1, 5), range(5, 11)
    for row in (*speakers, *listeners):
        sim.leg(row, (f"10.0.1.{row}", 4569), 200 + row, 300 + row, send=gsm if row > 4 else ulaw)
    edges = [Edge(s, t, EdgeKind.MIX, Direction.IN) for s in speakers for t in (*speakers, *listeners) if s != t]
    sim.port.reset_edges([], edges)
    sim.obey()
    translated: list[int] = []
    for n in range(60):
        sim.now = START + n * 20_000_000
        sim.receive(
            [((f"10.0.1.{row}", 4569), mini(300 + row, 20 * n, bytes([0xC0 + 8 * row]) * 160)) for row in speakers]
        )
        sim.obey()
        sim.plane.tick(sim.now)
        sim.collect()
        sim.obey()
        encoder = sim.plane.clocked._encoders.get(gsm)
        if encoder is not None and not translated:
            before = encoder.translate

            def counted(rows: Any, data: Any, before: Any = before) -> Any:
                translated.append(len(rows))
                return before(rows, data)

            encoder.translate = counted  # type: ignore[method-assign]
            translated.append(1)
    assert set(translated) == {1}
    heard = {row: [d[4:] for d in sim.sent[(f"10.0.1.{row}", 4569)] if not d[0] & 0x80] for row in listeners}
    assert all(len(packets) > 40 for packets in heard.values())
    assert len({tuple(packets[-40:]) for packets in heard.values()}) == 1
    said = {row: sim.sent[(f"10.0.1.{row}", 4569)][-1][4:] for row in speakers}
    assert len(set(said.values())) == 4
