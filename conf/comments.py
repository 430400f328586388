"""Takes comments out of lines: `;` to the end, `;-- ... --;` over several lines, nested; `\\;` is a plain `;`."""

from __future__ import annotations

MAXIMUM_NESTING = 128


class CommentStripper:
    """State of block comments through one file.

    As in Asterisk, a stray `--;` outside of a comment takes the nesting below zero, and everything that follows is
    lost until as many `;--` came: `depth` is then negative and `opened_at` the line of the stray end.
    """

    __slots__ = ("depth", "opened_at", "too_deep")

    def __init__(self) -> None:
        self.depth = 0
        self.opened_at = 0
        self.too_deep = False

    def strip(self, line: str, number: int) -> str:
        """What is left of a line that holds a `;` or lies inside a block comment."""
        kept: list[str] = []  # what is outside of block comments
        # Where text outside of a comment begins; None: the line gives nothing (more).
        start: int | None = None if self.depth else 0
        seen = 0  # what is before may not take part in a comment mark any more
        at = line.find(";")
        while at >= 0:
            escaped = at > seen and line[at - 1] == "\\"
            if escaped:
                if start is not None:
                    kept.append(line[start : at - 1])
                    start = at
                seen = at
                at = line.find(";", at + 1)
                continue
            if line.startswith("--", at + 1) and line[at + 3 : at + 4] != "-":
                start = self._open(line, at, number, start, kept)
                seen = at + 3
            elif at >= seen + 2 and line[at - 2 : at] == "--":
                start = self._close(at, number, start)
                seen = at + 1
            elif self.depth:
                seen = at + 1
            else:  # a plain comment to the end of the line
                if start is not None:
                    kept.append(line[start:at])
                return "".join(kept)
            at = line.find(";", seen)
        if start is not None:
            kept.append(line[start:])
        return "".join(kept)

    def _open(self, line: str, at: int, number: int, start: int | None, kept: list[str]) -> int | None:
        """`;--`: what stood before it counts."""
        if self.depth >= MAXIMUM_NESTING:
            self.too_deep = True
            return start
        if start is not None:
            kept.append(line[start:at])
        if self.depth == 0:
            self.opened_at = number
        self.depth += 1
        return None

    def _close(self, at: int, number: int, start: int | None) -> int | None:
        """`--;`: what stands behind the outermost one counts again."""
        if self.depth == 0:
            self.opened_at = number
        self.depth -= 1
        return at + 1 if self.depth == 0 else start
