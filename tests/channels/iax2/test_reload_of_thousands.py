"""A reload of thousands of peers while calls are up and peers register: nobody notices, and what changed is said."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from pbx.channels.iax2.call_model import Outgoing
from pbx.channels.iax2.events import CallEnded, Failed
from pbx.channels.iax2.frames import Command, FrameType, parse_full
from pbx.channels.iax2.settings import Settings
from pbx.channels.iax2.settings_diff import compare_steps
from pbx.channels.iax2.settings_load import from_text, load_steps
from pbx.channels.iax2.sockets import CannotBind
from pbx.conf.diagnostics import Diagnostics
from pbx.conf.reader import read_text
from tests.channels.iax2.boxes import Boxes
from tests.simulation.network import Box, Network

SERVER, CALLERS, PHONES = ("127.0.25.51", 4569), ("127.0.25.52", 4569), ("127.0.25.53", 4569)
PEERS, CALLS, REGISTERING = 5000, 500, 1000
#: virtual seconds that a step of the reload takes, and between two steps
STEP = 0.002


def conf(secret: str, *, first: int = 0, last: int = PEERS, qualify: str = "no") -> str:
    parts = [f"[general]\nmaxcallnumbers=20000\n[callers]\ntype=user\nsecret={secret}\ncontext=default\nmaxauthreq=0\n"]
    parts += [
        f"[peer{n}]\ntype=friend\nhost=dynamic\nsecret=s{n}\ncontext=default\n"
        + (f"qualify={qualify}\n" if n == 7 else "")
        for n in range(first, last)
    ]
    return "".join(parts)


def test_nobody_notices() -> None:
    net = Network(6)
    net.log = []
    server = Box(net, SERVER, conf("old"))
    callers = Box(
        net,
        CALLERS,
        f"[general]\nmaxcallnumbers=20000\n[s]\ntype=peer\nhost={SERVER[0]}\nsecret=old\nusername=callers\n",
    )
    lines = "".join(f"register => peer{n}:s{n}@{SERVER[0]}\n" for n in range(100, 100 + REGISTERING))
    phones = Box(net, PHONES, f"[general]\nmaxcallnumbers=20000\n{lines}")
    calls = [callers.endpoint.place_call(Outgoing(peer="s", exten="600"), net.now) for _ in range(CALLS)]
    callers.pump()
    net.run(10)
    assert len(server.incoming) == CALLS
    known = server.endpoint.peers
    assert sum(record.registered for record in known) == REGISTERING
    before = {record.name: record.address for record in known if record.registered}
    events = {box: len(box.events) for box in (server, callers, phones)}
    net.log.clear()
    again = server.endpoint.stats["registrations"]

    changed = conf("new", first=10, last=PEERS + 20, qualify="yes")
    steps = 0

    def through(work: Iterator[None]) -> Settings:
        """One step of the reload, then life goes on."""
        nonlocal steps
        while True:
            try:
                next(work)
            except StopIteration as done:
                result: Settings = done.value
                return result
            steps += 1
            net.run(STEP)

    phones.endpoint.renew_registrations(net.now)
    begun = net.now
    found = Diagnostics()
    settings = through(load_steps(read_text(changed, "iax.conf", diagnostics=found), diagnostics=found))
    differences = through(compare_steps(server.endpoint.settings, settings))  # type: ignore[arg-type]
    through(server.endpoint.reload_steps(settings, net.now))  # type: ignore[arg-type]
    took = net.now - begun
    net.run(max(20 - took, 5))

    # it came in many steps, and life went on between them
    assert steps > 500
    assert server.endpoint.stats["registrations"] - again >= REGISTERING
    # no call ended, nothing failed, nothing had to be said twice
    for box, seen in events.items():
        assert not [e for e in box.events[seen:] if isinstance(e, CallEnded | Failed)]
    frames = [parse_full(data) for *_, data in net.log if data[0] & 0x80]
    assert not [f.name for f in frames if f.retry]
    assert [f for f in frames if f.type == FrameType.IAX and f.subclass == Command.LAGRQ]
    assert all(call.alive for call in calls)
    # who was registered is still known where he was
    assert {record.name: record.address for record in known if record.registered} == before
    # what changed is said by name
    said = list(differences.lines())  # type: ignore[attr-defined]
    assert "user callers: secret changed" in said
    assert [line for line in said if line.startswith("peer") and "removed" in line] == [
        f"peer peer{n}: removed" for n in range(10)
    ]
    assert sum(line.startswith("peer") and line.endswith("added") for line in said) == 20
    # and new calls go by the new file
    late = callers.endpoint.place_call(Outgoing(peer="s", exten="600"), net.now)
    callers.pump()
    net.run(2)
    assert not late.alive
    for call in calls:
        call.hangup(16, net.now)
    callers.pump()
    net.run(2)
    assert len(server.of(CallEnded)) >= CALLS


def test_a_step_reads_a_bounded_number_of_sections() -> None:
    """Whatever the size of the file: so many steps as there are tens of sections."""
    found = Diagnostics()
    text = conf("x", last=1000)
    steps = sum(1 for _ in load_steps(read_text(text, "iax.conf", diagnostics=found), diagnostics=found))
    assert steps >= 100
    old, new = from_text(text), from_text(text.replace("secret=s1", "secret=t1"))
    assert sum(1 for _ in compare_steps(old, new)) >= 20
    net = Network(1)
    box = Box(net, SERVER, text)
    assert sum(1 for _ in box.endpoint.reload_steps(new, net.now)) >= 50


def test_a_start_is_in_steps_too_and_what_arrives_meanwhile_waits() -> None:
    """Sockets are bound at once, so that it is known whether that works; they are read when all peers are known."""
    with Boxes() as boxes:
        box = boxes.box(conf("x", last=1000).replace("[general]", "[general]\nbindaddr=127.0.25.54"), start=False)
        steps = box.driver.start_steps()
        next(steps)
        assert box.driver.sockets
        with pytest.raises(CannotBind):
            boxes.box("[general]\nbindaddr=127.0.25.54\n", start=False).driver.start()
        assert "IAX2" not in box.switch.technologies
        count = sum(1 for _ in steps)
        assert count >= 40
        assert "IAX2" in box.switch.technologies
        assert len(list(box.driver.peers())) == 1000
