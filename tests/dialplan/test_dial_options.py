"""Options of Dial that are heard or dialled: what is played to whom and when, in virtual time."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pbx.channels.channel import Channel
from pbx.channels.events import Control, DigitBegin, DigitEnd, Indication, TransferRequest
from pbx.channels.graph import Graph
from pbx.channels.local.driver import LocalTechnology
from pbx.codecs.formats import ULAW
from pbx.dialplan.scope import scope_of
from tests.channels.world import PortLog, RecordingLeg, said
from tests.dialplan.test_interpreter import Plan


class Called:
    """Technology Test: what is dialled answers when the test says so."""

    name = "Test"

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.channels: list[Channel] = []

    def request(self, destination: str, formats: Any, caller: Any) -> Channel:
        channel = self.plan.switch.create(f"Test/{destination}-out")
        channel.leg = RecordingLeg()
        channel.context = "default"
        self.channels.append(channel)
        return channel

    def call(self, channel: Channel, timeout: float | None) -> None:
        pass

    def device_state(self, destination: str) -> str:
        return "UNKNOWN"


class Desk:
    """A caller in a Dial with options, the called one, and a list of (second, name of channel, sound)."""

    def __init__(self, folder: Path, text: str, **more: Any) -> None:
        self.sounds: list[tuple[int, str, str]] = []
        self.plan = Plan("[default]\n" + text, find_sound=self._find, **more)
        self.folder = folder
        self.called = Called(self.plan)
        self.plan.switch.register(self.called)
        graph = self.plan.switch.graph = Graph(self.plan.switch, PortLog())  # type: ignore[arg-type]
        play, tone = graph.play, graph.tone

        def playing(channel: Channel, path: str, *args: Any, **named: Any) -> Any:
            self.sounds.append((round(self.now), channel.name, Path(path).stem))
            return play(channel, path, *args, **named)

        def sounding(channel: Channel, spec: str, **named: Any) -> Any:
            self.sounds.append((round(self.now), channel.name, f"tone {spec}"))
            return tone(channel, spec, **named)

        graph.play, graph.tone = playing, sounding  # type: ignore[method-assign]
        self.caller = self.plan.call()
        self.plan.turns()

    @property
    def now(self) -> float:
        return self.plan.clock.seconds()

    def _find(self, name: str, language: str, formats: Any) -> tuple[str, Any]:
        path = self.folder / f"{name.replace('/', '-')}.ulaw"
        path.write_bytes(bytes(800))
        return str(path), ULAW

    def answer(self) -> Channel:
        (there,) = self.called.channels
        there.deliver(Indication(Control.ANSWER))
        self.plan.turns()
        return there

    def seconds(self, count: float) -> None:
        for _ in range(round(count * 20)):
            self.plan.clock.advance(0.05)

    def type(self, channel: Channel, digits: str) -> None:
        for digit in digits:
            channel.deliver(DigitBegin(digit))
            channel.deliver(DigitEnd(digit, 100))
            self.seconds(0.2)

    def heard(self, channel: Channel) -> list[tuple[int, str]]:
        return [(second, sound) for second, name, sound in self.sounds if name == channel.name]


@pytest.fixture
def desk(tmp_path: Path) -> Callable[..., Desk]:
    return lambda text, **more: Desk(tmp_path, text, **more)


def test_a_limit_warns_in_words_and_ends_the_call(desk: Any) -> None:
    made = desk("exten => s,1,Dial(Test/1,,L(128000:125500:60000))\n")
    there = made.answer()
    made.seconds(126)
    assert not there.dead
    assert [sound for _, sound in made.heard(made.caller)] == [
        "vm-youhave", "digits-2", "queue-minutes", "digits-5", "queue-seconds",
        "vm-youhave", "digits-60", "digits-5", "queue-seconds",
        "vm-youhave", "digits-5", "queue-seconds",
    ]  # fmt: skip
    assert [second for second, _ in made.heard(made.caller)][::5] == [3, 63, 123]
    assert made.heard(there) == []
    made.seconds(3)
    assert there.dead and made.caller.dead


def test_variables_of_a_limit(desk: Any) -> None:
    made = desk(
        "exten => s,1,Set(LIMIT_PLAYAUDIO_CALLER=no)\nsame => n,Set(LIMIT_PLAYAUDIO_CALLEE=yes)\n"
        "same => n,Set(LIMIT_CONNECT_FILE=hello)\nsame => n,Set(LIMIT_WARNING_FILE=soon)\n"
        "same => n,Set(LIMIT_TIMEOUT_FILE=bye)\nsame => n,Dial(Test/1,,L(10000:4000))\n"
    )
    there = made.answer()
    made.seconds(11)
    assert made.heard(there) == [(0, "hello"), (6, "soon"), (10, "bye")]
    assert made.heard(made.caller) == []
    assert there.dead


def test_of_a_limit_and_seconds_the_limit_counts(desk: Any) -> None:
    made = desk("exten => s,1,Dial(Test/1,,L(10000)S(2))\n")
    there = made.answer()
    made.seconds(9)
    assert not there.dead
    made.seconds(2)
    assert there.dead


def test_a_tone_rings_until_the_answer(desk: Any) -> None:
    made = desk("exten => s,1,Dial(Test/1,,r(busy))\n", tones={"us": {"busy": "480+620/500,0/500"}})
    assert made.heard(made.caller) == [(0, "tone 480+620/500,0/500")]
    (source,) = made.plan.switch.graph.sounds(made.caller)
    assert ("indicate", Control.RINGING, b"") not in said(made.caller)
    made.answer()
    assert not source.playing


def test_without_such_a_tone_it_rings(desk: Any) -> None:
    made = desk("exten => s,1,Dial(Test/1,2,r(nonsense))\n")
    assert ("indicate", Control.RINGING, b"") in said(made.caller)


def test_a_tone_ends_with_the_callers_end(desk: Any) -> None:
    made = desk("exten => s,1,Dial(Test/1,2,r(busy))\n same => n,Wait(9)\n", tones={"us": {"busy": "480+620"}})
    (source,) = made.plan.switch.graph.sounds(made.caller)
    made.seconds(3)
    assert not source.playing and not made.caller.dead


def test_a_blind_transfer_is_tried_three_times(desk: Any) -> None:
    made = desk("exten => s,1,Dial(Test/1,,t)\nexten => 18,1,Wait(9)\n")
    there = made.answer()
    made.type(there, "#")
    made.type(there, "7")
    assert [sound for _, sound in made.heard(there)] == ["pbx-transfer", "pbx-invalid"]
    made.type(there, "18")
    made.seconds(0.5)
    assert there.dead
    assert (made.caller.exten, made.caller.priority) == ("18", 1)
    assert (scope_of(made.plan.services, made.caller).get("BLINDTRANSFER") or "") == there.name


def test_after_three_the_call_goes_on(desk: Any) -> None:
    made = desk("exten => s,1,Dial(Test/1,,T)\n")
    there = made.answer()
    made.type(made.caller, "#777")
    made.seconds(1)
    assert not there.dead and made.caller.bridge is there.bridge is not None
    there.leg.said.clear()
    made.type(made.caller, "5")
    assert [what[:2] for what in said(there)] == [("begin", "5"), ("end", "5")]


def test_only_the_transferers_own_context_counts(desk: Any) -> None:
    made = desk(
        "exten => s,1,Set(TRANSFER_CONTEXT=other)\n same => n,Dial(Test/1,,t)\nexten => 18,1,Wait(9)\n"
        "[other]\nexten => 18,1,Wait(9)\n"
    )
    there = made.answer()
    made.type(there, "#18")
    made.seconds(0.5)
    assert made.caller.context == "default"


@pytest.mark.parametrize("letter", ["k", "K"])
def test_the_other_one_is_parked_and_the_place_is_said(desk: Any, letter: str) -> None:
    made = desk(
        "exten => s,1,Set(FEATURE(inherit)=yes)\n same => n,Set(FEATUREMAP(parkcall)=#72)\n"
        f" same => n,Dial(Test/1,,{letter})\n"
    )
    there = made.answer()
    parker, parked = (there, made.caller) if letter == "k" else (made.caller, there)
    made.type(parker, "#72")
    made.seconds(0.3)
    assert [sound for _, sound in made.heard(parker)] == ["digits-7", "digits-0", "digits-1"]
    made.seconds(1)
    assert parker.dead and not parked.dead
    assert made.plan.services.shared["parking"][701].channel is parked
    made.seconds(60)
    assert parked.dead
    assert made.plan.services.shared["parking"] == {}
    assert made.plan.errors == []


@pytest.mark.parametrize("letter", ["h", "H"])
def test_a_star_ends_the_call(desk: Any, letter: str) -> None:
    made = desk(f"exten => s,1,Dial(Test/1,,g{letter})\n same => n,Wait(9)\n")
    there = made.answer()
    made.type(made.caller if letter == "h" else there, "*")
    assert not there.dead
    made.type(there if letter == "h" else made.caller, "*")
    assert there.dead and not made.caller.dead


@pytest.mark.parametrize(("letter", "status"), [("", "ANSWER"), ("i", "BUSY")])
def test_a_called_party_that_sends_the_call_on(desk: Any, letter: str, status: str) -> None:
    """It rings, and asks for another extension: that one is called in its place, unless option i says no."""
    made = desk(
        f"exten => s,1,Dial(Test/1,,g{letter})\n same => n,Set(GLOBAL(STATUS)=${{DIALSTATUS}})\n same => n,Wait(9)\n"
        "exten => 2,1,Set(GLOBAL(REACHED)=yes)\n same => n,Answer()\n same => n,Wait(3)\n"
    )
    made.plan.switch.register(LocalTechnology(made.plan.switch))
    (there,) = made.called.channels
    there.deliver(Indication(Control.RINGING))
    there.deliver(TransferRequest("2"))
    made.seconds(0.5)
    found = made.plan.services.dialplan.globals
    assert there.dead
    assert found.get("REACHED") == (None if letter else "yes")
    assert (made.caller.bridge is None) is bool(letter)
    made.seconds(4)
    assert found.get("STATUS") == status and not made.caller.dead
    assert made.plan.errors == []


@pytest.mark.parametrize(
    ("argument", "called", "calling"),
    [("hello", ["hello"], []), ("hello:yours", ["hello"], ["yours"]), (":yours", [], ["yours"])],
)
def test_a_file_is_heard_before_they_talk(desk: Any, argument: str, called: list[str], calling: list[str]) -> None:
    made = desk(f"exten => s,1,Dial(Test/1,,A({argument}))\n")
    there = made.answer()
    assert [sound for _, sound in made.heard(there)] == called
    assert [sound for _, sound in made.heard(made.caller)] == calling
    assert there.bridge is None  # 0.1 s of sound
    made.seconds(0.5)
    assert there.bridge is made.caller.bridge is not None
    assert len(made.sounds) == len(called) + len(calling)


def test_mf_and_sf_digits_at_the_first_progress_and_the_first_wink(desk: Any) -> None:
    """Option D: MF, then SF, then DTMF; what comes again sets off nothing; the caller hears of the wink."""
    made = desk("exten => s,1,Dial(Test/1,,D(::5:*1#:*2#:3:4))\n")
    (there,) = made.called.channels

    def tones(signal: Control) -> list[str]:
        begun = len(made.heard(there))
        there.deliver(Indication(signal))
        made.seconds(4)
        return [sound for _, sound in made.heard(there)[begun:]]

    mf = "tone !0/100,!1100+1700/120,!0/50,!{}/55,!0/50,!1500+1700/65,!0/50"
    assert tones(Control.PROGRESS) == [mf.format("700+900"), "tone !0/100," + "!2600/67,!0/33," * 3 + "!0/600"]
    assert [what for what in said(there) if what[0] == "begin"] == [("begin", "5")]
    assert tones(Control.WINK) == [mf.format("700+1100"), "tone !0/100," + "!2600/67,!0/33," * 4 + "!0/600"]
    assert tones(Control.PROGRESS) == tones(Control.WINK) == []
    assert [what[1] for what in said(made.caller) if what[0] == "indicate"].count(Control.WINK) == 2
    made.answer()
    assert made.caller.bridge is not None
