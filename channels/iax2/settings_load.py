"""Makes `Settings` of iax.conf."""

from __future__ import annotations

from pbx.channels.iax2.acl import NamedLists
from pbx.channels.iax2.settings import Settings
from pbx.conf.diagnostics import Diagnostics
from pbx.conf.document import Document


def load(document: Document, *, diagnostics: Diagnostics, named_lists: NamedLists | None = None) -> Settings:
    """Settings of a document (iax.conf as `pbx.conf.reader.read` read it); every mistake goes to `diagnostics`.

    `named_lists`: the lists of acl.conf (`acl.load_named`).
    """
    raise NotImplementedError


def from_text(text: str, path: str = "iax.conf") -> Settings:
    """Settings from a text, its diagnostics in them: for tests and tools."""
    raise NotImplementedError
