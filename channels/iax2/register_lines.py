"""All `register =>` lines: begun, compared at a reload, renewed, in steps however many there are."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from typing import TYPE_CHECKING

from pbx.channels.iax2.address import Address
from pbx.channels.iax2.registration import Registration

if TYPE_CHECKING:
    from pbx.channels.iax2.core import Core
    from pbx.channels.iax2.settings import Registration as Line

#: lines that are dealt with in one step; registrations that begin together, and seconds until the next ones do
STEP, PAUSE = 100, 0.005


class RegisterLines:
    """The registrations of an endpoint, by name (`user@host:port`)."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self.by_name: dict[str, Registration] = {}

    def load_steps(self, now: float) -> Generator[None, None, None]:
        """Follow the settings, a little at each step."""
        wanted: dict[str, Line] = {}
        begun: list[Registration] = []
        for number, line in enumerate(self._core.settings.registrations, 1):
            wanted[Registration.name_of(line)] = line
            if not number % STEP:
                yield
        for number, (name, one) in enumerate(tuple(self.by_name.items()), 1):
            if wanted.get(name) != one.line:
                self.by_name.pop(name).stop(now)
            if not number % STEP:
                yield
        for number, (name, line) in enumerate(wanted.items(), 1):
            if not number % STEP:
                yield
            if name not in self.by_name:
                self.by_name[name] = Registration(self._core, line)
                begun.append(self.by_name[name])
            else:
                self.by_name[name].line = line
        _start(begun, now)

    def renew(self, now: float, moved: Callable[[Address], bool]) -> None:
        """Begin anew those that stand badly or whose way to the registrar has `moved`, but not those under way."""
        _start([one for one in self.by_name.values() if one.dialog is None and one.concerned(moved)], now)

    def stop(self, now: float) -> None:
        """Forget them all."""
        for one in self.by_name.values():
            one.stop(now)
        self.by_name.clear()


def _start(those: Sequence[Registration], now: float) -> None:
    """Begin them in steps, so that tens of thousands take no turn of the loop for long."""
    for number, one in enumerate(those):
        one.start(now + number // STEP * PAUSE)
