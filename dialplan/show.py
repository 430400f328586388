"""The text of `dialplan show [exten@][context]`."""

from __future__ import annotations

from collections.abc import Iterator

from pbx.dialplan.dialplan import Dialplan


def show(dialplan: Dialplan, what: str = "") -> Iterator[str]:
    """Lines of `dialplan show what`; `what` is "", `context`, `exten@context` or `exten@`."""
    raise NotImplementedError
