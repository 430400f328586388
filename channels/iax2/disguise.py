"""What a name that nobody has is asked for: what a section would be asked for, always the same for that name.

Sections differ in what they ask of a caller (methods, encryption, how many calls may wait).  If all unknown names were
asked for the same, or for what somebody else was asked for last, as Asterisk does it, one could tell them from those of
sections by asking twice.  Here an unknown name is dealt the manner of a section, each as often as sections have it, by
a digest of the name with a secret that outlives restarts: a stranger sees nothing that a section would not show.
"""

from __future__ import annotations

import hashlib
import hmac
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain, islice
from random import Random
from typing import TYPE_CHECKING

from pbx.channels.iax2 import logins
from pbx.channels.iax2.lasting import NoStore, Store
from pbx.channels.iax2.settings import AuthMethods, Peer, User

if TYPE_CHECKING:
    from pbx.channels.iax2.logins import KeyRing
    from pbx.channels.iax2.settings import Settings

#: where the astdb keeps the secret, and how many hexadecimal digits it has
FAMILY, KEY = "IAX/Disguise", "secret"
_DIGITS = 32
#: so many users and peers are looked at to see what is usual here
_SAMPLE = 1000


@dataclass(frozen=True, slots=True, order=True)
class Manner:
    """What a section asks of those who log in: AUTHMETHODS, bits of ENCRYPTION, calls that may wait (0 = any)."""

    methods: int
    encryption: int
    maxauthreq: int


def manner_of(section: User | Peer, settings: Settings, keys: KeyRing) -> Manner:
    """The manner of a section; one that asks for nothing would, where it does not let somebody in, ask for md5."""
    methods = logins.methods_of(section) or AuthMethods.MD5
    encryption = logins.encryption_of(section) if logins.secrets_of(section, keys) or section.md5secret else 0
    waiting = section.maxauthreq if isinstance(section, User) else settings.general.maxauthreq
    return Manner(int(methods), encryption, waiting)


class Disguise:
    """Deals manners.  random: for the secret where the store holds none; keys: for secrets in the astdb."""

    def __init__(self, random: Random, keys: KeyRing) -> None:
        self._random = random
        self._keys = keys
        #: where the secret is kept
        self.store: Store = NoStore()
        self._secret = b""
        self._of: Settings | None = None
        self._usual: list[tuple[int, Manner]] = []

    def of(self, name: str, settings: Settings) -> Manner:
        """The manner of a name: its section's own, be it of another kind than was asked for; else a dealt one."""
        section = settings.find_user(name) or settings.find_peer(name)
        if section is not None:
            return manner_of(section, settings, self._keys)
        if self._of is not settings:
            self._learn(settings)
        digest = hmac.digest(self._key(), name.encode("utf-8", "surrogateescape"), hashlib.sha256)
        # a place on a scale on which each manner has as much room as sections have it
        place = int.from_bytes(digest[:8], "big") * self._usual[-1][0] >> 64
        return next(manner for end, manner in self._usual if place < end)

    def _learn(self, settings: Settings) -> None:
        peers = (peer for peer in settings.peers.values() if peer.dynamic and peer.name not in settings.users)
        everybody: Iterator[User | Peer] = chain(settings.users.values(), peers)
        counted = Counter(manner_of(section, settings, self._keys) for section in islice(everybody, _SAMPLE))
        counted = counted or Counter([Manner(int(AuthMethods.MD5), 0, settings.general.maxauthreq)])
        self._usual, total = [], 0
        for manner in sorted(counted):
            total += counted[manner]
            self._usual.append((total, manner))
        self._of = settings

    def _key(self) -> bytes:
        if not self._secret:
            kept = self.store.get(FAMILY, KEY)
            if not kept or len(kept) != _DIGITS:
                kept = f"{self._random.getrandbits(4 * _DIGITS):0{_DIGITS}x}"
                self.store.put(FAMILY, KEY, kept)
            self._secret = kept.encode()
        return self._secret
