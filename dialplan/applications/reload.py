"""Reload: a module's configuration is read anew from the dialplan."""

from __future__ import annotations

from twisted.internet.defer import Deferred

from pbx.dialplan.arguments import fields
from pbx.dialplan.interpreter import Run
from pbx.dialplan.registry import Outcome, Result, application


@application(
    "Reload",
    syntax="Reload([module])",
    synopsis="Reads the configuration of a module (none given: of all) anew, and waits until that is done",
    arguments={"module": "its full name: chan_iax2, pbx_config ..."},
    variables={"RELOADSTATUS": "SUCCESS or FAILURE"},
    module="app_reload",
)
async def reload(run: Run, data: str) -> Result:
    async def work() -> bool:
        return await run.services.reload(fields(data, 2)[0].strip())

    done = await run.channel.wait(Deferred.fromCoroutine(work()))
    run.scope.set("RELOADSTATUS", "SUCCESS" if done else "FAILURE")
    return Outcome.END if run.over else None
