"""Fills the console's snapshots from the core: what stands behind `iax2 show ...`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pbx.channels.iax2.address import is_numeric, text
from pbx.channels.iax2.dialog import SENT
from pbx.channels.iax2.elements import Element
from pbx.channels.iax2.snapshots import (
    ChannelRow,
    NumberPoolUse,
    NumberUse,
    PeerRow,
    RegistryRow,
    Side,
    Stats,
    UserRow,
)
from pbx.channels.iax2.trace import command_name
from pbx.channels.voice.port import LegCounters
from pbx.codecs.formats import BY_BIT, from_mask, names

if TYPE_CHECKING:
    from pbx.channels.iax2.call import Call
    from pbx.channels.iax2.core import Core
    from pbx.channels.iax2.peers import PeerRecord
    from pbx.channels.iax2.registration import Registration

#: what the console shows of delay before a jitter buffer has measured one, ms
_DELAY = 40


def peer(record: PeerRecord, now: float) -> PeerRow:
    """One peer as it stands."""
    section, address = record.section, record.address
    wide = address is not None and ":" in address[0]
    mask = None
    if address is not None and not section.dynamic:
        mask = section.mask or ("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff" if wide else "255.255.255.255")
    return PeerRow(
        name=section.name,
        username=section.username,
        host=address[0] if address else None,
        port=address[1] if address else None,
        mask=mask,
        dynamic=section.dynamic,
        trunk=section.trunk,
        encrypted=section.encryption,
        status=record.status,
        description=section.description,
        expire=-1 if record.expires is None else max(0, round(record.expires - now)),
        section=section,
        former=text(record.former) if record.former is not None else "",
        changed=now - record.changed if record.changed else None,
    )


def peer_item(record: PeerRecord, item: str, now: float) -> str | None:
    """An item of IAXPEER(), as text; None when there is none of that name."""
    section, address = record.section, record.address
    if item.startswith("codec[") and item.endswith("]"):
        number = item[6:-1]
        formats = section.formats.formats
        return formats[int(number)].name if number.isdecimal() and int(number[:4]) < len(formats) else ""
    match item:
        case "ip":
            return address[0] if address is not None else ""
        case "port":
            return str(address[1]) if address is not None else ""
        case "status":
            return record.status
        case "mailbox":
            return section.mailbox
        case "context":
            return section.context
        case "expire":
            return str(-1 if record.expires is None else max(0, round(record.expires - now)))
        case "dynamic":
            return "yes" if section.dynamic else "no"
        case "callerid_name":
            return section.caller.name or ""
        case "callerid_num":
            return section.caller.number or ""
        case "codecs":
            return names(from_mask(section.formats.mask))
    return None


def users(core: Core) -> list[UserRow]:
    """All users, in the file's order."""
    return [UserRow(name, section) for name, section in core.settings.users.items()]


def registration(one: Registration, now: float) -> RegistryRow:
    """One `register =>` line as it stands."""
    line = one.line
    seen = one.perceived
    address = one.address
    return RegistryRow(
        host=address[0] if address else line.host,
        port=line.port,
        dnsmgr=one.core.dnsmgr and not is_numeric(line.host),
        username=line.user,
        perceived=f"{seen[0]}:{seen[1]}" if seen else "",
        refresh=one.refresh,
        state=str(one.status),
        changed=now - one.changed if one.changed else None,
    )


def call(one: Call, counters: LegCounters, name: str | None) -> ChannelRow:
    """One call; `counters`: what the plane counted of its voice."""
    report = one.remote_report
    received, lost = counters.received, counters.lost
    return ChannelRow(
        name=name,
        address=one.address[0],
        port=one.address[1],
        username=one.user_name or "",
        own_number=one.own_number,
        remote_number=one.remote_number,
        sequence_out=one.reliable.oseqno,
        sequence_in=one.reliable.iseqno,
        lag=max(0, one.lag),
        jitter=counters.jitter,
        jitter_buffer=counters.delay or _DELAY,
        format=BY_BIT[one.format].name if one.format in BY_BIT else "(nothing)",
        first=_message(one.first_message),
        last=_message(one.last_message),
        rtt=round(one.rtt * 1000),
        local=Side(
            jitter=counters.jitter,
            delay=counters.delay or _DELAY,
            lost=lost,
            loss_percent=100 * lost // (received + lost) if received + lost else 0,
            dropped=counters.late + counters.dropped,
            out_of_order=counters.out_of_order,
            packets=received,
        ),
        remote=Side(
            jitter=report.get(Element.RR_JITTER, 0),
            delay=report.get(Element.RR_DELAY, _DELAY),
            lost=report.get(Element.RR_LOSS, 0) & 0xFFFFFF,
            loss_percent=report.get(Element.RR_LOSS, 0) >> 24,
            dropped=report.get(Element.RR_DROPPED, 0),
            out_of_order=report.get(Element.RR_OOO, 0),
            packets=report.get(Element.RR_PKTS, 0),
        ),
    )


def _message(message: int) -> str:
    """`Tx:NEW`, `Rx:ACK`."""
    if not message:
        return ""
    return f"{'Tx' if message & SENT else 'Rx'}:{command_name(message & ~SENT).strip()}"


def numbers(core: Core) -> NumberPoolUse:
    """Call numbers in use by host, and what is left."""
    ports: dict[str, int] = {}
    for host, port in (address for address, _ in core.by_own):
        ports.setdefault(host, port)
    rows = tuple(
        NumberUse(
            text((host, ports.get(host, 0))), used, core.host_limits.get(host) or core.settings.call_number_limit(host)
        )
        for host, used in core.per_host.items()
    )
    regular, trunk = core.numbers.free
    return NumberPoolUse(rows, core.settings.general.maxcallnumbers_nonvalidated, core.without_token, regular, trunk)


def stats(core: Core, mtu: int) -> Stats:
    """What was counted since start."""
    waiting = [sent for dialog in core.by_own.values() for sent in dialog.reliable.pending]
    final = sum(1 for sent in waiting if sent.final)
    counted = dict(core.stats)
    return Stats(
        outstanding=len(waiting),
        ingress=0,
        egress=len(waiting),
        mtu_set=mtu,
        dead=0,
        final=final,
        queued=len(waiting),
        counted=counted,
    )
