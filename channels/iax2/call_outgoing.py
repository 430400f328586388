"""A call that goes out: the NEW, our answer to AUTHREQ, ACCEPT or REJECT."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from pbx.channels.causes import Cause
from pbx.channels.iax2 import call_crypto, logins, reasons
from pbx.channels.iax2.call_model import Outgoing, State
from pbx.channels.iax2.elements import Element, Elements
from pbx.channels.iax2.events import CallAccepted, CallFormats
from pbx.channels.iax2.foreign import NO_CODEC
from pbx.channels.iax2.frames import Command, FullFrame
from pbx.channels.iax2.settings import AuthMethods
from pbx.channels.iax2.timers import Timer
from pbx.channels.iax2.walltime import datetime_of
from pbx.codecs.formats import encode_prefs, from_mask, names

if TYPE_CHECKING:
    from pbx.channels.iax2.call import Call

#: VERSION of the protocol
PROTOCOL = 2
#: ADSICPE: no screen
_NO_SCREEN = 2
_PRES_UNAVAILABLE = 0x43


def start(call: Call, now: float) -> None:
    """Send NEW; `call.outgoing`, `call.peer` and the formats are set."""
    general, peer = call.core.settings.general, call.peer
    patience = (peer.qualify if peer is not None else 0) or general.autokill
    if patience:
        # half of what a healthy answer may take; the NEW is given up after twice of it
        call.rtt = patience / 2000
        call.core.timers.set(call, Timer.AUTOKILL, now + patience / 500)
    call.state = State.CALLING
    call.core.stats["calls.out"] += 1
    call.open(Command.NEW, _new(call), now)


def resolved(call: Call, name: str, found: list[str], now: float) -> None:
    """The name of a call's host was looked up."""
    if call.state is not State.RESOLVING:
        return
    core = call.core
    host = core.usable(found)
    if host is not None and core.readdress(call, (host, core.ports.get(name, call.address[1]))):
        call.socket, call.local = core.socket_for(call.address)
        start(call, now)
        return
    call.judge(
        reasons.verdict(
            "call",
            name,
            call.address,
            expected=f"an address of {name}",
            got="none: it can't be resolved",
            advice="see whether the name is right and a name server answers",
            cause=Cause.SUBSCRIBER_ABSENT,
            side="ours",
        )
    )
    call.over(Cause.SUBSCRIBER_ABSENT, "timeout", now)
    call.forget(now)


def _new(call: Call) -> Elements:
    """The elements of NEW, in the order in which Asterisk writes them."""
    out, peer = call.outgoing, call.peer
    assert out is not None
    if call.looking:
        return _look_up(call, out)
    caller = out.caller
    e = Elements().add_uint(Element.VERSION, PROTOCOL).add_text(Element.CALLED_NUMBER, out.exten or "s")
    if out.autoanswer:
        e.add(Element.AUTOANSWER)
    e.add_text(Element.CODEC_PREFS, _preferences(call.capability, call.formats))
    if caller.number:
        e.add_text(Element.CALLING_NUMBER, caller.number)
    anonymous = not caller.number and not caller.name and not caller.presentation
    e.add_uint(Element.CALLINGPRES, _PRES_UNAVAILABLE if anonymous else caller.presentation)
    e.add_uint(Element.CALLINGTON, caller.type_of_number)
    e.add_uint(Element.CALLINGTNS, caller.transit_network)
    e.add_uint(Element.CALLINGANI2, caller.ani2)
    if caller.name:
        e.add_text(Element.CALLING_NAME, caller.name)
    if caller.ani and peer is not None and peer.sendani:
        e.add_text(Element.CALLING_ANI, caller.ani)
    optional = (
        (Element.LANGUAGE, out.language),
        (Element.DNID, caller.dnid),
        (Element.RDNIS, caller.rdnis),
        (Element.CALLED_CONTEXT, out.context or (peer.peercontext if peer is not None else "")),
        (Element.USERNAME, call.user_name),
    )
    for number, text in optional:
        if text:
            e.add_text(number, text)
    encryption = logins.encryption_of(peer)
    if encryption:
        e.add_uint(Element.ENCRYPTION, encryption)
    e.extend(_formats(call.format, call.capability))
    e.add_uint(Element.DATETIME, datetime_of(call.core.wall(), peer.timezone if peer is not None else ""))
    return e.add_variables(out.variables).add_osp_token(out.osp_token)


@lru_cache(maxsize=1024)
def _formats(wanted: int, capability: int) -> tuple[tuple[int, bytes], ...]:
    """The format that is asked for, those that may be chosen instead, and what a screen could show."""
    e = Elements().add_formats(Element.FORMAT, Element.FORMAT2, wanted)
    e.add_formats(Element.CAPABILITY, Element.CAPABILITY2, capability)
    return tuple(e.add_uint(Element.ADSICPE, _NO_SCREEN))


@lru_cache(maxsize=1024)
def _preferences(capability: int, order: tuple[int, ...]) -> str:
    """CODEC_PREFS: the formats of a mask in this order."""
    by_bit = {f.bit: f for f in from_mask(capability)}
    return encode_prefs(by_bit[bit] for bit in order if bit in by_bit)


def _look_up(call: Call, out: Outgoing) -> Elements:
    """The short NEW of a call that only asks which numbers there are."""
    e = Elements().add_uint(Element.VERSION, PROTOCOL).add_text(Element.CALLED_NUMBER, out.exten)
    for number, text in ((Element.CALLED_CONTEXT, out.context), (Element.USERNAME, call.user_name)):
        if text:
            e.add_text(number, text)
    encryption = logins.encryption_of(call.peer)
    if encryption:
        e.add_uint(Element.ENCRYPTION, encryption)
    return e.add_uint(Element.FORMAT, call.capability).add_uint(Element.CAPABILITY, call.capability)


def authreq(call: Call, frame: FullFrame, elements: Elements, now: float) -> None:
    """The far end wants a login."""
    out, peer = call.outgoing, call.peer
    assert out is not None
    methods = elements.uint(Element.AUTHMETHODS) or 0
    secret = out.secret if out.secret is not None else _secret(call)
    key = out.key if out.key is not None else (peer.outkey if peer is not None else "")
    # a section that names its methods and leaves plain text out never sends its secret in clear
    clear = peer is None or not peer.auth or bool(peer.auth & AuthMethods.PLAINTEXT)
    answer = logins.respond(
        methods, elements.text(Element.CHALLENGE) or "", secret, key, call.core.keys, plaintext=clear
    )
    if isinstance(answer, Elements):
        if not call_crypto.picked(call, elements, secret, now):
            return
        call.state = State.LOGGING_IN
        call.login_method = logins.method_of(answer)
        call.send(Command.AUTHREP, now, answer)
        return
    call.judge(
        reasons.verdict(
            "call",
            call.peer_name or call.user_name,
            call.address,
            expected=f"a login by {logins.describe(methods)}, as the other end asks",
            got=answer,
            place=reasons.place(peer, "secret" if not key else "outkey"),
            advice="give this section the secret or the outkey that the other end expects",
            cause=Cause.FACILITY_NOT_SUBSCRIBED,
            side="ours",
        )
    )
    call.hangup(Cause.FACILITY_NOT_SUBSCRIBED, now)


def _secret(call: Call) -> str:
    """The peer's password; with md5secret alone, the hash is what both ends share."""
    peer = call.peer
    if peer is None:
        return ""
    if peer.dbsecret:
        return call.core.keys.secret(peer.dbsecret)
    return peer.secret or peer.md5secret.strip().lower()


def accept(call: Call, frame: FullFrame, elements: Elements, now: float) -> None:
    """ACCEPT: the called side has chosen the format."""
    if not call.encrypted and call.peer is not None and call.peer.forceencryption:
        call_crypto.demand(call, "ACCEPT without any login", now)
        return
    wanted = elements.formats(Element.FORMAT2, Element.FORMAT) or call.format
    bit = wanted & -wanted if wanted.bit_count() > 1 else wanted
    if not bit & call.capability:
        call.judge(
            reasons.verdict(
                "call",
                call.peer_name or call.user_name or call.address[0],
                call.address,
                expected=f"one of the formats {names(from_mask(call.capability))}",
                got=f"ACCEPT with {names(from_mask(wanted))}",
                place=reasons.place(call.peer, "formats"),
                advice=reasons.ADVICE[Cause.BEARERCAPABILITY_NOTAVAIL],
                cause=Cause.BEARERCAPABILITY_NOTAVAIL,
            )
        )
        call.refuse(Cause.BEARERCAPABILITY_NOTAVAIL, NO_CODEC, now)
        return
    call.format = call.send_format = bit
    call.state = State.UP
    call.opening = None
    if call.looking and call.core.lookups is not None:
        call.core.lookups.accepted(call, now)
        return
    call.core.emit(CallAccepted(call, bit))
    call.core.emit(CallFormats(call))


def rejected(call: Call, frame: FullFrame, elements: Elements, now: float) -> None:
    """REJECT: the far end does not want this call."""
    call.ack(frame)
    code = elements.uint(Element.CAUSECODE)
    text = elements.text(Element.CAUSE) or ""
    cause = Cause.CALL_REJECTED if code is None else code
    if code is None and not text:
        got = "REJECT without a reason: it demands a call token, or has no call number left for us"
    else:
        got = f"REJECT {cause} '{text}'"
    call.judge(
        reasons.verdict(
            "call",
            call.peer_name or call.user_name or call.address[0],
            call.address,
            expected="ACCEPT",
            got=got,
            place=call.peer.place.file_line if call.peer is not None else "",
            advice=reasons.ADVICE.get(cause, "see the other end's log"),
            cause=cause,
        )
    )
    call.over(cause, "reject", now, text)
    call.forget(now)


def give_up(call: Call, now: float) -> None:
    """autokill: no answer to NEW in time."""
    peer = call.peer
    qualified = peer is not None and peer.qualify
    call.judge(
        reasons.verdict(
            "call",
            call.peer_name or call.user_name or call.address[0],
            call.address,
            expected="an answer to NEW in time",
            got="none",
            place=reasons.place(peer, "qualify") if qualified else _general_place(call),
            advice=reasons.ADVICE[Cause.DESTINATION_OUT_OF_ORDER],
            cause=Cause.NORMAL_CIRCUIT_CONGESTION,
        )
    )
    call.send(Command.HANGUP, now, Elements().add_uint(Element.CAUSECODE, 0), final=True)
    call.over(Cause.NORMAL_CIRCUIT_CONGESTION, "timeout", now)
    call.linger(now)


def _general_place(call: Call) -> str:
    return call.core.settings.general.place_of("autokill").file_line


def choose_formats(call: Call, out: Outgoing) -> bool:
    """What to offer and ask for; False when the caller side and the peer's list have nothing in common."""
    section = call.peer if call.peer is not None else call.core.settings.general
    own = tuple([f.bit for f in section.formats.formats])
    call.formats, call.format = _offer(own, out.formats) if out.formats else (own, own[0] if own else 0)
    call.capability = sum(call.formats)
    return bool(call.format)


@lru_cache(maxsize=1024)
def _offer(own: tuple[int, ...], speaks: tuple[int, ...]) -> tuple[tuple[int, ...], int]:
    """Of a peer's formats those that the caller side speaks, and of these the one that it likes best (0: none)."""
    offered = tuple(bit for bit in own if bit in speaks)
    return offered, next((bit for bit in speaks if bit in offered), 0)
