"""extensions.conf -> Tables, in small slices."""

from __future__ import annotations

from collections.abc import Generator

from pbx.conf.diagnostics import Diagnostics
from pbx.conf.document import Document
from pbx.dialplan.model import Tables


def loading(
    document: Document, diagnostics: Diagnostics, globals_before: dict[str, str] | None = None
) -> Generator[None, None, Tables]:
    """A generator that loads a document and yields often (at most some hundred us of work apart); returns Tables.

    `globals_before`: the global variables that live (they count in `${...}` of the file, and stay unless
    clearglobalvars).
    """
    yield
    raise NotImplementedError


def load(document: Document, diagnostics: Diagnostics, globals_before: dict[str, str] | None = None) -> Tables:
    """`loading` in one go (tests, `pbx check`)."""
    work = loading(document, diagnostics, globals_before)
    while True:
        try:
            next(work)
        except StopIteration as done:
            return done.value  # type: ignore[no-any-return]
