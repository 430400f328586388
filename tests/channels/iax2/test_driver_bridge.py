"""A box in the middle: two legs bridged, with trunks, translation, IPv6; what goes in comes out."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pbx.channels.bridge import bridge_channels, hangup_cause
from pbx.channels.channel import Channel, State, first_event
from pbx.channels.events import Control, DigitBegin, DigitEnd, Ended, Indication, Text
from pbx.channels.interrupts import Hangup
from pbx.codecs.formats import BY_NAME, ULAW, Format
from tests.channels.iax2.boxes import Box, Boxes, Owner, share
from tests.channels.iax2.test_driver import tone

PORT = 14570
HOSTS = {"a": "127.0.25.11", "m": "127.0.25.12", "c": "127.0.25.13"}


def conf(own: str, peers: str, hosts: dict[str, str], more: str = "", allow: str = "ulaw") -> str:
    text = f"[general]\nbindport={PORT}\nbindaddr={hosts[own]}\ndisallow=all\nallow={allow}\nautokill=yes\n"
    for peer in peers:
        text += f"[{peer}]\ntype=friend\nhost={hosts[peer].strip('[]')}\nport={PORT}\nusername={own}\nsecret=s\n"
        text += f"auth=md5\ncontext=in\n{more}\n"
    return text


class Chain:
    """a calls m, which dials c and bridges; a and c are phones."""

    def __init__(
        self,
        boxes: Boxes,
        *,
        hosts: dict[str, str] = HOSTS,
        more: str = "",
        allow: tuple[str, str, str] = ("ulaw", "ulaw", "ulaw"),
    ) -> None:
        self.boxes = boxes
        self.a = boxes.box(conf("a", "m", hosts, more, allow[0]))
        self.m = boxes.box(conf("m", "ac", hosts, more, allow[1]))
        self.c = boxes.box(conf("c", "m", hosts, more, allow[2]))
        self.log: list[Any] = []
        self.result: list[Any] = []
        self.m.scripts["201@in"] = self.dial
        self.c.scripts["201@in"] = self.phone

    async def dial(self, channel: Channel) -> None:
        """What Dial does, in short."""
        switch = channel.switch
        callee = switch.request("IAX2/c/201", channel.formats, channel)
        callee.claim(Owner())
        callee.connected = channel.caller
        switch.call(callee)
        try:
            while True:
                found = await first_event(channel, (channel, callee))
                if found == (callee, Indication(Control.ANSWER)):
                    break
                if found and isinstance(found[1], Indication):
                    channel.indicate(found[1].control)
                elif found and isinstance(found[1], Ended):
                    channel.hangup(found[1].cause)
                    return
            assert callee.owner is not None
            callee.release(callee.owner)
            channel.answer()
            result = await bridge_channels(channel, channel, callee)
            self.result.append(result.reason)
            channel.hangup(hangup_cause(result))
        except Hangup as hangup:
            channel.acknowledge()
            self.result.append(hangup)
            callee.hangup(hangup.cause)
            channel.hangup()
        finally:
            callee.hangup()

    async def phone(self, channel: Channel) -> None:
        try:
            channel.indicate(Control.RINGING)
            await channel.sleep(0.05)
            channel.answer()
            while True:
                self.log.append(await channel.next_event())
        except Hangup as hangup:
            self.log.append(hangup)
            channel.acknowledge()
        channel.hangup()

    def call(self, format: Format = ULAW) -> tuple[Channel, Channel, list[Any]]:
        """Both phones' channels, and the events of the caller's."""
        channel = self.a.switch.request("IAX2/m/201", (format,), None)
        seen: list[Any] = []

        def read() -> None:
            while (event := channel.poll()) is not None:
                seen.append(event)

        channel.claim(Owner())
        channel.watch(read)
        self.a.switch.call(channel)
        self.boxes.run(lambda: Indication(Control.ANSWER) in seen and len(self.m.switch.bridges) == 1, 30)
        (other,) = self.c.channels()
        return channel, other, seen

    def settled(self) -> None:
        """Everything is gone, everywhere."""
        every = (self.a, self.m, self.c)
        self.boxes.run(lambda: not any(box.channels() for box in every))
        self.boxes.turn(0.3)
        for box in every:
            assert box.driver.endpoint.calls() == []
            assert len(box.switch.graph.rows) == 0
            assert not box.switch.bridges and not box.switch.graph._edges
            assert box.verdicts() == []


def say(box: Box, channel: Channel, sound: Path, format: Format = ULAW) -> list[str]:
    done: list[str] = []
    box.switch.graph.play(channel, str(sound), format).done.addCallback(done.append)
    return done


@pytest.mark.parametrize(
    ("hosts", "more"),
    [
        (HOSTS, ""),
        (HOSTS, "trunk=yes"),
        ({"a": "[::1]:14571", "m": "[::1]:14572", "c": "[::1]:14573"}, ""),
    ],
    ids=["plain", "trunk", "ipv6"],
)
def test_what_goes_in_comes_out(tmp_path: Path, hosts: dict[str, str], more: str) -> None:
    sounds = {"there": tone(1.0, 1), "back": tone(1.0, 50)}
    for name, sound in sounds.items():
        (tmp_path / f"{name}.ulaw").write_bytes(sound)
    with Boxes() as boxes:
        if hosts is HOSTS:
            chain = Chain(boxes, hosts=hosts, more=more)
        else:
            chain = ipv6_chain(boxes, hosts)
        channel, other, seen = chain.call()
        assert Indication(Control.RINGING) in seen
        assert channel.state is State.UP
        chain.c.switch.graph.record(other, str(tmp_path / "heard_c.ulaw"), ULAW)
        chain.a.switch.graph.record(channel, str(tmp_path / "heard_a.ulaw"), ULAW)
        one = say(chain.a, channel, tmp_path / "there.ulaw")
        two = say(chain.c, other, tmp_path / "back.ulaw")
        boxes.run(lambda: one and two)
        boxes.turn(0.2)
        if "trunk" in more:
            assert all(row.trunk for row in chain.m.driver.peers())
        channel.hangup()
        chain.settled()
    assert share(sounds["there"], (tmp_path / "heard_c.ulaw").read_bytes()) > 0.9
    assert share(sounds["back"], (tmp_path / "heard_a.ulaw").read_bytes()) > 0.9


def ipv6_chain(boxes: Boxes, hosts: dict[str, str], more: str = "") -> Chain:
    """On one address with three ports: the only loopback address IPv6 has."""
    chain = Chain.__new__(Chain)
    chain.boxes, chain.log, chain.result = boxes, [], []

    def text(own: str, peers: str) -> str:
        conf = f"[general]\nbindaddr={hosts[own]}\ndisallow=all\nallow=ulaw\n"
        for peer in peers:
            host, _, port = hosts[peer].rpartition(":")
            conf += f"[{peer}]\ntype=friend\nhost={host.strip('[]')}\nport={port}\nusername={own}\nsecret=s\n"
            conf += f"auth=md5\ncontext=in\n{more}\n"
        return conf

    chain.a, chain.m, chain.c = (boxes.box(text(*p)) for p in (("a", "m"), ("m", "ac"), ("c", "m")))
    chain.m.scripts["201@in"] = chain.dial
    chain.c.scripts["201@in"] = chain.phone
    return chain


def test_signals_and_the_end_cross_the_box_in_the_middle() -> None:
    with Boxes() as boxes:
        chain = Chain(boxes)
        channel, other, seen = chain.call()
        assert channel.leg is not None and other.leg is not None
        channel.leg.digit_begin("7")
        channel.leg.digit_end("7", 80)
        channel.leg.send_text("hello")
        other.leg.send_text("there")
        boxes.run(lambda: len(chain.log) == 3 and Text("there") in seen)
        # a digit lasts, a text does not wait for it
        assert [type(event) for event in chain.log if not isinstance(event, Text)] == [DigitBegin, DigitEnd]
        assert Text("hello") in chain.log
        other.hangup(17)
        chain.settled()
        assert seen[-1] == Ended(17)


def test_the_callers_end_reaches_the_callee() -> None:
    with Boxes() as boxes:
        chain = Chain(boxes)
        channel, _, _ = chain.call()
        channel.hangup(16)
        chain.settled()
        assert chain.log[-1] == Hangup(16)
        assert chain.result == [Hangup(16)]


@pytest.mark.slow
def test_a_voice_process_that_dies_is_replaced_under_the_call(tmp_path: Path) -> None:
    sound = tone(1.0)
    (tmp_path / "there.ulaw").write_bytes(sound)
    with Boxes(apart=True) as boxes:
        chain = Chain(boxes)
        channel, other, _ = chain.call()
        heard = tmp_path / "heard.ulaw"
        chain.c.switch.graph.record(other, str(heard), ULAW)
        os.kill(chain.m.port.pid, signal.SIGKILL)
        boxes.run(lambda: chain.m.port.restarts, 20)
        boxes.await_voice(chain.m)
        done = say(chain.a, channel, tmp_path / "there.ulaw")
        boxes.run(lambda: done, 20)
        boxes.turn(0.5)
        channel.hangup()
        chain.settled()
    assert share(sound, heard.read_bytes()) > 0.7


@pytest.mark.parametrize("spoken", ["alaw", "slin", "gsm"])
def test_translation_in_the_middle(tmp_path: Path, spoken: str) -> None:
    """a speaks ulaw, c another format: a sine arrives as that sine."""
    format = BY_NAME[spoken]
    sine = np.round(8000 * np.sin(2 * np.pi * 440 * np.arange(8000) / 8000)).astype("<i2")
    (tmp_path / "s.sln").write_bytes(sine.tobytes())
    with Boxes() as boxes:
        chain = Chain(boxes, allow=("ulaw", f"ulaw,{spoken}", spoken))
        channel, other, _ = chain.call()
        assert (channel.format, other.format) == (ULAW, format)
        heard = tmp_path / "heard.sln"
        chain.c.switch.graph.record(other, str(heard), BY_NAME["slin"])
        done = say(chain.a, channel, tmp_path / "s.sln", BY_NAME["slin"])
        boxes.run(lambda: done)
        boxes.turn(0.2)
        channel.hangup()
        chain.settled()
    got = np.frombuffer(heard.read_bytes(), "<i2").astype(float)
    spectrum = np.abs(np.fft.rfft(got[1600:8000]))
    peak = int(np.argmax(spectrum)) * 8000 / 6400
    assert abs(peak - 440) < 5
    assert 4000 < np.sqrt(np.mean(got[1600:6400] ** 2)) < 7000
