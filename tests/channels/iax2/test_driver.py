"""Two boxes call each other over loopback sockets: sound, signals, ends, refusals."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pbx.channels.channel import Channel, State
from pbx.channels.events import Control, DigitBegin, DigitEnd, Ended, Indication, Text, TransferRequest
from pbx.channels.interrupts import Hangup
from pbx.channels.party import Caller
from pbx.channels.switch import Unavailable
from pbx.codecs.formats import ULAW
from tests.channels.iax2.boxes import Box, Boxes, Owner, share
from tests.channels.world import garbage_of

A, B, PORT = "127.0.25.1", "127.0.25.2", 14569

CONF = """
[general]
bindport={port}
bindaddr={own}
disallow=all
allow=ulaw
[{peer}]
type=friend
host={there}
port={port}
username={name}
secret=cheese
auth=md5
context=in
{more}
"""


def conf(own: str, there: str, name: str, peer: str, more: str = "") -> str:
    return CONF.format(own=own, there=there, name=name, peer=peer, port=PORT, more=more)


class Pair:
    """Box a and box b, friends of each other."""

    def __init__(self, boxes: Boxes, more: str = "", bind_b: str = B) -> None:
        self.boxes = boxes
        self.a = boxes.box(conf(A, B, "a", "b", more))
        self.b = boxes.box(conf(bind_b, A, "b", "a", more))

    def dial(self, destination: str = "b/201") -> tuple[Channel, list[Any]]:
        """A call from a; the list fills with its events."""
        channel = self.a.switch.request(f"IAX2/{destination}", (ULAW,), None)
        seen: list[Any] = []

        def read() -> None:
            while (event := channel.poll()) is not None:
                seen.append(event)

        channel.claim(Owner())
        channel.watch(read)
        channel.connected = Caller(number="101", name="Ann")
        self.a.switch.call(channel)
        return channel, seen


def answered(seen: list[Any]) -> bool:
    return Indication(Control.ANSWER) in seen


def tone(seconds: float, seed: int = 1) -> bytes:
    """Bytes of ulaw, all different from their neighbours, so that a lost or doubled packet shows."""
    return bytes((seed + 31 * (i // 160) + (i // 160) // 4 * 3 + i) % 127 for i in range(round(8000 * seconds)))


@pytest.mark.parametrize("apart", [False, True], ids=["in process", "apart"])
def test_a_call_with_sound_both_ways(tmp_path: Path, apart: bool) -> None:
    there, back = tmp_path / "there.ulaw", tmp_path / "back.ulaw"
    there.write_bytes(tone(0.6, 1))
    back.write_bytes(tone(0.6, 9))
    heard_a, heard_b = tmp_path / "a.ulaw", tmp_path / "b.ulaw"
    with Boxes(apart=apart) as boxes:
        pair = Pair(boxes)
        seen_b: list[Any] = []

        async def phone(channel: Channel) -> None:
            seen_b.append((channel.name, channel.state, channel.caller.number, channel.caller.name, channel.exten))
            try:
                channel.indicate(Control.RINGING)
                await channel.sleep(0.05)
                channel.answer()
                graph = channel.switch.graph
                recording = graph.record(channel, str(heard_b), ULAW)
                await channel.wait(graph.play(channel, str(back), ULAW).done)
                seen_b.append("played")
                await channel.sleep(10)
                recording.stop()
            except Hangup as hangup:
                channel.acknowledge()
                seen_b.append(hangup)
            channel.hangup()

        pair.b.scripts["201@in"] = phone
        channel, seen = pair.dial()
        assert channel.name.startswith("IAX2/b-")
        boxes.run(lambda: answered(seen))
        assert channel.state is State.UP
        assert channel.format is ULAW
        assert Indication(Control.RINGING) in seen
        graph = pair.a.switch.graph
        graph.record(channel, str(heard_a), ULAW)
        ended: list[str] = []
        graph.play(channel, str(there), ULAW).done.addCallback(ended.append)
        boxes.run(lambda: ended and "played" in seen_b)
        boxes.turn(0.1)
        (other,) = pair.b.channels()
        assert (other.name.startswith("IAX2/a-"), other.bridge) == (True, None)
        channel.hangup(17)
        boxes.run(lambda: not pair.b.channels())
        assert seen_b[0][1:] == (State.RING, "101", "Ann", "201")
        assert seen_b[-1] == Hangup(17)
        boxes.turn(0.3)
        for box in (pair.a, pair.b):
            assert box.channels() == []
            assert box.driver.endpoint.calls() == []
            assert len(box.switch.graph.rows) == 0
            assert box.verdicts() == []
    assert share(there.read_bytes(), heard_b.read_bytes()) > 0.8
    assert share(back.read_bytes(), heard_a.read_bytes()) > 0.7  # it began before we recorded


def waiting(log: list[Any]) -> Any:
    """A script that answers, and writes down what comes until the end."""

    async def script(channel: Channel) -> None:
        channel.answer()
        try:
            while True:
                log.append(await channel.next_event())
        except Hangup as hangup:
            log.append(hangup)
            channel.acknowledge()
        channel.hangup()

    return script


def test_signals_cross() -> None:
    with Boxes() as boxes:
        pair = Pair(boxes, "mohinterpret=passthrough")
        log: list[Any] = []
        pair.b.scripts["201@in"] = waiting(log)
        channel, seen = pair.dial()
        boxes.run(lambda: answered(seen))
        (other,) = pair.b.channels()
        assert channel.leg is not None and other.leg is not None
        channel.leg.digit_begin("5")
        boxes.turn(0.1)
        channel.leg.digit_end("5", 100)
        channel.leg.send_text("gruß")
        channel.indicate(Control.HOLD)
        channel.indicate(Control.UNHOLD)
        other.leg.digit_begin("#")
        other.leg.digit_end("#", 0)
        other.indicate(Control.PROGRESS)
        boxes.run(lambda: len(log) >= 5 and Indication(Control.PROGRESS) in seen)
        assert log[0] == DigitBegin("5")
        assert isinstance(log[1], DigitEnd) and log[1].digit == "5" and 80 <= log[1].milliseconds < 1000
        assert log[2] == Text("gruß")
        assert [event.control for event in log[3:5]] == [Control.HOLD, Control.UNHOLD]
        assert DigitBegin("#") in seen


def test_a_far_end_that_sends_the_call_on_does_not_choose_the_context() -> None:
    """Asterisk looks the extension up in the context of its own channel, whatever CALLED_CONTEXT says."""
    with Boxes() as boxes:
        pair = Pair(boxes)
        log: list[Any] = []
        pair.b.scripts["201@in"] = waiting(log)
        channel, seen = pair.dial()
        boxes.run(lambda: answered(seen))
        (other,) = pair.b.channels()
        assert other.leg is not None and channel.leg is not None
        other.leg.transfer("300", "internal")
        channel.leg.transfer("301", "internal")
        boxes.run(lambda: TransferRequest("300") in seen and TransferRequest("301") in log)


@pytest.mark.parametrize("cause", [16, 17, 34])
def test_the_cause_arrives(cause: int) -> None:
    with Boxes() as boxes:
        pair = Pair(boxes)

        async def refuse(channel: Channel) -> None:
            channel.hangup(cause)

        pair.b.scripts["201@in"] = refuse
        channel, seen = pair.dial()
        boxes.run(lambda: seen)
        assert seen[-1] == Ended(cause)
        assert channel.dead


def test_no_such_extension() -> None:
    with Boxes() as boxes:
        pair = Pair(boxes)
        _, seen = pair.dial("b/999")
        boxes.run(lambda: seen)
        assert isinstance(seen[-1], Ended)
        assert len(pair.a.verdicts()) == 1
        assert len(pair.b.verdicts()) == 1
        assert pair.b.channels() == []


def test_a_bad_secret() -> None:
    with Boxes() as boxes:
        pair = Pair(boxes)
        _, seen = pair.dial("a:wrong@b/201")
        boxes.run(lambda: seen)
        assert isinstance(seen[-1], Ended)
        (verdict,) = pair.b.verdicts()
        assert "wrong" not in repr(verdict)


def test_the_destination_has_to_be_known() -> None:
    with Boxes() as boxes:
        pair = Pair(boxes)
        made = boxes.box(
            f"[general]\nbindport={PORT}\nbindaddr=127.0.25.3\n[dyn]\ntype=friend\nhost=dynamic\nsecret=x\n"
        )
        with pytest.raises(Unavailable) as caught:
            made.switch.request("IAX2/dyn/1", (ULAW,), None)
        assert caught.value.cause == 20
        with pytest.raises(Unavailable):
            made.switch.request("IAX2//1", (ULAW,), None)
        assert made.channels() == pair.a.channels() == []
        assert made.driver.endpoint.calls() == []


def test_given_up_before_it_was_placed() -> None:
    with Boxes() as boxes:
        pair = Pair(boxes)
        channel = pair.a.switch.request("IAX2/b/201", (ULAW,), None)
        channel.hangup()
        boxes.turn(0.05)
        assert pair.a.driver.endpoint.calls() == []
        assert pair.a.channels() == []


def test_a_wildcard_answers_from_the_address_that_was_asked(tmp_path: Path) -> None:
    path = tmp_path / "s.ulaw"
    path.write_bytes(tone(0.3))
    heard = tmp_path / "h.ulaw"
    with Boxes() as boxes:
        first = boxes.box(conf(A, B, "a", "b").replace(f"bindport={PORT}", f"bindport={PORT + 1}"))
        second = boxes.box(conf("0.0.0.0", A, "b", "a").replace(f"port={PORT}\nusername", f"port={PORT + 1}\nusername"))

        async def speak(channel: Channel) -> None:
            channel.answer()
            await channel.wait(channel.switch.graph.play(channel, str(path), ULAW).done)
            channel.hangup()

        second.scripts["201@in"] = speak
        pair = Pair.__new__(Pair)
        pair.a = first
        channel, seen = pair.dial()
        boxes.run(lambda: answered(seen))
        first.switch.graph.record(channel, str(heard), ULAW)
        boxes.run(lambda: channel.dead)
        assert seen[-1] == Ended(16)
        boxes.turn(0.1)
    assert len(heard.read_bytes()) > 160 * 5


def test_a_hundred_calls_leave_nothing() -> None:
    with Boxes() as boxes:
        pair = Pair(boxes, "maxauthreq=0")
        log: list[Any] = []
        pair.b.scripts["201@in"] = waiting(log)
        calls = [pair.dial() for _ in range(100)]
        boxes.run(lambda: all(answered(seen) for _, seen in calls), 20)
        assert len(pair.a.channels()) == len(pair.b.channels()) == 100
        for channel, _ in calls:
            channel.hangup()
        boxes.run(lambda: not pair.b.channels(), 20)
        boxes.turn(0.5)
        for box in (pair.a, pair.b):
            assert box.channels() == []
            assert box.driver.endpoint.calls() == []
            assert len(box.switch.graph.rows) == 0
            assert not box.driver.legs._legs and not box.driver.calls.all()


def test_calls_leave_no_cycle() -> None:
    with Boxes() as boxes:
        pair = Pair(boxes)
        log: list[Any] = []
        pair.b.scripts["201@in"] = waiting(log)

        def calls(count: int) -> None:
            for n in range(count):
                channel, seen = pair.dial()
                boxes.run(lambda seen=seen: answered(seen))  # type: ignore[misc]
                (other,) = pair.b.channels()
                (channel if n % 2 else other).softhangup(16)
                boxes.run(lambda: not pair.b.channels() and not pair.a.channels())
            boxes.turn(0.05)
            for kept in (log, pair.a.heard, pair.b.heard, pair.b.extensions.ran):
                kept.clear()

        calls(2)
        assert garbage_of(lambda: calls(20)) == 0


def stop_with_a_call(boxes: Boxes, box: Box) -> list[None]:
    done: list[None] = []
    box.driver.stop().addCallback(done.append)
    boxes.run(lambda: done)
    return done


def test_stop_hangs_up_and_frees_the_port() -> None:
    with Boxes() as boxes:
        pair = Pair(boxes)
        log: list[Any] = []
        pair.b.scripts["201@in"] = waiting(log)
        channel, seen = pair.dial()
        boxes.run(lambda: answered(seen))
        assert stop_with_a_call(boxes, pair.a) == [None]
        boxes.run(lambda: not pair.b.channels())
        assert channel.dead
        assert log[-1] == Hangup(16)
        again = boxes.box(conf(A, B, "a", "b"))
        assert again.driver.sockets[0].port == PORT


def test_what_the_console_is_given() -> None:
    with Boxes() as boxes:
        pair = Pair(boxes)
        log: list[Any] = []
        pair.b.scripts["201@in"] = waiting(log)
        channel, seen = pair.dial()
        boxes.run(lambda: answered(seen))
        driver = pair.a.driver
        (peer,) = driver.peers()
        assert (peer.name, peer.username, peer.host, peer.port, peer.mask) == ("b", "a", B, PORT, "255.255.255.255")
        assert (peer.status, peer.expire, peer.dynamic, peer.trunk) == ("Unmonitored", -1, False, False)
        assert [user.name for user in driver.users()] == ["b"]
        (row,) = driver.channels()
        assert (row.name, row.address, row.username, row.format) == (channel.name, B, "a", "ulaw")
        assert row.own_number > 1 and row.remote_number > 1
        assert (row.first, row.last) == ("Tx:NEW", "Tx:ACK")
        assert pair.b.driver.channels()[0].first == "Rx:NEW"
        use = driver.number_use()
        assert [(row.address, row.used, row.limit) for row in use.rows] == [(f"{B}:{PORT}", 1, 2048)]
        assert (use.regular, use.trunk) == (16381, 16384)
        assert driver.stats().counted["sent"] > 3
        assert list(driver.registry()) == []
        assert driver.unregister("b") is False
        assert driver.news.device_state("b") == "INUSE"
        assert driver.news.device_state("nosuch") == "INVALID"
