"""C structures of batch socket calls, as ctypes has them on this machine, and as numpy tables of the same layout."""

from __future__ import annotations

import ctypes
import socket
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from pbx.channels.voice.address import SIZE as ADDRESS
from pbx.channels.voice.address import SockaddrIn, SockaddrIn6


class Iovec(ctypes.Structure):
    """struct iovec; pointers are plain integers."""

    _fields_ = (("base", ctypes.c_size_t), ("len", ctypes.c_size_t))


class Msghdr(ctypes.Structure):
    """struct msghdr."""

    _fields_ = (
        ("name", ctypes.c_size_t),
        ("namelen", ctypes.c_uint32),
        ("iov", ctypes.c_size_t),
        ("iovlen", ctypes.c_size_t),
        ("control", ctypes.c_size_t),
        ("controllen", ctypes.c_size_t),
        ("flags", ctypes.c_int),
    )


class Mmsghdr(ctypes.Structure):
    """struct mmsghdr."""

    _fields_ = (("hdr", Msghdr), ("len", ctypes.c_uint))


class Cmsghdr(ctypes.Structure):
    """struct cmsghdr."""

    _fields_ = (("len", ctypes.c_size_t), ("level", ctypes.c_int), ("type", ctypes.c_int))


class InPktinfo(ctypes.Structure):
    """struct in_pktinfo."""

    _fields_ = (("ifindex", ctypes.c_int), ("spec_dst", ctypes.c_uint8 * 4), ("addr", ctypes.c_uint8 * 4))


class In6Pktinfo(ctypes.Structure):
    """struct in6_pktinfo."""

    _fields_ = (("addr", ctypes.c_uint8 * 16), ("ifindex", ctypes.c_uint))


IOVEC = np.dtype(Iovec)
MMSGHDR = np.dtype(Mmsghdr)

SO_RXQ_OVFL = 40
IP_PKTINFO = getattr(socket, "IP_PKTINFO", 8)
IPV6_RECVPKTINFO = 49
IPV6_PKTINFO = 50
UDP_GRO = 104

_WORD = ctypes.sizeof(ctypes.c_size_t)
_CMSG = -(-ctypes.sizeof(Cmsghdr) // _WORD) * _WORD


def _space(size: int) -> int:
    return _CMSG + -(-size // _WORD) * _WORD


#: control bytes per received message: either pktinfo, the drop counter and how long the pieces of a run are
CONTROL_IN = _space(ctypes.sizeof(In6Pktinfo)) + 2 * _space(4) + 8
#: control bytes kept per destination with a local address
CONTROL_OUT = _space(ctypes.sizeof(In6Pktinfo))


_LEVEL, _TYPE, _DATA, _NEXT = _WORD // 4, _WORD // 4 + 1, _CMSG // 4, _space(4) // 4


def control_levels(control: npt.NDArray[np.uint8]) -> npt.NDArray[np.int32]:
    """The level of the first thing said in each line of control data, as a view."""
    return control.view(np.int32)[:, _LEVEL]


def run_lengths(control: npt.NDArray[np.uint8], used: npt.NDArray[Any], count: int) -> list[int]:
    """Bytes of each datagram in messages that the kernel made of several (UDP_GRO); 0 where a message is one.

    control: (messages, CONTROL_IN) received control data; used: bytes of each; count: of the first so many messages.
    """
    words = control.view(np.int32)
    found = []
    said = words[:count, _LEVEL : _DATA + 1].tolist()
    for i, (size, (level, kind, *_, data)) in enumerate(zip(used[:count].tolist(), said, strict=True)):
        if size > _BEHIND and kind != UDP_GRO:
            # it comes first, or behind the drop counter
            level, kind, *_, data = words[i, _NEXT + _LEVEL : _NEXT + _DATA + 1].tolist()
        found.append(data if size > _CMSG and kind == UDP_GRO and level == socket.IPPROTO_UDP else 0)
    return found


#: more bytes of control data than these are used when something is said behind the drop counter
_BEHIND = _space(4) + _CMSG


@lru_cache(maxsize=1024)
def control_for(local: bytes) -> bytes:
    """Control data that makes a datagram leave from this address (a sockaddr); b"" for none."""
    family = int(SockaddrIn.from_buffer_copy(local).family)
    if family == socket.AF_INET:
        address = SockaddrIn.from_buffer_copy(local).address
        info: ctypes.Structure = InPktinfo(0, address)
        level, kind = socket.IPPROTO_IP, IP_PKTINFO
    elif family == socket.AF_INET6:
        six = SockaddrIn6.from_buffer_copy(local)
        info = In6Pktinfo(six.address, six.scope)
        level, kind = socket.IPPROTO_IPV6, IPV6_PKTINFO
    else:
        return b""
    size = ctypes.sizeof(info)
    head = Cmsghdr(_CMSG + size, level, kind)
    return (bytes(head).ljust(_CMSG, b"\0") + bytes(info)).ljust(_space(size), b"\0")


def read_control(control: bytes) -> tuple[bytes, int]:
    """(local address as a sockaddr, datagrams the kernel dropped so far or -1) of received control data."""
    local, dropped = bytes(ADDRESS), -1
    at = 0
    while at + _CMSG <= len(control):
        head = Cmsghdr.from_buffer_copy(control, at)
        if head.len < _CMSG or at + head.len > len(control):
            break
        data = control[at + _CMSG : at + head.len]
        if (head.level, head.type) == (socket.IPPROTO_IP, IP_PKTINFO):
            info = InPktinfo.from_buffer_copy(data)
            local = bytes(SockaddrIn(socket.AF_INET, (0, 0), info.addr)).ljust(ADDRESS, b"\0")
        elif (head.level, head.type) == (socket.IPPROTO_IPV6, IPV6_PKTINFO):
            info6 = In6Pktinfo.from_buffer_copy(data)
            scope = info6.ifindex if bytes(info6.addr[:2]) == b"\xfe\x80" else 0
            local = bytes(SockaddrIn6(socket.AF_INET6, (0, 0), 0, info6.addr, scope)).ljust(ADDRESS, b"\0")
        elif (head.level, head.type) == (socket.SOL_SOCKET, SO_RXQ_OVFL):
            dropped = int.from_bytes(data[:4], "little" if _LITTLE else "big")
        at += -(-int(head.len) // _WORD) * _WORD
    return local, dropped


_LITTLE = bytes(ctypes.c_ushort(1))[0] == 1
