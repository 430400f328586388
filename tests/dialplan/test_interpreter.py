"""The walk itself, in virtual time: turns, limits, interrupts, ends, what may wait."""

from __future__ import annotations

from typing import Any

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from pbx.channels import log
from pbx.channels.channel import Channel, State
from pbx.channels.events import Bus, DigitEnd
from pbx.channels.switch import Switch
from pbx.conf import reader
from pbx.conf.diagnostics import Diagnostics
from pbx.dialplan import loader, registry
from pbx.dialplan.dialplan import Dialplan
from pbx.dialplan.functions.places import DEEPEST
from pbx.dialplan.interpreter import Interpreter, Run
from pbx.dialplan.registry import APPLICATIONS, FUNCTIONS, Result, Suspend, application, function
from pbx.dialplan.scope import Scope, scope_of
from pbx.dialplan.services import Services
from tests.channels.world import RecordingLeg

registry.load_all()


class Plan:
    """A switch with one dialplan; applications `Note(text)` write to `notes`."""

    def __init__(self, text: str, **more: Any) -> None:
        self.clock = Clock()
        self.notes: list[str] = []
        self.errors: list[Any] = []
        self.switch = Switch(
            self.clock,
            lambda: 1_000_000 + self.clock.seconds(),
            Bus(),
            None,  # type: ignore[arg-type]
            report=lambda failure, where: self.errors.append(failure),
        )
        self.services = Services(self.switch, Dialplan(wall=lambda: 1_000_000 + self.clock.seconds()), **more)
        self.services.shared["notes"] = self.notes
        self.switch.extensions = Interpreter(self.services)
        document = reader.read_text(text, diagnostics=Diagnostics())
        self.services.dialplan.replace(loader.load(document, Diagnostics()))

    def call(self, exten: str = "s", name: str = "Test/1") -> Channel:
        channel = self.switch.create(name, state=State.RING)
        channel.leg = RecordingLeg()
        channel.context, channel.exten = "default", exten
        self.switch.extensions.run(channel)
        return channel

    def turns(self, count: int = 50) -> None:
        for _ in range(count):
            self.clock.advance(0)


@pytest.fixture(autouse=True)
def note_application() -> Any:
    @application("Note", syntax="Note(text)", synopsis="Writes a text down")
    def note(run: Run, data: str) -> Result:
        run.services.shared["notes"].append(data)
        return None

    yield
    APPLICATIONS.remove("Note")


@pytest.fixture
def lines() -> Any:
    """What is logged."""
    found: list[str] = []
    former = log.set_sink(lambda record: found.append(f"{record.level.name} {record.text}"))
    yield found
    log.set_sink(former)


def test_unknown_application_ends_the_call_and_says_where(lines: list[str]) -> None:
    plan = Plan(
        "[default]\nexten => s,1,Note(a)\n same => n,NoSuchThing(x)\n same => n,Note(b)\nexten => h,1,Note(h)\n"
    )
    channel = plan.call()
    plan.turns()
    assert plan.notes == ["a", "h"]
    assert channel.dead
    assert any("NoSuchThing" in line and "extensions.conf:3" in line for line in lines)


def test_runaway_loop_meets_a_limit(lines: list[str]) -> None:
    plan = Plan("[default]\nexten => s,1,NoOp()\n same => n,Goto(1)\nexten => h,1,Note(h)\n", loop_limit=1000)
    channel = plan.call()
    plan.turns(60)
    assert channel.dead
    assert plan.notes == ["h"]
    assert any("runaway" in line and "extensions.conf:" in line for line in lines)


def test_a_loop_gives_others_their_turn() -> None:
    plan = Plan("[default]\nexten => s,1,NoOp()\n same => n,Goto(1)\nexten => x,1,Note(x)\n")
    loop = plan.call()
    plan.call("x", "Test/2")
    assert plan.notes == ["x"]
    assert not loop.dead
    loop.softhangup()
    plan.turns()
    assert loop.dead


def test_a_loop_that_waits_meets_no_limit() -> None:
    plan = Plan("[default]\nexten => s,1,Wait(0.01)\n same => n,Goto(1)\n", loop_limit=50)
    channel = plan.call()
    for _ in range(200):
        plan.clock.advance(0.02)
    assert not channel.dead
    channel.softhangup()
    assert channel.dead


def test_redirect_breaks_into_a_wait() -> None:
    plan = Plan("[default]\nexten => s,1,Wait(60)\n same => n,Note(no)\nexten => x,1,Note(x ${EXTEN})\n")
    channel = plan.call()
    plan.switch.redirect((channel, "default", "x", 1))
    plan.turns()
    assert plan.notes == ["x x"]


def test_waits_in_h_return_at_once_and_end_it() -> None:
    plan = Plan(
        "[default]\nexten => s,1,Hangup(17)\n"
        "exten => h,1,Note(h ${HANGUPCAUSE})\n same => n,Wait(5)\n same => n,Note(no)\n"
    )
    channel = plan.call()
    plan.turns()
    assert plan.notes == ["h 17"]
    assert channel.leg is not None
    assert ("hangup", 17) in channel.leg.said  # type: ignore[attr-defined]


def test_the_far_end_hangs_up() -> None:
    plan = Plan("[default]\nexten => s,1,Wait(60)\nexten => h,1,Note(h ${HANGUPCAUSE})\n")
    channel = plan.call()
    channel.end(16)
    plan.turns()
    assert plan.notes == ["h 16"]
    assert list(plan.switch.channels()) == []


def test_digits_typed_ahead_make_an_extension() -> None:
    plan = Plan(
        "[default]\nexten => s,1,WaitExten(5)\nexten => _1X,1,Note(${EXTEN})\nexten => i,1,Note(i ${INVALID_EXTEN})\n"
    )
    channel = plan.call()
    channel.deliver(DigitEnd("1", 100))
    channel.deliver(DigitEnd("7", 100))
    plan.turns()
    assert plan.notes == ["17"]


def test_a_function_may_wait_and_nothing_is_read_twice() -> None:
    reads: list[str] = []
    answer: Deferred[str] = Deferred()

    @function("R_SLOW", syntax="R_SLOW()", synopsis="waits")
    def slow(scope: Scope, args: str) -> str:
        async def wait() -> str:
            return await answer

        raise Suspend(wait)

    @function("R_COUNT", syntax="R_COUNT()", synopsis="counts")
    def count(scope: Scope, args: str) -> str:
        reads.append(args)
        return str(len(reads))

    try:
        plan = Plan("[default]\nexten => s,1,Note(${R_COUNT(a)} ${TOUPPER(${R_SLOW()})} ${R_COUNT(b)})\n")
        plan.call()
        assert plan.notes == []
        answer.callback("late")
        plan.turns()
        assert plan.notes == ["1 LATE 2"]
        assert reads == ["a", "b"]
    finally:
        FUNCTIONS.remove("R_SLOW")
        FUNCTIONS.remove("R_COUNT")


def test_nothing_stays_of_a_call() -> None:
    import gc

    plan = Plan(
        "[default]\nexten => s,1,Gosub(sub,1(a))\n same => n,Wait(1)\n"
        "exten => sub,1,Set(LOCAL(X)=1)\n same => n,Return()\n"
    )
    for number in range(20):
        if number == 3:
            # what is made once (caches, tables) is there by now
            gc.collect()
            gc.disable()
        channel = plan.call(name=f"Test/{number}")
        plan.clock.advance(2)
        assert channel.dead
        del channel
    try:
        assert gc.collect() == 0
    finally:
        gc.enable()
    assert list(plan.switch.channels()) == []
    assert plan.clock.getDelayedCalls() == []
    assert plan.errors == []


def test_marked_variables_are_inherited_as_far_as_they_say() -> None:
    from pbx.dialplan.scope import inherit

    plan = Plan("[default]\n")
    scopes = [scope_of(plan.services, plan.switch.create(f"Test/{n}")) for n in range(3)]
    scopes[0].set("A", "1")
    scopes[0].set("_B", "2")
    scopes[0].set("__C", "3")
    inherit(scopes[0], scopes[1])
    inherit(scopes[1], scopes[2])
    assert [s.variables for s in scopes[1:]] == [{"B": "2", "C": "3"}, {"C": "3"}]


def test_dial_in_h_does_not_hold_the_loop() -> None:
    """On a call that is over every wait ends at once: Dial must not wait for its timeout by turning around."""
    from pbx.channels.graph import Graph
    from pbx.channels.local.driver import LocalTechnology
    from tests.channels.world import PortLog

    plan = Plan(
        "[default]\nexten => s,1,Hangup()\nexten => x,1,Wait(60)\n"
        "exten => h,1,Note(h)\n same => n,Dial(Local/x@default/n,30)\n same => n,Note(no)\n"
    )
    plan.switch.graph = Graph(plan.switch, PortLog())  # type: ignore[arg-type]
    plan.switch.register(LocalTechnology(plan.switch))
    channel = plan.call()
    plan.turns()
    assert channel.dead
    assert plan.notes == ["h"]
    assert list(plan.switch.channels()) == []


def test_hangup_handlers_that_add_each_other_meet_a_limit(lines: list[str]) -> None:
    plan = Plan("[default]\nexten => s,1,Set(CHANNEL(hangup_handler_push)=1)\n same => n,Hangup()\n")
    channel = plan.call()
    plan.turns(400)
    assert channel.dead and not channel.has_task
    assert any("hangup handlers" in line and "100" in line for line in lines)


def test_eval_sub_that_calls_itself_ends() -> None:
    plan = Plan(
        "[default]\nexten => s,1,Note(<${EVAL_SUB(sub,1)}>)\nsame => n,Note(after)\n"
        "exten => sub,1,Set(LOCAL(below)=${EVAL_SUB(sub,1)})\nsame => n,Note(deep)\nsame => n,Return(x${below})\n"
    )
    channel = plan.call()
    plan.turns(200)
    assert channel.dead
    assert plan.errors == []
    # the innermost gets nothing, all others what is below them; then the walk goes on
    assert plan.notes == ["deep"] * DEEPEST + [f"<{'x' * DEEPEST}>", "after"]


def test_a_reload_is_one_step_for_a_call_on_its_way() -> None:
    """While the new file is read the old one answers, whole; then a call goes on in the new one where it stands."""
    old = "[default]\nexten => s,1,Note(old 1)\n same => n,Wait(1)\n same => n,Note(old 3)\n same => n,Goto(x,1)\n"
    new = "[default]\nexten => s,1,Note(new 1)\n same => n,Wait(9)\n same => n,Note(new 3)\n same => n,Goto(x,1)\n"
    plan = Plan(old + "exten => x,1,Note(old x)\n")
    plan.call()
    found = Diagnostics()
    work = loader.loading(reader.read_text(new + "exten => x,1,Note(new x)\n", diagnostics=found), found)
    tables = None
    while tables is None:
        try:
            next(work)
            assert plan.services.dialplan.find("default", "x").priority.data == "old x"  # type: ignore[union-attr]
        except StopIteration as end:
            tables = end.value
    plan.call("x", "Test/2")
    plan.services.dialplan.replace(tables)
    plan.clock.advance(1)
    plan.turns()
    assert plan.notes == ["old 1", "old x", "new 3", "new x"]
