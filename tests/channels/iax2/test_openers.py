"""What a stranger gets before any state exists: tokens, limits, INVAL, look-ups; what a call asks of its far end."""

from __future__ import annotations

import pytest

from pbx.channels.iax2.call import Outgoing
from pbx.channels.iax2.elements import Element, Elements
from pbx.channels.iax2.events import CallControl, CallOpaque, CallQuelch, CallTransfer, IncomingCall
from pbx.channels.iax2.frames import Command, FrameType, FullFrame, parse_full
from tests.channels.iax2.test_calls import World
from tests.simulation.network import Box, Network, Plan

FAR, HERE = ("127.0.24.50", 4569), ("127.0.24.51", 4569)

CONF = """
[general]
allow=ulaw
calltokenoptional=127.0.24.60
[open]
type=user
context=w
[strict]
type=user
context=w
requirecalltoken=yes
[lax]
type=user
context=w
requirecalltoken=no
[auto]
type=user
context=w
requirecalltoken=auto
"""


class Stranger:
    def __init__(self, conf: str = CONF) -> None:
        self.net = Network(4)
        self.net.log = []
        self.box = Box(self.net, HERE, conf, Plan({"w": {"600", "610"}}))

    def send(
        self, command: int, elements: Elements, source: int = 50, target: int = 0, **more: object
    ) -> list[FullFrame]:
        address = more.pop("address", FAR)
        frame = FullFrame(source, target, 4000, 0, 0, FrameType.IAX, command, elements.encode())
        frame.retry = bool(more.get("retry"))
        assert self.net.log is not None
        self.net.log.clear()
        self.box.endpoint.receive(0, address, "", frame.encode(), self.net.now)  # type: ignore[arg-type]
        self.box.pump()
        return [parse_full(entry[3]) for entry in self.net.log]

    def new(self, user: str, token: str | None = None, **more: object) -> list[FullFrame]:
        elements = Elements().add_text(Element.CALLED_NUMBER, "600").add_text(Element.USERNAME, user)
        elements.add_uint(Element.FORMAT, 4)
        if token is not None:
            elements.add_text(Element.CALLTOKEN, token)
        return self.send(Command.NEW, elements, **more)  # type: ignore[arg-type]

    def token(self) -> str:
        (answer,) = self.new("open", "")
        return Elements.parse(answer.data).text(Element.CALLTOKEN) or ""


def test_a_token_costs_no_state() -> None:
    s = Stranger()
    for _ in range(10):
        (answer,) = s.new("open", "")
        assert (answer.name, answer.source, answer.timestamp, answer.iseqno) == ("CALLTOKEN", 1, 4000, 1)
    core = s.box.endpoint.core
    assert not core.by_own
    assert core.numbers.taken == 0
    assert len(core.timers) == 0


@pytest.mark.parametrize(
    ("user", "address", "let_in"),
    [
        ("open", FAR, False),
        ("strict", FAR, False),
        ("lax", FAR, True),
        ("auto", FAR, True),
        ("nobody", FAR, False),
        ("open", ("127.0.24.60", 1), True),
        ("strict", ("127.0.24.60", 1), False),
    ],
)
def test_who_needs_a_token(user: str, address: tuple[str, int], let_in: bool) -> None:
    s = Stranger()
    (answer,) = s.new(user, address=address)
    assert answer.name == ("ACCEPT" if let_in else "REJECT")
    assert (answer.source == 1) == (not let_in)
    assert len(s.box.verdicts) == (not let_in)


def test_who_has_shown_a_token_once_needs_one_ever_after() -> None:
    s = Stranger()
    assert s.new("auto", source=50)[0].name == "ACCEPT"
    assert s.new("auto", s.token(), source=51)[0].name == "ACCEPT"
    assert s.new("auto", source=52)[0].name == "REJECT"


def test_an_old_or_foreign_token_is_refused() -> None:
    s = Stranger()
    token = s.token()
    assert s.new("open", token, address=("127.0.24.50", 4570))[0].name == "REJECT"
    s.net.run(11)
    assert s.new("open", token)[0].name == "REJECT"
    assert s.new("open", s.token())[0].name == "ACCEPT"


def test_a_copy_of_an_opener_opens_nothing_even_when_its_call_is_over() -> None:
    s = Stranger()
    token = s.token()
    (accept,) = s.new("open", token)
    assert accept.name == "ACCEPT"
    assert [f.name for f in s.new("open", token)] == ["ACK"]
    s.send(Command.INVAL, Elements(), target=accept.source)
    assert not s.box.endpoint.core.by_own
    assert s.new("open", token) == []
    assert s.new("open", s.token() + "", source=51)[0].name == "ACCEPT"


def test_an_address_holds_so_many_numbers_and_no_more() -> None:
    s = Stranger(CONF.replace("[open]", "maxcallnumbers=3\n[open]"))
    names = [s.new("lax", source=n)[0].name for n in range(60, 65)]
    assert names == ["ACCEPT"] * 3 + ["REJECT"] * 2
    assert s.new("lax", address=("127.0.24.61", 1))[0].name == "ACCEPT"


def test_dialogues_without_token_are_limited_in_all() -> None:
    s = Stranger(CONF.replace("[open]", "maxcallnumbers_nonvalidated=2\n[open]"))
    names = [s.new("lax", address=(f"127.0.24.{n}", 1))[0].name for n in range(70, 73)]
    assert names == ["ACCEPT", "ACCEPT", "REJECT"]
    assert s.new("open", s.token())[0].name == "ACCEPT"


def test_a_frame_of_no_call_is_told_inval_when_it_comes_again_and_not_too_often() -> None:
    s = Stranger()
    assert s.send(Command.LAGRQ, Elements(), target=77) == []
    (answer,) = s.send(Command.LAGRQ, Elements(), target=77, retry=True)
    assert (answer.name, answer.source, answer.destination) == ("INVAL", 77, 50)
    assert s.send(Command.LAGRQ, Elements(), target=77, retry=True) == []
    s.net.run(1.1)
    assert len(s.send(Command.LAGRQ, Elements(), target=77, retry=True)) == 1
    for command in (Command.ACK, Command.INVAL, Command.VNAK, Command.HANGUP):
        s.net.run(2)
        assert s.send(command, Elements(), target=77, retry=True) == []


def test_numbers_are_looked_up_and_dialled_on_one_call() -> None:
    s = Stranger()
    elements = Elements().add_text(Element.CALLED_NUMBER, "TBD").add_text(Element.USERNAME, "lax")
    (accept,) = s.send(Command.NEW, elements.add_uint(Element.FORMAT, 0xFFFF))
    assert accept.name == "ACCEPT"

    def ask(command: Command, number: str, oseqno: int) -> list[FullFrame]:
        data = Elements().add_text(Element.CALLED_NUMBER, number).encode()
        frame = FullFrame(50, accept.source, 4100 + oseqno, oseqno, 1, FrameType.IAX, command, data)
        assert s.net.log is not None
        s.net.log.clear()
        s.box.endpoint.receive(0, FAR, "", frame.encode(), s.net.now)
        s.box.pump()
        return [parse_full(entry[3]) for entry in s.net.log]

    for oseqno, (number, status) in enumerate((("600", 1), ("6", 0x8002), ("7", 4)), 1):
        (answer,) = ask(Command.DPREQ, number, oseqno)
        assert Elements.parse(answer.data).uint(Element.DPSTATUS) == status
    assert not s.box.of(IncomingCall)
    assert [f.name for f in ask(Command.DIAL, "610", 4)] == ["CONTROL PROGRESS"]
    (call,) = s.box.incoming
    assert call.request is not None
    assert call.request.exten == "610"


def test_what_a_call_passes_to_the_far_end() -> None:
    w = World()
    call = w.call()
    w.net.run(1)
    (there,) = w.b.incoming
    there.quelch(True, w.net.now, music=True)
    there.quelch(False, w.net.now)
    there.transfer("7", None, w.net.now)
    there.opaque(FrameType.HTML, 1, b"http://x/\0", w.net.now)
    there.control(16, b"", w.net.now)
    there.control(20, b"", w.net.now)  # may not cross
    w.b.pump()
    w.net.run(1)
    assert [(e.on, e.music) for e in w.a.of(CallQuelch)] == [(True, True), (False, True)]
    assert [e.exten for e in w.a.of(CallTransfer)] == ["7"]
    assert [(e.frame_type, e.subclass, e.data) for e in w.a.of(CallOpaque)] == [(9, 1, b"http://x/\0")]
    assert [e.control for e in w.a.of(CallControl)] == [16]
    assert call.alive


def test_a_host_in_the_dial_string_is_looked_up_first() -> None:
    w = World()
    call = w.a.endpoint.place_call(Outgoing("pbx.example", user="a", secret="sesame", exten="600"), w.net.now)
    w.a.pump()
    w.net.run(1)
    assert not w.b.incoming
    w.a.endpoint.resolved("pbx.example", ["127.0.24.11"], w.net.now)
    w.a.pump()
    w.net.run(1)
    assert len(w.b.incoming) == 1
    assert call.address == ("127.0.24.11", 4569)
    lost = w.a.endpoint.place_call(Outgoing("nowhere.example", exten="600"), w.net.now)
    w.a.pump()
    w.a.endpoint.resolved("nowhere.example", [], w.net.now)
    w.a.pump()
    ended = w.a.ended(lost)
    assert ended is not None
    assert ended.cause == 20
    call.hangup(16, w.net.now)
    w.a.pump()
    w.clean()
