"""JITTERBUFFER: what its arguments mean, as a stock Asterisk 22 takes them."""

from __future__ import annotations

import pytest

from pbx.channels.log import Level, Record, set_sink
from pbx.channels.voice.port import Buffering, BufferKind
from pbx.dialplan import registry
from pbx.dialplan.scope import Scope, scope_of
from tests.channels.world import RecordingLeg, said
from tests.dialplan.test_interpreter import Plan

registry.load_all()
FIXED, ADAPTIVE = BufferKind.FIXED, BufferKind.ADAPTIVE


@pytest.fixture
def scope() -> Scope:
    plan = Plan("[default]\n")
    channel = plan.switch.create("Test/1")
    channel.leg = RecordingLeg(5)
    return scope_of(plan.services, channel)


@pytest.mark.parametrize(
    ("kind", "value", "found"),
    [
        ("fixed", "default", Buffering(FIXED, 200, 1000, 10, 40)),
        ("Fixed", "", Buffering(FIXED, 200, 1000, 10, 40)),
        ("adaptive", "DEFAULT", Buffering(ADAPTIVE, 200, 1000, 10, 40)),
        ("adaptive", "300", Buffering(ADAPTIVE, 300, 1000, 10, 40)),
        ("adaptive", "300,1500,60,yes", Buffering(ADAPTIVE, 300, 1500, 10, 60)),
        ("ADAPTIVE", "200,,60", Buffering(ADAPTIVE, 200, 1000, 10, 60)),
        ("adaptive", "12x,-1,0", Buffering(ADAPTIVE, 12, 1000, 10, 0)),
        ("fixed", "abc,0", Buffering(FIXED, 200, 1000, 10, 40)),
        ("fixed", ",,", Buffering(FIXED, 200, 1000, 10, 40)),
        ("disabled", "", None),
    ],
)
def test_forms(scope: Scope, kind: str, value: str, found: Buffering | None) -> None:
    scope.set(f"JITTERBUFFER({kind})", value)
    assert scope.channel is not None
    assert said(scope.channel) == [("buffer", found)]


def test_what_is_wrong_is_said_and_changes_nothing(scope: Scope) -> None:
    records: list[Record] = []
    former = set_sink(records.append)
    try:
        scope.set("JITTERBUFFER(elastic)", "default")
        scope.set("JITTERBUFFER()", "default")
        assert scope.function("JITTERBUFFER", "fixed") is None
        assert scope.channel is not None
        assert said(scope.channel) == []
        scope.set("JITTERBUFFER(fixed)", "abc")
        scope.channel.leg = RecordingLeg(None)
        scope.set("JITTERBUFFER(fixed)", "200")
    finally:
        set_sink(former)
    lines = [record.text for record in records if record.level in (Level.WARNING, Level.ERROR, Level.NOTICE)]
    assert [("elastic" in line, "'abc'" in line, "no packets" in line) for line in lines if "cannot" not in line] == [
        (True, False, False),
        (False, True, False),
        (False, False, True),
    ]
