"""Call tokens (the answer to spoofed openers): proof that an opener's address is real, without any state.

A token is `seconds?hex`, the hex being a keyed hash over address, port and seconds.
Only its maker reads it.  Seconds are those of the monotonic clock, so that a step
of the wall clock neither spoils nor prolongs a token.
"""

from __future__ import annotations

import hashlib
import hmac
from random import Random

from pbx.channels.iax2 import address as addresses
from pbx.channels.iax2.address import Address

#: seconds a token is good for (calltokenexpiration)
EXPIRATION = 10.0


class Tokens:
    """Makes and checks tokens; the key is drawn once and never leaves the process."""

    def __init__(self, random: Random) -> None:
        self._key = random.randbytes(32)

    def make(self, address: Address, now: float) -> str:
        """A token for the opener at `address`."""
        seconds = int(now)
        return f"{seconds}?{self._hash(address, seconds)}"

    def check(self, token: str, address: Address, now: float, expiration: float = EXPIRATION) -> bool:
        """Is it ours, for this address and port, and fresh?"""
        seconds, mark, digest = token.partition("?")
        if not mark or not seconds.isascii() or not seconds.isdigit() or len(seconds) > 12:
            return False
        good = hmac.compare_digest(digest.encode("utf-8", "replace"), self._hash(address, int(seconds)).encode())
        return good and 0 <= now - int(seconds) < expiration

    def _hash(self, address: Address, seconds: int) -> str:
        text = f"{addresses.text(address)}{seconds}".encode()
        return hashlib.blake2b(text, digest_size=20, key=self._key).hexdigest()
