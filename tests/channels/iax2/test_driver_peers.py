"""The driver beside its calls: registration, names, reload, floods, device states, a taken port."""

from __future__ import annotations

import logging
import socket
from typing import Any

import pytest
from twisted.internet.defer import Deferred, fail, succeed

from pbx.channels.events import DeviceState
from pbx.channels.iax2 import peers, plane_legs, registration
from pbx.channels.iax2.settings_load import from_text
from pbx.channels.iax2.sockets import CannotBind
from pbx.channels.iax2.turns import KNOWN, OPENERS, Arrived, Turns
from pbx.channels.switch import Unavailable
from pbx.codecs.formats import ULAW
from tests.channels.iax2.boxes import Box, Boxes
from tests.channels.iax2.test_driver import Pair, answered, waiting

SERVER, CLIENT, PORT = "127.0.25.21", "127.0.25.22", 14580

SERVER_CONF = f"""
[general]
bindport={PORT}
bindaddr={SERVER}
[phone]
type=friend
host=dynamic
secret=cheese
context=in
qualify=yes
"""


def client_conf(host: str = SERVER, more: str = "") -> str:
    return f"""
[general]
bindport={PORT}
bindaddr={CLIENT}
register => phone:cheese@{host}:{PORT}
[server]
type=friend
host={host}
port={PORT}
username=phone
secret=cheese
context=in
{more}
"""


def pair_of(caller: Box) -> Pair:
    """`Pair.dial` from this box."""
    pair = Pair.__new__(Pair)
    pair.a = caller
    return pair


def states(box: Box) -> list[tuple[str, str]]:
    return [(event.device, event.state) for event in box.heard if isinstance(event, DeviceState)]


def test_a_phone_registers_is_called_and_forgotten() -> None:
    with Boxes() as boxes:
        server = boxes.box(SERVER_CONF)
        (row,) = server.driver.peers()
        assert (row.host, row.status, row.dynamic, row.expire) == (None, "UNKNOWN", True, -1)
        with pytest.raises(Unavailable) as caught:
            server.switch.request("IAX2/phone", (ULAW,), None)
        assert caught.value.cause == 20
        assert server.driver.news.device_state("phone") == "UNAVAILABLE"
        client = boxes.box(client_conf())
        boxes.run(lambda: next(server.driver.peers()).status.startswith("OK"))
        (row,) = server.driver.peers()
        assert (row.host, row.port) == (CLIENT, PORT)
        assert 50 <= row.expire <= 70
        boxes.run(lambda: next(client.driver.registry()).state == "Registered")
        (line,) = client.driver.registry()
        assert (line.host, line.port, line.username, line.perceived) == (SERVER, PORT, "phone", f"{CLIENT}:{PORT}")
        assert states(server)[-1] == ("IAX2/phone", "UNKNOWN")
        log: list[Any] = []
        client.scripts["1@in"] = waiting(log)
        channel, seen = pair_of(server).dial("phone/1")
        boxes.run(lambda: answered(seen))
        assert states(server)[-1] == ("IAX2/phone", "INUSE")
        channel.hangup()
        boxes.run(lambda: not client.channels())
        assert states(server)[-1] == ("IAX2/phone", "UNKNOWN")
        assert server.driver.unregister("phone")
        assert next(server.driver.peers()).host is None
        assert states(server)[-1] == ("IAX2/phone", "UNAVAILABLE")


def test_names_are_asked_for_until_they_are_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(peers, "RESOLVE_AGAIN", 0.5)
    monkeypatch.setattr(registration, "FIRST_RETRY", 0.5)
    asked: list[str] = []
    known: dict[str, str] = {}

    def lookup(name: str) -> Deferred[list[str]]:
        asked.append(name)
        return succeed([known[name]]) if name in known else fail(OSError("no such name"))

    with Boxes() as boxes:
        server = boxes.box(SERVER_CONF)
        client = boxes.box(client_conf("voip.example"), lookup=lookup)
        assert "voip.example" in asked
        with pytest.raises(Unavailable) as caught:
            client.switch.request("IAX2/server/1", (ULAW,), None)
        assert caught.value.cause == 20
        known["voip.example"] = SERVER
        # asked again by itself, without a command
        boxes.run(lambda: next(server.driver.peers()).host == CLIENT)
        boxes.run(lambda: next(client.driver.peers()).host == SERVER)
        log: list[Any] = []
        server.scripts["1@in"] = waiting(log)
        channel, seen = pair_of(client).dial("server/1")
        boxes.run(lambda: answered(seen))
        channel.hangup()
        boxes.run(lambda: not server.channels())


def test_a_reload_leaves_calls_alone() -> None:
    with Boxes() as boxes:
        pair = Pair(boxes)
        log: list[Any] = []
        pair.b.scripts["201@in"] = waiting(log)
        channel, seen = pair.dial()
        boxes.run(lambda: answered(seen))
        for box, own in ((pair.a, "127.0.25.1"), (pair.b, "127.0.25.2")):
            box.driver.reload(from_text(f"[general]\nbindport=14569\nbindaddr={own}\n"))
        assert list(pair.a.driver.peers()) == []
        assert channel.leg is not None
        channel.leg.send_text("still there")
        boxes.run(lambda: log)
        channel.hangup()
        boxes.run(lambda: not pair.b.channels())


def test_a_taken_port_is_refused_and_nothing_stays_bound(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.CRITICAL)
    with Boxes() as boxes:
        taken = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        taken.bind(("127.0.25.24", PORT))
        box = boxes.box(f"[general]\nbindaddr=127.0.25.23:{PORT}\nbindaddr=127.0.25.24:{PORT}\n", start=False)
        with pytest.raises(CannotBind, match=f"127.0.25.24:{PORT}"):
            box.driver.start()
        taken.close()
        box.driver.start()
        assert [(bound.host, bound.port) for bound in box.driver.sockets] == [
            ("127.0.25.23", PORT),
            ("127.0.25.24", PORT),
        ]


class Slow:
    """A clock that moves with the work, not by itself; callLater collects."""

    def __init__(self) -> None:
        self.time = 100.0
        self.later: list[Any] = []

    def seconds(self) -> float:
        return self.time

    def advance(self, seconds: float) -> None:
        self.time += seconds

    def callLater(self, delay: float, what: Any, *args: Any) -> Any:
        self.later.append((what, args))
        return object()

    def turn(self) -> None:
        due, self.later = self.later, []
        for what, args in due:
            what(*args)


def test_frames_of_known_calls_that_wait_are_bounded_too() -> None:
    turns = Turns(Slow(), lambda arrived, now: None)
    taken = [turns.put(Arrived(1, ("127.0.0.1", 1), "", 5, b"known")) for _ in range(KNOWN + 7)]
    assert taken == [True] * KNOWN + [False] * 7
    assert (turns.crowded, turns.dropped) == (7, 0)


def test_known_calls_come_first_and_a_turn_is_bounded() -> None:
    clock = Slow()
    seen: list[tuple[int, bytes]] = []

    def deal(arrived: Arrived, now: float) -> None:
        seen.append((arrived.row, arrived.data))
        clock.advance(0.0005)

    turns = Turns(clock, deal)
    for n in range(OPENERS + 10):
        turns.put(Arrived(1, ("127.0.0.1", 1), "", 0, b"opener"))
        if n % 500 == 0:
            turns.put(Arrived(1, ("127.0.0.1", 1), "", 5, b"known"))
    assert turns.dropped == 10
    assert len(clock.later) == 1
    clock.turn()
    assert [row for row, _ in seen] == [5, 5, 5, 5]  # 2 ms
    count = 1
    while clock.later:
        clock.turn()
        count += 1
    assert len(seen) == OPENERS + 5
    assert count > 400


def test_a_frame_of_a_former_leg_is_of_no_leg() -> None:
    with Boxes() as boxes:
        box = boxes.box(SERVER_CONF)
        box.driver.legs._legs[5] = plane_legs._Leg(object(), 1)  # type: ignore[arg-type]
        assert box.driver.legs.find(5, 1) is not None
        assert box.driver.legs.find(5, 9) is None
        box.driver.legs._legs.clear()
