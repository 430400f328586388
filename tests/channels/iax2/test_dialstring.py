"""Dial strings of IAX2, whole."""

from __future__ import annotations

import pytest

from pbx.channels.iax2.dialstring import DialString, hide, hide_all, parse


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


def test_every_password_of_a_text_is_hidden() -> None:
    said = 'Dial("Local/1@a-0;2", "IAX2/u:s3cret@b/1&iax2/v:pass@c:4570/2,30,g") in new stack'
    assert hide_all(said) == 'Dial("Local/1@a-0;2", "IAX2/u@b/1&iax2/v@c:4570/2,30,g") in new stack'
    for harmless in ("IAX2/u:[key]@b/1", "IAX2/b:4569/1@ctx", "user:x@host", "IAX2/b/1,30,M(a^b:c@d)"):
        assert hide_all(harmless) == harmless
