"""The compiler from graph to edge rows: literal cases, and properties against a walk of the sound itself."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from pbx.channels.arcs import Arc, Picture, compile_edges
from pbx.channels.voice.port import Direction, Edge, EdgeKind

ROWS = {"a": 1, "b": 2, "c": 3}
PAIRS = {"x1": "x2", "x2": "x1", "y1": "y2", "y2": "y1"}


def talk(*couples: str) -> list[Arc]:
    """`a-b` both hear each other, `a>b` b hears a."""
    arcs = []
    for couple in couples:
        one, two = couple.replace(">", "-").split("-")
        arcs.append(Arc(one, two))
        if "-" in couple:
            arcs.append(Arc(two, one))
    return arcs


def edges(arcs: list[Arc], **more: object) -> set[tuple[int, int, str]]:
    picture = Picture(ROWS, PAIRS, arcs, **more)  # type: ignore[arg-type]
    return {(edge.source, edge.sink, edge.kind.name) for edge in compile_edges(picture)}


def test_two_that_talk_are_two_relays() -> None:
    assert edges(talk("a-b")) == {(1, 2, "RELAY"), (2, 1, "RELAY")}


def test_one_way() -> None:
    assert edges(talk("a>b")) == {(1, 2, "RELAY")}


def test_echo() -> None:
    assert edges([Arc("a", "a", "loop")]) == {(1, 1, "RELAY")}


def test_three_that_talk_are_mixed() -> None:
    both = {(s, d, "MIX") for s in (1, 2, 3) for d in (1, 2, 3) if s != d}
    assert edges(talk("a-b", "b-c", "a-c")) == both


def test_sound_runs_through_pairs() -> None:
    assert edges(talk("a-x1", "x2-b")) == {(1, 2, "RELAY"), (2, 1, "RELAY")}
    assert edges(talk("a-x1", "x2-y1", "y2-b")) == {(1, 2, "RELAY"), (2, 1, "RELAY")}


def test_an_echo_behind_a_pair() -> None:
    assert edges([*talk("a-x1"), Arc("x2", "x2", "loop")]) == {(1, 1, "RELAY")}


def test_a_ring_of_pairs_ends() -> None:
    assert edges(talk("x1-y1", "x2-y2")) == set()
    assert edges(talk("a-x1", "x2-y1", "y2-x2")) >= set()


def test_hold_and_mute() -> None:
    closed = frozenset({"a"})
    assert edges(talk("a-b"), closed_in=closed, closed_out=closed) == set()
    assert edges(talk("a-b"), closed_in=closed) == {(2, 1, "RELAY")}
    assert edges(talk("a-x1", "x2-b"), closed_in=frozenset({"x2"})) == {(2, 1, "RELAY")}
    assert edges(talk("a-x1", "x2-b"), closed_out=frozenset({"x1"})) == {(2, 1, "RELAY")}


def test_a_source_alone_and_a_source_among_others() -> None:
    assert edges(talk("a-b"), solo=frozenset({1})) == {(1, 2, "RELAY")}
    assert edges(talk("a-b"), mixed=frozenset({1})) == {(1, 2, "RELAY"), (2, 1, "MIX")}


def test_a_tap_leaves_the_call_relayed() -> None:
    spy = Arc("a", "c", "tap", EdgeKind.TAP, Direction.IN | Direction.OUT)
    found = compile_edges(Picture(ROWS, PAIRS, [*talk("a-b"), spy]))
    assert found == {
        Edge(1, 2, EdgeKind.RELAY),
        Edge(2, 1, EdgeKind.RELAY),
        Edge(1, 3, EdgeKind.TAP, Direction.IN | Direction.OUT),
    }


def test_a_tap_on_a_half_hears_both_sides_of_the_pair() -> None:
    spy = Arc("x1", "c", "tap", EdgeKind.TAP, Direction.IN | Direction.OUT)
    found = compile_edges(Picture(ROWS, PAIRS, [*talk("a-x1", "x2-b"), spy]))
    assert {(e.source, e.sink, e.kind.name) for e in found if e.sink == 3} == {(1, 3, "TAP"), (2, 3, "TAP")}


def test_gains_add_up() -> None:
    arcs = [Arc("a", "x1", gain=300), Arc("x2", "b", gain=-100)]
    assert compile_edges(Picture(ROWS, PAIRS, arcs)) == {Edge(1, 2, EdgeKind.RELAY, gain=200)}


def test_who_hears_and_who_speaks() -> None:
    picture = Picture(ROWS, PAIRS, talk("a-x1", "x2-y1"))
    assert picture.hearers("a") == ["a"]
    assert picture.hearers("x2") == ["a"]
    assert picture.hearers("y2") == ["a"]
    assert picture.hearers("x1") == []
    assert picture.speakers("y2") == ["a"]
    assert picture.speakers("x2") == ["a"]
    assert picture.speakers("x1") == []


NODES = [*ROWS, *PAIRS]


@settings(max_examples=300, deadline=None)
@given(st.sets(st.tuples(st.sampled_from(NODES), st.sampled_from(NODES)), max_size=10))
def test_edges_are_what_sound_would_reach(couples: set[tuple[str, str]]) -> None:
    """Let each row's sound spread from port to port until nothing changes: the same pairs of rows are reached."""
    arcs = [Arc(one, two) for one, two in couples]
    want = set()
    for name, row in ROWS.items():
        at, reached = {name}, set()
        while True:
            out = {arc.listener for arc in arcs if arc.speaker in at}
            reached |= {ROWS[str(node)] for node in out if node in ROWS}
            spread = at | {PAIRS[str(node)] for node in out if node in PAIRS}
            if spread == at:
                break
            at = spread
        want |= {(row, sink) for sink in reached}
    assert {(s, d) for s, d, _ in edges(arcs)} == want


@given(st.sets(st.tuples(st.sampled_from(NODES), st.sampled_from(NODES)), max_size=10), st.randoms())
def test_order_of_arcs_does_not_matter(couples: set[tuple[str, str]], random: object) -> None:
    arcs = [Arc(one, two) for one, two in couples]
    turned = list(arcs)
    random.shuffle(turned)  # type: ignore[attr-defined]
    assert edges(arcs) == edges(turned)
