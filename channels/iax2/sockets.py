"""The UDP sockets of IAX2: bound, buffered, told apart by number."""

from __future__ import annotations

import contextlib
import ctypes
import errno
import socket
import struct
import sys
from collections.abc import Iterable
from dataclasses import dataclass

from pbx.channels.iax2.address import text
from pbx.channels.log import Log

log = Log("chan_iax2")

#: bytes of receive buffer asked for (the kernel's default holds about 256 mini frames)
RECEIVE_BUFFER = 16 << 20

# Linux numbers that the socket module has no name for (before some version, or at all)
_SO_RCVBUFFORCE = 33
_SO_RXQ_OVFL = 40
_IP_PKTINFO = 8
_SO_NO_CHECK = 11
_SO_ATTACH_FILTER = 26
_SO_DETACH_FILTER = 27
_IPV6_RECVPKTINFO = 49
_IPV6_PKTINFO = 50


class CannotBind(Exception):
    """A socket could not be bound; the text names address and port and says why."""


@dataclass(slots=True)
class Bound:
    """A bound socket.  number: how core and plane call it (1..); host "" = every address."""

    number: int
    host: str
    port: int
    family: int
    socket: socket.socket

    @property
    def fd(self) -> int:
        return self.socket.fileno()

    @property
    def wildcard(self) -> bool:
        """It hears every address, so that an answer has to say which it leaves from."""
        return self.host in ("", "0.0.0.0", "::")

    def send(self, data: bytes, address: tuple[str, int], local: str) -> bool:
        """Send a datagram; local: the own address it has to leave from, "" = any.  False: it could not be sent."""
        try:
            if local and self.wildcard:
                self.socket.sendmsg([data], [_leaving_from(local)], 0, address)
            elif "%" in address[0]:
                return False  # Python's own way of writing such an address knows no scope
            else:
                self.socket.sendto(data, address)
        except OSError:
            return False
        return True


def _leaving_from(local: str) -> tuple[int, int, bytes]:
    """What beside a datagram says which own address it leaves from."""
    if ":" in local:
        return socket.IPPROTO_IPV6, _IPV6_PKTINFO, socket.inet_pton(socket.AF_INET6, local) + bytes(4)
    return socket.IPPROTO_IP, _IP_PKTINFO, bytes(4) + socket.inet_aton(local) + bytes(4)


def source_of(bound: Bound, address: tuple[str, int]) -> str:
    """The own address, with port, that datagrams from this socket to `address` bear; "" where there is no way."""
    try:
        with socket.socket(bound.family, socket.SOCK_DGRAM) as asked:
            if not bound.wildcard:
                asked.bind((bound.host, 0))
            asked.connect(address)
            return text((asked.getsockname()[0], bound.port))
    except OSError:
        return ""


def _unbound(family: int) -> socket.socket:
    made = socket.socket(family, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC)
    if family == socket.AF_INET6:
        made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    return made


def is_free(closed: Bound) -> bool:
    """Whether nobody holds the address and port of a closed socket: another descriptor of it, for one."""
    with _unbound(closed.family) as probe:
        try:
            probe.bind((closed.host, closed.port))
        except OSError as error:
            return error.errno != errno.EADDRINUSE
    return True


def bind(number: int, host: str, port: int, *, tos: int = 0, cos: int = 0, checksums: bool = True) -> Bound:
    """A non-blocking UDP socket on that numeric address.  Raises CannotBind.

    Without SO_REUSEADDR: on UDP it would share a port that another process holds, and each would get some of the
    frames.  An IPv6 wildcard hears IPv6 only, so that both wildcards can stand beside each other.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    made = _unbound(family)
    try:
        made.bind((host, port))
    except OSError as error:
        made.close()
        shown = f"[{host}]:{port}" if ":" in host else f"{host or '0.0.0.0'}:{port}"
        if error.errno == errno.EADDRINUSE:
            raise CannotBind(
                f"UDP {shown} is taken by another process (`ss -ulpn 'sport = :{port}'` names it)"
            ) from None
        raise CannotBind(f"UDP {shown}: {error.strerror}") from None
    bound = Bound(number, host, made.getsockname()[1], family, made)
    _ask_for_addresses(bound)
    if tos:
        _set_tos(bound, tos)
    if cos:
        _set_cos(bound, cos)
    if not checksums and family == socket.AF_INET:
        _set(bound, socket.SOL_SOCKET, _SO_NO_CHECK, 1, "no UDP checksums")
    return bound


def _ask_for_addresses(bound: Bound) -> None:
    """Let the kernel say which address a datagram came to, where that can differ, and how many it dropped."""
    if not sys.platform.startswith("linux"):
        return
    if bound.wildcard and bound.family == socket.AF_INET6:
        bound.socket.setsockopt(socket.IPPROTO_IPV6, _IPV6_RECVPKTINFO, 1)
    elif bound.wildcard:
        bound.socket.setsockopt(socket.IPPROTO_IP, _IP_PKTINFO, 1)
    try:
        bound.socket.setsockopt(socket.SOL_SOCKET, _SO_RXQ_OVFL, 1)
    except OSError:
        log.debug(1, "The kernel does not count dropped datagrams for us")


def _set_tos(bound: Bound, tos: int) -> None:
    level, option = (
        (socket.IPPROTO_IPV6, socket.IPV6_TCLASS)
        if bound.family == socket.AF_INET6
        else (socket.IPPROTO_IP, socket.IP_TOS)
    )
    _set(bound, level, option, tos, f"TOS {tos}")


def _set_cos(bound: Bound, cos: int) -> None:
    """The priority that a VLAN interface maps to its tag's 802.1p bits."""
    _set(bound, socket.SOL_SOCKET, socket.SO_PRIORITY, cos, f"CoS {cos}")


def _set(bound: Bound, level: int, option: int, value: int, what: str) -> None:
    try:
        bound.socket.setsockopt(level, option, value)
    except OSError as error:
        log.warning(f"Unable to set {what} on {bound.host}: {error.strerror}")


def lose(sockets: Iterable[Bound], percent: int) -> None:
    """Throw away that share of what comes in, in the kernel and so for every reader; 0 = nothing.  Raises OSError."""
    for bound in sockets:
        if not percent:
            with contextlib.suppress(OSError):  # there was no filter
                bound.socket.setsockopt(socket.SOL_SOCKET, _SO_DETACH_FILTER, 0)
            continue
        threshold = min(percent, 100) * 0xFFFFFFFF // 100
        # A = random; drop (0) below the threshold, keep everything else
        code = (
            (0x20, 0, 0, 0xFFFFF000 + 56),
            (0x35, 1, 0, threshold),
            (0x06, 0, 0, 0),
            (0x06, 0, 0, 0xFFFFFFFF),
        )
        program = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *one) for one in code))
        bound.socket.setsockopt(
            socket.SOL_SOCKET, _SO_ATTACH_FILTER, struct.pack("HP", len(code), ctypes.addressof(program))
        )


def enlarge(sockets: Iterable[Bound], wanted: int = RECEIVE_BUFFER) -> int:
    """Give each socket the largest receive buffer the kernel grants; says once which sysctl would give more.

    Returns the smallest size that was reached, bytes.
    """
    smallest = wanted
    for bound in sockets:
        smallest = min(smallest, _enlarge(bound.socket, wanted))
    if smallest < wanted:
        log.notice(
            f"Receive buffer of the IAX2 port is {smallest >> 10} KiB, so bursts of many calls may lose voice; "
            f"`sysctl -w net.core.rmem_max={wanted}` (or CAP_NET_ADMIN) gives {wanted >> 10}"
        )
    return smallest


def _enlarge(udp: socket.socket, wanted: int) -> int:
    value = struct.pack("i", wanted)
    try:
        udp.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, value)
    except OSError:
        udp.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, value)
    # the kernel tells twice what it was asked for: the rest is for its own bookkeeping
    return udp.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF) // 2
