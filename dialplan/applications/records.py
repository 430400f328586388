"""Applications that write into the records of a call."""

from __future__ import annotations

from pbx.dialplan.arguments import fields
from pbx.dialplan.events import CelUserEvent
from pbx.dialplan.interpreter import Run
from pbx.dialplan.registry import Result, application


@application(
    "CELGenUserEvent",
    syntax="CELGenUserEvent(event-name[,extra])",
    synopsis="Writes an event of your own into the channel event log",
    arguments={"event-name": "its name", "extra": "text that goes with it"},
    module="app_celgenuserevent",
)
def cel_gen_user_event(run: Run, data: str) -> Result:
    name, extra = fields(data, 2)
    if name:
        run.channel.switch.bus.publish(CelUserEvent(run.channel, name, extra))
    return None
