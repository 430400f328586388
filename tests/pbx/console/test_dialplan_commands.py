"""dialplan add, remove, save, eval, explain, trace: Asterisk's texts where it has them."""

from __future__ import annotations

import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from pbx.channels.channel import Channel
from pbx.channels.events import Bus, ChannelLocation
from pbx.channels.switch import Switch
from pbx.conf.diagnostics import Diagnostics
from pbx.conf.reader import read, read_text
from pbx.console import commands
from pbx.console.registry import Context, run
from pbx.dialplan.dialplan import Dialplan
from pbx.dialplan.loader import load
from pbx.dialplan.model import Priority, Tables
from pbx.dialplan.registry import load_all
from pbx.dialplan.services import Services
from pbx.dialplan.show import show
from pbx.services.dialplan import NoExtensions

TEXT = """[general]
static=yes
writeprotect=no
[globals]
G1=hello
[t]
exten => _1XX,1,NoOp(a)
exten => _1[2-4]X,1,NoOp(b)
 same => n(here),NoOp(c)
exten => 100,1,NoOp(d)
include => u
ignorepat => 9
[u]
exten => 5,1,NoOp()
"""


class World:
    """A dialplan in `folder`, and a console to it."""

    def __init__(self, folder: Path) -> None:
        load_all()
        self.clock = Clock()
        self.file = folder / "extensions.conf"
        self.file.write_text(TEXT)
        bus = Bus()
        self.switch = Switch(self.clock, lambda: 0.0, bus, NoExtensions(), systemname="x")
        self.plan = Dialplan(load(read_text(TEXT, diagnostics=Diagnostics()), Diagnostics()))
        service = SimpleNamespace(services=Services(self.switch, self.plan), read_config=self._read)
        conf = SimpleNamespace(etc=lambda name: str(folder / name), astetcdir=str(folder), execincludes=False)
        self.pbx: Any = SimpleNamespace(dialplan=service, switch=self.switch, bus=bus, conf=conf, reactor=self.clock)
        self.registry = commands.registry()
        self.out: list[str] = []

    def _read(self, name: str) -> Any:
        return read(str(self.file.parent / name), diagnostics=Diagnostics())

    def begin(self, line: str, session: object = None) -> Deferred[int]:
        return Deferred.fromCoroutine(run(self.registry, Context(self.pbx, self.out.append, session), line))

    def __call__(self, line: str) -> str:
        self.out.clear()
        self.begin(line)
        return "".join(self.out)


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


#: recorded of a stock Asterisk 22, one after another
RECORDED = [
    ("dialplan add extension 7,1,NoOp,x into t", "Extension '7,1,NoOp(x)' added into 't' context\n"),
    (
        "dialplan add extension 7,1,NoOp,x into t",
        "Extension 7@t with priority 1 already exists\nCommand 'dialplan add extension 7,1,NoOp,x into t' failed.\n",
    ),
    ("dialplan add extension 7,1,NoOp(y) into t replace", "Extension 7@t (1) replace by '7,1,NoOp(y)'\n"),
    (
        "dialplan add extension 8,1,NoOp(y) into nosuch",
        "Context 'nosuch' did not exist prior to add extension - the context will be created.\n"
        "Extension '8,1,NoOp(y)' added into 'nosuch' context\n",
    ),
    ("dialplan add extension 9,1,NoOp into t", "Extension '9,1,NoOp()' added into 't' context\n"),
    ("dialplan add extension 9/123,2,NoOp(x) into t", "Extension '9,2,NoOp(x)' added into 't' context\n"),
    (
        "dialplan add extension 9,2,Dial,IAX2/x,30,g into t",
        "Extension '9,2,Dial(IAX2/x,30,g)' added into 't' context\n",
    ),
    ("dialplan remove extension 9/123@t", "Whole extension 9@t removed\n"),
    ("dialplan add include u into nosuch", "Context 'u' included in 'nosuch' context\n"),
    ("dialplan add include x into t", "Context 'x' included in 't' context\n"),
    (
        "dialplan add include u into t",
        "Context 'u' already included in 't' context\nCommand 'dialplan add include u into t' failed.\n",
    ),
    (
        "dialplan add ignorepat 9 into t",
        "Ignore pattern '9' already included in 't' context\nCommand 'dialplan add ignorepat 9 into t' failed.\n",
    ),
    ("dialplan add ignorepat 8 into t", "Ignore pattern '8' added into 't' context\n"),
    (
        "dialplan add ignorepat 8 into zzz",
        "Failed to add ignore pattern '8' into 'zzz' context\nCommand 'dialplan add ignorepat 8 into zzz' failed.\n",
    ),
    ("dialplan remove extension 9@t", "Whole extension 9@t removed\n"),
    ("dialplan remove extension 7@t", "Whole extension 7@t removed\n"),
    (
        "dialplan remove extension 7@t",
        "Failed to remove extension 7@t\nCommand 'dialplan remove extension 7@t' failed.\n",
    ),
    ("dialplan remove extension 100@t 1", "Extension 100@t with priority 1 removed\n"),
    (
        "dialplan remove extension 5",
        "Missing extension or context name in third argument '5'\nCommand 'dialplan remove extension 5' failed.\n",
    ),
    ("dialplan remove include u from t", "We are not including 'u' into 't' now\n"),
    (
        "dialplan remove include u from t",
        "Failed to remove 'u' include from 't' context\nCommand 'dialplan remove include u from t' failed.\n",
    ),
    ("dialplan remove ignorepat 8 from t", "Ignore pattern '8' removed from 't' context\n"),
    (
        "dialplan remove ignorepat 8 from t",
        "There is no existence of '8' ignore pattern in 't' context\n"
        "Command 'dialplan remove ignorepat 8 from t' failed.\n",
    ),
    ("dialplan remove context u", "Removed context 'u'\n"),
    ("dialplan remove context u", "There is no such context as 'u'\n"),
    (
        "dialplan remove extension 9@t 0",
        "If you want to remove whole extension, please omit priority argument\n"
        "Command 'dialplan remove extension 9@t 0' failed.\n",
    ),
    (
        "dialplan remove extension 9@t x",
        "Invalid priority 'x'\nCommand 'dialplan remove extension 9@t x' failed.\n",
    ),
    ("dialplan eval function LEN(abc)", "Return Value: Success (0)\nResult: 3\n"),
    ("dialplan eval function NOSUCH(1)", "Return Value: Failure (-1)\nResult: \n"),
    ("dialplan eval function LEN", "Return Value: Success (0)\nResult: 0\n"),
    ("dialplan locks show", f"func_lock locks:\n{'Name':<40} Requesters Owner\n0 total locks listed.\n"),
    ("dialplan eval function GLOBAL(G1)", "Return Value: Success (0)\nResult: hello\n"),
]


def test_texts_are_those_of_a_stock_asterisk(world: World) -> None:
    assert [(line, world(line)) for line, _ in RECORDED] == RECORDED


def test_matcher_switch(world: World) -> None:
    assert world("dialplan set extenpatternmatchnew true").startswith(
        "\n    -- Switched to using the NEW pattern match algorithm for extension names in the dialplan.\n"
    )
    assert "Still using the NEW" in world("dialplan set extenpatternmatchnew true")
    assert "Switched to using the OLD" in world("dialplan set extenpatternmatchnew false")


def test_debug_shows_the_tree(world: World) -> None:
    def shown() -> list[str]:
        world.out.clear()
        done = world.begin("dialplan debug t")
        while not done.called:
            world.clock.advance(0)
        return "".join(world.out).splitlines()

    assert shown()[1] == "     No tree: extenpatternmatchnew is not on"
    for _ in world.plan.match_newly(True):
        pass
    lines = shown()
    assert lines[0] == "[ Context 't' created by 'pbx_config' ]"
    assert [line.rpartition("EXTEN:")[2] for line in lines if not line.endswith(":") and "EXTEN:" in line] == [
        "100",
        "_1[2-4]X",
        "_1XX",
    ]
    assert world("dialplan debug nope").startswith("There is no existence of 'nope' context")


def test_what_makes_no_sense_shows_the_usage(world: World) -> None:
    for line in (
        "dialplan add extension 8,n,NoOp(y) into t",
        "dialplan add extension 8,1,NoOp(y) nto t",
        "dialplan add extension 9,1 into t",
        "dialplan eval function LEN(a b)",
        "dialplan explain 100",
        "dialplan trace",
        "dialplan debug t t",
    ):
        assert "Usage: dialplan" in world(line)
    assert world.plan.find("t", "8") is None


def test_what_is_added_runs(world: World) -> None:
    world("dialplan add extension _9X,1,Dial(IAX2/far/${EXTEN}) into t")
    found = world.plan.find("t", "95")
    assert found is not None and found.priority is not None and found.priority.data == "IAX2/far/${EXTEN}"
    world("dialplan add extension _95,1,NoOp(closer) into t")
    found = world.plan.find("t", "95")
    assert found is not None and found.priority is not None and found.priority.data == "closer"
    world("dialplan remove extension _95@t")
    found = world.plan.find("t", "95")
    assert found is not None and found.priority is not None and found.priority.application == "Dial"


def test_what_is_saved_loads_to_the_same(world: World) -> None:
    world("dialplan add extension 7/12X,1,NoOp(a;b) into new")
    world("dialplan add extension 7,hint,IAX2/x into new")
    world("dialplan add include t,9:00-17:00,mon-fri,*,* into new")
    before = {n: [(e, e.in_order()) for e in c] for n, c in world.plan.contexts.items()}
    assert world("dialplan save") == (
        f"Dialplan successfully saved into '{world.file}'\n  the file that was there is kept as '{world.file}.old'\n"
    )
    assert Path(f"{world.file}.old").read_text() == TEXT
    tables = load(read(str(world.file), diagnostics=Diagnostics()), Diagnostics())
    assert {n: [str((e, [(p.number, p.label, p.application, p.data) for p in ps])) for e, ps in es]
            for n, es in before.items()} == {
        n: [str((e, [(p.number, p.label, p.application, p.data) for p in e.in_order()])) for e in c]
        for n, c in tables.contexts.items()
    }  # fmt: skip
    assert tables.globals == {"G1": "hello"} and tables.settings == world.plan.settings
    assert [i.text for i in tables.contexts["new"].includes] == ["t,9:00-17:00,mon-fri,*,*"]
    assert [i.pattern for i in tables.contexts["t"].ignore_patterns] == ["9"]
    assert not list(world.file.parent.glob("*.new"))


#: everything that a file may hold, more than once and in odd places
ALL = """; why this file is here
[general]
static=yes
writeprotect=no
autofallthrough=no ; but why
userscontext=u
[globals]
G1=hello
G2=a\\;b
G1=two
[tmpl](!)
exten => 99,1,NoOp(of a template)
[z](tmpl)
autohints=yes
exten => _1[2-4]X,1,NoOp(b)
 same => n(here),NoOp(c,d,"e")
exten => 100,1,NoOp(d\\;e\\,f)
exten => 100,hint,IAX2/x,CustomPresence:y
exten => 100/55,1,NoOp(d\\\\x)
exten => 100/_5X.,2(lab),NoOp( d )
exten => 100/,1,NoOp(nobody)
exten => 2-0-0,1,Set(x=a)b)
exten => 200,2,Set(x=${y}|$[1 + 2])
exten => h,1,NoOp
exten => q,1,NoOp,a,b
exten => q,2(l),Goto(l)
exten => q,3(l),Goto(l)
include => u
include => v,9:00-17:00,mon-fri,*,*
include => v|9:00-17:00|sat|*|*
ignorepat => 9
switch => Loopback/x@y
eswitch => Loopback/${z}
#include more.conf
[empty]
[a]
exten => s,1,NoOp()
"""


def test_a_save_says_what_it_leaves_out_and_loads_to_the_same_again_and_again(world: World) -> None:
    def lines(tables: Tables) -> list[str]:
        plan = Dialplan(tables)
        shown = [line for line in show(plan) if not line.startswith("-= ")]
        return [*(re.sub(r"\[\S+:\d+\]", "", line) for line in shown), str(plan.settings), str(plan.globals)]

    def loaded() -> Tables:
        return load(read(str(world.file), root_dir=str(world.file.parent), diagnostics=Diagnostics()), Diagnostics())

    world.file.write_text(ALL)
    (world.file.parent / "more.conf").write_text("; x\n[more]\nexten => 1,1,NoOp(in more)\n")
    world.plan.replace(loaded())
    wanted = lines(loaded())
    assert any("Autohints" in line for line in wanted) and any("(in more)" in line for line in wanted)
    assert "  not in it: 3 lines with comments, 1 template, 1 #include (its lines are written out)\n" in world(
        "dialplan save"
    )
    first = world.file.read_text()
    assert lines(loaded()) == wanted and "#include" not in first
    world.plan.replace(loaded())
    assert "not in it" not in world("dialplan save") and world.file.read_text() == first


def test_a_reload_on_the_way_ends_a_save(world: World) -> None:
    for number in range(3000):
        world.plan.context("t").add(f"8{number}", Priority(1, "NoOp"))
    clock = Ticking()
    world.pbx.reactor = clock
    world.out.clear()
    saving = world.begin("dialplan save")
    assert not saving.called
    world.plan.replace(load(read(str(world.file), diagnostics=Diagnostics()), Diagnostics()))
    while not saving.called:
        clock.advance(0)
    assert world.out[0] == "The dialplan was loaded anew meanwhile; nothing is saved\n"
    assert world.file.read_text() == TEXT and [path.name for path in world.file.parent.iterdir()] == [world.file.name]


class Ticking(Clock):
    """Time passes with each look at the clock, so that slices end."""

    def seconds(self) -> float:
        self.rightNow += 0.0001
        return self.rightNow


def test_a_protected_dialplan_is_not_saved(world: World) -> None:
    world.plan.settings.writeprotect = True
    assert "can't save" in world("dialplan save") and world.file.read_text() == TEXT
    world.plan.settings.writeprotect = False
    assert "Failed to create file" in world("dialplan save /nonexistent/dir/")


def test_explain(world: World) -> None:
    assert world("dialplan explain 123@t") == (
        "123@t runs '_1[2-4]X' (extensions.conf:8):\n    NoOp(b)\n"
        "Others that match, in the order in which they are asked:\n"
        "  * '_1[2-4]X' of [t] (extensions.conf:8)\n"
        "  - '_1XX' of [t] (extensions.conf:7): at character 2 it takes 10 (0123456789), '_1[2-4]X' 3 (234)\n"
        "Contexts asked: t, u\n"
    )
    assert "a name ('100') comes before every pattern" in world("dialplan explain 100@t")
    assert world("dialplan explain 5@t").startswith("5@t runs '5' of [u] (extensions.conf:14):\n")
    assert "77@t matches nothing\n" in world("dialplan explain 77@t")
    assert "With more digits: '_1[2-4]X' of [t], '_1XX' of [t]" in world("dialplan explain 12@t")
    assert "There is no existence of 'zz' context" in world("dialplan explain 1@zz")
    world("dialplan add extension 6/77,1,NoOp into t")
    assert "passed over, only for callers 77" in world("dialplan explain 6@t")
    assert world("dialplan explain 6/77@t").startswith("6@t runs '6/77'")


def test_explain_names_the_one_that_a_look_up_finds(world: World) -> None:
    from pbx.dialplan.explain import explain

    for number in ("100", "101", "123", "153", "5", "9", "1"):
        found, winner = world.plan.find("t", number), explain(world.plan, number, "t").winner
        assert (found.extension if found else None) is (winner.extension if winner else None)


def test_eval_expression(world: World) -> None:
    assert world('dialplan eval expression "a" = "a"') == "Result: 1\n"
    assert world("dialplan eval expression ${G1} $[1 + 2]") == "Result: hello 3\n"
    assert world("dialplan eval expression 1 + * 2").splitlines()[1].startswith("    ^ ")
    assert "Usage" in world("dialplan eval expression")


def test_trace_shows_each_step_until_the_channel_ends(world: World) -> None:
    channel: Channel = world.switch.create("Local/1@t-1;2")
    channel.context, channel.exten, channel.priority = "t", "123", 1
    world.out.clear()
    running = world.begin(f"dialplan trace {channel.name}")
    channel.application, channel.data = "NoOp", "b"
    world.pbx.bus.publish(ChannelLocation(channel))
    assert not running.called
    channel.hangup(16)
    world.clock.advance(0)
    assert running.called
    assert world.out == [
        "Tracing Local/1@t-1;2\n",
        "Local/1@t-1;2 [123@t:1] NoOp(b)\n",
        "Local/1@t-1;2 ended with cause 16\n",
    ]
    assert not world.pbx.bus.wanted(ChannelLocation)
    assert "is not a known channel" in world("dialplan trace nobody")


def test_a_trace_at_a_console_leaves_the_prompt_free_and_ends_on_demand(world: World) -> None:
    channel = world.switch.create("Local/1@t-1;2")
    session = SimpleNamespace(interactive=True, connected=1, transport=None)
    assert world.begin("dialplan trace all", session).called
    channel.application = "NoOp"
    world.pbx.bus.publish(ChannelLocation(channel))
    assert world.out[-1].startswith("Local/1@t-1;2 [")
    assert world.begin("dialplan trace all off", session).called
    assert not world.pbx.bus.wanted(ChannelLocation)
    world.begin("dialplan trace all", session)
    session.connected = 0
    world.pbx.bus.publish(ChannelLocation(channel))
    assert not world.pbx.bus.wanted(ChannelLocation)


@pytest.mark.parametrize(
    ("command", "module"),
    [("application Set", "builtin"), ("application Verbose", "app_verbose"), ("function LEN", "func_strings")],
)
def test_who_provides_it(world: World, command: str, module: str) -> None:
    shown = world(f"core show {command}")
    assert f"\n\n[Provided By]\n{module}\n\n[Description]\n" in shown
    for part in ("[Synopsis]", "[Syntax]", "[Arguments]", "[See Also]"):
        assert f"\n\n{part}\n" in shown


def test_completion(world: World) -> None:
    def complete(line: str) -> list[str]:
        return world.registry.completions(Context(world.pbx, world.out.append), line)

    world("dialplan add extension 100/55,1,NoOp into t")
    world("dialplan add extension 100,hint,IAX2/x into t")
    world("dialplan add include x into u")
    channel = world.switch.create("Local/1@t-1;2")
    channel.variables["V1"] = "x"
    offered = {
        # as a stock Asterisk 22 has it
        "dialplan ": ["add", "debug", "eval", "explain", "locks", "reload", "remove", "save", "set", "show", "trace"],
        "dialplan s": ["save", "set", "show"],
        "dialplan show ": ["chanvar", "globals", "t", "u"],
        "dialplan show t ": [],
        "dialplan add ": ["extension", "ignorepat", "include"],
        "dialplan add extension 1": [],
        "dialplan add extension 1,1,NoOp ": ["into"],
        "dialplan add extension 1,1,NoOp into ": ["t", "u"],
        "dialplan add extension 1,1,NoOp into t ": ["replace"],
        "dialplan add extension 1,1,NoOp into t replace ": [],
        "dialplan add include ": ["t", "u"],
        "dialplan add include nosuch ": ["into"],
        "dialplan add include nosuch into ": ["t", "u"],
        "dialplan add include u into ": [],
        "dialplan add include t into ": ["u"],
        "dialplan add ignorepat ": [],
        "dialplan add ignorepat 9 ": ["into"],
        "dialplan add ignorepat 9 into ": ["u"],
        "dialplan remove ": ["context", "extension", "ignorepat", "include"],
        "dialplan remove extension 1": ["100/55@t", "100@t"],
        "dialplan remove extension 100/": ["100/55@t"],
        "dialplan remove extension 5@": ["5@u"],
        "dialplan remove extension 5@u ": ["1"],
        "dialplan remove extension 5@u 1 ": [],
        "dialplan remove include ": ["u", "x"],
        "dialplan remove include t ": [],
        "dialplan remove include u ": ["from"],
        "dialplan remove include u from ": ["t"],
        "dialplan remove ignorepat ": ["9"],
        "dialplan remove ignorepat 9 ": ["from"],
        "dialplan remove context ": ["t", "u"],
        "dialplan save ": [],
        "dialplan reload ": [],
        "dialplan set ": ["chanvar", "extenpatternmatchnew", "global"],
        "dialplan set extenpatternmatchnew ": ["false", "true"],
        "dialplan set chanvar ": [channel.name],
        "dialplan show chanvar Lo": [channel.name],
        "dialplan show chanvar Local/1@t-1;2 ": [],
        "dialplan debug ": ["t", "u"],
        "dialplan locks ": ["show"],
        "core show hint ": ["100"],
        # where a stock one has nothing, or not what is meant
        "dialplan add extension 1,1,No": ["1,1,NoOp"],
        "dialplan remove extension 100@t ": ["1", "hint"],
        "dialplan remove extension 100/55@t ": ["1"],
        "dialplan remove extension _1[@t ": [],
        "dialplan remove ignorepat 9 from ": ["t"],
        "dialplan set global ": ["G1"],
        "dialplan set chanvar Local/1@t-1;2 ": ["V1"],
        "dialplan set chanvar nobody ": [],
        "dialplan explain 1@": ["1@t", "1@u"],
        "dialplan explain 1@t ": [],
        "dialplan trace ": ["Local/1@t-1;2", "all"],
        "dialplan trace all ": ["off"],
        "dialplan eval ": ["expression", "function"],
        "dialplan eval function LEN": ["LEN("],
    }
    assert {line: complete(line) for line in offered} == offered
