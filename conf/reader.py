"""Reads Asterisk's .conf dialect into a `Document`."""

from __future__ import annotations

from pbx.conf.diagnostics import Diagnostics
from pbx.conf.document import Document


def read(
    path: str, *, root_dir: str | None = None, diagnostics: Diagnostics, allow_exec: bool = False, optional: bool = False
) -> Document:
    """Read a file and what it includes.

    `path` and the paths of `#include` are taken relative to `root_dir` (astetcdir; default: the folder of `path`).
    `allow_exec` is asterisk.conf's execincludes. A missing file is an error unless `optional`; the document is then
    empty and `exists` is False. Never raises for what files hold: findings go to `diagnostics`.
    """
    raise NotImplementedError


def read_text(
    data: bytes | str, path: str, *, root_dir: str | None = None, diagnostics: Diagnostics, allow_exec: bool = False
) -> Document:
    """Read a document from memory; `path` is what places name. Otherwise as `read`."""
    raise NotImplementedError
