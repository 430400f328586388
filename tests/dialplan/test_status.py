"""docs/dialplan.md says what of a stock Asterisk 22 is here, and it is true."""

from __future__ import annotations

import pytest

from pbx.dialplan import registry
from tests.dialplan.status import BEGIN, DOCUMENT, END, STOCK, reasons, table

registry.load_all()


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
