"""Sending digits to a channel's far end, one after another in time."""

from __future__ import annotations

from pbx.channels.channel import Channel
from pbx.channels.events import Control

#: ms that a digit lasts, and that lie between two
TONE_MS = 100
GAP_MS = 250
#: ms of quiet before the first digit
QUIET_MS = 100
#: Seconds of pause: w half a second, W a whole one.
PAUSES = {"w": 0.5, "W": 1.0}


async def send_digits(
    task: Channel, channel: Channel, digits: str, gap_ms: int = GAP_MS, tone_ms: int = TONE_MS
) -> bool:
    """Press digits (0-9 * # A-D, f is a flash, `w` and `W` pause) on `channel`; waits on `task`.

    False: the channel was gone before the last of them.

    As in Asterisk a quiet time goes before them: the far end may just begin to listen.
    """
    await task.sleep(QUIET_MS / 1000)
    for digit in digits:
        if channel.dead:
            return False
        pause = PAUSES.get(digit)
        if pause is not None:
            await task.sleep(pause)
            continue
        line = channel.line
        if digit in "fF":
            channel.indicate(Control.FLASH)
            await task.sleep(gap_ms / 1000)
            continue
        if digit.upper() not in "0123456789*#ABCD" or line is None:
            continue
        line.digit_begin(digit)  # as written: a small letter is another digit than a capital
        await task.sleep(tone_ms / 1000)
        if channel.dead:
            return False
        line.digit_end(digit, tone_ms)
        await task.sleep(gap_ms / 1000)
    return True
