"""The voice half of the generator, in C (voice.c, compiled on first use), seen from Python."""

from __future__ import annotations

import ctypes
import functools
import hashlib
import os
import shutil
import socket
import subprocess
import tempfile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

SLOT = 2048
BINS = 100_000
BIN_MS = 0.01
_QUEUE = 4096
_SO_TIMESTAMPNS = 35


class NoCompiler(Exception):
    """The generator needs a C compiler (apt-get install gcc)."""


def compiled(source: Path, *flags: str, shared: bool = True) -> Path:
    """The library or program made of a C file, kept in the temporary folder by its content."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        raise NoCompiler("no C compiler: apt-get install gcc libc6-dev")
    name = hashlib.sha256(source.read_bytes() + " ".join(flags).encode()).hexdigest()[:16]
    target = Path(tempfile.gettempdir()) / f"pbx-bench-{os.getuid()}-{source.stem}-{name}{'.so' if shared else ''}"
    if not target.exists():
        making = target.with_suffix(f".{os.getpid()}")
        kind = ["-shared", "-fPIC"] if shared else []
        subprocess.run([compiler, "-O2", *kind, *flags, "-o", str(making), str(source)], check=True)
        making.rename(target)
    return target


class _Side(ctypes.Structure):
    _fields_ = (
        *((name, ctypes.c_int32) for name in ("fd", "rows", "per_row", "header", "size", "head", "width", "unstamped")),
        ("target", ctypes.c_uint8 * 16),
        ("data", ctypes.c_void_p),
        ("counts", ctypes.c_void_p),
        ("stamps", ctypes.c_void_p),
        ("sent", ctypes.c_int64),
        ("received", ctypes.c_int64),
        ("unsent", ctypes.c_int64),
        ("ppm", ctypes.c_int64),
        ("tick", ctypes.c_int64),
    )


class _Shared(ctypes.Structure):
    _fields_ = (
        *((name, ctypes.c_int64) for name in ("began", "ended", "tick", "origin", "arrived", "late_sum", "late_max")),
        ("bins", ctypes.c_void_p),
        ("last", ctypes.c_void_p),
        ("longest", ctypes.c_int64),
        *((name, ctypes.c_int32) for name in ("stampless", "queued", "queue_size", "dropped")),
        ("queue", ctypes.c_void_p),
    )


@functools.cache
def _library() -> ctypes.PyDLL:
    library = ctypes.PyDLL(str(compiled(Path(__file__).with_name("voice.c"))))
    library.run.argtypes = (ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int, ctypes.c_int64)
    library.run.restype = None
    return library


def udp_socket(address: str, port: int) -> socket.socket:
    """A bound socket with a large receive buffer and the kernel's receive times."""
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
    for option in (33, socket.SO_RCVBUF):  # SO_RCVBUFFORCE needs a right that we may not have
        try:
            sock.setsockopt(socket.SOL_SOCKET, option, 16 << 20)
            break
        except PermissionError:
            continue
    sock.bind((address, port))
    return sock


class VoiceLoop:
    """Two sockets whose rows are sent every 20 ms and whose arrivals are counted."""

    def __init__(self, sockets: tuple[socket.socket, socket.socket]) -> None:
        self._sides = (_Side * 2)()
        self._shared = _Shared(queue_size=_QUEUE)
        self._bins: NDArray[np.uint32] = np.zeros(BINS, np.uint32)
        self._queue: NDArray[np.uint8] = np.zeros((_QUEUE, SLOT + 4), np.uint8)
        self._shared.bins = self._bins.ctypes.data
        self._last: NDArray[np.int64] = np.zeros((2, 32768), np.int64)
        self._shared.last = self._last.ctypes.data
        self._shared.queue = self._queue.ctypes.data
        self._keep: list[NDArray[np.generic]] = []
        self._talking = False
        for side, sock in zip(self._sides, sockets, strict=True):
            side.fd = sock.fileno()
        _library()

    def talk(self, index: int, rows: NDArray[np.uint8], counts: NDArray[np.int32], stamps: NDArray[np.int64],
             header: int, size: int, head: int, target: tuple[str, int], stamped: bool) -> None:  # fmt: skip
        """What side `index` says; stamps (rows, calls a row) are the voice times so far, ms."""
        side = self._sides[index]
        side.rows, side.width = rows.shape
        side.unstamped = int(not stamped)
        side.per_row, side.header, side.size, side.head = stamps.shape[1], header, size, head
        raw = socket.AF_INET.to_bytes(2, "little") + target[1].to_bytes(2, "big") + socket.inet_aton(target[0])
        side.target[:] = list(raw + bytes(8))
        side.data, side.counts, side.stamps = rows.ctypes.data, counts.ctypes.data, stamps.ctypes.data
        self._keep += [rows, counts, stamps]

    def begin(self, now_ns: int, ppm: int = 0) -> None:
        """Speak from now on, the first side by a clock that is `ppm` millionths quick, the second by one as slow."""
        self._sides[0].ppm, self._sides[1].ppm = ppm, -ppm
        self._shared.origin, self._shared.tick, self._talking = now_ns, 0, True

    def forget(self) -> None:
        """Count anew, for another window."""
        self._bins[:] = 0
        self._shared.arrived = self._shared.longest = self._shared.ended = self._shared.began = 0
        for side in self._sides:
            side.sent = side.received = 0

    @property
    def longest_gap_ms(self) -> float:
        """The longest time between two frames of one leg in the window."""
        return float(self._shared.longest) / 1e6

    def window(self, began: int | None = None, ended: int | None = None) -> None:
        """Count frames sent from `began` to `ended` (CLOCK_REALTIME, ns)."""
        if began is not None:
            self._shared.began = began
        if ended is not None:
            self._shared.ended = ended

    def run(self, until_ns: int) -> list[tuple[int, bytes]]:
        """Go on until that monotonic time, or until full frames came: [(side, datagram)]."""
        _library().run(ctypes.addressof(self._shared), ctypes.addressof(self._sides), int(self._talking), until_ns)
        found = []
        for i in range(self._shared.queued):
            index, length = self._queue[i, :4].view(np.uint16).tolist()
            found.append((index, self._queue[i, 4 : 4 + length].tobytes()))
        self._shared.queued = 0
        return found

    @property
    def sent(self) -> int:
        return int(sum(side.sent for side in self._sides))

    @property
    def unsent(self) -> int:
        """Frames that the kernel did not take."""
        return int(sum(side.unsent for side in self._sides))

    @property
    def received(self) -> int:
        """All frames that came in the window."""
        return int(sum(side.received for side in self._sides))

    @property
    def arrived(self) -> int:
        """Frames sent in the window that came, now or later."""
        return int(self._shared.arrived)

    @property
    def lost_signalling(self) -> int:
        return int(self._shared.dropped)

    @property
    def late_ms(self) -> float:
        """How late our own ticks were, on average."""
        return float(self._shared.late_sum) / max(1, int(self._shared.tick)) / 1e6

    def latency_ms(self, fraction: float) -> float:
        """The latency that `fraction` of the frames did not exceed."""
        total = int(self._bins.sum())
        if not total:
            return float("nan")
        return float(np.searchsorted(np.cumsum(self._bins), fraction * total)) * BIN_MS
