"""What `pbx check` looks for: small checkers, each over the configuration as a whole."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from pbx.checks.configuration import Configuration

Checker: TypeAlias = Callable[[Configuration], None]


def all_checkers() -> tuple[Checker, ...]:
    """Every checker, in the order they are run. A new one is a function in a module here, and a line there."""
    from pbx.checks import (
        dialplan,
        dialplan_dial,
        dialplan_functions,
        dialplan_jumps,
        dialplan_options,
        dialplan_reach,
        iax_access,
        iax_names,
        keys,
        other_files,
    )

    return (
        *other_files.CHECKERS,
        *keys.CHECKERS,
        *iax_access.CHECKERS,
        *iax_names.CHECKERS,
        *dialplan.CHECKERS,
        *dialplan_dial.CHECKERS,
        *dialplan_options.CHECKERS,
        *dialplan_functions.CHECKERS,
        *dialplan_jumps.CHECKERS,
        *dialplan_reach.CHECKERS,
    )
