"""CDR(), CDR_PROP(), ResetCDR and ForkCDR: what the dialplan reads and asks of its records."""

from __future__ import annotations

from pbx.cdr.engine import Engine
from pbx.cdr.record import READ_ONLY, Cdr
from pbx.cdr.templates import RECORD, cdr_text
from pbx.cdr.wishes import Wishes
from pbx.channels.channel import Channel
from pbx.channels.log import Log
from pbx.conf.values import is_true
from pbx.dialplan.arguments import fields
from pbx.dialplan.events import RecordRequest

log = Log("func_cdr")

_DEPRECATED = "Using the CDR function to set '{}' is deprecated. Please use the CHANNEL function instead."
_AMA = {"OMIT": 1, "BILLING": 2, "DOCUMENTATION": 3}


class Functions:
    """The hooks that the dialplan's services have for records."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._wishes = Wishes(engine)

    def read(self, channel: Channel, args: str) -> str | None:
        """CDR(name[,options])."""
        name, options = fields(args, 2)
        cdr: Cdr | None = channel.attached.get(RECORD) or self._engine.look(channel)
        return None if cdr is None else cdr_text(cdr, name, options)

    def write(self, channel: Channel, name: str, value: str) -> None:
        """CDR(name)=value."""
        low = name.lower()
        if low == "accountcode":
            log.warning(_DEPRECATED.format(low))
            channel.accountcode = value
        elif low == "amaflags":
            log.warning(_DEPRECATED.format(low))
            channel.amaflags = int(value) if value.isdigit() else _AMA.get(value.upper(), channel.amaflags)
        elif low == "peeraccount":
            log.warning(
                "The 'peeraccount' setting is not supported. Please set the 'accountcode' on the appropriate channel "
                "using the CHANNEL function."
            )
        elif low == "userfield":
            self._wishes.set_userfield(channel, value)
        elif low in READ_ONLY:
            log.error(f"Attempt to set the '{name}' read-only variable!", call=channel.call_id)
        else:
            self._wishes.set_variable(channel, name, value)

    def set_property(self, channel: Channel, name: str, value: str) -> None:
        """CDR_PROP(name)=value."""
        if name.lower() in ("disable", "party_a"):
            self._wishes.set_property(channel, name.lower(), is_true(value))
        else:
            log.warning(f"Unknown CDR property: {name}", call=channel.call_id)

    def requested(self, event: RecordRequest) -> None:
        """ResetCDR or ForkCDR."""
        wishes, letters = self._wishes, event.options
        if event.what == "reset":
            for letter in letters.replace("v", ""):
                log.warning(f"Unrecognized option: '{letter}'", call=event.channel.call_id)
            wishes.reset(event.channel, keep_variables="v" in letters)
        elif not wishes.fork(event.channel, letters):
            log.warning(f"Failed to fork CDR for channel {event.channel.name}", call=event.channel.call_id)
