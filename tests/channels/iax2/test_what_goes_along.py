"""All that a NEW carries arrives: who calls and how to show him, numbers dialled and diverted, variables, formats."""

from __future__ import annotations

from pbx.channels.iax2.call_model import Outgoing, Request
from pbx.channels.iax2.elements import Element, Elements, unpack_datetime
from pbx.channels.iax2.frames import Command, FrameType, FullFrame, parse_full
from pbx.channels.party import Caller
from pbx.codecs.formats import BY_NAME
from tests.simulation.network import Box, Network

A, B = ("127.0.25.47", 4569), ("127.0.25.48", 4569)


def call(outgoing: Outgoing, peer: str = "", allow: str = "ulaw") -> tuple[Request, Elements, Box, Box]:
    """What the called side took from it, and the NEW."""
    net = Network(4)
    net.log = []
    general = f"[general]\ndisallow=all\nallow={allow}\n"
    a = Box(net, A, f"{general}[b]\ntype=peer\nhost={B[0]}\nsendani=yes\n{peer}\n")
    b = Box(net, B, f"{general}shrinkcallerid=no\n[guest]\ntype=user\n")
    a.endpoint.place_call(outgoing, net.now)
    a.pump()
    net.run(1)
    (there,) = b.incoming
    assert there.request is not None
    frames: list[FullFrame] = [parse_full(data) for _, origin, _, data in net.log if origin == A]
    new = [f for f in frames if f.type == FrameType.IAX and f.subclass == Command.NEW][-1]
    return there.request, Elements.parse(new.data), a, b


def test_the_caller_in_all_his_parts() -> None:
    caller = Caller(
        number="+49 30 (1)", name="Ann Übel", ani="5550", rdnis="99", dnid="600", presentation=0x21,
        type_of_number=0x11, transit_network=0x1234, ani2=61,
    )  # fmt: skip
    request, *_ = call(Outgoing(peer="b", exten="600", caller=caller, language="de"))
    assert request.caller == caller
    assert request.language == "de"


def test_automatic_answer_is_asked_for() -> None:
    request, new, *_ = call(Outgoing(peer="b", exten="600", autoanswer=True))
    assert request.autoanswer and Element.AUTOANSWER in new
    request, new, *_ = call(Outgoing(peer="b", exten="600"))
    assert not request.autoanswer and Element.AUTOANSWER not in new


def test_variables_of_any_length() -> None:
    variables = {"short": "1", "long": "x" * 1000, "empty": "", "sign": "a=b"}
    request, *_ = call(Outgoing(peer="b", exten="600", variables=variables))
    assert request.variables == variables


def test_formats_beyond_32_bits() -> None:
    wide = BY_NAME["opus"]
    assert wide.bit >> 32
    request, new, a, b = call(Outgoing(peer="b", exten="600", formats=(wide.bit,)), allow="opus")
    assert request.capability == wide.bit
    assert (new.uint(Element.FORMAT), new.formats(Element.FORMAT2, Element.FORMAT)) == (0, wide.bit)
    assert b.incoming[0].format == wide.bit
    (ours,) = a.endpoint.calls()
    assert ours.format == wide.bit


def test_the_time_is_that_of_the_peers_zone() -> None:
    _, here, *_ = call(Outgoing(peer="b", exten="600"), "timezone=UTC")
    _, there, *_ = call(Outgoing(peer="b", exten="600"), "timezone=Asia/Tokyo")
    times = [unpack_datetime(e.uint(Element.DATETIME) or 0) for e in (here, there)]
    assert (times[1][3] - times[0][3]) % 24 == 9
    assert times[0] == (2026, 11, 18, 11, 23, 20)
