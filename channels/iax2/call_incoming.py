"""A call that comes in: who may, the login, the choice of the format, ACCEPT."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pbx.channels.causes import Cause
from pbx.channels.iax2 import auth, call_crypto, logins, negotiation, reasons
from pbx.channels.iax2.access import contexts_of, find_user
from pbx.channels.iax2.call_model import Request, State
from pbx.channels.iax2.elements import Element, Elements
from pbx.channels.iax2.foreign import NO_AUTHORITY, NO_CODEC
from pbx.channels.iax2.frames import Command, FullFrame
from pbx.channels.iax2.settings import AuthMethods
from pbx.channels.iax2.timers import Timer
from pbx.channels.party import Caller
from pbx.codecs.formats import decode_prefs, from_mask, names

if TYPE_CHECKING:
    from pbx.channels.iax2.access import Access
    from pbx.channels.iax2.call import Call
    from pbx.channels.iax2.settings import User

NO_EXTENSION = "No such context/extension"
TOO_MANY = "Unauthenticated call limit reached"

#: CALLED_NUMBER of a call that only looks numbers up
LOOKUP_NUMBER = "TBD"
#: number of a call that names none
START = "s"

_PRES_UNAVAILABLE = 0x43
_PRES_PASSED_SCREEN = 0x01

#: seconds of delayreject
DELAY = 1.0
#: seconds that a caller has for its login
PATIENCE = 60.0


def opened(call: Call, frame: FullFrame, elements: Elements, now: float) -> None:
    """The NEW of a fresh call."""
    core = call.core
    settings = core.settings
    wanted = elements.text(Element.CALLED_CONTEXT) or ""
    name = elements.text(Element.USERNAME) or ""
    friends = [record.name for record in core.peers.at(call.address)]
    access = find_user(settings, name, wanted, call.address[0], friends)
    if settings.general.delayreject:
        call.ack(frame)
    call.user_name = name
    call.offered = elements.uint(Element.ENCRYPTION) or 0
    user = access.user
    if user is None:
        _not_let_in(call, frame, access, now)
        return
    call.user, call.user_name = user, user.name
    if settings.find_peer(user.name) is not None:
        call.peer_name = user.name
    call.name()
    _take_request(call, user, elements)
    call.methods = logins.methods_of(user)
    if call.methods:
        _ask(call, user.maxauthreq, now)
    elif user.forceencryption:
        _refuse_clear(call, frame, user, now)
    else:
        _accept(call, user, now, waits=True)


def _not_let_in(call: Call, frame: FullFrame, access: Access, now: float) -> None:
    """No section fits.  A name is answered by a challenge all the same, so that nobody learns which names there are."""
    call.judge(
        reasons.verdict(
            "call",
            call.user_name,
            call.address,
            expected=access.expected,
            got=access.got,
            place=access.place,
            advice=access.advice,
            cause=Cause.FACILITY_NOT_SUBSCRIBED,
            security=access.security,
        )
    )
    if call.user_name:
        manner = call.core.disguise.of(call.user_name, call.core.settings)
        call.methods = AuthMethods(manner.methods)
        _ask(call, manner.maxauthreq, now)
    else:
        _fail_login(call, frame, now)


def _fail_login(call: Call, frame: FullFrame, now: float) -> None:
    """ACK, then REJECT 50, at once or after a second."""
    if call.reliable.iseqno != call.reliable.shown:
        call.ack(frame)
    if call.core.settings.general.delayreject:
        call.core.timers.set(call, Timer.REJECT, now + DELAY)
    else:
        call.refuse(Cause.FACILITY_NOT_SUBSCRIBED, NO_AUTHORITY, now)


def _ask(call: Call, most: int, now: float) -> None:
    """AUTHREQ, unless `most` calls of this user (0 = any) wait for an answer already."""
    core = call.core
    if most and core.unanswered[call.user_name] >= most:
        call.judge(
            reasons.verdict(
                "call",
                call.user_name,
                call.address,
                expected=f"at most {most} calls that have not logged in yet",
                got="one more",
                place=reasons.place(call.user, "maxauthreq"),
                advice="raise maxauthreq if the other end really places so many calls at once",
                cause=Cause.CALL_REJECTED,
                security="SessionLimit",
            )
        )
        call.refuse(Cause.CALL_REJECTED, TOO_MANY, now)
        return
    core.unanswered[call.user_name] += 1
    _challenge(call, now)


def _challenge(call: Call, now: float) -> None:
    """Send AUTHREQ with a fresh challenge."""
    methods = call.methods or AuthMethods.NONE
    call.state = State.ASKED
    call.core.timers.set(call, Timer.LOGIN, now + PATIENCE)
    call.challenge = auth.make_challenge(call.core.random)
    elements = Elements().add_uint(Element.AUTHMETHODS, methods)
    if methods & (AuthMethods.MD5 | AuthMethods.RSA):
        elements.add_text(Element.CHALLENGE, call.challenge)
    encryption = call_crypto.pick(call, methods)
    if encryption:
        elements.add_uint(Element.ENCRYPTION, encryption)
    call.send(Command.AUTHREQ, now, elements.add_text(Element.USERNAME, call.user_name))
    if encryption:
        call_crypto.expect(call)


def no_answer(call: Call, now: float) -> None:
    """The caller is there, but does not log in."""
    call.judge(
        reasons.verdict(
            "call",
            call.user_name,
            call.address,
            expected="an answer to AUTHREQ",
            got=f"none within {PATIENCE:.0f} seconds",
            place=reasons.place(call.user, "auth"),
            advice="see the other end's log: it may lack the secret or key",
            cause=Cause.FACILITY_NOT_SUBSCRIBED,
        )
    )
    call.refuse(Cause.FACILITY_NOT_SUBSCRIBED, NO_AUTHORITY, now)


def undeciphered(call: Call, frames: int) -> None:
    """The caller does answer our AUTHREQ, but enciphered with another secret."""
    call.judge(
        reasons.verdict(
            "call",
            call.user_name,
            call.address,
            expected="an answer to AUTHREQ that our secret deciphers",
            got=f"{frames} frames enciphered with another secret",
            place=reasons.place(call.user, "secrets"),
            advice="make the secrets of both ends equal",
            cause=Cause.FACILITY_NOT_SUBSCRIBED,
            security="ChallengeResponseFailed",
        )
    )


def ask_again(call: Call, frame: FullFrame, elements: Elements, now: float) -> None:
    """Another NEW while an answer is awaited: the question is put anew."""
    if Timer.REJECT not in call.timers:
        _challenge(call, now)


def authrep(call: Call, frame: FullFrame, elements: Elements, now: float) -> None:
    """The answer to our AUTHREQ."""
    if Timer.REJECT in call.timers:
        return
    user, methods = call.user, call.methods or AuthMethods.NONE
    if call.core.settings.general.delayreject:
        call.ack(frame)
    if user is None:
        # as much work as for a user that there is
        auth.md5_matches(elements.text(Element.MD5_RESULT) or "", call.challenge, ("nobody",))
        call.answered_login()
        _fail_login(call, frame, now)
        return
    judged = logins.judge_call(user, methods, call.challenge, elements, call.core.keys)
    call.answered_login()
    if not judged.good:
        call.judge(
            reasons.verdict(
                "call",
                user.name,
                call.address,
                expected=judged.expected,
                got=judged.got,
                place=user.place_of(judged.option).file_line,
                advice=judged.advice,
                cause=Cause.FACILITY_NOT_SUBSCRIBED,
                security=judged.security,
            )
        )
        _fail_login(call, frame, now)
    elif user.forceencryption and not call.encrypted:
        _refuse_clear(call, frame, user, now)
    else:
        call.login_method = logins.method_of(elements)
        _accept(call, user, now, waits=False)


def _refuse_clear(call: Call, frame: FullFrame, user: User, now: float) -> None:
    call.judge(
        reasons.verdict(
            "call",
            user.name,
            call.address,
            expected="an encrypted call (forceencryption=yes)",
            got="a call in the clear",
            place=user.place_of("forceencryption").file_line,
            advice="set encryption=yes at the other end, or take forceencryption out",
            cause=Cause.FACILITY_NOT_SUBSCRIBED,
            security="RequestNotAllowed",
        )
    )
    _fail_login(call, frame, now)


def _take_request(call: Call, user: User, elements: Elements) -> None:
    """What the NEW asks for, completed from the user's section."""
    wanted = elements.formats(Element.FORMAT2, Element.FORMAT) or 0
    capability = elements.formats(Element.CAPABILITY2, Element.CAPABILITY) or wanted
    exten = elements.text(Element.CALLED_NUMBER)
    call.request = Request(
        context=elements.text(Element.CALLED_CONTEXT) or contexts_of(user)[0],
        exten=START if exten is None or (exten == LOOKUP_NUMBER and user.immediate) else exten,
        caller=_caller(call, user, elements),
        language=user.language or elements.text(Element.LANGUAGE) or "",
        variables=elements.variables(),
        capability=capability,
        autoanswer=Element.AUTOANSWER in elements,
        osp_token=elements.osp_token(),
    )
    own = user.formats.formats
    call.formats = negotiation.common(own, capability)
    call.capability = sum(call.formats)
    call.format = negotiation.choose(
        user.codecpriority, own, wanted, capability, decode_prefs(elements.text(Element.CODEC_PREFS) or "")
    )


def _caller(call: Call, user: User, elements: Elements) -> Caller:
    """The caller's identity: what NEW says, unless the section knows better."""
    number = elements.text(Element.CALLING_NUMBER) or None
    if number is not None and call.core.settings.general.shrinkcallerid:
        number = shrink(number)
    caller = Caller(
        number=number,
        name=elements.text(Element.CALLING_NAME) or None,
        ani=elements.text(Element.CALLING_ANI) or number,
        rdnis=elements.text(Element.RDNIS),
        dnid=elements.text(Element.DNID),
        presentation=elements.uint(Element.CALLINGPRES) or 0,
        type_of_number=elements.uint(Element.CALLINGTON) or 0,
        transit_network=elements.uint(Element.CALLINGTNS) or 0,
        ani2=elements.uint(Element.CALLINGANI2) or 0,
    )
    known = user.caller
    if known.number is not None or known.name is not None:
        caller.number, caller.name, caller.ani = known.number, known.name, known.number
        caller.presentation = _PRES_PASSED_SCREEN
    elif not caller.number and not caller.name:
        caller.presentation = _PRES_UNAVAILABLE
    return caller


def shrink(number: str) -> str:
    """A caller's number without `( ) -`, blanks, and dots but a last one; within [ ] hyphens stay."""
    kept, bracketed = [], 0
    for at, char in enumerate(number):
        bracketed += (char == "[") - (char == "]")
        if char in "( )" or (char == "-" and not bracketed) or (char == "." and at + 1 < len(number)):
            continue
        kept.append(char)
    return "".join(kept)


def _accept(call: Call, user: User, now: float, *, waits: bool) -> None:
    """The extension, the format, ACCEPT.  waits: the channel is made when the caller shows that it got it."""
    core, request = call.core, call.request
    assert request is not None
    lookup = request.exten == LOOKUP_NUMBER
    if not lookup and not core.extensions.exists(request.context, request.exten, 1, request.caller.number or ""):
        call.judge(
            reasons.verdict(
                "call",
                user.name,
                call.address,
                expected=f"an extension of the context '{request.context}'",
                got=f"'{request.exten}'",
                place=user.place_of("contexts").file_line,
                advice="add the extension, or see what number the other end sends",
                cause=Cause.NO_ROUTE_DESTINATION,
                message=f"Rejected connect attempt from {call.address[0]}, request "
                f"'{request.exten}@{request.context}' does not exist",
            )
        )
        call.refuse(Cause.NO_ROUTE_DESTINATION, NO_EXTENSION, now)
        return
    if not call.format:
        call.judge(
            reasons.verdict(
                "call",
                user.name,
                call.address,
                expected=f"one of the formats {names(user.formats.formats)}",
                got=f"only {_format_names(request.capability)}",
                place=user.place_of("formats").file_line,
                advice=reasons.ADVICE[Cause.BEARERCAPABILITY_NOTAVAIL],
                cause=Cause.BEARERCAPABILITY_NOTAVAIL,
            )
        )
        call.refuse(Cause.BEARERCAPABILITY_NOTAVAIL, NO_CODEC, now)
        return
    call.send(Command.ACCEPT, now, Elements().add_formats(Element.FORMAT, Element.FORMAT2, call.format))
    call.send_format = call.format
    core.stats["calls.in"] += 1
    if lookup:
        call.state = State.LOOKUP
    elif waits:
        call.state = State.WAITING
    else:
        call.begin(now)


def _format_names(mask: int) -> str:
    return names(from_mask(mask))
