"""IAXVAR: values that go along with a call over IAX2 links; IAXPEER: what is known of a peer."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from pbx.dialplan.registry import function
from pbx.dialplan.scope import Scope

#: where the driver puts what came with a call, and takes what goes (channel.attached)
ATTACHED = "iaxvars"


@runtime_checkable
class KnowsPeers(Protocol):
    """The IAX2 technology, as far as IAXPEER needs it."""

    def peer_item(self, name: str, item: str) -> str | None: ...


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


@function(
    "IAXPEER",
    syntax="IAXPEER(peername|CURRENTCHANNEL[,item])",
    synopsis="What is known of an IAX2 peer",
    arguments={
        "item": "ip (also without item), port, status, mailbox, context, expire, dynamic, callerid_name, callerid_num, "
        "codecs, codec[number]",
    },
    module="chan_iax2",
)
def iaxpeer(scope: Scope, args: str) -> str:
    name, _, item = args.partition(",")
    item = item.strip() or "ip"
    if name == "CURRENTCHANNEL":
        leg = scope.channel.leg if scope.channel is not None else None
        found = leg.detail("peerip") if leg is not None and item == "ip" else None
        return found or ""
    technology = scope.services.switch.technology("IAX2")
    if not isinstance(technology, KnowsPeers):
        return ""
    return technology.peer_item(name.strip(), item) or ""
