"""Why calls and registrations failed: the one record behind the NOTICE line, the SECURITY line and `iax2 why`.

Each refusal is written in full; from one address only the first ten a minute,
the rest is summed up in one line.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from pbx.channels.events import Bus, Verdict
from pbx.channels.log import Log

log = Log("chan_iax2")
security = Log("res_security_log")

#: refusals of one address that are written in full, and the seconds they are counted over
FULL = 10
WINDOW = 60.0
#: verdicts kept for the console
KEPT = 500
#: addresses counted at once; when more come (a flood of forged ones), the oldest is forgotten
ADDRESSES = 4096


@dataclass(slots=True)
class _Count:
    started: float
    seen: int = 0
    last: str = ""


class Verdicts:
    """Subscribes to the bus and writes.  clock: IReactorTime; wall: seconds since the epoch."""

    def __init__(self, bus: Bus, clock: object, wall: Callable[[], float]) -> None:
        self.recent: deque[tuple[float, Verdict]] = deque(maxlen=KEPT)
        self.total = 0
        #: authdebug of iax.conf: refusals that may be an attack are told as NOTICE, too
        self.authdebug = True
        self._clock = clock
        self._wall = wall
        self._counts: dict[str, _Count] = {}
        bus.subscribe(Verdict, self.take)

    def take(self, verdict: Verdict) -> None:
        """One failure."""
        self.total += 1
        self.recent.append((self._wall(), verdict))
        if self._full(verdict):
            if self.authdebug or not verdict.security:
                log.notice(notice_line(verdict))
            if verdict.security:
                security.security(security_line(verdict, self._wall()))

    def _full(self, verdict: Verdict) -> bool:
        """Whether this one is written in full."""
        address = host_of(verdict.where)
        if not address:
            return True
        now = self._clock.seconds()  # type: ignore[attr-defined]
        count = self._counts.get(address)
        if count is None or now - count.started >= WINDOW:
            if count is not None:
                self._sum_up(address, count)
            elif len(self._counts) >= ADDRESSES:
                oldest = next(iter(self._counts))
                self._sum_up(oldest, self._counts.pop(oldest))
            self._counts.pop(address, None)
            count = self._counts[address] = _Count(now)
        count.seen += 1
        if count.seen == FULL + 1:
            self._clock.callLater(WINDOW - (now - count.started), self._minute_over, address, count)  # type: ignore[attr-defined]
        count.last = verdict.what
        return count.seen <= FULL

    def _minute_over(self, address: str, count: _Count) -> None:
        if self._counts.get(address) is count:
            del self._counts[address]
            self._sum_up(address, count)

    def _sum_up(self, address: str, count: _Count) -> None:
        more = count.seen - FULL
        if more > 0:
            log.notice(f"{more} more refusals of {address} within {WINDOW:.0f} seconds (the last: a {count.last})")
            count.seen = 0


def host_of(where: str) -> str:
    """The address without its port."""
    if where.startswith("["):
        return where[1:].partition("]")[0]
    return where.rpartition(":")[0] if where.count(":") == 1 else where


#: how a refusal begins that fail2ban's stock filter for Asterisk understands
_KNOWN = re.compile(
    r"(?:Host )?\S+ (?:failed (?:to authenticate|MD5 authentication)\b|tried to authenticate with nonexistent user\b)"
    r"|Call from '[^']*' \(\S+\) to extension '[^']*' rejected because extension not found in context"
    r"|No registration for peer '[^']*' \(from [^)]*\)$"
)


def notice_line(verdict: Verdict) -> str:
    """Who, from where, what was expected, what came, which line decided, what to change.

    A refusal that may be an attack begins with words that fail2ban's stock filter for Asterisk knows; that filter
    takes everything up to a colon and a space for the name of a function, so there is none in the line.
    """
    host = host_of(verdict.where)
    details = [verdict.message] if verdict.message else []
    if verdict.security and host and not _KNOWN.match(verdict.message):
        text = f"Host {host} failed to authenticate as '{verdict.who}' ({verdict.what})"
    elif details:
        text = details.pop()
    else:
        place = f" at {verdict.where}" if verdict.where else ""
        text = f"{verdict.what.capitalize()} with '{verdict.who}'{place} failed"
    if verdict.expected:
        details.append(f"expected {verdict.expected}")
    if verdict.got:
        details.append(f"got {verdict.got}")
    if verdict.place:
        details.append(f"decided by {verdict.place}")
    if verdict.advice:
        details.append(verdict.advice)
    line = text + (" - " + "; ".join(details) if details else "")
    return line.replace(": ", " - ")


def security_line(verdict: Verdict, now: float) -> str:
    """Asterisk's security event line, as fail2ban and others read it."""
    moment = datetime.fromtimestamp(now).astimezone()
    stamp = moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}" + moment.strftime("%z")
    family = "IPV6" if ":" in host_of(verdict.where) else "IPV4"
    host, port = host_of(verdict.where), verdict.where.rpartition(":")[2] if ":" in verdict.where else "0"
    fields = {
        "SecurityEvent": verdict.security,
        "EventTV": stamp,
        "Severity": "Error",
        "Service": "IAX2",
        "EventVersion": "1",
        "AccountID": verdict.who or "<unknown>",
        "SessionID": verdict.where,
        "LocalAddress": f"{family}/UDP/{'::' if family == 'IPV6' else '0.0.0.0'}/4569",
        "RemoteAddress": f"{family}/UDP/{host}/{port}",
    }
    return ",".join(f'{name}="{value}"' for name, value in fields.items())
