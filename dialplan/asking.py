"""Asking the caller for digits: what Read, Authenticate and their kin share."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pbx.channels.interrupts import Interrupt
from pbx.dialplan.playing import anything, listen, start_file, tone_spec

if TYPE_CHECKING:
    from pbx.dialplan.interpreter import Run


async def prompt(run: Run, names: str, *, tone: bool) -> str | None:
    """Play the prompt of Read: the digit that stopped it, "" if none did, None if there is no such sound.

    tone: `names` is a tone of the channel's zone, if there is one of that name.
    """
    if tone and names and tone_spec(run, names) != names:
        run.scope.notes["read.tone"] = run.services.switch.graph.tone(run.channel, tone_spec(run, names))
        return ""
    for name in names.split("&") if names else ():
        source = start_file(run, name)
        if source is None:
            return None
        digit = await listen(run, source, anything)
        if digit is not None or run.over:
            return digit or ""
    return ""


async def collect(run: Run, typed: str, most: int, terminators: str, seconds: float, *, keep: bool) -> tuple[str, str]:
    """(digits, READSTATUS)."""
    scope = run.scope
    first = seconds if seconds > 0 else scope.response_timeout if not seconds else None
    following = seconds if seconds > 0 else scope.digit_timeout if not seconds else None
    digits = ""
    try:
        while True:
            if typed:
                digit: str | None = typed
                typed = ""
            else:
                digit = await run.digit(following if digits else first)
            source = scope.notes.pop("read.tone", None)
            if source is not None:
                source.stop()
            if digit is None:
                return digits, "TIMEOUT"
            if digit in terminators:
                return (digit if keep and not digits else digits), "OK"
            digits += digit
            if len(digits) >= most:
                return digits, "OK"
    except Interrupt:
        source = scope.notes.pop("read.tone", None)
        if source is not None:
            source.stop()
        raise
