"""Information elements: number, length, value (RFC 5456 section 8.6, and Asterisk's additions).

`Elements` keeps every element in its order, known or not, so that a frame that was
read is written again to the same bytes.  Reading by meaning never fails: a value
of the wrong size counts as absent, of a repeated element the last one counts.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from enum import IntEnum, StrEnum

from pbx.channels.iax2.address import Address, pack_apparent, unpack_apparent
from pbx.channels.iax2.frames import FrameError

#: the longest value an element can have
LONGEST = 255
#: parts that an OSP token may have
OSP_BLOCKS = 4


class Element(IntEnum):
    """Numbers of the elements."""

    CALLED_NUMBER = 1
    CALLING_NUMBER = 2
    CALLING_ANI = 3
    CALLING_NAME = 4
    CALLED_CONTEXT = 5
    USERNAME = 6
    PASSWORD = 7
    CAPABILITY = 8
    FORMAT = 9
    LANGUAGE = 10
    VERSION = 11
    ADSICPE = 12
    DNID = 13
    AUTHMETHODS = 14
    CHALLENGE = 15
    MD5_RESULT = 16
    RSA_RESULT = 17
    APPARENT_ADDR = 18
    REFRESH = 19
    DPSTATUS = 20
    CALLNO = 21
    CAUSE = 22
    IAX_UNKNOWN = 23
    MSGCOUNT = 24
    AUTOANSWER = 25
    MUSICONHOLD = 26
    TRANSFERID = 27
    RDNIS = 28
    PROVISIONING = 29
    AESPROVISIONING = 30
    DATETIME = 31
    DEVICETYPE = 32
    SERVICEIDENT = 33
    FIRMWAREVER = 34
    FWBLOCKDESC = 35
    FWBLOCKDATA = 36
    PROVVER = 37
    CALLINGPRES = 38
    CALLINGTON = 39
    CALLINGTNS = 40
    SAMPLINGRATE = 41
    CAUSECODE = 42
    ENCRYPTION = 43
    ENCKEY = 44
    CODEC_PREFS = 45
    RR_JITTER = 46
    RR_LOSS = 47
    RR_PKTS = 48
    RR_DELAY = 49
    RR_DROPPED = 50
    RR_OOO = 51
    VARIABLE = 52
    OSPTOKEN = 53
    CALLTOKEN = 54
    CAPABILITY2 = 55
    FORMAT2 = 56
    CALLINGANI2 = 57


class Kind(StrEnum):
    """How a value is to be read."""

    TEXT = "text"
    U8 = "u8"
    U16 = "u16"
    U32 = "u32"
    EMPTY = "empty"
    RAW = "raw"
    ADDRESS = "address"
    DATETIME = "datetime"
    FORMATS = "formats"


_E = Element

#: kind of every element that is not text
_OTHER_KINDS: dict[int, Kind] = {
    **dict.fromkeys((_E.IAX_UNKNOWN, _E.CALLINGPRES, _E.CALLINGTON, _E.CAUSECODE), Kind.U8),
    **dict.fromkeys(
        (
            _E.VERSION,
            _E.ADSICPE,
            _E.AUTHMETHODS,
            _E.REFRESH,
            _E.DPSTATUS,
            _E.CALLNO,
            _E.MSGCOUNT,
            _E.FIRMWAREVER,
            _E.CALLINGTNS,
            _E.SAMPLINGRATE,
            _E.ENCRYPTION,
            _E.RR_DELAY,
        ),
        Kind.U16,
    ),
    **dict.fromkeys(
        (
            _E.CAPABILITY,
            _E.FORMAT,
            _E.TRANSFERID,
            _E.FWBLOCKDESC,
            _E.PROVVER,
            _E.RR_JITTER,
            _E.RR_LOSS,
            _E.RR_PKTS,
            _E.RR_DROPPED,
            _E.RR_OOO,
            _E.CALLINGANI2,
        ),
        Kind.U32,
    ),
    **dict.fromkeys((_E.PROVISIONING, _E.AESPROVISIONING, _E.FWBLOCKDATA, _E.ENCKEY, _E.OSPTOKEN), Kind.RAW),
    _E.AUTOANSWER: Kind.EMPTY,
    _E.APPARENT_ADDR: Kind.ADDRESS,
    _E.DATETIME: Kind.DATETIME,
    _E.CAPABILITY2: Kind.FORMATS,
    _E.FORMAT2: Kind.FORMATS,
}

#: kind of every known element
KINDS: dict[int, Kind] = {number: _OTHER_KINDS.get(number, Kind.TEXT) for number in Element}

_FORMATS = struct.Struct(">BQ")


class Elements:
    """The elements of one frame, in order."""

    __slots__ = ("_last", "items")

    def __init__(self, items: list[tuple[int, bytes]] | None = None) -> None:
        self.items: list[tuple[int, bytes]] = [] if items is None else items
        #: the last value of each number, made when one is asked for
        self._last: dict[int, bytes] = {}

    @classmethod
    def parse(cls, data: bytes) -> Elements:
        """From the data of an IAX frame.  Raises FrameError when an element runs past the end."""
        items: list[tuple[int, bytes]] = []
        at, size = 0, len(data)
        while at < size:
            if at + 2 > size:
                raise FrameError("one byte left behind the last element")
            end = at + 2 + data[at + 1]
            if end > size:
                raise FrameError("element longer than the frame")
            items.append((data[at], data[at + 2 : end]))
            at = end
        return cls(items)

    def encode(self) -> bytes:
        """The data of an IAX frame."""
        data = bytearray()
        for number, value in self.items:
            data.append(number)
            data.append(len(value))
            data += value
        return bytes(data)

    def __iter__(self) -> Iterator[tuple[int, bytes]]:
        return iter(self.items)

    def __contains__(self, number: int) -> bool:
        return number in (self._last or self._find())

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Elements) and self.items == other.items

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"Elements({self.items!r})"

    # ---- reading -----------------------------------------------------------------------------------------

    def _find(self) -> dict[int, bytes]:
        self._last = last = dict(self.items)
        return last

    def raw(self, number: int) -> bytes | None:
        """The value, of several the last; None if absent."""
        return (self._last or self._find()).get(number)

    def all(self, number: int) -> list[bytes]:
        """The values of every element of that number, in order."""
        if number not in (self._last or self._find()):
            return []
        return [value for n, value in self.items if n == number]

    def text(self, number: int) -> str | None:
        """As text up to the first NUL; bytes that are no UTF-8 pass through by surrogateescape."""
        value = (self._last or self._find()).get(number)
        return None if value is None else as_text(value)

    def uint(self, number: int) -> int | None:
        """An unsigned number of the size that belongs to this element; of another size: None."""
        if number not in (self._last or self._find()):
            return None
        size = _UINT_SIZES.get(number)
        for n, value in reversed(self.items):
            if n == number and len(value) == size:
                return int.from_bytes(value, "big")
        return None

    def formats(self, wide: int, narrow: int) -> int | None:
        """A mask of formats: the 64-bit element when it is there in a version we know, else the 32-bit one."""
        value = self.raw(wide)
        if value is not None and len(value) == _FORMATS.size and value[0] == 0:
            return int.from_bytes(value[1:], "big")
        return self.uint(narrow)

    def address(self, number: int = Element.APPARENT_ADDR) -> Address | None:
        """The address in APPARENT_ADDR."""
        value = self.raw(number)
        return None if value is None else unpack_apparent(value)

    def variables(self) -> dict[str, str]:
        """IAXVAR: parts of the same name are joined in order."""
        found: dict[str, str] = {}
        for value in self.all(Element.VARIABLE):
            name, equals, part = as_text(value).partition("=")
            if equals:
                found[name] = found.get(name, "") + part
        return found

    def osp_token(self) -> str:
        """OSPTOKEN: the blocks (their number, then their part) that follow each other from 0 on, as text."""
        blocks = {value[0]: value[1:] for value in self.all(Element.OSPTOKEN) if value}
        found = b""
        for number in range(OSP_BLOCKS):
            if number not in blocks:
                break
            found += blocks[number]
        return as_text(found)

    # ---- writing -----------------------------------------------------------------------------------------

    def add(self, number: int, value: bytes = b"") -> Elements:
        """Any value, cut at 255 bytes.  Returns self."""
        self.items.append((number, value[:LONGEST]))
        self._last = {}
        return self

    def extend(self, items: Iterable[tuple[int, bytes]]) -> Elements:
        """Elements that were made before.  Returns self."""
        self.items.extend(items)
        self._last = {}
        return self

    def add_text(self, number: int, value: str) -> Elements:
        """Text, cut at 255 bytes."""
        return self.add(number, value.encode("utf-8", "surrogateescape"))

    def add_uint(self, number: int, value: int) -> Elements:
        """An unsigned number in the element's own size; higher bits are dropped."""
        size = _UINT_SIZES[number]
        self.items.append((number, (value & ((1 << 8 * size) - 1)).to_bytes(size, "big")))
        self._last = {}
        return self

    def add_formats(self, narrow: int, wide: int, mask: int) -> Elements:
        """A mask of formats in both elements; bits from 32 on are in the wide one only."""
        self.add_uint(narrow, mask)
        return self.add(wide, _FORMATS.pack(0, mask))

    def add_address(self, address: Address) -> Elements:
        """APPARENT_ADDR."""
        return self.add(Element.APPARENT_ADDR, pack_apparent(address))

    def add_osp_token(self, token: str) -> Elements:
        """OSPTOKEN, in blocks.  One that needs more than OSP_BLOCKS is left out, as Asterisk does."""
        value = token.encode("utf-8", "surrogateescape")
        room = LONGEST - 1
        if len(value) <= OSP_BLOCKS * room:
            for number, start in enumerate(range(0, len(value), room)):
                self.add(Element.OSPTOKEN, bytes((number,)) + value[start : start + room])
        return self

    def add_variables(self, variables: dict[str, str]) -> Elements:
        """VARIABLE elements; a long value is cut into parts of the same name."""
        for name, value in variables.items():
            head = name.encode("utf-8", "surrogateescape") + b"="
            rest = value.encode("utf-8", "surrogateescape")
            room = LONGEST - len(head)
            if room < 1:
                continue
            while True:
                self.add(Element.VARIABLE, head + rest[:room])
                rest = rest[room:]
                if not rest:
                    break
        return self


_KIND_SIZES = {Kind.U8: 1, Kind.U16: 2, Kind.U32: 4, Kind.DATETIME: 4}
_UINT_SIZES: dict[int, int] = {number: _KIND_SIZES[kind] for number, kind in KINDS.items() if kind in _KIND_SIZES}


def as_text(value: bytes) -> str:
    """Bytes of an element or a TEXT frame as text: up to the first NUL, foreign bytes by surrogateescape."""
    return value.partition(b"\0")[0].decode("utf-8", "surrogateescape")


def pack_datetime(year: int, month: int, day: int, hour: int, minute: int, second: int) -> int:
    """DATETIME: seven bits of year since 2000, month, day, hour, minute, and half seconds' pairs (two-second steps)."""
    return ((year - 2000) & 0x7F) << 25 | month << 21 | day << 16 | hour << 11 | minute << 5 | second >> 1


def unpack_datetime(value: int) -> tuple[int, int, int, int, int, int]:
    """The other way; values that are no date come out as they are."""
    return (
        2000 + (value >> 25 & 0x7F),
        value >> 21 & 0xF,
        value >> 16 & 0x1F,
        value >> 11 & 0x1F,
        value >> 5 & 0x3F,
        (value & 0x1F) << 1,
    )
