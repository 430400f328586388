"""The console's commands, one file a theme.  Importing a file declares its commands."""

from __future__ import annotations

import importlib
import pkgutil

from pbx.console.registry import Registry, default_registry


def registry() -> Registry:
    """A registry of all commands."""
    for found in pkgutil.iter_modules(__path__):
        importlib.import_module(f"{__name__}.{found.name}")
    return default_registry()
