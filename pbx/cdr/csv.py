"""cdr-csv/Master.csv and a file for each account, in Asterisk's field order and quoting."""

from __future__ import annotations

from pbx.cdr.record import Cdr, ama_name, stamp
from pbx.cdr.settings import Csv
from pbx.channels.log import Log

log = Log("cdr_csv")

MASTER = "Master.csv"


def quoted(text: str) -> str:
    """A text field: in quotes, its own quotes doubled."""
    return '"' + text.replace('"', '""') + '"'


def _time(when: float, gmt: bool) -> str:
    return quoted(stamp(when, gmt=gmt)) if when else ""


def line(cdr: Cdr, conf: Csv) -> str:
    """One line, with its end."""
    party, peer = cdr.party, cdr.peer
    fields = [
        quoted(party.accountcode),
        quoted(party.number),
        quoted(cdr.dst),
        quoted(cdr.dcontext),
        quoted(party.clid),
        quoted(party.name),
        quoted(peer.name if peer else ""),
        quoted(cdr.lastapp),
        quoted(cdr.lastdata),
        _time(cdr.start, conf.usegmtime),
        _time(cdr.answer, conf.usegmtime),
        _time(cdr.end, conf.usegmtime),
        str(int(cdr.duration)),
        str(cdr.seconds_billed),
        quoted(cdr.disposition.label),
        quoted(ama_name(party.amaflags)),
    ]
    if conf.loguniqueid:
        fields.append(quoted(party.uniqueid))
    if conf.loguserfield:
        fields.append(quoted(cdr.userfield))
    if conf.newcdrcolumns:
        fields += [quoted(peer.accountcode if peer else ""), quoted(party.linkedid), str(cdr.sequence)]
    return ",".join(fields) + "\n"


def account_file(account: str) -> str | None:
    """The file's name of an account; None for one that could lead out of the folder."""
    if not account or "/" in account or account.startswith(".") or "\0" in account:
        if account:
            log.warning(f"Account code '{account}' insecure for writing file")
        return None
    return f"{account}.csv"
