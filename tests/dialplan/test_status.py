"""docs/dialplan.md says what of a stock Asterisk 22 is here, and it is true."""

from __future__ import annotations

import re

import pytest

from pbx.dialplan import registry
from tests.dialplan.status import BEGIN, DOCUMENT, END, STOCK, reasons, table

registry.load_all()

#: what an issue of its own brings: queues, agents, voicemail, the directory, conferences, paging, parking, FollowMe,
#: AGI, databases behind the configuration
_LATER = re.compile(
    r"(Add|Remove|Pause|Unpause)?Queue.*|QUEUE_.*|Agent.*|AGENT|VM.*|VoiceMail.*|Minivm.*|MINIVM.*|Directory"
    r"|Conf(Bridge|Kick)|CONFBRIDGE.*|Page|ParkAndAnnounce|PARK_GET_CHANNEL|FollowMe|(Dead|E)?AGI|ExternalIVR"
    r"|ODBC.*|REALTIME.*"
)


def test_the_document_is_as_the_program() -> None:
    text = DOCUMENT.read_text(encoding="utf-8")
    written = text.partition(BEGIN)[2].partition(END)[0]
    assert written == table(), "write it anew: python -m tests.dialplan.status"


@pytest.mark.parametrize(
    ("kind", "here"),
    [("applications", registry.APPLICATIONS), ("functions", registry.FUNCTIONS)],
    ids=("applications", "functions"),
)
def test_whatever_is_not_here_has_its_reason(kind: str, here: registry.Table[registry.Entry]) -> None:
    known = reasons(kind)
    assert [name for name in STOCK[kind] if name not in here and name not in known] == []
    assert [name for name in known if name not in STOCK[kind]] == []


def test_nothing_else_is_put_off() -> None:
    """What is not here is left out for good, with its reason, or comes with an issue of its own."""
    kinds = {"applications": registry.APPLICATIONS, "functions": registry.FUNCTIONS}
    later = [
        name
        for kind, here in kinds.items()
        for name, (status, _) in reasons(kind).items()
        if status == "later" and name not in here  # type: ignore[operator]
    ]
    assert [name for name in later if not _LATER.fullmatch(name)] == []
    assert {status for kind in kinds for status, _ in reasons(kind).values()} == {"later", "left out"}
