"""What may break into an application while it waits on its channel.

They derive from BaseException so that an `except Exception` in an application
cannot swallow them; only the interpreter (and an owner that cleans up and
raises again) catches them.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class Interrupt(BaseException):
    """Base of everything that breaks into a channel's task."""

    def again(self) -> Interrupt:
        """A copy to raise: the frames of who interrupted hold the original, and would be held by its traceback."""
        fields: tuple[str, ...] = self.__match_args__
        return type(self)(*[getattr(self, name) for name in fields])


@dataclass(slots=True)
class Hangup(Interrupt):
    """The channel has ended: run hangup handlers, then `h`."""

    cause: int = 0


@dataclass(slots=True)
class Expired(Hangup):
    """The absolute limit of time ran out: extension `T` if there is one, else as Hangup."""


@dataclass(slots=True)
class Redirect(Interrupt):
    """Go on at another place of the dialplan (async goto)."""

    context: str
    exten: str
    priority: int = 1


@dataclass(slots=True)
class Taken(Interrupt):
    """Another owner claimed the channel: the task ends, the channel lives on."""

    by: object
