"""Digits that are pressed while a program of the system's runs: a stock box reads no frames then, and drops them."""

from __future__ import annotations

from typing import Any

import pytest
from twisted.internet.defer import Deferred

from pbx.channels.events import DigitBegin, DigitEnd
from tests.dialplan.test_interpreter import Plan


@pytest.mark.parametrize("line", ["TrySystem(sleep 3)", "System(sleep 3)", "Set(X=${SHELL(sleep 3)})", "Wait(3)"])
def test_digits_pressed_meanwhile_are_dropped(line: str) -> None:
    program: Deferred[Any] = Deferred()
    plan = Plan(
        f"[default]\nexten => s,1,Answer()\n same => n,{line}\n same => n,WaitExten(1)\n"
        " same => n,Set(GLOBAL(HEARD)=no)\n"
        "exten => 1,1,Set(GLOBAL(HEARD)=yes)\n",
        shell=lambda _: program,
        shell_output=lambda _: program,
    )
    channel = plan.call()
    plan.turns()
    for kind in (DigitBegin("1"), DigitEnd("1", 100)):
        channel.deliver(kind)
    plan.turns()
    assert "HEARD" not in plan.services.dialplan.globals
    program.callback(b"" if "SHELL" in line else 0)
    for _ in range(60):
        plan.clock.advance(0.1)
    assert plan.services.dialplan.globals["HEARD"] == "no"
    assert plan.errors == []
