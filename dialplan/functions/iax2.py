"""IAXVAR: values that go along with a call over IAX2 links."""

from __future__ import annotations

from pbx.dialplan.registry import function
from pbx.dialplan.scope import Scope

#: where the driver puts what came with a call, and takes what goes (channel.attached)
ATTACHED = "iaxvars"


@function(
    "IAXVAR",
    syntax="IAXVAR(name)",
    synopsis="A value that came with an IAX2 call, or is to go with the next one",
    needs_channel=True,
    module="chan_iax2",
)
def iaxvar(scope: Scope, args: str) -> str:
    assert scope.channel is not None
    values: dict[str, str] = scope.channel.attached.get(ATTACHED, {})
    return values.get(args, "")


@iaxvar.writer
def _iaxvar(scope: Scope, args: str, value: str) -> None:
    assert scope.channel is not None
    scope.channel.attached.setdefault(ATTACHED, {})[args] = value
