"""What the console shows of IAX2, as plain data: the driver fills these, somebody above writes the text."""

from __future__ import annotations

from dataclasses import dataclass, field

from pbx.channels.iax2.settings import Peer, User


@dataclass(frozen=True, slots=True)
class PeerRow:
    """A line of `iax2 show peers`, and (with `section`) the page of `iax2 show peer NAME`.

    host: address as text, None = not known; status: "OK (3 ms)", "LAGGED (..)", "UNREACHABLE", "UNKNOWN",
    "Unmonitored"; expire: seconds until the registration ends, -1 = none.
    """

    name: str
    username: str
    host: str | None
    port: int | None
    mask: str | None
    dynamic: bool
    trunk: bool
    encrypted: bool
    status: str
    description: str
    expire: int
    section: Peer
    #: address before the present one, "" = none; seconds since it changed, None = never
    former: str = ""
    changed: float | None = None


@dataclass(frozen=True, slots=True)
class UserRow:
    """A line of `iax2 show users`."""

    name: str
    section: User


@dataclass(frozen=True, slots=True)
class RegistryRow:
    """A line of `iax2 show registry`.

    perceived: "host:port" as the registrar sees us, "" = not registered; changed: seconds since that or the state
    became another, None = never.
    """

    host: str
    port: int
    dnsmgr: bool
    username: str
    perceived: str
    refresh: int
    state: str
    changed: float | None = None


@dataclass(frozen=True, slots=True)
class Side:
    """One side's half of a line of `iax2 show netstats`; ms, packets, percent."""

    jitter: int = 0
    delay: int = 0
    lost: int = 0
    loss_percent: int = 0
    dropped: int = 0
    out_of_order: int = 0
    packets: int = 0


@dataclass(frozen=True, slots=True)
class ChannelRow:
    """A line of `iax2 show channels` and one of `iax2 show netstats`.

    name: None while the call has no channel.  first, last: "Tx:NEW", "Rx:ACK".
    """

    name: str | None
    address: str
    port: int
    username: str
    own_number: int
    remote_number: int
    sequence_out: int
    sequence_in: int
    lag: int
    jitter: int
    jitter_buffer: int
    format: str
    first: str
    last: str
    rtt: int
    local: Side = field(default_factory=Side)
    remote: Side = field(default_factory=Side)


@dataclass(frozen=True, slots=True)
class NumberUse:
    """A line of `iax2 show callnumber usage`; address as `host:port`."""

    address: str
    used: int
    limit: int


@dataclass(frozen=True, slots=True)
class NumberPoolUse:
    """`iax2 show callnumber usage`.  unvalidated: dialogues begun without a call token; the rest are free numbers."""

    rows: tuple[NumberUse, ...]
    unvalidated_limit: int
    unvalidated: int
    regular: int
    trunk: int


@dataclass(frozen=True, slots=True)
class Stats:
    """`iax2 show stats` (and more: `counted` holds every counter of the core by name)."""

    outstanding: int
    ingress: int
    egress: int
    mtu_set: int
    dead: int
    final: int
    queued: int
    counted: dict[str, int] = field(default_factory=dict)
