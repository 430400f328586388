"""What a call between two boxes must show: sound both ways, digits, causes, nothing left behind."""

from __future__ import annotations

import itertools
import re
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from tests.interop.boxes import Box
from tests.interop.capture import Stream, capture
from tests.interop.sounds import alike, from_ulaw, sweep, to_ulaw

SWEEP = sweep()
ULAW = to_ulaw(SWEEP)


def give_sounds(*boxes: Box) -> None:
    for box in boxes:
        box.add_sound("sweep", ULAW)


def longest(found: list[Stream]) -> Stream:
    assert found, "no voice at all passed this way"
    return max(found, key=lambda s: len(s.payloads))


#: threads of a stock box that read its socket (iaxthreadcount)
_READERS = 10


def linear(payloads: list[bytes]) -> list[bytes]:
    """mu-law as samples: a box may go through them on the way, and mu-law knows two zeros."""
    return [from_ulaw(payload).tobytes() for payload in payloads]


def echo_both_ways(caller: Box, callee: Box, target: str, wire: Path, *, trunked: bool | None = None) -> None:
    """The caller plays a sound to the callee's echo: what leaves is the sound, what comes back is what left."""
    with capture(wire, caller.bind, callee.bind) as recorded:
        caller.originate(target, "Playback", caller.seen(caller.home / "sounds" / "sweep"))
        # the sound lasts three seconds, on a busy machine the call to it may, too
        time.sleep(4)
        caller.wait_idle(20)
    found = recorded.streams()
    sent = longest(found.get((caller.bind, callee.bind), []))
    back = longest(found.get((callee.bind, caller.bind), []))
    left, came = linear(sent.payloads), linear(back.payloads)
    assert from_ulaw(ULAW).tobytes()[1600:40000] in b"".join(left), "what left the caller is not the sound it plays"
    echoed(left, came, in_order=callee.kind == "pbx")
    for box, stream in ((caller, sent), (callee, back)):
        if box.kind == "pbx":
            assert_even(stream.stamps)
    if trunked is not None:
        assert bool(sent.trunked) is trunked, f"{sent.trunked} trunk entries from the caller"


def echoed(left: list[bytes], came: list[bytes], *, in_order: bool) -> None:
    """Frames 10 to 99 of what left came back, each once, as they were; and in their order, if that is asked for.

    A stock box reads its socket with ten threads, and on a busy machine one passes another between reading a frame and
    queueing it for the channel: with two stock boxes as well, a frame of an echo then stands a few places off, and with
    iaxthreadcount=1 none ever does.
    """
    wanted = left[10:100]
    if in_order:
        assert b"".join(wanted) in b"".join(came), "what came back from the echo is not what was sent"
        return
    # no two frames of the sweep are alike
    place = {frame: i for i, frame in enumerate(wanted)}
    order = [place[frame] for frame in came if frame in place]
    assert sorted(order) == list(range(len(wanted))), f"lost, doubled or altered by the echo: {order}"
    assert max(abs(at - i) for at, i in enumerate(order)) < _READERS, f"far out of order: {order}"


def assert_even(stamps: list[int]) -> None:
    """Stamps of 20 ms frames: each a frame or whole frames of silence after the one before."""
    steps = [after - before for before, after in itertools.pairwise(stamps)]
    assert all(step > 0 and step % 20 == 0 for step in steps), f"stamps are not even: {stamps}"


def whole_file(path: Path, seconds: float = 20) -> bytes:
    """What a recording holds once it has stopped growing; b"" if there is none in that time."""
    limit = time.monotonic() + seconds
    sizes = [-1]
    while time.monotonic() < limit:
        sizes.append(path.stat().st_size if path.exists() else -1)
        # a box may write it in pieces
        if sizes[-1] >= 16_000 and sizes[-3:] == [sizes[-1]] * 3:
            break
        time.sleep(0.5)
    return path.read_bytes() if path.exists() else b""


def recorded_there(caller: Box, callee: Box, target: str, sound: np.ndarray = SWEEP) -> None:
    """The caller plays, the callee records: its file holds the sound, as `sound` has it."""
    (callee.home / "spool" / "heard.ulaw").unlink(missing_ok=True)
    caller.originate(target, "Playback", caller.seen(caller.home / "sounds" / "sweep"))
    likeness = alike(sound, from_ulaw(whole_file(callee.home / "spool" / "heard.ulaw")))
    assert likeness > 0.9, f"the callee recorded something else (likeness {likeness:.2f})"


def recorded_here(caller: Box, target: str, sound: np.ndarray = SWEEP) -> None:
    """The callee plays, the caller records: its file holds the sound, as `sound` has it."""
    (caller.home / "spool" / "recorded.ulaw").unlink(missing_ok=True)
    caller.rx(f"channel originate {target} extension record@apps")
    likeness = alike(sound, from_ulaw(whole_file(caller.home / "spool" / "recorded.ulaw")))
    assert likeness > 0.9, f"the caller heard something else (likeness {likeness:.2f})"


def digits_both_ways(caller: Box, callee: Box, target: str) -> None:
    caller.rx(f"channel originate {target} extension digits@apps")
    callee.wait_log(r"GOT 159\b", 15)
    caller.wait_log(r"BACK 159", 15)


def dial_status(caller: Box, target: str, seconds: float = 15) -> tuple[str, int]:
    """(DIALSTATUS, HANGUPCAUSE) of a call that fails."""
    before = len(caller.log)
    caller.rx(f"channel originate {target} extension wait@apps")
    limit = time.monotonic() + seconds
    while time.monotonic() < limit:
        # the line that Log() writes, not the one before it that tells of Log(): it may come after the next call began
        match = re.search(r"NOTICE\[.*?DIALSTATUS (?:\S+ )??([A-Z]+) HANGUPCAUSE (\d+)", caller.log[before:])
        if match:
            return match[1], int(match[2])
        time.sleep(0.1)
    raise AssertionError(f"the call to {target} did not end in {seconds} s\n{caller.tail()}")


def together(*jobs: Callable[[], object]) -> None:
    """Run calls at the same time; the first failure is raised."""
    with ThreadPoolExecutor(len(jobs)) as pool:
        for done in [pool.submit(job) for job in jobs]:
            done.result()


#: `iax2 show callnumber usage` of pbx when no address holds a number: a number that rests after a call is not held.
#: A stock box counts those in as well, for a minute.
_NO_NUMBERS = r"Callno Limit *\n\n"


def nothing_left(*boxes: Box, registering: bool = False) -> None:
    """No channel, no call, no call number, no frame that waits for its ACK, of all calls that came and went.

    registering: the box asks a host that does not answer to be registered, and holds a number for that.
    """
    for box in boxes:
        box.wait_idle()
        box.wait_rx("iax2 show channels", r"(?m)^0 active IAX channels", 15)
        if box.kind == "pbx" and not registering:
            box.wait_rx("iax2 show callnumber usage", _NO_NUMBERS, 15)
            box.wait_rx("iax2 show stats", r"(?m)^Packets in transmit queue: 0 dead, 0 final, 0 total", 15)


def causes_of_the_howto(caller: Box, first: str) -> None:
    """Busy, congestion, a cause of the dialplan's own, and no such extension, of the other box's numbers `first`XX."""
    for number, expected in (
        ("43", ("BUSY", 17)),
        ("44", ("CONGESTION", 34)),
        ("45", ("CHANUNAVAIL", 21)),
        ("99", ("CHANUNAVAIL", 3)),
    ):
        found = dial_status(caller, f"Local/{first}{number}@default")
        assert found == expected, (number, found, expected)
