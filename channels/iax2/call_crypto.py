"""Encryption of a call: what is offered and picked, the first key, new keys.

The caller offers in NEW, the called side picks in AUTHREQ, and everything behind that is enciphered.  With md5 the
pick says the cipher alone, so that the caller never rotates its keys; with rsa alone it says rotation, too, and both
ends rotate.  That is how Asterisk negotiates.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pbx.channels.causes import Cause
from pbx.channels.iax2 import auth, logins, reasons
from pbx.channels.iax2.cipher import AES128, KEY, KEYROTATE, ROTATE_FROM, ROTATE_TO, Opener, Sealer
from pbx.channels.iax2.elements import Element, Elements
from pbx.channels.iax2.events import CallKeys
from pbx.channels.iax2.frames import Command, FullFrame
from pbx.channels.iax2.settings import AuthMethods
from pbx.channels.iax2.timers import Timer

if TYPE_CHECKING:
    from pbx.channels.iax2.call import Call


def possible_keys(call: Call) -> list[bytes]:
    """The first keys that a caller may come with: one for each secret of its section; without one a key of nobody."""
    user = call.user
    if user is None:
        return [call.core.random.randbytes(KEY)]
    secrets = [*logins.secrets_of(user, call.core.keys)]
    if user.md5secret:
        secrets.append(user.md5secret.strip().lower())
    return [auth.md5_key(call.challenge, secret) for secret in secrets]


# ---- the called side ----------------------------------------------------------------------------------------


def pick(call: Call, methods: AuthMethods) -> int:
    """ENCRYPTION of our AUTHREQ, 0 = none; decides whether we rotate."""
    if call.user is not None:
        takes = logins.encryption_of(call.user)
    else:
        takes = call.core.disguise.of(call.user_name, call.core.settings).encryption
    common = call.offered & takes
    if not common & AES128 or not methods & (AuthMethods.MD5 | AuthMethods.RSA) or not possible_keys(call):
        return 0
    call.rotates = bool(common & KEYROTATE)
    return AES128 if methods & AuthMethods.MD5 else common


def expect(call: Call) -> None:
    """AUTHREQ has said it: all that comes from now on is enciphered."""
    call.decrypting = Opener(possible_keys(call), first=True)


# ---- the caller ---------------------------------------------------------------------------------------------


def picked(call: Call, elements: Elements, secret: str, now: float) -> bool:
    """The called side's pick, in its AUTHREQ; False: that does not do, and the call is hung up."""
    own = logins.encryption_of(call.peer)
    common = (elements.uint(Element.ENCRYPTION) or 0) & own
    if common & AES128 and secret:
        call.rotates = bool(common & KEYROTATE)
        begin(call, auth.md5_key(elements.text(Element.CHALLENGE) or "", secret))
        return True
    if call.peer is None or not call.peer.forceencryption:
        return True
    got = "an AUTHREQ that picks none" if secret else "no secret here to make a key of"
    return demand(call, got, now)


def demand(call: Call, got: str, now: float) -> bool:
    """forceencryption, and the call would be in the clear: it is hung up.  Always False."""
    call.judge(
        reasons.verdict(
            "call",
            call.peer_name or call.user_name,
            call.address,
            expected="an encrypted call (forceencryption=yes)",
            got=got,
            place=reasons.place(call.peer, "forceencryption"),
            advice="set encryption=yes and a secret at the other end, or take forceencryption out",
            cause=Cause.FACILITY_NOT_SUBSCRIBED,
            side="ours",
        )
    )
    call.hangup(Cause.FACILITY_NOT_SUBSCRIBED, now)
    return False


# ---- both ---------------------------------------------------------------------------------------------------


def begin(call: Call, key: bytes) -> None:
    """The call has its first key: both ways are enciphered from here on."""
    call.encrypted = True
    call.encrypting = Sealer(key, call.core.random)
    call.decrypting = Opener((key,))
    call.core.emit(CallKeys(call))


def before_voice(call: Call, now: float) -> None:
    """The first key is renewed just before our first voice."""
    if call.rotates and Timer.ROTATE not in call.timers:
        rotate(call, now)


def rotate(call: Call, now: float) -> None:
    """RTKEY: a new key for what we send, and another one later."""
    if call.encrypting is None:
        return
    key = call.core.random.randbytes(KEY)
    sealer = Sealer(key, call.core.random)
    call.send(Command.RTKEY, now, Elements().add(Element.CHALLENGE, key), key=sealer, barrier=True)
    pause = call.core.random.uniform(ROTATE_FROM, ROTATE_TO)
    call.core.timers.set(call, Timer.ROTATE, now + pause)


def rtkey(call: Call, frame: FullFrame, elements: Elements, now: float) -> None:
    """The far end's next key.  In a call in the clear it means nothing."""
    key = elements.raw(Element.CHALLENGE)
    if call.decrypting is not None and key is not None and len(key) == KEY:
        call.decrypting.renew(key)
        call.core.emit(CallKeys(call))
