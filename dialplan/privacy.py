"""Dial's options P and p: the caller says who it is, and the called party decides whether to talk."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from typing import TYPE_CHECKING

from pbx.channels.channel import Channel, first_event
from pbx.channels.events import Control, DigitEnd, Ended
from pbx.dialplan.interpreter import Run
from pbx.dialplan.playing import listen, play_told, start_file

if TYPE_CHECKING:
    from collections.abc import Mapping

#: what astdb remembers of a caller -> DIALSTATUS; "" means: put through
REMEMBERED = {"allow": "", "deny": "NOANSWER", "torture": "TORTURE", "kill": "DONTCALL"}
#: a digit of the called party -> what is remembered, DIALSTATUS
REPLIES = {
    "1": ("allow", ""),
    "2": ("deny", "NOANSWER"),
    "3": ("torture", "TORTURE"),
    "4": ("kill", "DONTCALL"),
    "5": ("allow", "NOANSWER"),
}
#: seconds that the called party has for a digit, and how often it is asked
_WAIT, _TRIES = 6.0, 3
#: the caller's introduction: so many seconds, or until so many of silence
_LENGTH, _SILENCE = 4, 2
_UNKNOWN = "NOCALLERID"


class Privacy:
    """One caller who is screened."""

    def __init__(self, run: Run, letters: Mapping[str, str | None]) -> None:
        self.run = run
        self.caller = run.channel
        self.services = run.services
        #: P remembers decisions, p asks each time
        self.remembers = "P" in letters
        self._keeps_intro = "n" not in letters
        self._music = "m" in letters
        number = re.sub(r"[() -]", "", self.caller.caller.number or "")
        self.known = bool(number)
        name = self.caller.name.replace("/", "=")
        self.identity = number or f"{_UNKNOWN}_{self.caller.exten}{name}"
        self._family = letters.get("P") or self.caller.exten
        self._trusted = "N" in letters and self.known
        self._intro = f"priv-callerintros/{self.identity}"

    def decided(self) -> str | None:
        """What is decided already: a DIALSTATUS, "" to put the call through; None: the called party is asked."""
        if self._trusted:
            return ""
        if not (self.remembers and self.known):
            return None
        value = self.services.database.get("privacy", f"{self._family}/{self.identity}") or ""
        return next((status for word, status in REMEMBERED.items() if value.lower().startswith(word)), None)

    async def introduce(self) -> None:
        """Let the caller say who it is, unless that is known from another time."""
        run, caller = self.run, self.caller
        if self.known and self._find(self._intro):
            return
        prompt = start_file(run, "priv-recordintro")
        if prompt is not None:
            await listen(run, prompt)
        path = os.path.join(self.services.directories.get("ASTDATADIR", ""), "sounds", self._intro)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        outer = caller.data
        await run.execute("Record", f"{path}.wav,{_SILENCE},{_LENGTH},kn")
        caller.data = outer
        for name in ("auth-thankyou", "vm-dialout"):
            if self._find(name) and (said := start_file(run, name)) is not None:
                await listen(run, said)

    def _find(self, name: str) -> bool:
        return self.services.find_sound(name, self.caller.language, self.caller.formats) is not None

    async def ask(self, peer: Channel) -> str:
        """Let the called party decide: a DIALSTATUS, "" to put the call through."""
        caller = self.caller
        if self._music:
            caller.switch.music.start(caller)
        else:
            caller.indicate(Control.RINGING)
        options = "priv-callee-options" if self.remembers else "screen-callee-options"
        valid = "12345" if self.remembers else "1234"
        try:
            digit = ""
            for _ in range(_TRIES):
                digit = await self._digit(peer, ("priv-callpending", self._intro, options), valid, _WAIT)
                if (digit in valid and digit) or peer.dead:
                    break
                await self._digit(peer, ("vm-sorry",), "", 0.0)
        finally:
            if self._music:
                caller.switch.music.stop(caller)
        if peer.dead and not digit:
            return "ANSWER"
        word, status = REPLIES[digit] if digit else (None, "NOANSWER")
        if self.remembers and self.known and word is not None:
            self.services.database.put("privacy", f"{self._family}/{self.identity}", word)
        return status

    def forget(self) -> None:
        """The introduction is of no use any more: option n, or nobody knows whose it is."""
        if self.known and self._keeps_intro:
            return
        path = os.path.join(self.services.directories.get("ASTDATADIR", ""), "sounds", f"{self._intro}.wav")
        if os.path.exists(path):
            os.unlink(path)

    async def _digit(self, peer: Channel, names: Iterable[str], valid: str, wait: float) -> str:
        """Play sounds to the called party until it presses one of the digits, at most so many seconds longer."""
        clock = peer.switch.clock
        for name in names:
            found = self.services.find_sound(name, peer.language, peer.formats)
            if found is None:
                self.run.warn(f"sound file {name} does not exist in any format ({peer.language})")
                continue
            source = play_told(peer, name, found)
            try:
                while source.playing and not peer.dead:
                    digit = await self._press(peer, 0.1)
                    if digit and digit in valid:
                        return digit
            finally:
                if source.playing:
                    source.stop()
        until = clock.seconds() + wait
        while not peer.dead and clock.seconds() < until:
            digit = await self._press(peer, until - clock.seconds())
            if digit:
                return digit if digit in valid else ""
        return ""

    async def _press(self, peer: Channel, seconds: float) -> str:
        found = await first_event(self.caller, (peer,), seconds)
        if found is None:
            return ""
        if isinstance(found[1], Ended):
            peer.push_back(found[1])
        return found[1].digit if isinstance(found[1], DigitEnd) else ""
