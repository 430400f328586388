"""The text of `iax2 set debug on`: one full frame, its header in two lines and its elements.

As Asterisk 22 prints it, but for passwords, digests and keys: of those only that
they are there.
"""

from __future__ import annotations

from collections.abc import Callable

from pbx.channels.iax2 import address as addresses
from pbx.channels.iax2.address import Address
from pbx.channels.iax2.elements import KINDS, Element, Elements, Kind, as_text, unpack_datetime
from pbx.channels.iax2.frames import Command, FrameError, FrameType, FullFrame
from pbx.codecs.formats import BY_BIT, decode_prefs, names

_TYPES = {
    FrameType.DTMF_END: "DTMF_E",
    FrameType.VOICE: "VOICE",
    FrameType.VIDEO: "VIDEO",
    FrameType.CONTROL: "CONTROL",
    FrameType.NULL: "NULL",
    FrameType.IAX: "IAX",
    FrameType.TEXT: "TEXT",
    FrameType.IMAGE: "IMAGE",
    FrameType.HTML: "HTML",
    FrameType.CNG: "CNG",
    FrameType.MODEM: "MODEM",
    FrameType.DTMF_BEGIN: "DTMF_B",
}

#: where the printed word is not the command's own name
_COMMANDS = {
    Command.UNQUELCH: "UNQULCH",
    Command.UNSUPPORT: "UNSPRTD",
    Command.TRANSFER: "TRANSFR",
    Command.PROVISION: "PROVISN",
    Command.FWDOWNL: "FWDWNLD",
    Command.CALLTOKEN: "CTOKEN",
}

_CONTROLS = {
    1: "HANGUP",
    2: "RING",
    3: "RINGING",
    4: "ANSWER",
    5: "BUSY",
    6: "TKOFFHK",
    7: "OFFHOOK",
    8: "CONGSTN",
    9: "FLASH",
    10: "WINK",
    11: "OPTION",
    12: "RDKEY",
    13: "RDUNKEY",
    14: "PROGRES",
    15: "PROCDNG",
    16: "HOLD",
    17: "UNHOLD",
    18: "VIDUPDT",
}

#: where the printed word is not the element's own name with blanks for underscores
_ELEMENTS = {
    Element.CALLING_ANI: "ANI",
    Element.AUTHMETHODS: "AUTHMETHODS",
    Element.APPARENT_ADDR: "APPARENT ADDRES",
    Element.DPSTATUS: "DIALPLAN STATUS",
    Element.CALLNO: "CALL NUMBER",
    Element.IAX_UNKNOWN: "UNKNOWN IAX CMD",
    Element.MSGCOUNT: "MESSAGE COUNT",
    Element.AUTOANSWER: "AUTO ANSWER REQ",
    Element.TRANSFERID: "TRANSFER ID",
    Element.RDNIS: "REFERRING DNIS",
    Element.AESPROVISIONING: "AES PROVISIONG",
    Element.DATETIME: "DATE TIME",
    Element.DEVICETYPE: "DEVICE TYPE",
    Element.SERVICEIDENT: "SERVICE IDENT",
    Element.FIRMWAREVER: "FIRMWARE VER",
    Element.FWBLOCKDESC: "FW BLOCK DESC",
    Element.FWBLOCKDATA: "FW BLOCK DATA",
    Element.PROVVER: "PROVISIONG VER",
    Element.CALLINGPRES: "CALLING PRESNTN",
    Element.CALLINGTON: "CALLING TYPEOFN",
    Element.CALLINGTNS: "CALLING TRANSIT",
    Element.CALLINGANI2: "CALLING ANI2",
    Element.CAUSECODE: "CAUSE CODE",
    Element.ENCKEY: "ENCRYPTION KEY",
    Element.CODEC_PREFS: "CODEC_PREFS",
    Element.RR_JITTER: "RR_JITTER",
    Element.RR_LOSS: "RR_LOSS",
    Element.RR_PKTS: "RR_PKTS",
    Element.RR_DELAY: "RR_DELAY",
    Element.RR_DROPPED: "RR_DROPPED",
    Element.RR_OOO: "RR_OUTOFORDER",
}

_SECRET = frozenset({Element.PASSWORD, Element.MD5_RESULT, Element.RSA_RESULT, Element.ENCKEY})
#: a CHALLENGE of this size is RTKEY's new key
_KEY_SIZE = 16


def dump(direction: str, frame: FullFrame, address: Address, retry: str) -> str:
    """The lines for a frame; direction "Rx" or "Tx"; retry: "000", "-01" ... sent, " No" or "Yes" received."""
    where = addresses.text(address)
    kind = _TYPES[FrameType(frame.type)] if frame.type in _KNOWN_TYPES else f"({frame.type:03d}?)"
    lines = [
        f"{direction}-Frame Retry[{retry}] -- OSeqno: {frame.oseqno:03d} ISeqno: {frame.iseqno:03d} "
        f"Type: {kind:<7} Subclass: {_subclass(frame):<7}",
        f"   Timestamp: {frame.timestamp:05d}ms  SCall: {frame.source:05d}  DCall: {frame.destination:05d} {where}",
    ]
    if frame.type == FrameType.IAX and frame.data:
        lines.extend(_elements(frame))
        lines.append("")
    return "\n".join(lines)


_KNOWN_TYPES = frozenset(_TYPES)
_KNOWN_COMMANDS = frozenset(Command)


def command_name(command: int) -> str:
    """How Asterisk's console writes a command (`NEW`, `CTOKEN`, ...)."""
    return _COMMANDS.get(Command(command), Command(command).name) if command in _KNOWN_COMMANDS else f"({command:03d}?)"


def _subclass(frame: FullFrame) -> str:
    value = frame.subclass
    if frame.type == FrameType.IAX:
        return command_name(value)
    if frame.type in (FrameType.DTMF_BEGIN, FrameType.DTMF_END):
        return chr(value) if 32 < value < 127 else str(value)
    if frame.type == FrameType.CONTROL and value in _CONTROLS:
        return _CONTROLS[value]
    if frame.type == FrameType.CONTROL:
        return f"({value:03d}?)"
    return str(value)


def _elements(frame: FullFrame) -> list[str]:
    try:
        elements = Elements.parse(frame.data)
    except FrameError as error:
        return [f"   {error.reason}"]
    return [f"   {_name(number):<15.15} : {_value(number, value)}" for number, value in elements]


def _name(number: int) -> str:
    if number not in KINDS:
        return f"Unknown IE {number:03d}"
    element = Element(number)
    return _ELEMENTS.get(element, element.name if element.name.endswith("2") else element.name.replace("_", " "))


def _value(number: int, value: bytes) -> str:
    if number in _SECRET or (number == Element.CHALLENGE and len(value) == _KEY_SIZE):
        return "(hidden)"
    special = _SPECIAL.get(number)
    if special is not None:
        return special(value)
    kind = KINDS.get(number, Kind.RAW)
    if kind is Kind.TEXT:
        return as_text(value)
    if kind is Kind.EMPTY:
        return "Present"
    if kind is Kind.RAW:
        return f"{len(value)} bytes"
    return str(int.from_bytes(value, "big"))


def _challenge(value: bytes) -> str:
    return "".join(f"\\x{byte:02x}" for byte in value)


def _token(value: bytes) -> str:
    return f"{len(value)} bytes" if value else "Present"


def _formats(value: bytes) -> str:
    found = BY_BIT.get(int.from_bytes(value[1:9], "big"))
    return found.name if found is not None else "Unknown"


def _datetime(value: bytes) -> str:
    year, month, day, hour, minute, second = unpack_datetime(int.from_bytes(value, "big"))
    return f"{year:04d}-{month:02d}-{day:02d}  {hour:02d}:{minute:02d}:{second:02d}"


def _apparent(value: bytes) -> str:
    found = addresses.unpack_apparent(value)
    if found is None:
        return f"{len(value)} bytes"
    return f"IPV{6 if ':' in found[0] else 4} {addresses.text(found)}"


def _prefs(value: bytes) -> str:
    return names(decode_prefs(as_text(value)))


_SPECIAL: dict[int, Callable[[bytes], str]] = {
    Element.CHALLENGE: _challenge,
    Element.CALLTOKEN: _token,
    Element.FORMAT2: _formats,
    Element.CAPABILITY2: _formats,
    Element.DATETIME: _datetime,
    Element.APPARENT_ADDR: _apparent,
    Element.CODEC_PREFS: _prefs,
}
