"""Mini frames and meta trunk frames of IAX2, read and written a batch at a time (RFC 5456 8.1.2, 8.1.3).

Handed to the voice plane as its `Headers`; the plane itself knows no IAX2.
Layouts:

* mini: 0 + source call (15 bits), time (16), payload.
* trunk: 16 bits of 0, 1, flags, frame time (32), then entries until the end.
  Flag bit 0 set: length (16), call (16), time (16), payload; clear: call (16),
  length (16), payload.  A receiver takes both.
* meta video (16 bits of 0, then the high bit) is not voice: told like a full frame, and dealt with by the core.
"""

from __future__ import annotations

import os
from typing import Any

import numpy as np
import numpy.typing as npt

from pbx.channels.iax2.crypto import Decryptor, Encryptor
from pbx.channels.voice.headers import Array, Entries, Kind

_FULL = 0x80000000
_TRUNK = 0x0001
_FULL_HEAD = 12
_MINI_HEAD = 4
_TRUNK_HEAD = 8
_VIDEO_HEAD = 6
_TYPE_VOICE = 2
_TYPE_IAX = 6
_LAST_TYPE = 12
_TXREL = 26
_RTKEY = 39
#: entry head bytes by layout: without and with time stamps
_ENTRY_HEAD = (4, 6)

_Ints = npt.NDArray[np.int64]


#: quicker than any()
_some = np.count_nonzero


def format_of(subclass: int) -> int:
    """The format bit of a VOICE subclass octet: as it is, or 0x80 + exponent (RFC 5456 8.1.1)."""
    return 1 << (subclass & 0x3F) if subclass & 0x80 else subclass


class MediaHeaders:
    """Implements `pbx.channels.voice.headers.Headers` for IAX2."""

    overhead = _MINI_HEAD

    def classify(self, word: Array, length: Array) -> tuple[Array | None, Array, Array]:
        word = word.astype(np.int64)
        first = word >> 16
        # nothing but minis, as nearly always: one comparison for both bounds, since -1 is a large unsigned number
        if not _some((first - 1).view(np.uint64) > 0x7FFE) and not _some(length <= _MINI_HEAD):
            return None, first, word & 0xFFFF
        if not _some(first) and not _some((word >> 8) - _TRUNK) and not _some(length < _TRUNK_HEAD):
            return np.full(len(word), int(Kind.TRUNK)), first, word & 0xFFFF
        full = word >= _FULL
        meta = first == 0
        kind = np.where(length > _MINI_HEAD, int(Kind.MINI), int(Kind.BAD))
        if full.any():
            kind[full] = np.where(length[full] >= _FULL_HEAD, int(Kind.FULL), int(Kind.BAD))
        if meta.any():
            trunk = ((word[meta] >> 8) == _TRUNK) & (length[meta] >= _TRUNK_HEAD)
            video = ((word[meta] & 0x8000) != 0) & (length[meta] >= _VIDEO_HEAD)
            kind[meta] = np.select([trunk, video], [int(Kind.TRUNK), int(Kind.FULL)], int(Kind.BAD))
        return kind, first & 0x7FFF, word & 0xFFFF

    def full_call(self, memory: memoryview, offset: int, length: int) -> int:
        high = memory[offset]
        return (high & 0x7F) << 8 | memory[offset + 1] if high & 0x80 and length >= _FULL_HEAD else -1

    def trunk_entries(self, flat: Array, offset: Array, length: Array) -> Entries:
        half = _halves(flat)
        alike = self.stamped(flat, offset, length) if len(offset) else None
        if alike is not None:
            # all with time stamps and payloads of one length, as nearly always
            frame, at, payload, _ = alike
            call, stamp = half[at].astype(np.int64) & 0x7FFF, half[at + 2].astype(np.int64)
            times = (half[offset + 4].astype(np.int64) << 16) | half[offset + 6]
            return Entries(frame, call, stamp, at + _MINI_HEAD, np.full(len(at), payload), times)
        offset = offset.astype(np.int64)
        body = length.astype(np.int64) - _TRUNK_HEAD
        stamped = (flat[offset + 3] & 1).astype(np.int64)
        times = (half[offset + 4].astype(np.int64) << 16) | half[offset + 6]
        head = np.where(stamped == 1, 6, 4)
        # the first entry's length gives the stride of a regular frame; never read beyond the datagram
        has_one = body >= head
        first = np.where(has_one, half[offset + _TRUNK_HEAD + np.where(stamped == 1, 0, 2)].astype(np.int64), 0)
        stride = head + first
        regular = has_one & (first > 0) & (body % stride == 0)
        frames = np.nonzero(regular)[0]
        parts: list[tuple[_Ints, _Ints, _Ints, _Ints, _Ints]] = []
        walk: list[int] = np.nonzero(~regular)[0].tolist()
        if len(frames):
            count = body[frames] // stride[frames]
            owner = np.repeat(frames, count)
            ends = np.cumsum(count)
            nth = np.arange(len(owner)) - np.repeat(ends - count, count)
            at = offset[owner] + _TRUNK_HEAD + nth * stride[owner]
            with_stamp = stamped[owner] == 1
            entry_length = half[at + np.where(with_stamp, 0, 2)].astype(np.int64)
            equal = entry_length == first[owner]
            if not equal.all():
                fine = np.logical_and.reduceat(equal, ends - count)
                walk = sorted(walk + frames[~fine].tolist())
                keep = np.repeat(fine, count)
                owner, at, with_stamp, entry_length = owner[keep], at[keep], with_stamp[keep], entry_length[keep]
            call = half[at + np.where(with_stamp, 2, 0)].astype(np.int64) & 0x7FFF
            stamp = np.where(with_stamp, half[at + np.where(with_stamp, 4, 0)].astype(np.int64), -1)
            parts.append((owner, call, stamp, at + head[owner], entry_length))
        bad = 0
        if walk:
            found, bad = _walk(half, walk, offset, body, stamped)
            if found:
                columns = np.array(found, np.int64).T
                parts.append((columns[0], columns[1], columns[2], columns[3], columns[4]))
        if not parts:
            none = np.zeros(0, np.int64)
            return Entries(none, none, none, none, none, times, bad)
        if len(parts) == 1:
            return Entries(*parts[0], times, bad)
        merged = [np.concatenate(c) for c in zip(*parts, strict=True)]
        order = np.argsort(merged[0], kind="stable")
        owner, call, stamp, at, size = (c[order] for c in merged)
        return Entries(owner, call, stamp, at, size, times, bad)

    def stamped(self, flat: Array, offset: Array, length: Array) -> tuple[Array, Array, int, int] | None:
        half = _halves(flat)
        if _some(half[offset]) or _some(half[offset + 2] - (_TRUNK << 8 | 1)) or _some(length < _TRUNK_HEAD + 2):
            return None
        size = int(half[int(offset[0]) + _TRUNK_HEAD])
        width = size + _ENTRY_HEAD[True]
        count, left = np.divmod(length - _TRUNK_HEAD, width)
        if not size or _some(left):
            return None
        frame, at = _places(offset, count, width)
        if _some(half[at] - size):
            return None
        return frame, at + 2, size, width

    def put_times(self, word: Array, offset: Array, times: Array) -> None:
        word[offset + 4] = times & 0xFFFFFFFF

    def mini_headers(self, call: Array, stamp: Array) -> Array:
        return (call << 16) | stamp

    def mini_header(self, call: int, stamp: int) -> int:
        return call << 16 | stamp & 0xFFFF

    def trunk_header(self, time: int, timestamps: bool) -> bytes:
        return bytes((0, 0, _TRUNK, int(timestamps))) + (time & 0xFFFFFFFF).to_bytes(4, "big")

    def trunk_headers(self, times: Array, timestamps: bool) -> Array:
        words = np.empty((len(times), 2), ">u4")
        words[:, 0] = _TRUNK << 8 | int(timestamps)
        words[:, 1] = times & 0xFFFFFFFF
        return words.view(np.uint8)

    def entry_head(self, timestamps: bool) -> int:
        return _ENTRY_HEAD[timestamps]

    def trunk_rows(self, call: Array, stamp: Array, payload: Array, timestamps: bool) -> Array:
        rows, size = payload.shape
        head = _ENTRY_HEAD[timestamps]
        out = np.empty((rows, head + size), np.uint8)
        heads = np.empty((rows, head // 2), ">u2")
        if timestamps:
            heads[:, 0] = size
            heads[:, 1] = call
            heads[:, 2] = stamp
        else:
            heads[:, 0] = call
            heads[:, 1] = size
        out[:, :head] = heads.view(np.uint8)
        out[:, head:] = payload
        return out

    def sealer(self, key: bytes) -> Encryptor:
        return Encryptor(key, os.urandom)

    def opener(self, key: bytes) -> Decryptor:
        return Decryptor(key)

    def full_stamp(self, frame: bytes) -> int:
        return int.from_bytes(frame[4:8], "big")

    def is_frame(self, frame: bytes) -> bool:
        return len(frame) >= _FULL_HEAD and 0 < frame[10] <= _LAST_TYPE

    def is_voice(self, frame: bytes) -> bool:
        return len(frame) >= _FULL_HEAD and frame[10] == _TYPE_VOICE

    def holds(self, frame: bytes, format_bit: int, rx_ts64: int) -> bool:
        kind, subclass = frame[10], frame[11]
        if kind == _TYPE_VOICE:
            newer = 0 < ((self.full_stamp(frame) - rx_ts64) & 0xFFFFFFFF) < 0x80000000
            return rx_ts64 < 0 or newer or format_of(subclass) != format_bit
        return kind == _TYPE_IAX and subclass in (_TXREL, _RTKEY)


def _halves(flat: Array) -> npt.NDArray[Any]:
    """Big-endian 16-bit words at every byte offset of `flat`: entries stand at odd places too."""
    return np.ndarray((len(flat) - 1,), ">u2", flat, strides=(1,))


def _places(offset: _Ints, count: _Ints, width: int) -> tuple[_Ints, _Ints]:
    """The datagram and the offset of each entry, where those of all frames are `width` bytes wide."""
    frame = np.arange(len(offset)).repeat(count)
    nth = np.arange(len(frame)) - (count.cumsum() - count).take(frame)
    return frame, (offset + _TRUNK_HEAD).take(frame) + nth * width


def _walk(
    half: Array, frames: list[int], offset: _Ints, body: _Ints, stamped: _Ints
) -> tuple[list[tuple[int, int, int, int, int]], int]:
    """Entries of irregular trunk frames one by one; what follows a lying length is dropped, and counted."""
    found: list[tuple[int, int, int, int, int]] = []
    bad = 0
    for frame in frames:
        at = int(offset[frame]) + _TRUNK_HEAD
        end = at + int(body[frame])
        with_stamp = bool(stamped[frame])
        head = _ENTRY_HEAD[with_stamp]
        if at == end:
            continue
        while at < end:
            if end - at < head:
                bad += 1
                break
            size = int(half[at + (0 if with_stamp else 2)])
            call = int(half[at + (2 if with_stamp else 0)]) & 0x7FFF
            stamp = int(half[at + 4]) if with_stamp else -1
            at += head
            if size > end - at:
                bad += 1
                break
            if size:
                found.append((frame, call, stamp, at, size))
            at += size
    return found, bad
