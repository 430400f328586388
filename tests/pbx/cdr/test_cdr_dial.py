"""What Dial tells the call records of a leg that did not answer: the dialplan's own Dial, in virtual time."""

from __future__ import annotations

import pytest

from pbx.cdr.engine import Engine
from pbx.cdr.record import Cdr
from pbx.cdr.settings import Settings
from pbx.channels.events import Control, DialBegin, DialEnd, Indication
from tests.dialplan.test_dial_options import Called
from tests.dialplan.test_interpreter import Plan


class Dialling:
    """A caller in `Dial`, the legs it calls, and the records that come of it."""

    def __init__(self, dial: str, *, congestion: bool = False) -> None:
        self.plan = Plan(
            f"[default]\nexten => s,1,Dial({dial})\nsame => n,Set(GLOBAL(SAID)=${{DIALSTATUS}} ${{HANGUPCAUSE}})\n"
            "same => n,Hangup()\nexten => away,1,Hangup()\nexten => back,1,Return()\n"
        )
        self.legs = Called(self.plan)
        self.plan.switch.register(self.legs)
        self.records: list[Cdr] = []
        self.events: list[object] = []
        bus, clock = self.plan.switch.bus, self.plan.clock
        engine = Engine(bus, self.plan.switch.wall, clock, self.records.extend)
        engine.settings = Settings(congestion=congestion)
        for kind in (DialBegin, DialEnd):
            bus.subscribe(kind, self.events.append)
        self.caller = self.plan.call()
        self.plan.turns()

    @property
    def said(self) -> str | None:
        """DIALSTATUS and HANGUPCAUSE after the Dial; None while it goes on."""
        return self.plan.services.dialplan.globals.get("SAID")

    def dispositions(self) -> list[str]:
        assert self.caller.dead
        assert self.plan.errors == []
        return [record.disposition.label for record in self.records]


@pytest.mark.parametrize("cause", [0, 16, 3])
@pytest.mark.parametrize(
    ("control", "congestion", "status", "word"),
    [
        (Control.BUSY, False, "BUSY", "BUSY"),
        (Control.CONGESTION, True, "CONGESTION", "CONGESTION"),
        (Control.CONGESTION, False, "CONGESTION", "FAILED"),
    ],
)
def test_what_a_leg_says_decides_whatever_its_cause(
    control: Control, congestion: bool, status: str, word: str, cause: int
) -> None:
    dialling = Dialling("Test/b", congestion=congestion)
    (leg,) = dialling.legs.channels
    leg.hangup_cause = cause
    leg.deliver(Indication(control))
    dialling.plan.turns()
    assert dialling.said == f"{status} {cause}"
    assert [event.status for event in dialling.events if isinstance(event, DialEnd)] == [status]
    assert dialling.dispositions() == [word]


def test_a_leg_that_its_subroutine_hangs_up_was_never_called() -> None:
    dialling = Dialling("Test/b,,b(default^away^1)")
    assert dialling.said == "CHANUNAVAIL 16"
    assert dialling.events == []
    assert dialling.caller.dead


def test_a_leg_whose_subroutine_returns_is_called() -> None:
    dialling = Dialling("Test/b,,b(default^back^1)")
    assert [type(event) for event in dialling.events] == [DialBegin]
    assert dialling.said is None
    dialling.caller.hangup()
    dialling.plan.turns()
    assert dialling.dispositions() == ["NO ANSWER"]
