"""`dialplan show`, byte for byte as Asterisk 22 prints it."""

from __future__ import annotations

import pytest

from pbx.dialplan.dialplan import Dialplan
from pbx.dialplan.show import NotThere, show
from tests.dialplan.recordings import dialplan
from tests.shared import shared_dir

CONF = """[default]
exten => _2XX,1,Dial(IAX2/VOIP2/${EXTEN},30)
exten => _2XX,n,Hangup()
exten => _3XX,1,Dial(IAX2/b2/${EXTEN},30)
include => remote
include => local
[remote]
switch => IAX2/dp:dps@127.0.4.62/dpctx
[local]
exten => 100,hint,IAX2/dyn
exten => 100,1,Dial(IAX2/dyn/${EXTEN},20,tT)
exten => 100,2(busy),Voicemail(100@default,u)
exten => 100,n,Hangup()
exten => _1XX,1,NoOp(pattern)
ignorepat => 9
"""


@pytest.fixture
def plan() -> Dialplan:
    return dialplan(CONF)


@pytest.mark.parametrize(
    ("what", "name"),
    [("default", "default"), ("local", "local"), ("100@local", "100-at-local"), ("201@default", "201-at-default")],
)
def test_as_recorded(plan: Dialplan, what: str, name: str) -> None:
    text = (shared_dir("reference", "cli") / f"dialplan-show-{name}.txt").read_text(encoding="utf-8")
    assert "\n".join(show(plan, what)) == text.rstrip("\n")


def failing(plan: Dialplan, what: str) -> tuple[list[str], str]:
    """The lines, and the words behind them."""
    lines = []
    with pytest.raises(NotThere) as caught:
        for line in show(plan, what):
            lines.append(line)
    return lines, str(caught.value)


def test_what_is_not_there(plan: Dialplan) -> None:
    assert failing(plan, "nosuch") == ([], "There is no existence of 'nosuch' context")
    assert failing(plan, "9@default") == ([], "There is no existence of 9@default extension")
    lines, words = failing(plan, "9@")
    assert words == "There is no existence of '9' extension in all contexts"
    assert lines == ["  Alt. Switch =>    'IAX2/dp:dps@127.0.4.62/dpctx'                [pbx_config]"]


def test_all_contexts_newest_first(plan: Dialplan) -> None:
    lines = list(show(plan))
    assert [line for line in lines if line.startswith("[")] == [
        f"[ Context '{name}' created by 'pbx_config' ]" for name in ("local", "remote", "default")
    ]
    assert lines[-1] == "-= 4 extensions (8 priorities) in 3 contexts. =-"


def test_included_contexts_are_searched() -> None:
    plan = dialplan("[a]\ninclude => b\n[b]\nexten => 5/77,1,NoOp(ä)\ninclude => a\n[c]\nautohints=yes\n")
    assert list(show(plan, "5@a")) == [
        "[ Included context 'b' created by 'pbx_config' ]",
        "  '5' (CID match '77') =>  1. NoOp(ä)                                   [extensions.conf:4]",
        "",
        "-= 1 extension (1 priority) in 1 context. =-",
    ]
    assert list(show(plan, "c"))[1] == "Autohints support enabled"
