"""Digits as the tones of old trunks: MF (R1) and SF (pulses of one tone)."""

from __future__ import annotations

from collections.abc import Callable

from pbx.channels.channel import Channel
from pbx.channels.events import Control
from pbx.channels.interrupts import Interrupt
from pbx.dialplan.interpreter import Run

_MF = {
    "1": "700+900", "2": "700+1100", "3": "900+1100", "4": "700+1300", "5": "900+1300", "6": "1100+1300",
    "7": "700+1500", "8": "900+1500", "9": "1100+1500", "0": "1300+1500", "*": "1100+1700", "#": "1500+1700",
    "A": "900+1700", "B": "1300+1700", "C": "700+1700",
}  # fmt: skip
_PULSES = {"0": 10, "*": 11, "#": 12, "D": 13, "C": 14, "B": 15, "A": 16}
#: ms: between MF digits; a digit, KP, and ST with its primes
MF_GAP_MS, MF_MS, MF_START_MS, MF_END_MS = 50, 55, 120, 65
#: ms between SF digits; Hz
_SF_GAP_MS, SF_HZ = 600, 2600
#: Letters of both that are no digits: tone lists, and signals to the far end.
_QUIET = "!0/100"
_LETTERS = {"w": "!0/500", "h": "!2600/250", "H": "!2600/250"}
_SIGNALS = {"f": Control.FLASH, "F": Control.FLASH, "W": Control.WINK}


async def play_through(run: Run, channel: Channel, spec: str) -> None:
    """Play a tone list that ends by itself, and wait (on the run's own channel) for its end."""
    source = run.services.switch.graph.tone(channel, spec)
    try:
        await run.channel.wait(source.done)
    except Interrupt:
        source.stop()
        raise


async def send_mf(
    run: Run,
    channel: Channel,
    digits: str,
    gap_ms: int = MF_GAP_MS,
    lasting: tuple[int, int, int] = (MF_MS, MF_START_MS, MF_END_MS),
) -> None:
    """Send `*` (KP), `#` (ST), A, B, C (ST with primes) and figures; lasting: ms of figures, of KP, of ST."""
    usual, start, end = lasting
    longer = {"*": start, **dict.fromkeys("#ABC", end)}

    def encoded(digit: str) -> str:
        return f"!{_MF[digit]}/{longer.get(digit, usual)}" if digit in _MF else ""

    await _send(run, channel, digits, encoded, gap_ms)


async def send_sf(run: Run, channel: Channel, digits: str, pitch: int = SF_HZ) -> None:
    """Send figures (and * # D C B A for 11 to 16) as so many pulses of a tone of `pitch` Hz."""

    def encoded(digit: str) -> str:
        count = _PULSES.get(digit) or (int(digit) if digit in "123456789" else 0)
        return ",".join([f"!{pitch}/67,!0/33"] * count)

    await _send(run, channel, digits, encoded, _SF_GAP_MS)


async def _send(run: Run, channel: Channel, digits: str, encoded: Callable[[str], str], pause_ms: int) -> None:
    """Play digits as tones, `pause_ms` between them; w, h, f and W as app_mf and app_sf have them."""
    parts = [_QUIET]
    for char in digits:
        if char in _LETTERS:
            parts.append(_LETTERS[char])
            continue
        if char in _SIGNALS:
            await play_through(run, channel, ",".join(parts))
            parts = []
            channel.indicate(_SIGNALS[char])
        else:
            tones = encoded(char.upper())
            if not tones:
                run.warn(f"'{char}' is no digit of this signalling")
                continue
            parts.append(tones)
        parts.append(f"!0/{pause_ms}")
    await play_through(run, channel, ",".join(parts))
