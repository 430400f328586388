"""CHANNEL() items of IAX2, at both ends of a call; the words are those of a stock Asterisk 22."""

from __future__ import annotations

from typing import Any

import pytest

from pbx.channels.channel import Hangup
from pbx.codecs.formats import ULAW
from tests.channels.iax2.boxes import Boxes, Owner

A, B = "127.0.25.55", "127.0.25.56"
ITEMS = ("peerip", "peername", "auth_method", "secure_signaling", "secure_media", "osptoken", "no such item")


@pytest.mark.parametrize(
    ("section", "dialled", "caller", "called"),
    [
        ("guest", "b", ["", "none", "", ""], ["guest", "none", "", ""]),
        ("m", "m:x@b", ["m", "MD5", "", ""], ["m", "MD5", "", ""]),
        ("p", "p:x@b", ["p", "plaintext", "", ""], ["p", "plaintext", "", ""]),
        ("e", "secure", ["e", "MD5", "1", "1"], ["e", "MD5", "1", "1"]),
    ],
)
def test_items(section: str, dialled: str, caller: list[str], called: list[str]) -> None:
    users = {"guest": "", "m": "secret=x", "p": "secret=x\nauth=plaintext", "e": "secret=x\nauth=md5\nencryption=yes"}
    with Boxes() as boxes:
        a = boxes.box(
            f"[general]\nbindaddr={A}\n[b]\ntype=peer\nhost={B}\n"
            f"[secure]\ntype=peer\nhost={B}\nusername=e\nsecret=x\nencryption=yes\n"
        )
        b = boxes.box(
            f"[general]\nbindaddr={B}\n" + "".join(f"[{n}]\ntype=user\ncontext=in\n{t}\n" for n, t in users.items())
        )
        there: list[Any] = []

        async def phone(channel: Any) -> None:
            channel.answer()
            there.append([channel.leg.detail(item) for item in ITEMS])
            try:
                await channel.sleep(10)
            except Hangup:
                channel.acknowledge()

        b.scripts["600@in"] = phone
        channel = a.switch.request(f"IAX2/{dialled}/600", (ULAW,), None)
        channel.claim(Owner())
        channel.variables["IAX2OSPTOKEN"] = "token"
        a.switch.call(channel)
        boxes.run(lambda: there)
        assert channel.leg is not None
        assert [channel.leg.detail(item) for item in ITEMS] == [B, *caller, "", None]
        assert there == [[A, *called, "token", None]]
        channel.hangup()
        boxes.run(lambda: not a.channels() and not b.channels())
