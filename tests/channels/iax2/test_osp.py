"""OSP tokens go along with a call as they are, in the blocks that a stock Asterisk writes and reads."""

from __future__ import annotations

import pytest

from pbx.channels.iax2.call_model import Outgoing
from pbx.channels.iax2.elements import Element, Elements
from tests.simulation.network import Box, Network

A, B = ("127.0.25.45", 4569), ("127.0.25.46", 4569)


@pytest.mark.parametrize(
    ("blocks", "token"),
    [
        ([b"\0hello"], "hello"),
        ([b"\0hello ", b"\1world"], "hello world"),
        ([b"\1world", b"\0hello "], "hello world"),
        ([b"\1world"], ""),
        ([b"\0" + b"x" * 254, b"\1yy"], "x" * 254 + "yy"),
        ([b"\0a", b"\2c"], "a"),
        ([b""], ""),
    ],
)
def test_blocks_are_put_together_as_stock_does(blocks: list[bytes], token: str) -> None:
    elements = Elements([(int(Element.OSPTOKEN), block) for block in blocks])
    assert elements.osp_token() == token


@pytest.mark.parametrize("token", ["inherited", "0123456789" * 60, "x" * 1016])
def test_a_token_arrives(token: str) -> None:
    net = Network(2)
    a = Box(net, A, "[general]\n[b]\ntype=peer\nhost=127.0.25.46\n")
    b = Box(net, B, "[general]\n[guest]\ntype=user\n")
    a.endpoint.place_call(Outgoing(peer="b", exten="600", osp_token=token), net.now)
    a.pump()
    net.run(1)
    (call,) = b.incoming
    assert call.request is not None
    assert call.request.osp_token == token


def test_one_that_is_too_long_stays_here() -> None:
    assert not Elements().add_osp_token("x" * 1017).items
    assert Elements().add_osp_token("inherited").items == [(int(Element.OSPTOKEN), b"\0inherited")]
