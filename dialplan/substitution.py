"""`${...}` and `$[...]` in the data of a priority, put in as Asterisk does."""

from __future__ import annotations

from typing import Protocol


class Values(Protocol):
    """Where substitution gets its values."""

    def variable(self, name: str) -> str | None:
        """A variable of the channel, built-in or global; None if there is none."""

    def function(self, name: str, args: str) -> str | None:
        """What a function reads; None if it fails or does not exist (an empty text is put in)."""


def substitute(text: str, values: Values) -> str:
    """`text` with every `${...}` and `$[...]` replaced, at most 4095 bytes where Asterisk cuts.

    Never raises for what stands in the text; what `values` raises (Suspend) passes through.
    """
    raise NotImplementedError
