"""Dial strings of IAX2, whole."""

from __future__ import annotations

import pytest

from pbx.channels.iax2.dialstring import DialString, hide, parse


@pytest.mark.parametrize(
    ("text", "parsed"),
    [
        ("voip2", DialString("voip2")),
        ("voip2/201", DialString("voip2", exten="201")),
        ("voip2/201@ctx", DialString("voip2", exten="201", context="ctx")),
        ("voip2/201@ctx/a", DialString("voip2", exten="201", context="ctx", options="a")),
        ("voip2//a", DialString("voip2", options="a")),
        ("u@voip2/201", DialString("voip2", user="u", exten="201")),
        ("u:s@voip2:4570/201", DialString("voip2", port=4570, user="u", secret="s", exten="201")),
        ("u:s:t@voip2", DialString("voip2", user="u", secret="s:t")),
        ("u:@voip2", DialString("voip2", user="u", secret="")),
        ("u:[key]@voip2/1", DialString("voip2", user="u", key="key", exten="1")),
        ("[::1]:4570/201", DialString("::1", port=4570, exten="201")),
        ("u@[fe80::1]", DialString("fe80::1", user="u")),
        ("127.0.0.1:4570", DialString("127.0.0.1", port=4570)),
    ],
)
def test_parse(text: str, parsed: DialString) -> None:
    assert parse(text) == parsed


@pytest.mark.parametrize("text", ["", "/201", "u@/201", "u:secret@:4569/2", "voip2:99999/1", "a:b:c/1"])
def test_what_names_no_peer(text: str) -> None:
    with pytest.raises(ValueError) as caught:
        parse(text)
    assert "secret" not in str(caught.value)


def test_a_password_is_hidden() -> None:
    assert hide("u:s@voip2/201") == "u@voip2/201"
    assert hide("voip2/201@ctx") == "voip2/201@ctx"
