"""Typed values as Asterisk understands them."""

from __future__ import annotations

_TRUE = frozenset(("yes", "true", "y", "t", "1", "on"))
_FALSE = frozenset(("no", "false", "n", "f", "0", "off"))


def is_true(value: str | None) -> bool:
    """Whether Asterisk takes the value as yes: yes, true, y, t, 1, on in any case, nothing else (not even `2`)."""
    return value is not None and value.lower() in _TRUE


def is_false(value: str | None) -> bool:
    """Whether Asterisk takes the value as a clear no: no, false, n, f, 0, off in any case."""
    return value is not None and value.lower() in _FALSE


def is_boolean(value: str) -> bool:
    """Whether the value is one of the twelve words for yes and no."""
    return value.lower() in _TRUE or value.lower() in _FALSE
