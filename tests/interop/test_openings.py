"""Datagrams of a test's own against pbx and a stock Asterisk: refusals without a token, TRANSFER, who is calling."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from pbx.channels.iax2.elements import Element, Elements
from pbx.channels.iax2.frames import Command, FrameType
from tests.interop.boxes import HERE, NET, Box, make_box, running
from tests.interop.conftest import need
from tests.interop.rawcall import RawCall, new

NEAR, ELSEWHERE = f"{NET}.46.2", f"{NET}.46.3"


@pytest.fixture(scope="module", params=["pbx", "asterisk22"])
def box(request: pytest.FixtureRequest) -> Iterator[Box]:
    need(request.param)
    made = make_box(request.param, "openings", HERE / "etc" / "openings", f"{NET}.46.1", NEAR=NEAR)
    with running(made):
        yield made


@pytest.mark.parametrize(
    ("command", "answer", "what"),
    [(Command.NEW, Command.REJECT, "call"), (Command.REGREQ, Command.REGREJ, "registration")],
    ids=["call", "registration"],
)
def test_who_knows_no_tokens_is_refused_without_a_reason_on_the_wire(
    box: Box, command: Command, answer: Command, what: str
) -> None:
    with RawCall(ELSEWHERE, box.bind) as caller:
        caller.send(
            command, new("140", "strict") if what == "call" else Elements().add_text(Element.USERNAME, "strict")
        )
        frame = caller.receive()
        assert frame is not None
        assert (frame.source, frame.subclass, frame.data) == (1, answer, b"")
        assert caller.receive(0.3) is None
    if box.kind == "pbx":
        box.wait_log(rf"NOTICE(?=.*strict)(?=.*{re.escape(ELSEWHERE)}).*call token", 5)


def test_transfer_of_a_call_that_nobody_is_bridged_to_changes_nothing(box: Box) -> None:
    with RawCall(NEAR, box.bind) as caller:
        assert caller.open(Command.NEW, new("300", "scored")).subclass == Command.ACCEPT
        texts = [frame.data for frame in iter(lambda: caller.receive(1), None) if frame.type == FrameType.TEXT]
        assert texts == [b"public\0"]
        caller.send(Command.TRANSFER, Elements().add_text(Element.CALLED_NUMBER, "300"))
        assert caller.receive(1) is None
        caller.send(Command.PING)
        pong = caller.receive()
        assert pong is not None and pong.subclass == Command.PONG, "the call is gone"
    box.wait_idle()


@pytest.mark.parametrize("wanted", [True, False])
def test_the_dial_strings_option_a_asks_for_automatic_answer(box: Box, wanted: bool) -> None:
    with RawCall(NEAR, box.bind) as callee:
        box.rx(f"channel originate Local/{'auto' if wanted else 'plain'}@dialer application Wait 1")
        frame = callee.receive()
        assert frame is not None and frame.subclass == Command.NEW
        elements = Elements.parse(frame.data)
        numbers = [number for number, _ in elements]
        assert (Element.AUTOANSWER in numbers) is wanted
        if wanted:
            assert numbers[:3] == [Element.VERSION, Element.CALLED_NUMBER, Element.AUTOANSWER]
            assert elements.raw(Element.AUTOANSWER) == b""
        callee.far = 0
    box.wait_idle(40)


def heard(host: str, box: Box) -> list[bytes]:
    """The texts that a caller without a user name is sent."""
    with RawCall(host, box.bind) as caller:
        assert caller.open(Command.NEW, new("300")).subclass == Command.ACCEPT
        return [frame.data for frame in iter(lambda: caller.receive(1), None) if frame.type == FrameType.TEXT]


def test_without_a_name_the_friend_at_that_address_calls_before_any_scoring(box: Box) -> None:
    """Stock Asterisk knows the scoring alone."""
    assert heard(NEAR, box) == [b"near\0" if box.kind == "pbx" else b"public\0"]
    assert heard(ELSEWHERE, box) == [b"public\0"]
    box.wait_idle()


def test_inkey_of_the_how_to_demands_the_key_and_is_warned_of(box: Box) -> None:
    """Stock Asterisk does not know it, and lets anyone in."""
    with RawCall(NEAR, box.bind) as caller:
        answer = caller.open(Command.NEW, new("140", "keyed"))
    if box.kind == "pbx":
        assert answer.subclass == Command.AUTHREQ
        assert Elements.parse(answer.data).uint(Element.AUTHMETHODS) == 4
        line = box.wait_log(r"WARNING.*inkey is read as inkeys.*", 5)[0]
        assert re.search(r"iax\.conf:14\b", line), line
        assert "inkeys = right" in box.log
    else:
        assert answer.subclass == Command.ACCEPT
    box.wait_idle()
