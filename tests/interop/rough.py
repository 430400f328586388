"""A bad line between two boxes: loses, doubles, and delays datagrams so that they overtake each other."""

from __future__ import annotations

import contextlib
import heapq
import select
import socket
import threading
import time
from collections.abc import Iterator
from random import Random

PORT = 4569
#: seconds that a delayed datagram is late
LATE = (0.005, 0.045)


class Rough:
    """Each box knows the other by an address of the line; what it sends there comes to the other from the line's other
    address.  loss, doubled, late: shares of datagrams."""

    def __init__(
        self, ends: dict[str, str], *, seed: int, loss: float = 0.0, doubled: float = 0.0, late: float = 0.0
    ) -> None:
        """ends: box -> the line's address by which the other box knows it."""
        (one, as_one), (two, as_two) = ends.items()
        self._random = Random(seed)
        self._shares = (loss, doubled, late)
        self._sockets = {address: self._bind(address) for address in (as_one, as_two)}
        #: what comes in at an address goes to that box, from that other address
        self._ways = {as_one: (one, as_two), as_two: (two, as_one)}
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self.passed = self.lost = self.overtaken = 0

    @staticmethod
    def _bind(address: str) -> socket.socket:
        made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        made.bind((address, PORT))
        made.setblocking(False)
        return made

    def _run(self) -> None:
        waiting: list[tuple[float, int, str, bytes]] = []
        loss, doubled, late = self._shares
        draw, number = self._random.random, 0
        while not self._stop.is_set():
            for readable in select.select(list(self._sockets.values()), [], [], 0.002)[0]:
                at = readable.getsockname()[0]
                with contextlib.suppress(BlockingIOError):
                    while True:
                        data = readable.recv(65536)
                        if draw() < loss:
                            self.lost += 1
                            continue
                        for _ in range(2 if draw() < doubled else 1):
                            wait = self._random.uniform(*LATE) if draw() < late else 0.0
                            self.overtaken += bool(wait)
                            number += 1
                            heapq.heappush(waiting, (time.monotonic() + wait, number, at, data))
            while waiting and waiting[0][0] <= time.monotonic():
                _, _, at, data = heapq.heappop(waiting)
                box, source = self._ways[at]
                self.passed += 1
                with contextlib.suppress(OSError):
                    self._sockets[source].sendto(data, (box, PORT))

    @contextlib.contextmanager
    def carrying(self) -> Iterator[Rough]:
        """The line works while the block runs."""
        self._thread.start()
        try:
            yield self
        finally:
            self._stop.set()
            self._thread.join(5)
            for each in self._sockets.values():
                each.close()
