"""AES-128 of encrypted calls, as Asterisk enciphers (RFC 5456 section 7, and its practice).

A full frame keeps its first 4 bytes in clear (both call numbers, F and R), a mini frame its first 2; the rest is
`[padding of 16..31 bytes][plain rest]`, a multiple of 16 long, AES-128-CBC under an initial vector of zeros, every
datagram on its own.  The low nibble of padding byte 15 is the padding's length less 16; its other bits are random.

One long-lived cipher context per key and direction: what is chained from the frame before is cancelled by XOR, which
costs a fraction of a new context per frame.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

BLOCK = 16
#: bytes in clear
FULL_CLEAR = 4
MINI_CLEAR = 2


def call_key(challenge: str, secret: str) -> bytes:
    """The key of a call: the very digest whose hex is MD5_RESULT (16 bytes)."""
    return hashlib.md5((challenge + secret).encode("utf-8", "surrogateescape"), usedforsecurity=False).digest()


def _xor(a: bytes, b: bytes) -> bytes:
    return (int.from_bytes(a, "big") ^ int.from_bytes(b, "big")).to_bytes(len(a), "big")


class Encryptor:
    """Enciphers the frames of one sending key.  random(n) gives n bytes of padding."""

    __slots__ = ("_context", "_last", "_random")

    def __init__(self, key: bytes, random: Callable[[int], bytes]) -> None:
        self._context = Cipher(algorithms.AES(key), modes.CBC(bytes(BLOCK))).encryptor()
        self._last = bytes(BLOCK)
        self._random = random

    def frame(self, plain: bytes) -> bytes:
        """The enciphered form of a full or mini frame."""
        clear = FULL_CLEAR if plain[0] & 0x80 else MINI_CLEAR
        body = plain[clear:]
        length = BLOCK + (-len(body)) % BLOCK
        padding = bytearray(self._random(length))
        padding[15] = (padding[15] & 0xF0) | (length - BLOCK)
        # the context still chains from the frame before: take that off its first block
        padding[:BLOCK] = _xor(bytes(padding[:BLOCK]), self._last)
        out = self._context.update(bytes(padding) + body)
        self._last = out[-BLOCK:]
        return plain[:clear] + out


class Decryptor:
    """Deciphers the frames of one receiving key."""

    __slots__ = ("_context",)

    def __init__(self, key: bytes) -> None:
        self._context = Cipher(algorithms.AES(key), modes.ECB()).decryptor()

    def frame(self, data: bytes) -> bytes | None:
        """The plain frame; None when it can't be one (wrong length, or a padding that does not fit)."""
        clear = FULL_CLEAR if data[0] & 0x80 else MINI_CLEAR
        body = data[clear:]
        if len(body) < 2 * BLOCK and not (len(body) == BLOCK and clear == MINI_CLEAR):
            return None
        if len(body) % BLOCK:
            return None
        plain = _xor(self._context.update(body), bytes(BLOCK) + body[:-BLOCK])
        padding = BLOCK + (plain[15] & 0x0F)
        if padding > len(plain):
            return None
        return data[:clear] + plain[padding:]
