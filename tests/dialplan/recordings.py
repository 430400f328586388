"""Reads tests/dialplan/recorded: what a stock Asterisk answered (see the README there)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from pbx.conf.diagnostics import Diagnostics
from pbx.conf.reader import read_text
from pbx.dialplan.dialplan import Dialplan
from pbx.dialplan.loader import load


def recorded(name: str) -> Any:
    """The answers of one file."""
    return json.loads((Path(__file__).parent / "recorded" / f"{name}.json").read_text(encoding="utf-8"))


def dialplan(conf: str, diagnostics: Diagnostics | None = None) -> Dialplan:
    """A dialplan of the text of an extensions.conf."""
    found = diagnostics or Diagnostics()
    return Dialplan(load(read_text(conf, "extensions.conf", diagnostics=found), found))
