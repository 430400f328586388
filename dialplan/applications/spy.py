"""ChanSpy and ExtenSpy: listen to calls, whisper to one party, barge in on both."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from pbx.channels.channel import Channel, State, first_event
from pbx.channels.events import ChannelEvent, DigitEnd
from pbx.channels.log import Log
from pbx.channels.sounds import Recording
from pbx.channels.voice.port import Direction
from pbx.codecs.formats import SLIN
from pbx.dialplan import saying
from pbx.dialplan.arguments import fields, parse_options
from pbx.dialplan.functions.common import c_int
from pbx.dialplan.interpreter import Run
from pbx.dialplan.mixmonitor import recording_path
from pbx.dialplan.playing import anything, finder, listen, start_file
from pbx.dialplan.registry import Outcome, Result, application, options
from pbx.dialplan.scope import scope_of
from pbx.dialplan.spying import Mode, Session, enforced, in_groups, spied

log = Log("app_chanspy")

_LETTERS = {
    "b": "only channels that are bridged",
    "B": "both parties hear the spy",
    "c(digit)": "the digit for the next channel (default *)",
    "d": "4, 5 and 6 change between spying, whispering and barging in",
    "e(ext)": "only channels of this list (IAX2/a:IAX2/b)",
    "E": "ends when the channel that is spied on hangs up",
    "g(grp)": "only channels whose variable SPYGROUP has one of these groups (a:b)",
    "l": "accepted: what is spied on is never delayed here, nor cut",
    "n([mailbox][@context])": "accepted: voicemail is not there yet, so names are spelled",
    "N": "does not answer",
    "o": "hears only what the channel's far end says",
    "q": "no beep and no name before a channel",
    "r([basename])": "records what is spied on into monitor/ of the spool folder",
    "s": "does not say the technology of a channel",
    "S": "ends when no channel is left",
    "v([value])": "volume at the beginning, -4 to 4",
    "w": "the channel hears the spy",
    "W": "the channel hears the spy, who hears nothing",
    "x(digit)": "the digit that ends it while a channel is spied on",
    "X": "a digit that is an extension (of SPY_EXIT_CONTEXT, or here) leaves to it",
}
_DIGITS = "0123456789*#"


@dataclass(slots=True)
class _Wish:
    """What the options say."""

    found: Mapping[str, str | None]
    mode: Mode
    volume: int = 0
    cycle: str = "*"
    leave: str = ""
    exit_context: str = ""
    #: names that begin so are looked for (with digits behind a `/`)
    prefix: str = ""
    choose: Callable[[], list[Channel]] = field(default=list)

    def has(self, letter: str) -> bool:
        return letter in self.found


@dataclass(frozen=True, slots=True)
class _End:
    """How spying on one channel ended: "next", "exit", "hangup", or the number that was typed."""

    how: str
    number: str = ""


def _wish(run: Run, letters: str) -> _Wish:
    found, _ = parse_options(letters)
    mode = Mode.BARGE if "B" in found else Mode.WHISPER if "w" in found or "W" in found else Mode.SPY
    wish = _Wish(found, mode)
    for letter, name in (("x", "leave"), ("c", "cycle")):
        digit = (found.get(letter) or "")[:1]
        if letter in found and digit and digit in _DIGITS:
            setattr(wish, name, digit)
        elif letter in found:
            run.warn(f"Argument for option '{letter}' must be a valid DTMF digit")
    if found.get("v"):
        volume = c_int(found["v"] or "")
        if volume is None or not -4 <= volume <= 4:
            run.warn("Volume factor must be a number between -4 and 4")
        else:
            wish.volume = volume
    if "X" in found:
        wish.exit_context = run.scope.get("SPY_EXIT_CONTEXT") or run.channel.context
    return wish


class _Spying:
    """One run of ChanSpy."""

    def __init__(self, run: Run, wish: _Wish) -> None:
        self.run = run
        self.wish = wish
        self.channel = run.channel
        self._jump: str | None = None

    async def execute(self) -> Result:
        channel, wish = self.channel, self.wish
        if not wish.has("N") and channel.state is not State.UP and not self.run.over:
            channel.answer()
        channel.attached["spying"] = True
        try:
            return await self._rounds()
        finally:
            channel.attached.pop("spying", None)

    def _leaves(self, digit: str | None) -> bool:
        """Option X: does the digit lead out of here?"""
        context = self.wish.exit_context
        if not context or not digit or not self.run.exists(context, digit):
            return False
        self.run.jump(context, digit, 1)
        return True

    async def _rounds(self) -> Result:
        wish, run = self.wish, self.run
        some = True
        while not run.over:
            if some and not wish.has("q") and (beep := start_file(run, "beep")) is not None:
                digit = await listen(run, beep, anything if wish.exit_context else lambda digit: False)
                if self._leaves(digit):
                    return None
            digit = await run.digit(0.1)
            if self._leaves(digit):
                return None
            some = False
            done: set[Channel] = set()
            following: Channel | None = None
            while not run.over:
                target = following or next((c for c in self._found() if c not in done), None)
                if target is None:
                    break
                following = None
                done.add(target)
                some = True
                await self._announce(target)
                end = await self._spy(target)
                if end.how == "hangup":
                    return Outcome.END
                if end.how == "exit" or (end.how == "next" and wish.has("E")):
                    return None
                if end.number and wish.prefix:
                    following = self._numbered(end.number) or (None if target.dead else target)
            if wish.has("S"):
                return None
            if wish.has("u") and not wish.choose():
                return Outcome.END
        return Outcome.END

    def _found(self) -> list[Channel]:
        wish = self.wish
        found = spied(wish.choose(), self.channel)
        if wish.has("b"):
            found = [c for c in found if c.bridge is not None]
        group = wish.found.get("g")
        if group:
            services = self.run.services
            found = [c for c in found if in_groups(group, scope_of(services, c).get("SPYGROUP") or "")]
        names = wish.found.get("e")
        return [c for c in found if enforced(names, c)] if names else found

    def _numbered(self, number: str) -> Channel | None:
        """Digits and #: the channel `<prefix>/<digits>...`."""
        wanted = f"{self.wish.prefix}/{int(number)}".lower()
        return next((c for c in self.run.services.switch.channels() if c.name.lower().startswith(wanted)), None)

    async def _announce(self, target: Channel) -> None:
        """Say which channel it is: `spy-iax2` (spelled if there is no such sound) and its number."""
        if self.wish.has("q"):
            return
        run, there = self.run, finder(self.run.scope)
        technology, _, rest = target.name.partition("/")
        name, names = f"spy-{technology.lower()}", []
        if not self.wish.has("s"):
            names += [name] if there(name) else list(saying.letters_of(name, there))
        number = c_int(rest.partition("-")[0])
        if number:
            names += saying.digits_of(str(number), there)
        for one in names:
            source = start_file(run, one) if there(one) else None
            if source is not None:
                await listen(run, source)
            if run.over:
                return

    # ---- one channel -----------------------------------------------------------------------------------------

    async def _spy(self, target: Channel) -> _End:
        wish, channel = self.wish, self.channel
        if target.dead or self.run.over:
            return _End("next")
        log.verbose(2, f"Spying on channel {target.name}", call=channel.call_id)
        session = Session(
            channel, target, wish.mode, deaf=wish.has("W"), only_said=wish.has("o"), volume=wish.volume
        )  # fmt: skip
        recording = self._record(target)
        gone: list[bool] = []

        def ended(_: Channel) -> None:
            gone.append(True)
            # the spy reads its inbox: that is where it learns it
            channel.deliver(_Over())

        target.on_end(ended)
        try:
            return await self._listen(session, gone)
        finally:
            target.not_on_end(ended)
            session.close()
            channel.flush(_Over)
            if recording is not None:
                recording.stop()
            log.verbose(2, f"Done Spying on channel {target.name}", call=channel.call_id)

    def _record(self, target: Channel) -> Recording | None:
        if not self.wish.has("r"):
            return None
        base = self.wish.found.get("r") or "chanspy"
        path = recording_path(self.run.services, f"{base}.{int(target.switch.wall())}.raw")
        return target.switch.graph.record(target, path, SLIN, direction=Direction.IN | Direction.OUT, append=True)

    async def _listen(self, session: Session, gone: list[bool]) -> _End:
        typed = ""
        while True:
            found = await first_event(self.channel, (self.channel,))
            if self.run.over:
                return _End("hangup")
            if gone:
                return _End("next")
            if found is None or not isinstance(found[1], DigitEnd):
                continue
            digit = found[1].digit
            end, typed = self._digit(session, digit, typed)
            if end is not None:
                return end

    def _digit(self, session: Session, digit: str, typed: str) -> tuple[_End | None, str]:
        """(how it ends or None, digits gathered)."""
        wish = self.wish
        if wish.exit_context:
            if self._leaves(digit):
                self.run.scope.set("SPY_CHANNEL", session.target.name)
                return _End("exit"), ""
        elif digit.isdecimal():
            if not wish.has("d"):
                typed += digit
            elif digit in "456":
                session.mode = wish.mode = Mode(digit)
                session.speak()
        if digit == wish.cycle:
            return _End("next"), ""
        if digit == wish.leave:
            return _End("exit"), ""
        if digit == "#":
            if typed:
                return _End("number", typed), ""
            wish.volume = wish.volume + 1 if wish.volume < 4 else -4
            log.verbose(3, f"Setting spy volume on {self.channel.name} to {wish.volume}", call=self.channel.call_id)
            session.volume = wish.volume
            session.hear()
        return None, typed


class _Over(ChannelEvent):
    """The channel that is spied on has ended."""


_SPY: dict[str, object] = {
    "variables": {"SPY_CHANNEL": "the channel last spied on (option X)"},
    "module": "app_chanspy",
}
_DESCRIPTION = (
    "While it listens: # changes the volume, * goes to the next channel, digits and # look for the channel "
    "chanprefix/digits (not with d, u or X)."
)


@application(
    "ChanSpy",
    syntax="ChanSpy([chanprefix][,options])",
    synopsis="Listens to a channel, and may speak into it",
    description=_DESCRIPTION,
    arguments={"chanprefix": "only channels whose names begin so (all: every channel)"},
    options=options({**_LETTERS, "u": "chanprefix is a channel's uniqueid or whole name"}),
    see_also=("ExtenSpy",),
    **_SPY,
)
async def chan_spy(run: Run, data: str) -> Result:
    prefix, letters = fields(data, 2)
    prefix = "" if prefix == "all" else prefix
    wish, switch = _wish(run, letters), run.services.switch
    wish.prefix = "" if wish.has("u") else prefix

    def named() -> list[Channel]:
        if wish.has("u") and prefix:
            one = switch.channel(prefix)
            return [one] if one is not None else []
        return [c for c in switch.channels() if c.name.lower().startswith(prefix.lower())]

    wish.choose = named
    return await _Spying(run, wish).execute()


@application(
    "ExtenSpy",
    syntax="ExtenSpy(exten[@context][,options])",
    synopsis="Listens to a channel at an extension, and may speak into it",
    description=_DESCRIPTION,
    arguments={"exten": "where the channel stands", "context": "the caller's own, if it is left out"},
    options=options({**_LETTERS, "D": "accepted: a leg carries one channel, so what is heard is mixed"}),
    see_also=("ChanSpy",),
    **_SPY,
)
async def exten_spy(run: Run, data: str) -> Result:
    where, letters = fields(data, 2)
    exten, _, context = where.partition("@")
    context = context or run.channel.context
    wish, switch = _wish(run, letters), run.services.switch
    wish.choose = lambda: [c for c in switch.channels() if c.exten == exten and c.context == context]
    return await _Spying(run, wish).execute()
