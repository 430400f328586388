"""Texts as the bytes that Asterisk sees: it counts, cuts and compares bytes, not characters.

All text of the house is `str`, read as UTF-8 with surrogateescape.  Where a byte matters (LEN, substrings, character
sets, collation, limits), these do it; plain ASCII, the usual case, costs nothing.
"""

from __future__ import annotations


def to_bytes(text: str) -> bytes:
    """The bytes of a text as they stood in the file or on the wire."""
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        # half a surrogate pair, which no file and no wire gives
        return text.encode("utf-8", "replace")


def from_bytes(data: bytes) -> str:
    """A text that gives back these bytes."""
    return data.decode("utf-8", "surrogateescape")


def widened(text: str) -> str:
    """One character (U+0000 to U+00FF) for each byte: what can be indexed, sliced and compared as bytes."""
    return text if text.isascii() else to_bytes(text).decode("latin-1")


def narrowed(text: str) -> str:
    """The opposite of `widened`."""
    return text if text.isascii() else from_bytes(text.encode("latin-1"))


def length(text: str) -> int:
    """Bytes, not characters."""
    return len(text) if text.isascii() else len(to_bytes(text))


def cut(text: str, limit: int) -> str:
    """At most `limit` bytes."""
    if text.isascii():
        return text[:limit]
    data = to_bytes(text)
    return text if len(data) <= limit else from_bytes(data[:limit])


def signed(char: str) -> int:
    """A byte (a character of a widened text) as C's plain `char` on x86: 128-255 are negative."""
    code = ord(char)
    return code if code < 0x80 else code - 0x100


def collation(text: str) -> tuple[int, ...]:
    """Sort key of strcmp over signed characters."""
    return tuple(signed(c) for c in widened(text))
