"""Word tables of options that [general] and the sections share."""

from __future__ import annotations

from pbx.channels.iax2.options import BadValue
from pbx.channels.iax2.values import CodecPriority, ConnectedLine, Transfer
from pbx.conf.values import is_false, is_true

CLEAR_TRUNK = "Take voice of encrypted calls that comes in trunk frames, where it is in the clear."
NOT_THERE = "Stock Asterisk does not know it."
OWN_BUFFER = "Stock Asterisk knows it in [general] only."
NO_KEYROTATE = "Stock Asterisk does not read it, and always rotates."

AMAFLAGS = {
    "default": "documentation",
    "omit": "omit",
    "ignore": "omit",
    "billing": "billing",
    "documentation": "documentation",
}

#: as channels have them
AMA_NUMBERS = {"omit": 1, "billing": 2, "documentation": 3}

CODEC_PRIORITIES = {
    "host": CodecPriority.HOST,
    "caller": CodecPriority.CALLER,
    "disabled": CodecPriority.DISABLED,
    "reqonly": CodecPriority.REQONLY,
}

TRANSFERS: dict[str, Transfer | None] = {
    **dict.fromkeys(("yes", "true", "y", "t", "1", "on"), Transfer.YES),
    **dict.fromkeys(("no", "false", "n", "f", "0", "off"), Transfer.NO),
    "mediaonly": Transfer.MEDIAONLY,
}

CONNECTED_LINE = {
    **dict.fromkeys(("yes", "true", "y", "t", "1", "on"), ConnectedLine.YES),
    **dict.fromkeys(("no", "false", "n", "f", "0", "off"), ConnectedLine.NO),
    "send": ConnectedLine.SEND,
    "receive": ConnectedLine.RECEIVE,
}


def encryption_word(value: str, former: bool) -> bool:
    """yes, no, or the name of the one cipher there is."""
    if is_true(value) or value.lower() == "aes128":
        return True
    if is_false(value):
        return False
    raise BadValue("there is no such cipher", "yes, no or aes128")


def notransfer(value: str, former: Transfer | None) -> Transfer | None:
    """The `notransfer=` of older files."""
    if is_true(value):
        return Transfer.NO
    if is_false(value):
        return Transfer.YES
    raise BadValue("it is neither yes nor no", "transfer = no")
