"""A box in the middle of two legs makes the digits last that one of them sends too short."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pbx.channels.events import DigitBegin, DigitEnd
from pbx.channels.iax2.frames import FrameType, FullFrame
from pbx.codecs.formats import ULAW
from tests.channels.iax2.boxes import Box, Boxes
from tests.channels.iax2.test_driver import tone
from tests.channels.iax2.test_driver_bridge import Chain

HOSTS = {"a": "127.0.33.1", "m": "127.0.33.2", "c": "127.0.33.3"}
#: less than 5 ms is not worth a timer, and stamps are whole ms
NEARLY = 6

#: B or E (begin, end), which, its stamp in ms, ms of the clock when it went over the wire
Digit = tuple[str, str, int, float]


def digits_of(box: Box, way: str) -> list[Digit]:
    """The DTMF frames that come to a box (Rx) or leave it (Tx); fills as they do."""
    found: list[Digit] = []

    def take(direction: str, frame: FullFrame, address: Any, retry: str) -> None:
        if direction == way and frame.type in (FrameType.DTMF_BEGIN, FrameType.DTMF_END):
            kind = "B" if frame.type == FrameType.DTMF_BEGIN else "E"
            found.append((kind, chr(frame.subclass), frame.timestamp, box.reactor.seconds() * 1000))

    box.driver.endpoint.core.taps.append(take)
    return found


class Spoken:
    """What the phone a says in DTMF frames as they stand, without its own leg's care for their length.

    signals: (seconds to wait, which, whether it begins).  `came`: to the box in the middle; `left`: from there to c.
    """

    def __init__(
        self, boxes: Boxes, signals: list[tuple[float, str, bool]], *, least: int = 80, sound: Path | None = None
    ) -> None:
        chain = Chain(boxes, hosts=HOSTS)
        chain.m.driver.shortest_digit = least
        channel, _, _ = chain.call()
        if sound is not None:
            chain.a.switch.graph.play(channel, str(sound), ULAW)
            boxes.turn(0.1)
        self.came, self.left = digits_of(chain.m, "Rx"), digits_of(chain.m, "Tx")
        driver = chain.a.driver
        for wait, digit, begin in signals:
            boxes.turn(wait)
            channel.leg.call.digit(digit, begin, driver.now())  # type: ignore[union-attr]
            driver.pump()
        self.heard = chain.log
        ends = sum(not begin for _, _, begin in signals)
        boxes.run(lambda: sum(isinstance(event, DigitEnd) for event in self.heard) == ends)
        channel.hangup()
        chain.settled()


def words(digits: list[Digit]) -> list[str]:
    return [kind + digit for kind, digit, _, _ in digits]


@pytest.mark.parametrize("least", [80, 300])
def test_an_end_three_milliseconds_behind_its_begin_lasts_at_the_other_leg(least: int) -> None:
    """least: mindtmfduration of asterisk.conf."""
    with Boxes() as boxes:
        spoken = Spoken(boxes, [(0.0, "5", True), (0.003, "5", False)], least=least)
        assert words(spoken.came) == words(spoken.left) == ["B5", "E5"]
        (_, _, _, begun), (_, _, _, ended) = spoken.left
        assert ended - begun >= least - NEARLY


def test_its_stamps_stand_as_far_apart_when_voice_flows(tmp_path: Path) -> None:
    """A digit's stamp is that of the last voice + 3 ms (as Asterisk's): two packets of voice are 20 ms apart."""
    sound = tmp_path / "sound.ulaw"
    sound.write_bytes(tone(10))
    with Boxes() as boxes:
        spoken = Spoken(boxes, [(0.0, "5", True), (0.003, "5", False)], least=300, sound=sound)
        assert spoken.came[1][2] - spoken.came[0][2] < 200
        assert spoken.left[1][2] - spoken.left[0][2] >= 300 - 2 * 20 - NEARLY


def test_an_end_alone_of_an_old_peer_is_begun_for_the_other_leg() -> None:
    with Boxes() as boxes:
        spoken = Spoken(boxes, [(0.0, "7", False), (0.0, "8", False)])
        assert words(spoken.came) == ["E7", "E8"]
        assert words(spoken.left) == ["B7", "E7", "B8", "E8"]
        for begin, end in ((0, 1), (2, 3)):
            assert spoken.left[end][3] - spoken.left[begin][3] >= 80 - NEARLY
        assert [type(event) for event in spoken.heard[:4]] == [DigitBegin, DigitEnd] * 2
