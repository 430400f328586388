"""What each command gets in each state of a dialogue, as recorded of a stock Asterisk 22 (one row per command).

Two answers differ on purpose: a challenge that nobody of us asked for is not answered (the digest would help whoever
sent it to log in elsewhere), and a TRANSFER without number is just acknowledged (the recorded server fell over it).
"""

from __future__ import annotations

import pytest

from pbx.channels.iax2.elements import Element, Elements
from pbx.channels.iax2.frames import Command, FrameType, FullFrame, parse_full
from tests.channels.iax2.test_calls import B
from tests.simulation.network import Box, Network, Plan

FAR = ("127.0.24.40", 4569)
CONF = """
[general]
allow=ulaw
[open]
type=user
context=w
requirecalltoken=no
[md5u]
type=user
context=w
secret=sesame
auth=md5
requirecalltoken=no
[reg1]
type=friend
host=dynamic
secret=sesame
auth=md5
requirecalltoken=no
"""

ACK, NO, GONE = "ACK", "", "gone"
# command: (answered call, call that is asked to log in, registration that is asked); "x y gone": frames, then the end
TABLE: dict[str, tuple[str, str, str]] = {
    "NEW": ("ACK", "AUTHREQ", "REJECT gone"),
    "PING": ("PONG", "PONG", "PONG"),
    "PONG": ("ACK", "ACK", "ACK"),
    "ACK": ("", "", ""),
    "HANGUP": ("ACK gone", "ACK gone", "ACK gone"),
    "REJECT": ("ACK gone", "ACK gone", "ACK gone"),
    "ACCEPT": ("ACK", "ACK", "REJECT gone"),
    "AUTHREQ": ("ACK", "ACK", "ACK"),
    "AUTHREP": ("ACK", "ACK REJECT gone", "ACK REJECT gone"),
    "INVAL": ("gone", "gone", "gone"),
    "LAGRQ": ("LAGRP", "LAGRP", "LAGRP"),
    "LAGRP": ("ACK", "ACK", "ACK"),
    "REGREQ": ("REGAUTH", "ACK REGREJ gone", "ACK REGREJ gone"),
    "REGAUTH": ("REJECT gone", "REJECT gone", "REJECT gone"),
    "REGACK": ("ACK HANGUP gone", "ACK gone", "ACK gone"),
    "REGREJ": ("ACK HANGUP gone", "ACK gone", "ACK gone"),
    "REGREL": ("REGAUTH", "ACK REGREJ gone", "ACK REGREJ gone"),
    "VNAK": ("", "", ""),
    "DPREQ": ("ACK", "ACK", "ACK"),
    "DPREP": ("ACK", "ACK", "ACK"),
    "DIAL": ("ACK", "ACK", "ACK"),
    "TXREQ": ("ACK", "ACK", "ACK"),
    "TXCNT": ("", "", ""),
    "TXACC": ("", "", ""),
    "TXREADY": ("ACK", "ACK", "ACK"),
    "TXREL": ("ACK", "ACK", "ACK"),
    "TXREJ": ("ACK", "ACK", "ACK"),
    "QUELCH": ("ACK", "ACK", "ACK"),
    "UNQUELCH": ("ACK", "ACK", "ACK"),
    "PAGE": ("UNSUPPORT", "UNSUPPORT", "UNSUPPORT"),
    "MWI": ("UNSUPPORT", "UNSUPPORT", "UNSUPPORT"),
    "UNSUPPORT": ("ACK", "ACK", "ACK"),
    "TRANSFER": ("ACK", "ACK", "ACK"),
    "PROVISION": ("UNSUPPORT", "UNSUPPORT", "UNSUPPORT"),
    "FWDOWNL": ("UNSUPPORT gone", "UNSUPPORT gone", "UNSUPPORT gone"),
    "FWDATA": ("UNSUPPORT", "UNSUPPORT", "UNSUPPORT"),
    "TXMEDIA": ("ACK", "ACK", "ACK"),
    "RTKEY": ("ACK", "ACK", "ACK"),
    "CALLTOKEN": ("ACK", "ACK", "ACK"),
}
ELEMENTS = {
    "REGREQ": Elements().add_text(Element.USERNAME, "reg1"),
    "REGREL": Elements().add_text(Element.USERNAME, "reg1"),
    "REGAUTH": Elements().add_uint(Element.AUTHMETHODS, 2).add_text(Element.CHALLENGE, "1"),
    "AUTHREQ": Elements().add_uint(Element.AUTHMETHODS, 2).add_text(Element.CHALLENGE, "1"),
}


class Far:
    """A far end played by hand."""

    def __init__(self) -> None:
        self.net = Network(1)
        self.box = Box(self.net, B, CONF, Plan({"w": {"600"}, "default": {"s"}}))
        self.target = self.oseqno = self.iseqno = 0
        self.net.log = []

    def send(self, command: int, elements: Elements | None = None) -> list[FullFrame]:
        """Send in sequence; what came back."""
        assert self.net.log is not None
        self.net.log.clear()
        data = elements.encode() if elements is not None else b""
        frame = FullFrame(100, self.target, 60606, self.oseqno, self.iseqno, FrameType.IAX, command, data)
        self.box.endpoint.receive(0, FAR, "", frame.encode(), self.net.now)
        self.box.pump()
        self.oseqno += command not in (Command.ACK, Command.INVAL, Command.VNAK, Command.TXCNT, Command.TXACC)
        came = [parse_full(entry[3]) for entry in self.net.log]
        for one in came:
            self.target = one.source
            if one.subclass != Command.ACK:
                self.iseqno = (one.oseqno + 1) & 0xFF
        return came

    def new(self, user: str) -> None:
        elements = Elements().add_text(Element.CALLED_NUMBER, "600").add_text(Element.USERNAME, user)
        self.send(Command.NEW, elements.add_uint(Element.FORMAT, 4))


def answered() -> Far:
    far = Far()
    far.new("open")
    far.send(Command.ACK)
    (call,) = far.box.incoming
    call.answer(far.net.now)
    far.box.pump()
    far.iseqno += 2
    far.send(Command.ACK)
    return far


def asked() -> Far:
    far = Far()
    far.new("md5u")
    return far


def registering() -> Far:
    far = Far()
    far.send(Command.REGREQ, Elements().add_text(Element.USERNAME, "reg1"))
    return far


STATES = {"answered": answered, "asked": asked, "registering": registering}


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("name", TABLE)
def test_each_command_in_each_state(state: str, name: str) -> None:
    expected = TABLE[name][list(STATES).index(state)].split()
    far = STATES[state]()
    came = far.send(Command[name], ELEMENTS.get(name))
    assert [frame.name for frame in came] == [word for word in expected if word != GONE]
    for frame in came:
        assert frame.iseqno == far.oseqno & 0xFF
        if frame.name in ("ACK", "PONG", "LAGRP"):
            assert frame.timestamp == 60606
    (dialog, *_) = [*far.box.endpoint.core.by_own.values(), None]
    far.send(Command.ACK)  # takes in what they said last
    alive = bool(far.box.endpoint.core.by_own)
    assert alive == (GONE not in expected), dialog


def test_every_command_has_a_row() -> None:
    assert set(TABLE) == {c.name for c in Command} - {"POKE"}


@pytest.mark.parametrize("command", [41, 127, 0])
def test_unknown_commands_are_answered_unsupport(command: int) -> None:
    far = answered()
    (came,) = far.send(command)
    assert came.subclass == Command.UNSUPPORT
    assert Elements.parse(came.data).uint(Element.IAX_UNKNOWN) == command
