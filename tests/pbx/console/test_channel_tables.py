"""core show channels and its relatives are Asterisk's, to the byte."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from twisted.internet.task import Clock

from pbx.channels.channel import Channel, State
from pbx.channels.events import Bus
from pbx.channels.switch import Switch
from pbx.codecs import formats
from pbx.console.commands import channels as tables
from pbx.console.commands.info import codec_row
from pbx.console.durations import duration
from pbx.services.dialplan import NoExtensions
from tests.shared import shared_dir

CREATED = 1795307095.0
BRIDGE = SimpleNamespace(id="2ec9c573-7843-4024-9292-b8f2bfbc3165")


def reference(name: str) -> list[str]:
    return shared_dir("reference", "cli", f"{name}.txt").read_text().splitlines()


@pytest.fixture
def channels() -> list[Channel]:
    """The three of the reference: Local/201 played a tone into a call to VOIP2."""
    switch = Switch(Clock(), lambda: CREATED, Bus(), NoExtensions(), systemname="NAME")
    made = []
    for name, context, exten, application, data, bridge in (
        ("Local/201@default-00000000;1", "default", "201", "Milliwatt", "", None),
        ("Local/201@default-00000000;2", "default", "201", "Dial", "IAX2/VOIP2/201,30", BRIDGE),
        ("IAX2/VOIP2-28035", "FROM_VOIP2", "", "AppDial", "(Outgoing Line)", BRIDGE),
    ):
        channel = switch.create(name, linkedid="NAME-1795307095.0", state=State.UP)
        channel.context, channel.exten, channel.application, channel.data = context, exten, application, data
        channel.bridge = bridge
        made.append(channel)
    made[2].caller.number = "201"
    return made


def at(channels: list[Channel], seconds: float) -> None:
    channels[0].switch.wall = lambda: CREATED + seconds


def test_brief(channels: list[Channel]) -> None:
    shown = [tables.brief_row(channel) for channel in tables.listed(channels)]
    assert shown == reference("core-show-channels")[1:4]
    assert (
        tables.BRIEF.format("Channel", "Location", "State", "Application(Data)") == reference("core-show-channels")[0]
    )


def test_verbose(channels: list[Channel]) -> None:
    at(channels, 54)
    assert [tables.verbose_row(channel) for channel in tables.listed(channels)] == reference(
        "core-show-channels-verbose"
    )[1:4]


def test_concise(channels: list[Channel]) -> None:
    at(channels, 53)
    assert [tables.concise_row(channel) for channel in tables.listed(channels)] == reference(
        "core-show-channels-concise"
    )


def test_one_channel(channels: list[Channel]) -> None:
    """All lines whose content does not hang on CDR or translation."""
    at(channels, 95)
    channel = channels[2]
    channel.call_id = 1
    channel.formats, channel.format = (formats.ULAW,), formats.ULAW
    channel.variables.update({"DIALEDPEERNUMBER": "VOIP2/201", "BRIDGEPEER": "Local/201@default-00000000;2"})
    ours, wanted = list(tables.channel_lines(channel)), reference("core-show-channel")
    missing = [line for line in wanted if line not in ours]
    assert [line for line in missing if not line.startswith("level 1: ")] == [
        "    WriteFormat: slin",
        "     ReadFormat: slin",
        " WriteTranscode: Yes (slin@8000)->(ulaw@8000)",
        "  ReadTranscode: Yes (ulaw@8000)->(slin@8000)",
    ]


def test_footer() -> None:
    assert [tables.plural(n, "active channel") for n in (0, 1, 2)] == [
        "0 active channels",
        "1 active channel",
        "2 active channels",
    ]


def test_hangup_by_expression_and_pattern(channels: list[Channel]) -> None:
    def names(word: str) -> list[str]:
        return [channel.name for channel in tables.matching(channels, word)]

    assert names("iax2/voip2-28035") == ["IAX2/VOIP2-28035"]
    assert names("/;2$/") == ["Local/201@default-00000000;2"]
    assert len(names("Local/*")) == 2
    assert names("Loc*") == []  # a wildcard stops at a slash


def test_codecs_that_asterisk_has_too() -> None:
    """Each row of ours stands in Asterisk's table (names in parentheses are ours to word)."""
    wanted = {line.split("(")[0].split()[0]: line for line in reference("core-show-codecs")[4:]}
    for form in formats.FORMATS:
        line = wanted.get(str(form.number))
        assert line is None or codec_row(form) == line, line


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 seconds"),
        (1, "1 second"),
        (60, "1 minute"),
        (61, "1 minute, 1 second"),
        (1030, "17 minutes, 10 seconds"),
        (86400 * 9 + 3600, "1 week, 2 days, 1 hour"),
    ],
)
def test_durations(seconds: int, text: str) -> None:
    assert duration(seconds) == text
