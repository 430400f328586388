"""The text of `iax2 show ...`, widths as Asterisk's, from the snapshots that the driver gives."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping

from pbx.channels.iax2.snapshots import ChannelRow, NumberUse, PeerRow, RegistryRow, Side, Stats, UserRow
from pbx.codecs import formats

PEER = "{:<15.15}  {:<40.40} {:<3.3}  {:<40.40}  {:<6.6}{:<3.3} {:<3.3}  {:<11.11} {:<32.32}"
USER = "{:<15.15}  {:<20.20}  {:<15.15}  {:<15.15}  {:<5.5}  {:<5.5}"
REGISTRY = "{:<45.45}  {:<6.6}  {:<10.10}  {:<45.45} {:>8}  {}"
CHANNEL = "{:<20.20}  {:<40.40}  {:<10.10}  {}  {}  {}  {}  {}  {:<6.6}  {}  {}"


def peers(rows: Iterable[PeerRow]) -> Iterator[str]:
    """`iax2 show peers`."""
    yield (
        f"{'Name/Username':<15.15}  {'Host':<40.40} {'':<4}  {'Mask':<40.40}  {'Port':<6.6}{'':<3} {'':<3}  "
        f"{'Status':<11.11} {'Description':<32.32}"
    )
    count = online = offline = unmonitored = 0
    for row in rows:
        count += 1
        online += row.status.startswith(("OK", "LAGGED"))
        offline += row.status in ("UNREACHABLE", "UNKNOWN")
        unmonitored += row.status == "Unmonitored"
        yield PEER.format(
            f"{row.name}/{row.username}" if row.username else row.name,
            row.host or "(null)",
            "(D)" if row.dynamic else "(S)",
            row.mask or "(null)",
            "(null)" if row.port is None else str(row.port),
            "(T)" if row.trunk else "   ",
            "(E)" if row.encrypted else "   ",
            row.status,
            row.description,
        )
    yield f"{count} iax2 peers [{online} online, {offline} offline, {unmonitored} unmonitored]"


def users(rows: Iterable[UserRow]) -> Iterator[str]:
    """`iax2 show users`."""
    head = USER.replace("{:<5.5}  {:<5.5}", "{:<5.5}  {}")
    yield head.format("Username", "Secret", "Authen", "Def.Context", "A/C", "Codec Pref")
    for row in rows:
        section = row.section
        secret = ";".join(section.secrets) or section.md5secret
        if not secret:
            secret = f"Key: {':'.join(section.inkeys)}" if section.inkeys else "-no secret-"
        yield USER.format(
            row.name,
            secret,
            f"{int(section.methods):015d}",
            section.context,
            "Yes" if section.access else "No",
            section.codecpriority.value,
        )


def registry(rows: Iterable[RegistryRow]) -> Iterator[str]:
    """`iax2 show registry`."""
    yield f"{'Host':<45.45}  {'dnsmgr':<6.6}  {'Username':<10.10}  {'Perceived':<45.45} {'Refresh':>8.8}  State"
    count = 0
    for count, row in enumerate(rows, 1):  # noqa: B007
        yield REGISTRY.format(
            f"{bracketed(row.host)}:{row.port}",
            "Y" if row.dnsmgr else "N",
            row.username,
            row.perceived or "<Unregistered>",
            row.refresh,
            row.state,
        )
    yield f"{count} IAX2 registrations."


def registry_details(rows: Iterable[RegistryRow], local: Callable[[tuple[str, int]], str]) -> Iterator[str]:
    """`iax2 show registry details`: both addresses of ours, and since when it is so."""
    yield f"{'Host':<30.30}  {'Username':<10.10}  {'Local':<30.30}  {'Perceived':<30.30}  {'Last change':<14.14}  State"
    for row in rows:
        host = f"{bracketed(row.host)}:{row.port}"
        own = local((row.host, row.port)) or "(no way)"
        yield (
            f"{host:<30.30}  {row.username:<10.10}  {own:<30.30}  {row.perceived or '<Unregistered>':<30.30}  "
            f"{since(row.changed):<14.14}  {row.state}"
        )


def since(seconds: float | None) -> str:
    """`0:12:05 ago`, `never`."""
    if seconds is None:
        return "never"
    whole = max(0, int(seconds))
    return f"{whole // 3600}:{whole // 60 % 60:02d}:{whole % 60:02d} ago"


def peer_details(row: PeerRow, local: str) -> Iterator[str]:
    """What `iax2 show peer NAME details` adds."""
    yield f"  Local        : {local or '(no way)'}"
    yield f"  Before       : {row.former or '(none)'}"
    yield f"  Last change  : {since(row.changed)}"
    yield ""


def bracketed(host: str) -> str:
    """An IPv6 address in brackets, so that a port can follow."""
    return f"[{host}]" if ":" in host else host


def channels(rows: Iterable[ChannelRow]) -> Iterator[str]:
    """`iax2 show channels`."""
    yield (
        f"{'Channel':<20.20}  {'Peer':<40.40}  {'Username':<10.10}  {'ID (Lo/Rem)':<11.11}  {'Seq (Tx/Rx)':<11.11}  "
        f"{'Lag':<7.7}  {'Jitter':<6.6}  {'JitBuf':<6.6}  {'Format':<6.6}  {'FirstMsg':<10.10}  LastMsg"
    )
    count = 0
    for count, row in enumerate(rows, 1):  # noqa: B007
        yield CHANNEL.format(
            row.name or "(None)",
            row.address,
            row.username or "(None)",
            f"{row.own_number:05d}/{row.remote_number:05d}",
            f"{row.sequence_out:05d}/{row.sequence_in:05d}",
            f"{row.lag:05d}ms",
            f"{row.jitter:04d}ms",
            f"{row.jitter_buffer:04d}ms",
            row.format,
            f"{row.first:<10}",
            f"{row.last:<10}",
        )
    yield active(count)


def active(count: int) -> str:
    return f"{count} active IAX channel{'' if count == 1 else 's'}"


def _side(side: Side) -> str:
    return (
        f"{side.jitter:4d} {side.delay:4d} {side.lost:5d} {side.loss_percent:3d} "
        f"{side.dropped:5d} {side.out_of_order:4d} {side.packets // 1000:6d}"
    )


def netstats(rows: Iterable[ChannelRow]) -> Iterator[str]:
    """`iax2 show netstats`."""
    yield f"{'':32}-------- LOCAL ---------------------  -------- REMOTE --------------------"
    columns = "Jit  Del  Lost   %  Drop  OOO  Kpkts"
    yield f"{'Channel':<24}   RTT  {columns}  {columns} FirstMsg    LastMsg"
    count = 0
    for count, row in enumerate(rows, 1):  # noqa: B007
        name = row.name or "(None)"
        yield f"{name:<24.24} {row.rtt:4d} {_side(row.local)} {_side(row.remote)} {row.first:<10}  {row.last:<10}"
    yield active(count)


def peer(row: PeerRow) -> Iterator[str]:
    """`iax2 show peer NAME`."""
    section = row.section
    caller = section.caller
    allowed = section.formats
    encryption = "(aes128,keyrotate)" if section.keyrotate else "(aes128)"
    calltoken = section.requirecalltoken.name
    default = (section.defaultip, section.port) if section.defaultip else ("(null)", "(null)")
    port = "(null)" if row.port is None else row.port
    smoothing = "On" if section.qualifysmoothing else "Off"
    yield ""
    yield ""
    yield f"  * Name       : {row.name}"
    yield f"  Description  : {row.description}"
    yield f"  Secret       : {'<Set>' if section.secret or section.md5secret else '<Not set>'}"
    yield f"  Context      : {section.context}"
    yield f"  Parking lot  : {section.parkinglot}"
    yield f"  Mailbox      : {section.mailbox}"
    yield f"  Dynamic      : {'Yes' if row.dynamic else 'No'}"
    yield f"  Callnum limit: {section.maxcallnumbers}"
    yield f"  Calltoken req: {'Yes' if calltoken == 'YES' else 'Auto' if calltoken == 'AUTO' else 'No'}"
    yield f"  Trunk        : {'Yes' if row.trunk else 'No'}"
    yield f"  Encryption   : {encryption if row.encrypted else 'No'}"
    yield f'  Callerid     : "{caller.name or ""}" <{caller.number or ""}>'
    yield f"  Expire       : {row.expire}"
    yield f"  ACL          : {'Yes' if section.access else 'No'}"
    yield f"  Addr->IP     : {row.host or '(null)'} Port {port}"
    yield f"  Defaddr->IP  : {default[0]} Port {default[1]}"
    yield f"  Username     : {row.username}"
    yield f"  Codecs       : {formats.names(formats.from_mask(allowed.mask))}"
    yield f"  Codec Order  : {formats.names(allowed.formats)}"
    yield f"  Status       : {row.status}"
    yield (
        f"  Qualify      : every {section.qualifyfreqok}ms when OK, every {section.qualifyfreqnotok}ms "
        f"when UNREACHABLE (sample smoothing {smoothing})"
    )
    yield ""


def stats(figures: Stats, voice: Mapping[str, int]) -> Iterator[str]:
    """`iax2 show stats`, and behind it every counter of the core and of the voice plane that is not 0.

    Timed and untimed transmits are those of trunk frames: on a tick, and because they were full.
    """
    f = figures
    yield "    IAX Statistics"
    yield "---------------------"
    yield f"Outstanding frames: {f.outstanding} ({f.ingress} ingress, {f.egress} egress)"
    timed, untimed = voice.get("trunks_sent", 0), voice.get("trunks_sent_full", 0)
    yield f"{timed} timed and {untimed} untimed transmits; MTU {voice.get('largest_trunk', 0)}/0/{f.mtu_set}"
    yield f"Packets in transmit queue: {f.dead} dead, {f.final} final, {f.queued} total"
    yield ""
    yield from (f"{name}: {count}" for name, count in sorted(f.counted.items()) if count)
    yield from (f"voice {name.replace('_', ' ')}: {count}" for name, count in sorted(voice.items()) if count)


def number_use(
    rows: Iterable[NumberUse], *, unvalidated_limit: int, unvalidated: int, regular: int, trunk: int
) -> Iterator[str]:
    """`iax2 show callnumber usage`."""
    yield f"{'Address':<45} {'Callno Usage':<12} {'Callno Limit':<12}"
    for row in rows:
        yield f"{row.address:<45} {row.used:<12} {row.limit:<12}"
    yield ""
    yield f"Non-CallToken Validation Callno Limit: {unvalidated_limit}"
    yield f"Non-CallToken Validated Callno Used:   {unvalidated}"
    yield f"Total Available Callno:                {regular + trunk}"
    yield f"Regular Callno Available:              {regular}"
    yield f"Trunk Callno Available:                {trunk}"
