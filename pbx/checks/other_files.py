"""Files beside iax.conf and extensions.conf: read by their own readers, or at least as the dialect has it."""

from __future__ import annotations

import os

from pbx import dnsmgr, iaxprov, loggerconf, modules
from pbx.cdr import settings as cdr
from pbx.cel import settings as cel
from pbx.checks.configuration import Configuration
from pbx.conf.diagnostics import Place

#: files that are read here, or will be; what else lies in the folder may be of any kind
KNOWN = tuple(
    f"{name}.conf"
    for name in (
        "acl agents amd calendar ccss cdr cdr_custom cdr_sqlite3_custom cel cel_custom cel_sqlite3_custom cli "
        "cli_aliases cli_permissions codecs confbridge dnsmgr enum extconfig extensions features festival "
        "followme func_odbc http iax iaxprov indications logger manager meetme minivm modules musiconhold "
        "phoneprov queuerules queues res_parking rtp say sla smdi udptl users voicemail"
    ).split()
)


def logger(configuration: Configuration) -> None:
    """logger.conf."""
    conf = configuration.conf
    loggerconf.load(conf.etc("logger.conf"), configuration.found, allow_exec=conf.execincludes)


def module_lists(configuration: Configuration) -> None:
    """modules.conf."""
    conf = configuration.conf
    modules.load_conf(conf.etc("modules.conf"), configuration.found, allow_exec=conf.execincludes)


def records(configuration: Configuration) -> None:
    """cdr.conf and cel.conf."""
    for name, load in (("cdr.conf", cdr.load), ("cel.conf", cel.load)):
        document = configuration.document(name)
        if document.exists:
            load(document, configuration.found)


def beside_iax(configuration: Configuration) -> None:
    """dnsmgr.conf and iaxprov.conf."""
    dnsmgr.of(configuration.document("dnsmgr.conf"), configuration.found)
    iaxprov.templates(configuration.document("iaxprov.conf"), configuration.found)


def the_rest(configuration: Configuration) -> None:
    """Every other known file must at least be readable: what it means is for its own reader."""
    folder = configuration.conf.directories["astetcdir"]
    try:
        there = set(os.listdir(folder))
    except OSError as error:
        message = f"the configuration folder can't be read: {error.strerror}"
        configuration.found.error(Place(folder), message, advice="another -C or --etc", code="unreadable")
        return
    for name in KNOWN:
        if name in there:
            configuration.document(name)


def needed(configuration: Configuration) -> None:
    """Without these two nobody can call."""
    for name, what in (("iax.conf", "nobody can call over IAX2"), ("extensions.conf", "no number leads anywhere")):
        document = configuration.document(name)
        if not document.exists:
            configuration.found.warning(Place(document.path), f"there is no such file: {what}", code="missing-file")


CHECKERS = (logger, module_lists, records, beside_iax, the_rest, needed)
