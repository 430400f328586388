"""What is measured: the lines of the tables, short run and full one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from benchmarks.disturbances import Disturbance


@dataclass(frozen=True)
class Work:
    """Calls through a switch, or participants of rooms, while voice flows.

    asterisk: whether it is played through a stock one (left out where it is known to collapse).  options: lines of
    asterisk.conf.  beside: what goes on in a second window.
    """

    scenario: str
    calls: int
    asterisk: bool = True
    options: str = ""
    beside: Disturbance | None = None
    #: participants of a room, conference only
    room: int = 0

    @property
    def title(self) -> str:
        if self.beside is not None:
            return self.beside.title
        if self.scenario == "conference":
            return f"conference, {self.calls} in rooms of {self.room}"
        return f"{self.scenario}, {self.calls} calls" + (f", {self.options}" if self.options else "")

    @property
    def keys(self) -> tuple[str, ...]:
        """What `--only` may say to mean this one."""
        plain = self.scenario if self.beside is None else "stalls"
        if self.options:
            plain = "mediatick"
        return plain, f"{plain}:{self.calls if self.beside is None else self.beside.name}"

    def values(self) -> dict[str, str]:
        """For the configuration files."""
        return {
            "TRUNK": "yes" if self.scenario == "trunk" else "no",
            "CODEC": "ulaw",
            "SINK_CODEC": "gsm" if self.scenario == "transcode" else "ulaw",
            "MORE": '#include "many.conf"' if self.beside is not None else "",
        }


@dataclass(frozen=True)
class Setup:
    """Calls opened at a rate and hung up after half a second; no voice."""

    rate: int
    calls: int
    asterisk: bool = True
    scenario: str = "setup"

    @property
    def title(self) -> str:
        return f"set up and hang up, {self.rate} calls/s for {self.calls // self.rate} s"

    @property
    def keys(self) -> tuple[str, ...]:
        return self.scenario, f"{self.scenario}:{self.rate}", f"{self.scenario}:{self.rate}:{self.calls}"

    def values(self) -> dict[str, str]:
        return {"TRUNK": "no", "CODEC": "ulaw", "SINK_CODEC": "ulaw", "MORE": ""}


Any: TypeAlias = Work | Setup


def _relay(*sizes: int) -> list[Any]:
    return [Work("relay", n, asterisk=n <= 400) for n in sizes]


_STALLS: list[Any] = [
    Work("relay", 400, asterisk=False, beside=Disturbance(name)) for name in ("reload", "collect", "list", "setup",
                                                                               "gsm", "kill")
]  # fmt: skip

SHORT: list[Any] = [
    *_relay(50, 200, 400),
    Work("trunk", 400),
    Work("echo", 400),
    Work("transcode", 200),
    Work("conference", 100, room=100),
    Setup(100, 600),
]
FULL: list[Any] = [
    *_relay(1, 50, 100, 200, 400, 800, 1600, 2000, 2400, 3200),
    Work("relay", 400, asterisk=False, options="mediatick = 1"),
    Work("relay", 1600, asterisk=False, options="mediatick = 1"),
    Work("trunk", 400),
    Work("trunk", 2000, asterisk=False),
    Work("trunk", 6000, asterisk=False),
    Work("echo", 400),
    Work("transcode", 200),
    Work("transcode", 600, asterisk=False),
    Work("conference", 100, room=100),
    Work("conference", 200, room=200),
    Work("conference", 300, room=3),
    *_STALLS,
    Setup(100, 600),
    Setup(300, 1800, asterisk=False),
    Setup(300, 27000, asterisk=False),
]
