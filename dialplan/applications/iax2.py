"""IAX2Provision: gives the calling device its settings."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from pbx.dialplan.interpreter import Run
from pbx.dialplan.registry import Outcome, Result, application


@runtime_checkable
class Provisions(Protocol):
    """The leg of a call over IAX2, as far as IAX2Provision needs it."""

    def provision(self, template: str) -> bool: ...


@application(
    "IAX2Provision",
    syntax="IAX2Provision([template])",
    synopsis="Sends the calling IAX2 device the settings of a template",
    arguments={"template": "of iaxprov.conf; `default` if there is none"},
    module="chan_iax2",
)
def iax2_provision(run: Run, data: str) -> Result:
    leg = run.channel.leg
    if not isinstance(leg, Provisions):
        run.warn("Can't provision a non-IAX device!")
        return Outcome.END
    name = data or "default"
    if leg.provision(name):
        return None
    run.warn(f"No provisioning found for template '{name}'")
    return Outcome.END
