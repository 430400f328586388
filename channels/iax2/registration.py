"""The client side of registration: what a `register =>` line does for as long as the daemon runs."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from typing import TYPE_CHECKING, ClassVar

from pbx.channels.causes import Cause
from pbx.channels.iax2 import address as addresses
from pbx.channels.iax2 import keepalive, logins, reasons
from pbx.channels.iax2.address import Address
from pbx.channels.iax2.dialog import Dialog
from pbx.channels.iax2.elements import Element, Elements
from pbx.channels.iax2.events import RegistrationState
from pbx.channels.iax2.foreign import answer
from pbx.channels.iax2.frames import Command, FullFrame
from pbx.channels.iax2.numbers import NoNumber
from pbx.channels.iax2.reliable import Sent
from pbx.channels.iax2.timers import Timer

if TYPE_CHECKING:
    from pbx.channels.events import Verdict
    from pbx.channels.iax2.core import Core
    from pbx.channels.iax2.settings import Registration as Line

#: REFRESH of the first request, seconds
REFRESH = 60
#: seconds until the next attempt after a failure: the first, doubled each time, and the most
FIRST_RETRY = 10.0
LONGEST_RETRY = 60.0
#: the same failure is told again after so many seconds
REPEAT_VERDICT = 3600.0


class Status(StrEnum):
    """The states that `iax2 show registry` prints."""

    UNREGISTERED = "Unregistered"
    REQUEST_SENT = "Request Sent"
    AUTH_SENT = "Auth. Sent"
    REGISTERED = "Registered"
    REJECTED = "Rejected"
    TIMEOUT = "Timeout"
    NO_AUTHENTICATION = "No Authentication"


#: states that an answer of the host may end
_DOUBTFUL = (Status.TIMEOUT, Status.UNREGISTERED)


class Registration:
    """One line.  Never gives up until it is taken out of the settings."""

    __slots__ = (
        "_failures",
        "_told",
        "address",
        "changed",
        "core",
        "dialog",
        "ended",
        "line",
        "messages",
        "perceived",
        "refresh",
        "status",
        "timers",
    )

    def __init__(self, core: Core, line: Line) -> None:
        self.core = core
        self.line = line
        self.status = Status.UNREGISTERED
        self.address: Address | None = None
        #: when the status or our address as seen there last became another, 0.0 = never
        self.changed = 0.0
        #: our address as the registrar sees it
        self.perceived: Address | None = None
        self.refresh = REFRESH
        #: (old, new) messages waiting there, None = not told
        self.messages: tuple[int, int] | None = None
        self.dialog: RegistrationDialog | None = None
        self.timers: dict[Timer, float] = {}
        self.ended = False
        self._failures = 0
        self._told: tuple[str, float] = ("", 0.0)

    @property
    def name(self) -> str:
        """`user@host:port`."""
        return self.name_of(self.line)

    @staticmethod
    def name_of(line: Line) -> str:
        """The name of a line's registration."""
        return f"{line.user}@{addresses.text((line.host, line.port))}"

    def start(self, now: float) -> None:
        """The first attempt."""
        self.core.timers.set(self, Timer.REFRESH, now)

    def stop(self, now: float) -> None:
        """The line is gone: forget everything (nothing is said to the registrar, as in Asterisk)."""
        self.ended = True
        self.core.timers.cancel_all(self)
        self._drop(now)

    def on_timer(self, timer: Timer, now: float) -> None:
        if timer is Timer.REFRESH:
            self.attempt(now)
        elif timer is Timer.KEEPALIVE:
            keepalive.of_registration(self, now)

    def _drop(self, now: float) -> None:
        if self.address is not None:
            self.core.turns.leave(self.address, self)
        if self.dialog is not None:
            dialog, self.dialog = self.dialog, None
            dialog.forget(now)

    def _set(self, status: Status) -> None:
        if status is not self.status:
            self.status = status
            self.core.emit(RegistrationState(self.name, status))

    def attempt(self, now: float) -> None:
        """Look the host up anew, then ask."""
        # comes again by itself should nothing ever answer
        self.core.timers.set(self, Timer.REFRESH, now + self._period())
        host = self.line.host
        if addresses.is_numeric(host):
            self._ask((host, self.line.port), now)
        else:
            self.core.names.ask(host, self._resolved)

    def _period(self) -> float:
        return float(max(1, 5 * self.refresh // 6))

    def _resolved(self, found: list[str], now: float) -> None:
        if self.ended:
            return
        host = self.core.usable(found)
        if host is None:
            if self.status is not Status.REGISTERED:
                self._set(Status.UNREGISTERED)
            line = self.line
            self._fail(
                now,
                reasons.verdict(
                    "registration", line.user, (line.host, line.port), expected=f"an address of {line.host}",
                    got="none: the name can't be resolved", place=line.place.file_line,
                    advice="see whether the name is right and a name server answers",
                    cause=Cause.SUBSCRIBER_ABSENT, side="ours",
                ),
            )  # fmt: skip
            return
        self._ask((host, self.core.ports.get(self.line.host, self.line.port)), now)

    def _ask(self, address: Address, now: float) -> None:
        if address != self.address or self.dialog is not None:
            self._drop(now)
        self.address = address
        keepalive.begin(self, now)
        self.core.turns.ask(address, self, now)

    def go(self, now: float) -> bool:
        """It is our turn to ask; False when there is no call number for it."""
        assert self.address is not None
        socket, local = self.core.socket_for(self.address)
        try:
            self.dialog = RegistrationDialog(self, socket, self.address, local, now)
        except NoNumber:
            self.core.note("WARNING", f"No call number is free to register {self.name}")
            return False
        self._set(Status.REQUEST_SENT)
        return True

    def doubt(self) -> None:
        """The host does not answer at once: does its name lead elsewhere meanwhile?"""
        if not addresses.is_numeric(self.line.host):
            self.core.names.ask(self.line.host, self._moved)

    def _moved(self, found: list[str], now: float) -> None:
        host = self.core.usable(found)
        if self.ended or self.dialog is None or host is None or self.address is None or self.address[0] in found:
            return
        self._ask((host, self.core.ports.get(self.line.host, self.line.port)), now)

    # ---- what the dialogue tells ---------------------------------------------------------------------------

    def auth_sent(self) -> None:
        self._set(Status.AUTH_SENT)

    def registered(self, elements: Elements, now: float) -> None:
        """REGACK."""
        self.dialog = None
        self.refresh = elements.uint(Element.REFRESH) or self.refresh
        seen = elements.address() or self.perceived
        if seen != self.perceived or self._failures:
            self.changed = now
        self.perceived = seen
        count = elements.uint(Element.MSGCOUNT)
        self.messages = None if count is None else (count >> 8, count & 0xFF)
        self._failures = 0
        self._told = ("", 0.0)
        self._set(Status.REGISTERED)
        self.core.timers.set(self, Timer.REFRESH, now + self._period())

    def heard(self, now: float) -> None:
        """The host answered a keepalive: whatever was wrong with the registration may be over."""
        if self.status in _DOUBTFUL and self.dialog is None and not self.ended:
            self.attempt(now)

    def concerned(self, moved: Callable[[Address], bool]) -> bool:
        """Does a change of the network concern it?"""
        return self.status is not Status.REGISTERED or self.address is None or moved(self.address)

    def refused(self, text: str, cause: int | None, now: float) -> None:
        """REGREJ."""
        self.dialog = None
        self._set(Status.REJECTED)
        line = self.line
        if cause is None and not text:
            got = "REGREJ without a reason: it demands a call token, or has no call number left for us"
            advice = "see the other end's log"
        else:
            got = f"REGREJ {cause if cause is not None else ''} '{text}'"
            advice = (
                f"see that the other end has a section [{line.user}] with host=dynamic and this secret or key (one "
                f"that is named otherwise there has to be renamed to [{line.user}]), and that it permits our address"
            )
        self._fail(now, self._verdict("REGACK", got, advice, cause or Cause.FACILITY_REJECTED))

    def unable(self, why: str, methods: int, now: float) -> None:
        """REGAUTH asks for what we don't have."""
        self.dialog = None
        self._set(Status.NO_AUTHENTICATION)
        advice = "give the register line the secret or [key] that the other end expects"
        wanted = f"a login by {logins.describe(methods)}, as the other end asks"
        self._fail(now, self._verdict(wanted, why, advice, Cause.FACILITY_NOT_SUBSCRIBED))

    def unanswered(self, now: float) -> None:
        """Nothing came back in four attempts."""
        self.dialog = None
        self._set(Status.TIMEOUT)
        advice = reasons.ADVICE[Cause.DESTINATION_OUT_OF_ORDER]
        self._fail(now, self._verdict("an answer", "none in four attempts", advice, Cause.DESTINATION_OUT_OF_ORDER))

    def _verdict(self, expected: str, got: str, advice: str, cause: int) -> Verdict:
        assert self.address is not None
        return reasons.verdict(
            "registration", self.line.user, self.address, expected=expected, got=got,
            place=self.line.place.file_line, advice=advice, cause=cause, side="ours",
        )  # fmt: skip

    def _fail(self, now: float, verdict: Verdict) -> None:
        """Tell it, unless the very same was told lately, and try again later."""
        if not self._failures:
            self.changed = now
        if self.status in _DOUBTFUL and self.address is not None:
            self.core.beats.doubtful.setdefault(self.address, {})[self] = None
        told, when = self._told
        if told != verdict.got or now - when >= REPEAT_VERDICT:
            self._told = (verdict.got, now)
            self.core.fail(verdict)
        wait = min(FIRST_RETRY * 2**self._failures, LONGEST_RETRY)
        self._failures = min(self._failures + 1, 8)
        self.core.timers.set(self, Timer.REFRESH, now + wait)


class RegistrationDialog(Dialog):
    """One attempt."""

    __slots__ = ("_turn", "registration")

    kind: ClassVar[str] = "registration"

    def __init__(self, registration: Registration, socket: int, address: Address, local: str, now: float) -> None:
        super().__init__(registration.core, socket, address, local, now)
        self.registration = registration
        #: the turn that this attempt has among those of its host
        self._turn: Address | None = address
        self.open(Command.REGREQ, self._request(), now)

    def _end_turn(self, now: float) -> None:
        if self._turn is not None:
            address, self._turn = self._turn, None
            self.core.turns.done(address, now)

    def on_gone(self, now: float) -> None:
        self._end_turn(now)

    def _request(self) -> Elements:
        registration = self.registration
        elements = Elements().add_text(Element.USERNAME, registration.line.user)
        return elements.add_uint(Element.REFRESH, registration.refresh)

    def on_command(self, frame: FullFrame, elements: Elements, now: float) -> None:
        registration, command = self.registration, frame.subclass
        if registration.dialog is not self:
            self.forget(now)
        elif command == Command.REGAUTH:
            self._login(elements, now)
        elif command == Command.REGACK:
            self.ack(frame)
            registration.registered(elements, now)
            self.forget(now)
        elif command in (Command.REGREJ, Command.REJECT, Command.HANGUP):
            self.ack(frame)
            registration.refused(elements.text(Element.CAUSE) or "", elements.uint(Element.CAUSECODE), now)
            self.forget(now)
        elif command == Command.INVAL:
            registration.refused("INVAL", None, now)
            self.forget(now)
        else:
            answer(self, frame, elements, now)

    def _login(self, elements: Elements, now: float) -> None:
        registration, line = self.registration, self.registration.line
        methods = elements.uint(Element.AUTHMETHODS) or 0
        challenge = elements.text(Element.CHALLENGE) or ""
        found = logins.respond(methods, challenge, line.secret, line.key, self.core.keys)
        if isinstance(found, str):
            registration.unable(found, methods, now)
            self.forget(now)
            return
        request = Elements([*self._request().items, *found.items])
        self.send(Command.REGREQ, now, request.add(Element.CALLTOKEN))
        registration.auth_sent()

    def on_resent(self, sent: Sent, now: float) -> None:
        self._end_turn(now)
        if sent.sendings == 2 and self.registration.dialog is self:
            self.registration.doubt()

    def on_lost(self, sent: Sent, now: float) -> None:
        if self.registration.dialog is self:
            self.registration.unanswered(now)
        self.forget(now)
