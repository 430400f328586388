"""Dial and RetryDial: call somebody, and talk."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial

from pbx.channels.causes import Cause
from pbx.channels.channel import Channel
from pbx.channels.events import Control
from pbx.channels.interrupts import Interrupt
from pbx.dialplan.applications.call import cause_of
from pbx.dialplan.arguments import fields, parse_options
from pbx.dialplan.dialing import RESULTS, Calling, Forced, Outgoing, Wishes
from pbx.dialplan.digits import send_digits
from pbx.dialplan.featuremap import codes
from pbx.dialplan.functions.common import c_float, c_int
from pbx.dialplan.functions.parties import PASSED_SCREEN, PRESENTATION_NUMBERS, split_party
from pbx.dialplan.interpreter import Run
from pbx.dialplan.jumps import parse_place, place_of
from pbx.dialplan.limits import BadLimit, limit_of
from pbx.dialplan.playing import anything, listen, nothing, play_told, start_file
from pbx.dialplan.privacy import Privacy
from pbx.dialplan.registry import Outcome, Result, application, options
from pbx.dialplan.scope import scope_of
from pbx.dialplan.talking import Talk
from pbx.dialplan.trunktones import send_mf, send_sf
from pbx.dialplan.walk import Walk

_OPTIONS = options(
    {
        "A([x][:y])": "plays x to the called party and y to the caller before they talk",
        "a": "answers the caller as soon as the called party answers",
        "b([[context^]exten^]priority[(args)])": "runs a subroutine on each called leg before it is called",
        "B([[context^]exten^]priority[(args)])": "runs a subroutine on the caller before anybody is called",
        "C": "accepted: the call's record is not begun anew",
        "c": "legs that are given up see cause 26, answered elsewhere",
        "d": "a digit of the caller leaves to that extension (in EXITCONTEXT)",
        "D([called][:calling[:progress[:mfprogress[:mfwink[:sfprogress[:sfwink]]]]]])": (
            "sends digits after the answer, at the first sign of sound (also as MF or SF tones), at a wink"
        ),
        "e": "runs `h` for the called party when the call ends",
        "f([x])": "forces the caller id that called legs see (with u(presentation) and s(tag))",
        "F([[context^]exten^]priority)": "when the caller hangs up, the called party goes on there (next priority)",
        "g": "goes on behind Dial when the called party hangs up",
        "G([[context^]exten^]priority)": "both go on in the dialplan: caller there, called party one further",
        "h": "the called party may hang up by the disconnect digits",
        "H": "the caller may",
        "i": "takes no notice of forwarding",
        "I": "passes no updates of who is connected",
        "j": "accepted; changes nothing here",
        "k": "the called party may park the call",
        "K": "the caller may",
        "L(x[:y[:z]])": "ends the call after x ms; warns y ms before, every z ms",
        "m([class])": "plays music to the caller until somebody answers, of that class or of the channel's own",
        "n([delete])": "with p or P: what the caller said of itself is not kept",
        "N": "with p or P: who has a number is put through unasked",
        "o([x])": "the called legs' own caller id is the caller's, or x",
        "O([mode])": "accepted (operator services of other hardware)",
        "p": "the caller says who it is, and the called party decides by a digit (screening)",
        "P([x])": "likewise, and decisions are kept in astdb, family privacy, key x or the extension",
        "Q(cause)": "cause that unanswered legs see when another answers",
        "r([tone])": "rings to the caller at once, no early sound",
        "R": "rings to the caller until there is early sound",
        "S(x)": "ends the call x seconds after the answer",
        "s(x)": "with f(x): the tag of that caller id",
        "t": "the called party may transfer",
        "T": "the caller may transfer",
        "u(x)": "with f(x): the presentation of that caller id, such as prohib or unavailable",
        "U(x[^arg...])": "runs the subroutine x,s,1 on the called party before they talk",
        "w": "accepted: Monitor and its feature automon are gone in Asterisk 22; x records",
        "W": "accepted: Monitor and its feature automon are gone in Asterisk 22; X records",
        "x": "the called party may record the call (feature automixmon)",
        "X": "the caller may",
        "z": "accepted: nothing forwards calls here",
    }
)


class _Invalid(Exception):
    """The arguments are no call."""


class _Refused(Exception):
    """An option has no sense: the call ends, whatever the other options say; DIALSTATUS is args[1]."""


async def _send_before(run: Run, mf: str, sf: str, dtmf: str, leg: Outgoing) -> bool:
    """Option D's parts for one signal of a leg that has not answered, in this order; False: it was gone before."""
    if mf:
        await send_mf(run, leg.channel, mf)
    if sf and not leg.channel.dead:
        await send_sf(run, leg.channel, sf)
    if leg.channel.dead:
        return False
    return not dtmf or await send_digits(run.channel, leg.channel, dtmf)


def _signals(run: Run, parts: list[str]) -> dict[Control, Callable[[Outgoing], Awaitable[bool]]]:
    """Option D before the answer: what the first PROGRESS, and the first WINK, of a called leg set off.

    Not a method: its wishes would then hold a Dial that holds them, and a dead call with it.
    """
    _, _, progress, mf_progress, mf_wink, sf_progress, sf_wink = parts
    found: dict[Control, Callable[[Outgoing], Awaitable[bool]]] = {}
    if progress or mf_progress or sf_progress:
        found[Control.PROGRESS] = partial(_send_before, run, mf_progress, sf_progress, progress)
    if mf_wink or sf_wink:
        found[Control.WINK] = partial(_send_before, run, mf_wink, sf_wink, "")
    return found


def _seconds(text: str) -> float | None:
    """A time-out; None: for ever."""
    seconds = c_float(text) if text else None
    return seconds if seconds is not None and seconds > 0 else None


class _Dial:
    """One run of Dial."""

    def __init__(self, run: Run, data: str) -> None:
        self.run = run
        self.caller = run.channel
        self.scope = run.scope
        self.services = run.services
        targets, timeout, letters, self.url = fields(data, 4)
        self.targets = targets
        self.letters, whole = parse_options(letters)
        if not whole:
            raise _Refused(f"missing closing parenthesis in options '{letters}'", "INVALIDARGS")
        self.calling = Calling(run, self._wishes(timeout))
        self.privacy = Privacy(run, self.letters) if {"P", "p"} & self.letters.keys() else None
        try:
            self.limit = limit_of(self.scope, self.letters)
        except BadLimit as error:
            raise _Refused(f"Dial: {error}", "" if error.letter == "L" else "INVALIDARGS") from None

    @property
    def goes_on(self) -> Result:
        """What follows where the call would end: with option g, the next priority."""
        return None if "g" in self.letters and not self.run.over else Outcome.END

    def argument(self, letter: str) -> str:
        return self.letters.get(letter) or ""

    def _wishes(self, timeout: str) -> Wishes:
        letters = self.letters
        whole, _, early = timeout.partition("^")
        if not letters:
            return Wishes(_seconds(whole), _seconds(early))
        return Wishes(
            timeout=_seconds(whole),
            early_timeout=_seconds(early),
            ringing="r" in letters or "R" in letters,
            tone=self.argument("r") if "r" in letters else "",
            music=self.argument("m") if "m" in letters else None,
            ignore_updates="I" in letters,
            elsewhere="c" in letters,
            answered_cause=self._elsewhere_cause(),
            caller_exits="d" in letters,
            hangup_digits=codes(self.scope)["disconnect"] if "H" in letters else "",
            forced=self._forced(),
            original=split_party(self.argument("o")) if self.argument("o") else None,
            original_caller="o" in letters,
            no_forward="i" in letters,
            prepare=place_of(self.run, self.argument("b")),
            signals=_signals(self.run, self._digits()),
        )

    def _forced(self) -> Forced | None:
        """Options f(x), and with it u and s."""
        if not self.argument("f"):
            return None
        name, number = split_party(self.argument("f"))
        presentation = PRESENTATION_NUMBERS.get(self.argument("u").lower(), PASSED_SCREEN)
        return Forced(name or None, number or None, presentation, self.argument("s"))

    def _elsewhere_cause(self) -> int:
        text = self.letters.get("Q")
        if text is None:
            return int(Cause.ANSWERED_ELSEWHERE)
        return 0 if text.upper() in ("0", "NONE", "") else cause_of(text, int(Cause.ANSWERED_ELSEWHERE))

    # ---- the course of it ---------------------------------------------------------------------------------------

    async def execute(self) -> Result:
        scope, calling = self.scope, self.calling
        scope.assign(RESULTS)
        if self.privacy is not None:
            refused = await self._screened(self.privacy)
            if refused:
                scope.set("DIALSTATUS", refused)
                return None
        if "B" in self.letters:
            await self.run.subroutine(place_of(self.run, self.argument("B")))
        self._request()
        try:
            return await self._call()
        except Interrupt:
            calling.quiet()
            if scope.get("DIALSTATUS") == "":
                scope.set("DIALSTATUS", "CANCEL")
            calling.hang_up_others(None, 26 if calling.wishes.elsewhere else int(Cause.NORMAL_CLEARING), later=True)
            raise

    async def _screened(self, privacy: Privacy) -> str:
        """Options P and p before anybody is called: the DIALSTATUS of a call that is not put through, else ""."""
        decided = privacy.decided()
        if decided is None:
            await privacy.introduce()
        else:
            self.privacy = None
        return decided or ""

    def _request(self) -> None:
        """Make the legs.  Raises _Invalid, having made none, when a target is no `technology/resource`."""
        targets = [target.strip() for target in self.targets.split("&")]
        for target in filter(None, targets):
            if not target.partition("/")[2]:
                raise _Invalid(f"Dial argument takes format (technology/resource), not '{target}'")
        for target in filter(None, targets):
            self.calling.request(target)

    async def _call(self) -> Result:
        scope, calling = self.scope, self.calling
        await calling.call()
        winner = await calling.answer()
        if winner is None:
            calling.quiet()
            scope.set("DIALSTATUS", calling.status)
            calling.hang_up_others(None, 26 if calling.wishes.elsewhere else 0)
            if calling.exit_digit:
                context = scope.get("EXITCONTEXT") or self.caller.context
                self.run.jump(context, calling.exit_digit, 1)
                return None
            return self.goes_on if calling.status == "CANCEL" or self.run.over else None
        scope.assign({"DIALSTATUS": "ANSWER", "DIALEDPEERNAME": winner.channel.name, "DIALEDPEERNUMBER": winner.number})
        calling.hang_up_others(winner, calling.wishes.answered_cause)
        self.services.switch.graph.unhear(self.caller, winner.channel)
        try:
            return await self._connected(winner)
        finally:
            if winner.channel.owner is calling:
                winner.channel.release(calling)
                winner.channel.hangup(winner.channel.hangup_cause or int(Cause.NORMAL_CLEARING))

    async def _connected(self, winner: Outgoing) -> Result:
        """The called party answered: what the options want before they talk, then talk."""
        peer, caller = winner.channel, self.caller
        self.calling.quiet()
        if self.privacy is not None:
            try:
                status = await self.privacy.ask(peer)
            finally:
                self.privacy.forget()
            if status:
                self.scope.set("DIALSTATUS", status)
                self.caller.hangup_cause = int(Cause.NORMAL_CLEARING)
                return None
        if "a" in self.letters:
            caller.answer()
        if "A" in self.letters:
            await self._announce(peer)
            if peer.dead:
                self.caller.hangup_cause = int(Cause.NORMAL_CLEARING)
                return Outcome.END
        if "G" in self.letters:
            return self._both_go_on(peer)
        if self.letters.get("U"):
            decided, result = await self._subroutine(peer, self.argument("U"))
            if decided:
                return result
        if "D" in self.letters:
            await self._send_digits(peer)
        if not self.scope.get("BRIDGE_NOANSWER"):
            caller.answer()
        return await self._talk(winner)

    # ---- before they talk -----------------------------------------------------------------------------------------

    async def _announce(self, peer: Channel) -> None:
        """Option A: play to both at once, until both are through."""
        called, _, calling = self.argument("A").partition(":")
        playing = []
        for channel, name in ((peer, called), (self.caller, calling)):
            found = self.services.find_sound(name, channel.language, channel.formats) if name else None
            if found is not None:
                playing.append(play_told(channel, name, found))
        if calling:
            self.caller.answer()
        for source in playing:
            await self.caller.wait(source.done)

    def _both_go_on(self, peer: Channel) -> Result:
        """Option G."""
        place = parse_place(self.run, self.argument("G").replace("^", ","))
        if place is None:
            return None
        context, exten, priority = place
        self.services.switch.redirect((peer, context, exten, priority + 1))
        self.run.jump(context, exten, priority)
        return None

    async def _subroutine(self, peer: Channel, where: str) -> tuple[bool, Result]:
        """Option U: (whether GOSUB_RESULT, which it sets, or the called party's end decided what happens, that)."""
        name, *args = where.split("^")
        peer_scope = scope_of(self.services, peer)
        await self.calling.on_leg(peer, f"{name},s,1({','.join(args)})" if args else f"{name},s,1")
        result = peer_scope.get("GOSUB_RESULT") or ""
        word = result.upper()
        known = word in ("BUSY", "CONGESTION", "CONTINUE", "ABORT") or word.startswith("GOTO:")
        if known or peer.dead:
            self.caller.hangup_cause = int(Cause.NORMAL_CLEARING)  # whatever cause the leg had
        if word in ("BUSY", "CONGESTION"):
            self.scope.set("DIALSTATUS", result)
        if word in ("BUSY", "CONGESTION", "CONTINUE"):
            return True, None
        if word.startswith("GOTO:"):
            return True, self.run.goto(result[5:].replace("^", ","))
        return known or peer.dead, self.goes_on

    def _digits(self) -> list[str]:
        """The seven parts of option D."""
        return [*self.argument("D").split(":"), *[""] * 7][:7]

    async def _send_digits(self, peer: Channel) -> None:
        """Option D after the answer: digits to the called party, then to the caller."""
        called, calling, *_ = self._digits()
        for channel, digits in ((peer, called), (self.caller, calling)):
            if digits:
                await send_digits(self.caller, channel, digits)

    # ---- talking ----------------------------------------------------------------------------------------------------

    async def _talk(self, winner: Outgoing) -> Result:
        peer = winner.channel
        peer.release(self.calling)
        talk = Talk(self.run, peer, self.letters, self.limit, let_go=lambda: self._end_peer(peer), ended=self._times)
        return await talk.execute()

    def _times(self) -> None:
        """How long it took: since the caller's channel was made, since it was answered (by whomever)."""
        caller = self.caller
        now = caller.switch.wall()
        talked = int((now - caller.answered) * 1000 + 0.5) if caller.answered else 0
        dialled = int((now - caller.created) * 1000 + 0.5) if caller.created else 0
        self.scope.assign(
            {
                "ANSWEREDTIME": str(talked // 1000),
                "ANSWEREDTIME_MS": str(talked),
                "DIALEDTIME": str(dialled // 1000),
                "DIALEDTIME_MS": str(dialled),
            }
        )

    def _end_peer(self, peer: Channel) -> None:
        """The caller is done with the called party; option e: `h` of the caller's context for it too."""
        if not peer.dead:
            peer.hangup(int(Cause.NORMAL_CLEARING))
        if "e" in self.letters and peer.owner is None:
            run = Run(self.services, peer)
            peer.context = self.caller.context
            peer.start(run, Walk(run).last_words())


@application(
    "Dial",
    syntax="Dial([Technology/Resource[&Technology2/Resource2[&...]]][,timeout[,options[,URL]]])",
    synopsis="Calls one or more destinations and connects the one that answers first",
    arguments={
        "Technology/Resource": "IAX2/peer/extension, Local/extension@context/n ...",
        "timeout": "seconds; with ^seconds behind it: until it has to ring",
    },
    options=_OPTIONS,
    variables={
        "DIALSTATUS": "CHANUNAVAIL, CONGESTION, NOANSWER, BUSY, ANSWER, CANCEL, DONTCALL, TORTURE or INVALIDARGS",
        "DIALEDTIME": "seconds from calling to the end",
        "ANSWEREDTIME": "seconds of talk",
        "DIALEDPEERNAME": "the channel that answered",
        "DIALEDPEERNUMBER": "what was dialled there",
        "RINGTIME": "seconds until it rang",
        "PROGRESSTIME": "seconds until it sent sound",
        "HANGUPCAUSE": "why the last leg ended (Q.850)",
    },
    module="app_dial",
)
async def dial(run: Run, data: str) -> Result:
    return await _dial(run, data)


async def _dial(run: Run, data: str) -> Result:
    try:
        found = _Dial(run, data)
    except _Refused as error:
        message, status = error.args
        run.warn(message)
        run.scope.set("DIALSTATUS", status)
        return Outcome.END
    try:
        return await found.execute()
    except _Invalid as error:
        run.warn(str(error))
        run.scope.set("DIALSTATUS", "INVALIDARGS")
        return found.goes_on


@application(
    "RetryDial",
    syntax="RetryDial(announce,sleep,retries,dialargs)",
    synopsis="Dials again and again",
    arguments={"announce": "played before each further try", "sleep": "seconds between", "retries": "how often in all"},
    module="app_dial",
)
async def retry_dial(run: Run, data: str) -> Result:
    announce, sleep, retries, rest = fields(data, 4)
    if not rest:
        run.warn("RetryDial requires an argument!")
        return Outcome.END
    music, channel = run.services.switch.music, run.channel
    pause, tries = float(max(0, c_int(sleep) or 10)), c_int(retries) or 0
    interrupts = anything if "d" in parse_options(fields(rest, 4)[2])[0] else nothing
    try:
        while True:
            channel.data = "Retrying"  # what a call record shows
            music.stop(channel)
            place = channel.context, channel.exten, channel.priority
            result = await _dial(run, rest)
            if result is not None or place != (channel.context, channel.exten, channel.priority):
                return result
            if channel.exten == "h":
                return Outcome.END
            if announce and (source := start_file(run, announce)) is not None:
                await listen(run, source, interrupts)
            music.start(channel)
            digit = await run.digit(pause)
            context = run.scope.get("EXITCONTEXT") or channel.context
            if digit is not None and run.exists(context, digit):
                run.jump(context, digit, 1)
                return None
            tries -= 1
            if tries == 0:
                return None
            if run.over:
                return Outcome.END
    finally:
        music.stop(channel)
