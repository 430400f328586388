"""What the dialplan asks of its records: ResetCDR, ForkCDR, CDR() written, CDR_PROP()."""

from __future__ import annotations

from collections.abc import Iterator

from pbx.cdr.engine import Engine
from pbx.cdr.record import Phase
from pbx.channels.channel import Channel, State


class Wishes:
    """Changes the records of channels in an engine."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def reset(self, channel: Channel, *, keep_variables: bool) -> None:
        """ResetCDR: times begin anew."""
        chain = self._engine.chain(channel)
        if chain is None:
            return
        now = self._engine.now()
        for record in chain.records:
            record.end = 0.0
            record.start = now
            record.answer = 0.0
            record.check_answer(now)
            if not keep_variables:
                record.variables.clear()
                record.b_variables.clear()

    def fork(self, channel: Channel, letters: str) -> bool:
        """ForkCDR: a second record that goes on beside the first; False when the records have ended."""
        chain = self._engine.chain(channel)
        if chain is None or chain.last.phase is Phase.OVER:
            return False
        now = self._engine.now()
        last = chain.last
        record = self._engine.append(chain, now)
        record.phase, record.bridge, record.pending_at = last.phase, last.bridge, last.pending_at
        record.application, record.data = last.application, last.data
        if last.b is not None:
            self._engine.set_peer(record, last.b)
            record.b_userfield, record.b_variables = last.b_userfield, dict(last.b_variables)
        record.start, record.answer = last.start, last.answer
        if "a" in letters and channel.state is State.UP:
            record.answer = now
        if "r" in letters:
            record.start = now
            record.answer = now if channel.state is State.UP else 0.0
        if "v" not in letters:
            # so it does in a stock server, whatever its help says
            record.variables.clear()
        if "e" in letters:
            for old in chain.records[:-1]:
                self._engine.over(chain, old, now)
        return True

    def set_variable(self, channel: Channel, name: str, value: str) -> None:
        """CDR(name)=value: in this leg's records, and in those in which it is the second party."""
        for variables in self._writable(channel):
            for known in [k for k in variables if k.lower() == name.lower()]:
                del variables[known]
            variables[name] = value

    def _writable(self, channel: Channel) -> Iterator[dict[str, str]]:
        chain = self._engine.chain(channel)
        if chain is not None:
            for record in chain.records:
                if record.phase is not Phase.OVER or record is chain.last:
                    yield record.variables
        for record in self._engine.second_party(channel):
            yield record.b_variables

    def set_userfield(self, channel: Channel, value: str) -> None:
        """CDR(userfield)=value, likewise."""
        chain = self._engine.chain(channel)
        if chain is not None:
            for record in chain.records:
                if record.phase is not Phase.OVER or record is chain.last:
                    record.userfield = value
        for record in self._engine.second_party(channel):
            record.b_userfield = value

    def set_property(self, channel: Channel, name: str, value: bool) -> None:
        """CDR_PROP: `disable` or `party_a`."""
        chain = self._engine.chain(channel)
        if chain is not None:
            for record in chain.records:
                if record.phase is Phase.OVER and name == "disable":
                    continue
                if name == "disable":
                    record.disabled = value
                else:
                    record.party_a = value
