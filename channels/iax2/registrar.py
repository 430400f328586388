"""The server side of registration: dynamic peers tell where they are (RFC 5456 section 6.1)."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, ClassVar

from pbx.channels.causes import Cause
from pbx.channels.iax2 import auth, logins, reasons
from pbx.channels.iax2.dialog import Dialog
from pbx.channels.iax2.elements import Element, Elements
from pbx.channels.iax2.foreign import NO_AUTHORITY, NO_CODEC, REFUSED, answer, refuse
from pbx.channels.iax2.frames import Command, FullFrame
from pbx.channels.iax2.settings import AuthMethods
from pbx.channels.iax2.timers import Timer
from pbx.channels.iax2.walltime import datetime_of

if TYPE_CHECKING:
    from pbx.channels.iax2.core import Core
    from pbx.channels.iax2.peers import PeerRecord

#: seconds of delayreject
DELAY = 1.0
#: seconds a dialogue may wait for the answer to its REGAUTH
PATIENCE = 60.0
#: so many sections are tried to find the one that a wrong name means
_CANDIDATES = 16


@dataclass(slots=True)
class Attempt:
    """What a dialogue that registers has been asked."""

    name: str = ""
    methods: AuthMethods = AuthMethods.NONE
    challenge: str = ""


class Registrar(Dialog):
    """One REGREQ or REGREL dialogue."""

    __slots__ = ("attempt",)

    kind: ClassVar[str] = "registrar"

    def __init__(
        self, core: Core, socket: int, address: tuple[str, int], local: str, now: float, remote_number: int
    ) -> None:
        super().__init__(core, socket, address, local, now, remote_number=remote_number)
        self.attempt = Attempt()
        core.timers.set(self, Timer.FORGET, now + PATIENCE)

    def on_command(self, frame: FullFrame, elements: Elements, now: float) -> None:
        command = frame.subclass
        if Timer.REJECT in self.timers:
            return
        if command in (Command.REGREQ, Command.REGREL):
            request(self, self.attempt, frame, elements, now)
        elif command in (Command.NEW, Command.ACCEPT):
            refuse(self, Command.REJECT, NO_CODEC, Cause.BEARERCAPABILITY_NOTAVAIL, now)
        elif command == Command.AUTHREP:
            self.ack(frame)
            refuse(self, Command.REJECT, NO_AUTHORITY, Cause.FACILITY_NOT_SUBSCRIBED, now)
        else:
            answer(self, frame, elements, now)

    def on_timer(self, timer: Timer, now: float) -> None:
        if timer is Timer.REJECT:
            refuse(self, Command.REGREJ, REFUSED, Cause.FACILITY_REJECTED, now)
        else:
            super().on_timer(timer, now)


def request(dialog: Dialog, attempt: Attempt, frame: FullFrame, elements: Elements, now: float) -> None:
    """REGREQ or REGREL, with or without an answer to our challenge."""
    core = dialog.core
    if core.settings.general.delayreject:
        dialog.ack(frame)
    name = elements.text(Element.USERNAME) or ""
    record = core.peers.get(name)
    attempt.name = name
    if record is None:
        _unknown(dialog, attempt, frame, elements, now)
        return
    section = record.section
    if dialog.tokened:
        record.token_seen = True
    judged = section.access.check(dialog.address[0])
    if not judged.allowed:
        rule = judged.rule
        _refuse(
            dialog, frame, now, name,
            expected="an address that permit and deny let in", got=dialog.address[0],
            place=rule.place.file_line if rule is not None else section.place_of("access").file_line,
            advice=f"permit the address in [{name}]", security="FailedACL",
        )  # fmt: skip
        return
    if not section.dynamic:
        _refuse(
            dialog, frame, now, name,
            expected=f"no registration: [{name}] has host={section.host}", got="a registration",
            place=section.place_of("host").file_line,
            advice=f"set host=dynamic in [{name}], or take the register line out at the other end",
            security="InvalidAccountID",
        )  # fmt: skip
        return
    methods = logins.methods_of(section)
    if not methods:
        _update(dialog, record, frame, elements, now)
    elif _answered(attempt, methods, elements):
        verdict = logins.judge_registration(section, methods, attempt.challenge, elements, core.keys)
        if verdict.good:
            _update(dialog, record, frame, elements, now)
        else:
            option = "secret" if verdict.option == "secrets" else verdict.option
            _refuse(
                dialog, frame, now, name, expected=verdict.expected, got=verdict.got,
                place=section.place_of(option).file_line, advice=verdict.advice, security=verdict.security,
            )  # fmt: skip
    else:
        _challenge(dialog, attempt, methods, now)


def _answered(attempt: Attempt, methods: AuthMethods, elements: Elements) -> bool:
    """Is there something to judge: an answer to our challenge, or a password that needs none?"""
    if elements.raw(Element.PASSWORD) and methods & AuthMethods.PLAINTEXT:
        return True
    return bool(attempt.methods)


def _challenge(dialog: Dialog, attempt: Attempt, methods: AuthMethods, now: float) -> None:
    """REGAUTH."""
    attempt.methods = methods
    elements = Elements().add_uint(Element.AUTHMETHODS, methods)
    if methods & (AuthMethods.MD5 | AuthMethods.RSA):
        attempt.challenge = auth.make_challenge(dialog.core.random)
        elements.add_text(Element.CHALLENGE, attempt.challenge)
    dialog.send(Command.REGAUTH, now, elements.add_text(Element.USERNAME, attempt.name))


def _unknown(dialog: Dialog, attempt: Attempt, frame: FullFrame, elements: Elements, now: float) -> None:
    """No such peer: it is asked for a login like any other, and then refused like any other."""
    core = dialog.core
    if attempt.name:
        methods = AuthMethods(core.disguise.of(attempt.name, core.settings).methods)
        if not _answered(attempt, methods, elements):
            _challenge(dialog, attempt, methods, now)
            return
    place, advice = _meant(core, attempt, elements)
    _refuse(
        dialog, frame, now, attempt.name or "(no name)",
        expected="the name of a section with host=dynamic",
        got=f"the name '{attempt.name}'" if attempt.name else "no name",
        place=place, advice=advice, security="InvalidAccountID",
    )  # fmt: skip


def _meant(core: Core, attempt: Attempt, elements: Elements) -> tuple[str, str]:
    """(place, advice): the section that a wrong name may mean, by case, by its secret, or because there is one only."""
    name = attempt.name
    dynamic = list(islice((r.section for r in core.peers if r.section.dynamic), _CANDIDATES + 1))
    if len(dynamic) > _CANDIDATES:
        dynamic = []
    same = [s for s in dynamic if s.name.lower() == name.lower()]
    fits = [
        s
        for s in dynamic
        if logins.has_answer(elements)
        and logins.judge_registration(s, attempt.methods, attempt.challenge, elements, core.keys).good
    ]
    for found, why in ((same, "names are case-sensitive"), (fits, "its secret fits"), (dynamic, "it is the only one")):
        if len(found) == 1:
            section = found[0]
            advice = f"if the other end is meant by [{section.name}] ({why}), rename that section to [{name}]"
            return section.place.file_line, advice
    return "", f"add a section [{name}] with host=dynamic, or rename the one that is meant"


def _refuse(
    dialog: Dialog, frame: FullFrame, now: float, name: str, *,
    expected: str, got: str, place: str, advice: str, security: str,
) -> None:  # fmt: skip
    """ACK, verdict, then REGREJ 29, at once or after a second."""
    core = dialog.core
    core.fail(
        reasons.verdict(
            "registration", name, dialog.address, expected=expected, got=got, place=place, advice=advice,
            cause=Cause.FACILITY_REJECTED, security=security,
        )
    )  # fmt: skip
    if dialog.reliable.iseqno != dialog.reliable.shown:
        dialog.ack(frame)
    if core.settings.general.delayreject and dialog.kind == Registrar.kind:
        core.timers.set(dialog, Timer.REJECT, now + DELAY)
    else:
        refuse(dialog, Command.REGREJ, REFUSED, Cause.FACILITY_REJECTED, now)


def _update(dialog: Dialog, record: PeerRecord, frame: FullFrame, elements: Elements, now: float) -> None:
    """The login is good: note where the peer is (or that it is gone), and REGACK."""
    core, section = dialog.core, record.section
    reply = Elements().add_text(Element.USERNAME, section.name)
    reply.add_uint(Element.DATETIME, datetime_of(core.wall(), section.timezone))
    if frame.subclass == Command.REGREL:
        record.unregister("released")
    else:
        general = core.settings.general
        wanted = elements.uint(Element.REFRESH) or 0
        refresh = min(max(wanted, general.minregexpire), max(general.maxregexpire, general.minregexpire))
        _place(dialog, record, refresh, now)
        reply.add_uint(Element.REFRESH, refresh).add_address(dialog.address)
        if section.mailbox:
            old, new = (core.mailbox(section.mailbox) if core.mailbox is not None else None) or (0, 0)
            reply.add_uint(Element.MSGCOUNT, min(old, 255) << 8 | min(new, 255))
        caller = section.caller
        if caller.number:
            reply.add_text(Element.CALLING_NUMBER, caller.number)
        if caller.name:
            reply.add_text(Element.CALLING_NAME, caller.name)
        image = core.firmware.of(elements.text(Element.DEVICETYPE) or "") if general.allowfwdownload else None
        if image is not None:
            reply.add_uint(Element.FIRMWAREVER, image.version)
    core.stats["registrations"] += 1
    dialog.send(Command.REGACK, now, reply, final=dialog.kind == Registrar.kind)
    if dialog.kind == Registrar.kind:
        dialog.linger(now)
    if frame.subclass == Command.REGREQ:
        core.provisioner.registered(dialog, elements, now)


def _place(dialog: Dialog, record: PeerRecord, refresh: int, now: float) -> None:
    new = record.register(dialog.socket, dialog.local, dialog.address, refresh, now)
    if new and record.section.qualify:
        dialog.core.timers.set(record, Timer.POKE, now)
