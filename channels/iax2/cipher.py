"""The keys of an encrypted call, and their rotation.

Both ways begin with the same key, the very digest of the login.  RTKEY carries its sender's next key: the RTKEY
itself still goes under the old one, all later frames under the new one, and a frame that is sent again keeps the key
it was first sent with.  So a receiver tries the newest key first and then the former ones, and takes a frame only
when what comes out could be one of this dialogue's.
"""

from __future__ import annotations

from collections.abc import Iterable
from random import Random
from typing import TYPE_CHECKING

from pbx.channels.iax2.crypto import Decryptor, Encryptor
from pbx.channels.iax2.frames import HEADER, FrameType, FullFrame, parse_full

if TYPE_CHECKING:
    from pbx.channels.iax2.dialog import Dialog

#: ENCRYPTION: the cipher, and rotation of its keys
AES128 = 0x0001
KEYROTATE = 0x8000

#: bytes of a key
KEY = 16
#: receiving keys that are tried: retransmissions live for half a minute, keys for two minutes, the first one shorter
_KEPT = 3
#: sequence numbers and stamps (ms) of a frame of ours lie so near to the last ones
_NEAR = 110
_NEAR_STAMP = 1 << 21
#: seconds between two keys, as Asterisk draws them
ROTATE_FROM, ROTATE_TO = 120.0, 300.0

_TYPES = frozenset(FrameType)


def plausible(dialog: Dialog, frame: FullFrame) -> bool:
    """Could this have come for the dialogue now?  Noise passes once in some ten thousand times."""
    if frame.type not in _TYPES:
        return False
    reliable = dialog.reliable
    if (frame.oseqno - reliable.iseqno + _NEAR) & 0xFF > 2 * _NEAR:
        return False
    if (reliable.oseqno - frame.iseqno) & 0xFF > _NEAR:
        return False
    for known in (dialog.last_received, dialog.last_sent):
        if (frame.timestamp - known + _NEAR_STAMP) & 0xFFFFFFFF < 2 * _NEAR_STAMP:
            return True
    return frame.timestamp < _NEAR_STAMP


class Opener:
    """Deciphers what the far end of one dialogue sends.

    keys: newest first.  first: they are all that are possible (several secrets), and `dialog.on_key` is told the one
    that opened the first frame.
    """

    __slots__ = ("_decryptors", "_first", "failed", "keys")

    def __init__(self, keys: Iterable[bytes], *, first: bool = False) -> None:
        self.keys = tuple(dict.fromkeys(keys))
        self._decryptors = [Decryptor(key) for key in self.keys]
        self._first = first
        #: frames that none of the keys opened
        self.failed = 0

    def frame(self, data: bytes, dialog: Dialog) -> FullFrame | None:
        """The frame in the clear, None when it is none of the dialogue's."""
        for key, decryptor in zip(self.keys, self._decryptors, strict=True):
            plain = decryptor.frame(data)
            if plain is None or len(plain) < HEADER:
                continue
            frame = parse_full(plain)
            if plausible(dialog, frame):
                if self._first:
                    dialog.on_key(key)
                return frame
        self.failed += 1
        return None

    def renew(self, key: bytes) -> None:
        """RTKEY: this key comes first now."""
        kept = [k for k in self.keys if k != key][: _KEPT - 1]
        known = dict(zip(self.keys, self._decryptors, strict=True))
        self.keys = (key, *kept)
        self._decryptors = [known.get(k) or Decryptor(k) for k in self.keys]


class Sealer(Encryptor):
    """Enciphers what we send under one key, which the plane is told for minis."""

    __slots__ = ("key",)

    def __init__(self, key: bytes, random: Random) -> None:
        super().__init__(key, random.randbytes)
        self.key = key
