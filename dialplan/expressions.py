"""`$[...]`: Asterisk's expressions, compiled once."""

from __future__ import annotations


def evaluate(text: str) -> str:
    """The value of an expression (what stands between `$[` and `]`, variables already put in).

    Never raises: a syntax error gives what Asterisk gives (mostly nothing).
    """
    raise NotImplementedError


def is_true(text: str) -> bool:
    """What GotoIf, ExecIf, While and IF take for true: not empty and not a number that is 0."""
    raise NotImplementedError
