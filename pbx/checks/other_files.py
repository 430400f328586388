"""Files beside iax.conf and extensions.conf: read by their own readers, or at least as the dialect has it."""

from __future__ import annotations

import os

from pbx import loggerconf, modules
from pbx.checks.configuration import Configuration
from pbx.conf.diagnostics import Place

NOT_THE_DIALECT = frozenset(("ast_debug_tools.conf",))


def logger(configuration: Configuration) -> None:
    """logger.conf."""
    conf = configuration.conf
    loggerconf.load(conf.etc("logger.conf"), configuration.found, allow_exec=conf.execincludes)


def module_lists(configuration: Configuration) -> None:
    """modules.conf."""
    conf = configuration.conf
    modules.load_conf(conf.etc("modules.conf"), configuration.found, allow_exec=conf.execincludes)


def the_rest(configuration: Configuration) -> None:
    """Every other .conf file of the folder must at least be readable: its reader may come later."""
    folder = configuration.conf.directories["astetcdir"]
    try:
        names = sorted(os.listdir(folder))
    except OSError as error:
        message = f"the configuration folder can't be read: {error.strerror}"
        configuration.found.error(Place(folder), message, advice="another -C or --etc", code="unreadable")
        return
    for name in names:
        if name.endswith(".conf") and name not in NOT_THE_DIALECT and os.path.isfile(os.path.join(folder, name)):
            configuration.document(name)


def needed(configuration: Configuration) -> None:
    """Without these two nobody can call."""
    for name, what in (("iax.conf", "nobody can call over IAX2"), ("extensions.conf", "no number leads anywhere")):
        document = configuration.document(name)
        if not document.exists:
            configuration.found.warning(Place(document.path), f"there is no such file: {what}", code="missing-file")


CHECKERS = (logger, module_lists, the_rest, needed)
