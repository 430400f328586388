"""Configuration files are read in slices."""

from __future__ import annotations

from collections.abc import Generator
from typing import TYPE_CHECKING

from pbx.conf import reader
from pbx.conf.diagnostics import Diagnostics
from pbx.conf.document import Document

if TYPE_CHECKING:
    from pbx.daemon import Daemon


def read_steps(daemon: Daemon, name: str, findings: Diagnostics) -> Generator[None, None, Document]:
    """Read a configuration file in slices."""
    conf = daemon.conf
    return reader.read_steps(
        conf.etc(name), root_dir=conf.astetcdir, diagnostics=findings, allow_exec=conf.execincludes, optional=True
    )
