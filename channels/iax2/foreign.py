"""Commands that do not belong into a dialogue, answered as Asterisk 22 answers them.

Most are acknowledged and nothing else; a few end the dialogue.  Where Asterisk would
answer a challenge that it never asked for (AUTHREQ to the called side), or fall over
(TRANSFER without a number), nothing but the ACK is sent here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, TypeAlias

from pbx.channels.causes import Cause
from pbx.channels.iax2.elements import Element, Elements
from pbx.channels.iax2.frames import Command, FullFrame

if TYPE_CHECKING:
    from pbx.channels.iax2.dialog import Dialog

NO_AUTHORITY = "No authority found"
NO_CODEC = "Unable to negotiate codec"
REFUSED = "Registration Refused"

Answer: TypeAlias = "Callable[[Dialog, FullFrame, Elements, float], None]"


def answer(dialog: Dialog, frame: FullFrame, elements: Elements, now: float) -> None:
    """Deal with a command that the dialogue's own table does not have."""
    command = frame.subclass
    handler = OTHERS.get(command)
    if handler is not None:
        handler(dialog, frame, elements, now)
    elif command not in _COMMANDS or command in _UNSUPPORTED:
        dialog.send(Command.UNSUPPORT, now, Elements().add_uint(Element.IAX_UNKNOWN, command))


def refuse(dialog: Dialog, command: Command, text: str, cause: int, now: float) -> None:
    """REJECT or REGREJ that ends the dialogue."""
    elements = Elements().add_text(Element.CAUSE, text).add_uint(Element.CAUSECODE, cause)
    dialog.send(command, now, elements, final=True)
    dialog.on_refused(cause, now)
    dialog.linger(now)


def _goodbye(dialog: Dialog, frame: FullFrame, elements: Elements, now: float) -> None:
    dialog.ack(frame)
    dialog.forget(now)


def _gone(dialog: Dialog, frame: FullFrame, elements: Elements, now: float) -> None:
    dialog.forget(now)


def _unasked_challenge(dialog: Dialog, frame: FullFrame, elements: Elements, now: float) -> None:
    refuse(dialog, Command.REJECT, NO_AUTHORITY, Cause.FACILITY_NOT_SUBSCRIBED, now)


def _unasked_registration(dialog: Dialog, frame: FullFrame, elements: Elements, now: float) -> None:
    dialog.ack(frame)
    refuse(dialog, Command.REGREJ, REFUSED, Cause.FACILITY_REJECTED, now)


def _unasked_answer(dialog: Dialog, frame: FullFrame, elements: Elements, now: float) -> None:
    """REGACK or REGREJ to what never asked to be registered."""
    dialog.ack(frame)
    if dialog.kind == "call" and dialog.on_refused(0, now):
        dialog.send(Command.HANGUP, now, Elements().add_uint(Element.CAUSECODE, 0), final=True)
        dialog.linger(now)
    else:
        dialog.forget(now)


def _firmware(dialog: Dialog, frame: FullFrame, elements: Elements, now: float) -> None:
    dialog.send(Command.UNSUPPORT, now, final=True)
    dialog.on_refused(0, now)
    dialog.linger(now)


_COMMANDS = frozenset(Command)

#: commands that are answered UNSUPPORT
_UNSUPPORTED = frozenset({Command.PAGE, Command.MWI, Command.PROVISION, Command.FWDATA})

#: commands that are more than acknowledged
OTHERS: Mapping[int, Answer] = {
    Command.HANGUP: _goodbye,
    Command.REJECT: _goodbye,
    Command.INVAL: _gone,
    Command.REGAUTH: _unasked_challenge,
    Command.REGREQ: _unasked_registration,
    Command.REGREL: _unasked_registration,
    Command.REGACK: _unasked_answer,
    Command.REGREJ: _unasked_answer,
    Command.FWDOWNL: _firmware,
}
