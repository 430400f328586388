"""Edge rows as control gave them, by source and by sink."""

from __future__ import annotations

from collections.abc import Iterable

from pbx.channels.voice.port import Direction, Edge, EdgeKind

_Key = tuple[int, int, EdgeKind, Direction]


class Edges:
    """The set of edges; an edge is known by source, sink, kind and direction."""

    def __init__(self) -> None:
        self._by_source: dict[int, dict[_Key, Edge]] = {}
        self._by_sink: dict[int, dict[_Key, Edge]] = {}

    def apply(self, removed: Iterable[Edge], added: Iterable[Edge]) -> set[int]:
        """Take some out, put some in; the rows whose edges changed.  An unknown edge to remove is no error."""
        touched: set[int] = set()
        for edge in removed:
            self._discard(edge)
            touched.update((edge.source, edge.sink))
        for edge in added:
            key = _key(edge)
            self._by_source.setdefault(edge.source, {})[key] = edge
            self._by_sink.setdefault(edge.sink, {})[key] = edge
            touched.update((edge.source, edge.sink))
        return touched

    def _discard(self, edge: Edge) -> None:
        key = _key(edge)
        for table, row in ((self._by_source, edge.source), (self._by_sink, edge.sink)):
            edges = table.get(row)
            if edges is not None:
                edges.pop(key, None)
                if not edges:
                    del table[row]

    def remove_row(self, row: int) -> set[int]:
        """A leg is gone, and all its edges; the rows at their other ends."""
        gone = [*self.leaving(row), *self.entering(row)]
        return self.apply(gone, ()) - {row}

    def touch(self, row: int) -> bool:
        """Whether an edge leaves or enters this row."""
        return row in self._by_source or row in self._by_sink

    def leaving(self, row: int) -> tuple[Edge, ...]:
        """Edges whose source is this row."""
        return tuple(self._by_source.get(row, {}).values())

    def entering(self, row: int) -> tuple[Edge, ...]:
        """Edges whose sink is this row."""
        return tuple(self._by_sink.get(row, {}).values())


def _key(edge: Edge) -> _Key:
    return edge.source, edge.sink, edge.kind, edge.direction
