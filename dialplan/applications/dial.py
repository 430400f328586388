"""Dial and RetryDial: call somebody, and talk."""

from __future__ import annotations

from collections.abc import Iterable

from twisted.internet.defer import Deferred

from pbx.channels.bridge import BridgeOptions, BridgeResult, Reason, bridge_channels
from pbx.channels.causes import Cause
from pbx.channels.channel import Channel
from pbx.channels.events import TransferRequest
from pbx.channels.interrupts import Hangup, Interrupt, Redirect
from pbx.dialplan import features
from pbx.dialplan.applications.call import cause_of
from pbx.dialplan.arguments import fields, parse_options
from pbx.dialplan.dialing import RESULTS, Calling, Outgoing, Wishes
from pbx.dialplan.digits import send_digits
from pbx.dialplan.featuremap import codes, number
from pbx.dialplan.functions.common import c_float, c_int
from pbx.dialplan.functions.parties import split_party
from pbx.dialplan.interpreter import Run
from pbx.dialplan.jumps import parse_place
from pbx.dialplan.registry import Outcome, Result, application, options
from pbx.dialplan.saying import digits_of
from pbx.dialplan.scope import scope_of
from pbx.dialplan.transfers import Transfer

_OPTIONS = options(
    {
        "A([x][:y])": "plays x to the called party and y to the caller before they talk",
        "a": "answers the caller as soon as the called party answers",
        "b([[context^]exten^]priority[(args)])": "runs a subroutine on each called leg before it is called",
        "B([[context^]exten^]priority[(args)])": "runs a subroutine on the caller before anybody is called",
        "C": "accepted: the call's record is not begun anew",
        "c": "legs that are given up see cause 26, answered elsewhere",
        "d": "a digit of the caller leaves to that extension (in EXITCONTEXT)",
        "D([called][:calling[:progress]])": "sends digits after the answer (or at progress)",
        "e": "runs `h` for the called party when the call ends",
        "f([x])": "forces the caller id that called legs see",
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
        "M(x[^arg...])": "runs macro-x,s,1 on the called party before they talk (ends with Return or its last step)",
        "n([delete])": "accepted: privacy is not there yet",
        "N": "accepted: privacy is not there yet",
        "o([x])": "the called legs' own caller id is the caller's, or x",
        "O([mode])": "accepted (operator services of other hardware)",
        "p": "accepted: screening is not there yet",
        "P([x])": "accepted: privacy is not there yet",
        "Q(cause)": "cause that unanswered legs see when another answers",
        "r([tone])": "rings to the caller at once, no early sound",
        "R": "rings to the caller until there is early sound",
        "S(x)": "ends the call x seconds after the answer",
        "s(x)": "accepted: caller ids have no tag here",
        "t": "the called party may transfer",
        "T": "the caller may transfer",
        "u(x)": "accepted: the presentation goes out as the caller has it",
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
            raise _Invalid(f"missing closing parenthesis in options '{letters}'")
        self.calling = Calling(run, self._wishes(timeout))
        self.limit = self._limit()
        #: who answered
        self.peer: Channel | None = None

    def argument(self, letter: str) -> str:
        return self.letters.get(letter) or ""

    def _wishes(self, timeout: str) -> Wishes:
        letters = self.letters
        whole, _, early = timeout.partition("^")
        seconds, early_seconds = c_float(whole), c_float(early)
        return Wishes(
            timeout=seconds if seconds is not None and seconds > 0 else None,
            early_timeout=early_seconds if early_seconds is not None and early_seconds > 0 else None,
            ringing="r" in letters or "R" in letters,
            tone=self.argument("r") if "r" in letters else "",
            music=self.argument("m") if "m" in letters else None,
            ignore_updates="I" in letters,
            elsewhere="c" in letters,
            answered_cause=self._elsewhere_cause(),
            caller_exits="d" in letters,
            hangup_digits=codes(self.scope)["disconnect"] if "H" in letters else "",
            forced=split_party(self.argument("f")) if self.argument("f") else None,
            original=split_party(self.argument("o")) if self.argument("o") else None,
            original_caller="o" in letters,
            no_forward="i" in letters,
            prepare=self._place(self.argument("b")),
            on_progress=self._progress_digits,
        )

    def _elsewhere_cause(self) -> int:
        text = self.letters.get("Q")
        if text is None:
            return int(Cause.ANSWERED_ELSEWHERE)
        return 0 if text.upper() in ("0", "NONE", "") else cause_of(text)

    def _limit(self) -> float | None:
        limit = None
        if "L" in self.letters:
            milliseconds = c_int(self.argument("L").partition(":")[0])
            if not milliseconds or milliseconds <= 0:
                raise _Invalid(f"Dial does not accept L({self.argument('L')}), hanging up.")
            limit = milliseconds / 1000
        if "S" in self.letters:
            seconds = c_float(self.argument("S"))
            if not seconds or seconds <= 0:
                raise _Invalid(f"Dial does not accept S({self.argument('S')})")
            # of both, L counts
            limit = seconds if limit is None else limit
        return limit

    def _place(self, text: str) -> str:
        """`context^exten^priority(args^..)` with commas; what is left out is where the caller is."""
        if not text:
            return ""
        label, paren, args = text.replace("^", ",").partition("(")
        parts = label.split(",")
        known = [self.caller.context, self.caller.exten][: max(0, 3 - len(parts))]
        return ",".join([*known, *parts]) + paren + args

    # ---- the course of it ---------------------------------------------------------------------------------------

    async def execute(self) -> Result:
        scope, calling = self.scope, self.calling
        for name in RESULTS:
            scope.set(name, "")
        if "B" in self.letters:
            await self.run.subroutine(self._place(self.argument("B")))
        for target in self.targets.split("&"):
            target = target.strip()
            if not target:
                continue
            if "/" not in target:
                raise _Invalid(f"Dial argument takes format (technology/resource), not '{target}'")
            calling.request(target)
        try:
            return await self._call()
        except Interrupt:
            calling.quiet()
            if scope.get("DIALSTATUS") == "":
                scope.set("DIALSTATUS", "CANCEL")
            calling.hang_up_others(None, 26 if calling.wishes.elsewhere else int(Cause.NORMAL_CLEARING), later=True)
            raise

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
            return Outcome.END if calling.status == "CANCEL" or self.run.over else None
        scope.set("DIALSTATUS", "ANSWER")
        scope.set("DIALEDPEERNAME", winner.channel.name)
        scope.set("DIALEDPEERNUMBER", winner.number)
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
        if "a" in self.letters:
            caller.answer()
        if "A" in self.letters:
            await self._announce(peer)
        if "G" in self.letters:
            return self._both_go_on(peer)
        for letter, prefix, answer in (("M", "macro-", "MACRO_RESULT"), ("U", "", "GOSUB_RESULT")):
            if letter in self.letters:
                decided, result = await self._subroutine(peer, prefix + self.argument(letter), answer)
                if decided:
                    return result
        await self._send_digits(peer)
        caller.answer()
        return await self._talk(winner)

    # ---- before they talk -----------------------------------------------------------------------------------------

    async def _announce(self, peer: Channel) -> None:
        """Option A: play to both at once, until both are through."""
        called, _, calling = self.argument("A").partition(":")
        graph = self.services.switch.graph
        playing = []
        for channel, name in ((peer, called), (self.caller, calling)):
            found = self.services.find_sound(name, channel.language, channel.formats) if name else None
            if found is not None:
                playing.append(graph.play(channel, *found))
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

    async def _subroutine(self, peer: Channel, where: str, answer: str) -> tuple[bool, Result]:
        """Options M and U: (whether the variable `answer`, which it sets, decided what happens, that)."""
        name, *args = where.split("^")
        peer_scope = scope_of(self.services, peer)
        await self.calling.on_leg(peer, f"{name},s,1({','.join(args)})" if args else f"{name},s,1")
        result = peer_scope.get(answer) or ""
        word = result.upper()
        if word in ("BUSY", "CONGESTION"):
            self.scope.set("DIALSTATUS", word)
            return True, None
        if word == "CONTINUE":
            return True, None
        if word == "ABORT":
            return True, Outcome.END
        if word.startswith("GOTO:"):
            return True, self.run.goto(result[5:].replace("^", ","))
        if not peer.dead:
            return False, None
        self.caller.hangup_cause = int(Cause.NORMAL_CLEARING)  # whatever cause the leg had
        return True, None if "g" in self.letters else Outcome.END

    async def _send_digits(self, peer: Channel) -> None:
        """Option D: digits to the called party, then to the caller."""
        called, calling = [*self.argument("D").split(":"), "", ""][:2]
        for channel, digits in ((peer, called), (self.caller, calling)):
            if digits:
                await send_digits(self.caller, channel, digits)

    def _progress_digits(self, leg: Outgoing) -> None:
        """Option D's third part: digits to a leg that sends sound before its answer."""
        digits = [*self.argument("D").split(":"), "", "", ""][2]
        line = leg.channel.line
        if digits and line is not None:
            for digit in digits:
                line.digit_begin(digit)
                line.digit_end(digit, 100)

    # ---- talking ----------------------------------------------------------------------------------------------------

    def _options(self, peer: Channel) -> BridgeOptions:
        hooks = {
            channel: features.hooks(self.run, channel, self.letters, caller=channel is self.caller)
            for channel in (self.caller, peer)
        }
        return BridgeOptions(
            hooks={channel: table for channel, table in hooks.items() if table},
            digit_timeout=number(self.scope, "featuredigittimeout") / 1000,
            limit=self.limit,
            ticks=self._warnings(),
        )

    def _warnings(self) -> tuple[tuple[float, features.Tick], ...]:
        """Option L: what is played at its start and before its end, and when."""
        if self.limit is None or "L" not in self.letters:
            return ()
        milliseconds, warning, repeat = [*self.argument("L").split(":"), "", ""][:3]
        whole, first, every = c_int(milliseconds) or 0, c_int(warning) or 0, c_int(repeat) or 0
        while first > whole and every > 0:
            first -= every
        found: list[tuple[float, features.Tick]] = []
        start = self.scope.get("LIMIT_CONNECT_FILE")
        if start:
            found.append((0.0, lambda bridge: self._play_limit([start])))
        file = self.scope.get("LIMIT_WARNING_FILE")
        left = first if first <= whole else 0
        while left > 0:
            found.append(((whole - left) / 1000, features.warning(self._play_limit, file, whole / 1000)))
            left = left - every if every > 0 else 0
        return tuple(found)

    def _hearers(self) -> list[Channel]:
        """Who hears what option L plays: the caller, unless variables say otherwise."""
        heard = []
        for channel, variable, default in (
            (self.caller, "LIMIT_PLAYAUDIO_CALLER", "yes"),
            (self.peer, "LIMIT_PLAYAUDIO_CALLEE", "no"),
        ):
            word = (self.scope.get(variable) or default).lower()
            if channel is not None and word in ("yes", "true", "y", "t", "1", "on"):
                heard.append(channel)
        return heard or [self.caller]

    def _play_limit(self, names: Iterable[str]) -> list[features.Sequel]:
        """Play files one after another to those who hear them."""
        return [features.Sequel(self.services, channel, names) for channel in self._hearers() if not channel.dead]

    async def _time_is_over(self, peer: Channel) -> None:
        """LIMIT_TIMEOUT_FILE: played before both are hung up."""
        file = self.scope.get("LIMIT_TIMEOUT_FILE")
        if not file or "L" not in self.letters:
            return
        try:
            for playing in self._play_limit([file]):
                await self.caller.wait(playing.done)
        except Interrupt:
            if not peer.dead and peer.owner is None:
                peer.hangup(int(Cause.NORMAL_CLEARING))
            raise

    async def _talk(self, winner: Outgoing) -> Result:
        peer, caller, scope, clock = winner.channel, self.caller, self.scope, self.calling.clock
        self.peer = peer
        answered = clock.seconds()
        scope.set("BRIDGEPEER", peer.name)
        scope_of(self.services, peer).set("BRIDGEPEER", caller.name)
        peer.release(self.calling)
        try:
            result = await bridge_channels(caller, caller, peer, self._options(peer))
        except Hangup:
            self._caller_gone(peer)
            raise
        except Redirect:
            if peer.owner is None and not peer.dead:
                peer.hangup(int(Cause.NORMAL_CLEARING))
            raise
        finally:
            self._times(winner, answered)
            scope.set("BRIDGEPEER", "")
        if result.reason is Reason.LIMIT:
            await self._time_is_over(peer)
        return await self._after(peer, result)

    def _times(self, winner: Outgoing, answered: float) -> None:
        now = self.calling.clock.seconds()
        for name, seconds in (("ANSWEREDTIME", now - answered), ("DIALEDTIME", now - winner.began)):
            self.scope.set(name, str(int(seconds)))
            self.scope.set(f"{name}_MS", str(int(seconds * 1000)))

    async def _after(self, peer: Channel, result: BridgeResult) -> Result:
        """The talk is over: what happens to both."""
        value = result.value
        if result.reason is Reason.TAKEN and result.channel is peer:
            return None if "g" in self.letters else Outcome.END
        if isinstance(value, (Transfer, TransferRequest)):
            return self._transfer(peer, result)
        if isinstance(value, features.ParkIt):
            return await self._park(peer, result)
        if result.reason is Reason.FEATURE and result.channel is self.caller and "F" in self.letters:
            self._caller_gone(peer)
            return Outcome.END
        if not peer.dead and peer.owner is None:
            peer.hangup(int(Cause.NORMAL_CLEARING))
        if not self.caller.hangup_cause or result.reason is Reason.HANGUP:
            self.caller.hangup_cause = int(Cause.NORMAL_CLEARING)
        self._peer_h(peer)
        return None if "g" in self.letters and not self.run.over else Outcome.END

    def _transfer(self, peer: Channel, result: BridgeResult) -> Result:
        """Somebody sent the other one on, by digits or by the far end's own transfer."""
        value = result.value
        sender = result.channel
        if isinstance(value, TransferRequest):
            context = value.context or (sender.context if sender is not None else "") or self.caller.context
            exten = value.exten
        else:
            assert isinstance(value, Transfer)
            context, exten = value.context, value.exten
        if sender is self.caller:
            peer.context, peer.exten, peer.priority = context, exten, 1
            scope_of(self.services, peer).set("BLINDTRANSFER", self.caller.name)
            self.services.switch.redirect((peer, context, exten, 1))
            return Outcome.END
        self.scope.set("BLINDTRANSFER", peer.name)
        self.caller.hangup_cause = int(Cause.NORMAL_CLEARING)
        peer.hangup(int(Cause.NORMAL_CLEARING))
        self.run.jump(context, exten, 1)
        return None

    async def _park(self, peer: Channel, result: BridgeResult) -> Result:
        """Options k and K: the other one waits in the lot; who parked it hears where."""
        if result.channel is peer:
            # the place is said while the caller, whose task this is, waits there
            self.calling.clock.callLater(0, self._say_place, peer, self.caller)
            return await self.run.execute("Park", "")
        run = Run(self.services, peer)
        peer.start(run, run.single("Park", ""))
        await self.caller.wait(self._say_place(self.caller, peer))
        return Outcome.END

    def _say_place(self, to: Channel, parked: Channel) -> Deferred[None]:
        place = scope_of(self.services, parked).get("PARKEDAT") or ""
        saying = features.Sequel(self.services, to, digits_of(place, lambda name: True))
        if to is not self.caller:
            saying.done.addCallback(lambda _: to.hangup(int(Cause.NORMAL_CLEARING)))
        return saying.done

    def _caller_gone(self, peer: Channel) -> None:
        """The caller hung up: the called party goes on (option F) or ends."""
        if peer.dead or peer.owner is not None:
            return
        if "F" in self.letters:
            where = self.argument("F").replace("^", ",")
            place = parse_place(self.run, where) if where else None
            channel = self.caller
            context, exten, priority = place or (channel.context, channel.exten, channel.priority + 1)
            self.services.switch.redirect((peer, context, exten, priority))
            return
        peer.hangup(int(Cause.NORMAL_CLEARING))
        self._peer_h(peer)

    def _peer_h(self, peer: Channel) -> None:
        """Option e: `h` of the caller's context for the called party too."""
        if "e" in self.letters and peer.owner is None:
            run = Run(self.services, peer)
            peer.context = self.caller.context
            peer.start(run, run.last_words())


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
        return await _Dial(run, data).execute()
    except _Invalid as error:
        run.warn(str(error))
        run.scope.set("DIALSTATUS", "INVALIDARGS")
        return Outcome.END


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
    pause = float(c_int(sleep) or 10)
    tries = c_int(retries) or 0
    while True:
        result = await _dial(run, rest)
        if result is not None or run.scope.get("DIALSTATUS") == "ANSWER":
            return result
        if run.channel.exten == "h":
            return Outcome.END
        found = run.services.find_sound(announce, run.channel.language, run.channel.formats) if announce else None
        if found is not None:
            await run.channel.wait(run.services.switch.graph.play(run.channel, *found).done)
        await run.digit(pause)
        tries -= 1
        if tries == 0:
            return None
        if run.over:
            return Outcome.END
