"""From who-hears-whom to edge rows: the pure part of the graph.

Nodes are anything hashable (channels in life, letters in tests).  Each has an
*in* port (what its far end says) and an *out* port (what its far end hears).  A
node with a row is an end of a path; a paired node without one passes what goes
out of it on to the in port of its other half.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Hashable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from pbx.channels.voice.port import Direction, Edge, EdgeKind

Node = Hashable

#: of two kinds along one path the later decides: a tap stays a tap, mixed sound stays mixed
_RANK = {EdgeKind.RELAY: 0, EdgeKind.MIX: 1, EdgeKind.TAP: 2, EdgeKind.DETECT: 3}


@dataclass(slots=True, eq=False)
class Arc:
    """What `speaker`'s far end says goes to `listener`'s far end.

    why keeps arcs of the same two apart ("talk", "hear", "loop", "tap", "whisper").  direction is of taps: IN what the
    speaker says, OUT what it hears; all others are IN.
    """

    speaker: Node
    listener: Node
    why: str = "talk"
    kind: EdgeKind = EdgeKind.RELAY
    direction: Direction = Direction.IN
    gain: int = 0


@dataclass(slots=True)
class Picture:
    """A piece of the graph: all that decides its edges.

    closed_in / closed_out: nodes whose arcs carry nothing from them / to them (hold, mute).  solo: rows whose far end
    hears one source and nothing else; mixed: rows that hear a source mixed with their arcs.  gain_in / gain_out: how
    much louder (dB * 100) what comes in at a node, or goes out of it, is for those it talks with; what goes out of a
    row is the plane's to scale.
    """

    rows: Mapping[Node, int]
    pairs: Mapping[Node, Node] = field(default_factory=dict)
    arcs: Iterable[Arc] = ()
    closed_in: frozenset[Node] = frozenset()
    closed_out: frozenset[Node] = frozenset()
    solo: frozenset[int] = frozenset()
    mixed: frozenset[int] = frozenset()
    gain_in: Mapping[Node, int] = field(default_factory=dict)
    gain_out: Mapping[Node, int] = field(default_factory=dict)
    _from: dict[Node, list[Arc]] = field(init=False)
    _to: dict[Node, list[Arc]] = field(init=False)

    def __post_init__(self) -> None:
        self._from, self._to = {}, {}
        for arc in self.arcs:
            for one in (arc,) if arc.kind is not EdgeKind.TAP or arc.speaker in self.rows else self._plain(arc):
                self._from.setdefault(one.speaker, []).append(one)
                self._to.setdefault(one.listener, []).append(one)

    def _plain(self, arc: Arc) -> Iterator[Arc]:
        """What a node without a row hears is what its other half says: only nodes with rows keep Direction.OUT."""
        if not arc.direction & Direction.OUT:
            yield arc
            return
        if arc.direction & Direction.IN:
            yield replace(arc, direction=Direction.IN)
        if arc.speaker in self.pairs:
            yield replace(arc, speaker=self.pairs[arc.speaker], direction=Direction.IN)

    def onward(self, node: Node) -> Iterator[tuple[Node, EdgeKind, Direction, int]]:
        """(node, kind, direction, gain) of nodes with rows that hear what comes in at `node`, shortest path first."""
        seen: set[Node] = set()
        ahead: deque[tuple[Node, EdgeKind, int]] = deque([(node, EdgeKind.RELAY, 0)])
        while ahead:
            at, kind, gain = ahead.popleft()
            if at in seen or at in self.closed_in:
                continue
            seen.add(at)
            for arc in self._from.get(at, ()):
                listener = arc.listener
                if listener in self.closed_out:
                    continue
                stronger = kind if _RANK[kind] >= _RANK[arc.kind] else arc.kind
                louder = gain + arc.gain + (0 if arc.kind is EdgeKind.TAP else self.gain_in.get(at, 0))
                if listener in self.rows:
                    yield listener, stronger, arc.direction, louder
                elif listener in self.pairs:
                    louder += self.gain_out.get(listener, 0)
                    ahead.append((self.pairs[listener], stronger, louder))

    def hearers(self, node: Node) -> list[Node]:
        """Nodes with rows whose far end hears what goes out of `node` (a source put there), in order of discovery."""
        if node in self.rows:
            return [node]
        if node not in self.pairs:
            return []
        return list(dict.fromkeys(found for found, *_ in self.onward(self.pairs[node])))

    def speakers(self, node: Node) -> list[Node]:
        """Nodes with rows whose far end is heard at the in port of `node` (a recorder put there)."""
        found: dict[Node, None] = {}
        seen: set[Node] = set()
        behind = deque([node])
        while behind:
            at = behind.popleft()
            if at in self.rows:
                found[at] = None
            elif at in self.pairs and at not in seen and self.pairs[at] not in self.closed_out:
                seen.add(at)
                behind += [
                    arc.speaker
                    for arc in self._to.get(self.pairs[at], ())
                    if arc.speaker not in self.closed_in and arc.direction & Direction.IN
                ]
        return list(found)


def compile_edges(picture: Picture) -> set[Edge]:
    """The edge rows of this piece of the graph.

    One arc between two rows is a RELAY, payload untouched; where several sounds meet at a row they are MIXed.  A row
    that hears a solo source has no relayed or mixed edge while that plays.  Of several paths between the same two
    rows the shortest counts.
    """
    found: dict[tuple[int, int, Direction], tuple[EdgeKind, int]] = {}
    sounds: dict[int, int] = {}
    for speaker, row in picture.rows.items():
        for listener, kind, direction, gain in picture.onward(speaker):
            sink = picture.rows[listener]
            key = (row, sink, direction)
            if key in found or (sink in picture.solo and kind is not EdgeKind.TAP):
                continue
            found[key] = (kind, gain)
            if kind is not EdgeKind.TAP:
                sounds[sink] = sounds.get(sink, 0) + 1
    return {
        Edge(row, sink, EdgeKind.MIX if _meets(kind, sink, sounds, picture) else kind, direction, gain)
        for (row, sink, direction), (kind, gain) in found.items()
    }


def _meets(kind: EdgeKind, sink: int, sounds: Mapping[int, int], picture: Picture) -> bool:
    """Whether what would be relayed to this row meets another sound there."""
    return kind is EdgeKind.RELAY and (sounds[sink] > 1 or sink in picture.mixed)
