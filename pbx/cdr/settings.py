"""cdr.conf."""

from __future__ import annotations

from dataclasses import dataclass

from pbx.conf.diagnostics import Diagnostics
from pbx.conf.document import Document, Section
from pbx.conf.values import is_true


@dataclass(slots=True)
class Csv:
    """[csv]: what cdr-csv/Master.csv holds."""

    usegmtime: bool = False
    loguniqueid: bool = False
    loguserfield: bool = False
    accountlogs: bool = True
    newcdrcolumns: bool = False


@dataclass(slots=True)
class Settings:
    """cdr.conf as read; the defaults are Asterisk's.  time: seconds; csv: None without a section [csv]."""

    enable: bool = True
    channeldefaultenabled: bool = True
    unanswered: bool = False
    congestion: bool = False
    ignorestatechanges: bool = False
    ignoredialchanges: bool = False
    endbeforehexten: bool = True
    initiatedseconds: bool = False
    canceldispositionenabled: bool = False
    batch: bool = False
    size: int = 100
    time: int = 300
    scheduleronly: bool = False
    safeshutdown: bool = True
    csv: Csv | None = None


#: sections of cdr.conf whose databases pbx does not write
_ELSEWHERE = {"radius", "odbc", "pgsql", "manager", "tds", "sqlite", "custom"}


def load(document: Document, findings: Diagnostics) -> Settings:
    """The settings of a cdr.conf; unknown options are findings."""
    settings = Settings()
    for section in document:
        name = section.name.lower()
        if name == "general":
            _fill(settings, section, findings)
        elif name == "csv" and section.entries:
            settings.csv = settings.csv or Csv()
            _fill(settings.csv, section, findings)
        elif section.entries and name in _ELSEWHERE:
            findings.warning(section.place, f"records are not written to [{section.name}] here; its options do nothing")
        elif name not in _ELSEWHERE and name != "csv":
            findings.warning(section.place, f"no such section: [{section.name}]", code="unknown-section")
    return settings


def _fill(target: Settings | Csv, section: Section, findings: Diagnostics) -> None:
    for entry in section:
        name = entry.name.lower()
        old = getattr(target, name, None)
        if name == "csv" or name not in target.__dataclass_fields__:
            findings.warning(entry.place, f"no such option: {entry.name}", text=entry.text, code="unknown-option")
        elif isinstance(old, bool):
            setattr(target, name, is_true(entry.value))
        else:
            try:
                number = int(entry.value)
            except ValueError:
                number = -1
            if number < 0:
                findings.warning(entry.value_place, f"no number: {entry.value}", text=entry.text, advice=str(old))
            else:
                setattr(target, name, number)
