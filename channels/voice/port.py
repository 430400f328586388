"""The seam between control and the voice plane: the words that cross it.

Control (protocol core, dialplan, console) speaks to the plane by `VoicePort`
and hears `VoiceEvents`.  Whether the plane runs in this process or in one of
its own, both directions are batches of fixed-size records with a byte tail
(`records.py`); so no method returns a value, nothing is shared but the counter
table, and every row carries a generation that outlives its number.

Times are integers.  `ts64` is a call's own time in milliseconds, 64 bits wide,
extended from the wire's 16 and 32; stamps are nanoseconds of CLOCK_MONOTONIC.
Formats are the IAX2 format bits (`pbx.codecs.formats`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum, IntFlag
from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from pbx.channels.voice.timertest import Exactness


class EdgeKind(IntEnum):
    """What an edge does with its source's frames (design: edges, not modes)."""

    RELAY = 1  # payload as it is, or translated frame by frame; no jitter buffer of its own
    MIX = 2  # into the sum that the sink hears
    TAP = 3  # a copy aside, to a recorder or listener
    DETECT = 4  # digits, silence, talking: events only


class LegFlags(IntFlag):
    TRUNK = 1  # frames out go into meta trunk frames of (socket, address)
    ENCRYPTED = 4  # payloads are enciphered; never into trunk rows
    NO_CLEAR = 8  # what comes for it in trunk frames (in the clear) is dropped


class Direction(IntFlag):
    """Which sound of a leg a source, sink or tap means."""

    IN = 1  # what the far end says
    OUT = 2  # what the far end hears


class BufferKind(IntEnum):
    NONE = 0
    ADAPTIVE = 1
    FIXED = 2


@dataclass(frozen=True, slots=True)
class Buffering:
    """A leg's jitter buffer, ms.

    maximum: maxjitterbuffer (the length of a fixed one); resync: resyncthreshold (-1: never); interpolations:
    maxjitterinterps (0: no limit); extra: jittertargetextra (adaptive only).
    """

    kind: BufferKind = BufferKind.NONE
    maximum: int = 1000
    resync: int = 1000
    interpolations: int = 10
    extra: int = 40


class Edge(NamedTuple):
    """One edge row: `source` row to `sink` row.  gain in dB * 100 (0 = as it is)."""

    source: int
    sink: int
    kind: EdgeKind
    direction: Direction = Direction.IN
    gain: int = 0


@dataclass(frozen=True, slots=True)
class Shape:
    """How a recording lays its sound out.

    starts: whose first sound begins it (0: what it records); recordings with the same `starts` keep the same time.
    stereo: what the far end says left, what it hears right, interleaved (linear sound without a head only).
    packed: no silence where there was no sound.  gain_in, gain_out: dB * 100.
    """

    starts: int = 0
    stereo: bool = False
    packed: bool = False
    gain_in: int = 0
    gain_out: int = 0


PLAIN = Shape()


class VoicePort(Protocol):
    """What control tells the plane.  Commands are applied in order, between two batches of frames."""

    def add_socket(self, socket: int, fd: int, family: int) -> None:
        """Read from and send by this bound, non-blocking UDP socket (control keeps the descriptor open)."""

    def remove_socket(self, socket: int) -> None: ...

    def send(
        self,
        socket: int,
        address: tuple[str, int],
        data: bytes,
        *,
        local: str = "",
        row: int = 0,
        barrier: bool = False,
        clear: bytes = b"",
    ) -> None:
        """Send a datagram; `local`: the address it must leave from (a wildcard-bound socket), "" = the socket's own.

        barrier: it belongs to leg `row` and no mini frame of that leg may overtake it (VOICE, RTKEY, TXREL).
        clear: the header in the clear, where the datagram is an enciphered full frame of that leg.
        """

    def add_leg(
        self,
        row: int,
        generation: int,
        socket: int,
        address: tuple[str, int],
        local: str,
        own_call: int,
        remote_call: int,
        flags: LegFlags,
        clock_start: int,
    ) -> None:
        """A leg.  row: 1.. chosen by control.  remote_call 0: not known yet (nothing can arrive).

        clock_start: monotonic ns at which the call's timestamps are 0.
        """

    def bind_leg(self, row: int, address: tuple[str, int], local: str, remote_call: int, *, also: bool = False) -> None:
        """The far end's address or call number became known or changed (from an authenticated full frame only).

        also: what comes from the former address is the leg's, too.
        """

    def set_flags(self, row: int, flags: LegFlags) -> None: ...

    def set_keys(self, row: int, send: bytes, receive: tuple[bytes, ...]) -> None:
        """Keys of an ENCRYPTED leg's minis: what we send under, and what may come, newest first."""

    def set_formats(self, row: int, receive: int, send: int) -> None:
        """Format bits of mini frames in, and of all voice out; 0 = none yet.

        A change of `send` makes the plane ask for a full VOICE frame (`voice_due`) before further minis.
        """

    def remove_leg(self, row: int, generation: int) -> None: ...

    def voice_in(self, row: int, ts64: int, format_bit: int, payload: bytes) -> None:
        """A full VOICE frame was accepted by the core: its payload is voice like any mini's."""

    def release(self, row: int, held: int) -> None:
        """The full frame that was told with this number, not 0, was dealt with, whatever became of it."""

    def voice_restart(self, row: int, clock_start: int) -> None:
        """After TXREL: clock, formats and stamps of this row start over."""

    def reset_edges(self, removed: list[Edge], added: list[Edge]) -> None:
        """The graph's difference, applied at once between two batches."""

    def play_file(
        self, source: int, row: int, path: str, format_bit: int, *, skip_ms: int = 0, loop: bool = False
    ) -> None:
        """Play a headerless sound file of that format (or a wav) to the far end of `row`; ends with `finished`."""

    def play_tone(self, source: int, row: int, spec: str) -> None:
        """Play a tone list (indications.conf grammar: `!350+440/100,!0/100,...`, `1004` for milliwatt)."""

    def play_silence(self, source: int, row: int, milliseconds: int) -> None:
        """Keep a clocked, silent stream running (0 = until stopped)."""

    def open_stream(self, stream: int, fd: int, name: str, always: bool) -> None:
        """Read raw sound of a format (`slin`, `slin16`, `ulaw`, ...) from a non-blocking pipe that control keeps open.

        `stream` is a number of its own among the sources'.  When the pipe is closed by those who write and all of it
        has been heard, that is `finished` ("end"); the stream stays, silent, until it is given another pipe.
        always: the pipe is read when nobody listens, too.
        """

    def close_stream(self, stream: int) -> None:
        """Read it no more; who listens to it hears silence."""

    def play_stream(self, source: int, row: int, stream: int) -> None:
        """Play what comes through a stream to the far end of `row`, until stopped: all who hear it hear the same."""

    def pause(self, source: int, paused: bool) -> None:
        """A source or sink stands still, or goes on; a paused recording lets go what passes meanwhile."""

    def set_volume(self, row: int, gain: int) -> None:
        """Everything that the far end of `row` hears is louder or softer by dB * 100; 0 ends it."""

    def stop(self, source: int) -> None:
        """Stop a source or sink; it reports `finished` all the same."""

    def record(
        self,
        sink: int,
        row: int,
        path: str,
        format_bit: int,
        direction: Direction,
        *,
        append: bool = False,
        silence_ms: int = 0,
        max_ms: int = 0,
        shape: Shape = PLAIN,
    ) -> None:
        """Write what the leg says and/or hears to a file (mixed if both); ends by itself after silence_ms or max_ms."""

    def detect(
        self,
        row: int,
        *,
        digits: bool = False,
        talk: bool = False,
        silence_threshold: int = 256,
        silence_ms: int = 2500,
    ) -> None:
        """Report in-band digits and changes between talk and silence of what the far end says.

        silence_threshold: mean absolute sample below which 20 ms are silent; silence_ms: so much of that is silence.
        """

    def listen(self, number: int, row: int, direction: Direction, spec: str) -> None:
        """Let a detector (`pbx.codecs.listening`) hear what the leg says (IN) or hears (OUT), until `stop`.

        What it finds is told by `heard`; it reports `finished` when the leg ends or there is no such detector.
        """

    def set_trunk(self, frequency_ms: int, mtu: int, timestamps: bool, max_size: int) -> None:
        """trunkfreq, trunkmtu, trunktimestamps, trunkmaxsize of iax.conf."""

    def set_buffer(self, row: int, buffer: Buffering) -> None:
        """Frames in of this leg pass such a jitter buffer, whatever hears them (a new leg has none)."""

    def mark(self, row: int, ts64: int, number: int) -> None:
        """Tell `mark_due` when the leg's sound has come to that time: a signal waits with the voice it belongs to.

        At once where the leg has no buffer, or its buffer is full or ends.
        """

    def test_jitter(self, late_ms: int, resync_ms: int, jitter_ms: int, percent: int) -> None:
        """Pretend that frames of buffered legs come at other times: the next one `late_ms` later, all `resync_ms`
        later, and `percent` of them up to `jitter_ms` earlier or later.
        """

    def set_concealment(self, decoded: bool, translated: bool, equal: bool) -> None:
        """Fill gaps in the sound of far ends: what is decoded for a mix or a recording; a buffered leg's voice where
        it is translated; and where it goes on in the format it has.
        """

    def set_options(self, mediatick_us: int) -> None: ...

    def test_timer(self, rate: int) -> None:
        """Tick `rate` (1..1000) times a second for a second, then say `timer_tested`."""

    def flush(self) -> None:
        """Hand over what was said."""

    def turn(self) -> None:
        """As `flush`, unless all that was said can wait a moment for more of it (legs, their formats and edges)."""

    def soon(self, call: Callable[[], object]) -> None:
        """Call it once all that the plane says at this time has been told; in the next turn if it says nothing now."""


class VoiceEvents(Protocol):
    """What the plane tells control; called between two batches, in order."""

    def datagram(
        self,
        socket: int,
        address: tuple[str, int],
        local: str,
        row: int,
        generation: int,
        stamp: int,
        data: bytes,
        held: int,
    ) -> None:
        """A full frame, or a frame of no known leg.  row 0: no leg has this address and call number.

        held: not 0 where it holds its row (VOICE, RTKEY, TXREL): the minis behind it wait for `release` with this
        number, 100 ms at most behind VOICE of the format in use, 10 s behind what changes format, key or far end.
        """

    def voice_due(self, row: int, generation: int, ts64: int, format_bit: int, payload: bytes) -> None:
        """This voice has to leave as a full VOICE frame (start, new format, after TXREL, high half moved by 2)."""

    def voice_unknown(self, row: int, generation: int) -> None:
        """A mini frame came before any format is known for the row (Asterisk answers VNAK)."""

    def voice_trunked(self, row: int, generation: int) -> None:
        """The row's voice comes in trunk frames; told once."""

    def mark_due(self, row: int, generation: int, number: int) -> None:
        """The sound of the row has come to where `mark` set this one."""

    def timer_tested(self, found: Exactness) -> None:
        """How exact the plane's ticks were."""

    def finished(self, source: int, reason: str) -> None:
        """A source or sink ended: "end", "stopped", "silence", "max", or "error: ..."."""

    def detected(self, row: int, what: str) -> None:
        """ "digit:5", "talk", "silence"."""

    def heard(self, number: int, what: str) -> None:
        """What a listener found."""


class Counters(Protocol):
    """The one thing both sides see: per-row counters, each with one writer (the plane)."""

    def tx_ts64(self, row: int) -> int:
        """Last voice time sent on this row, ms; -1 = none yet (the core's last+3 rule)."""

    def rx_ts64(self, row: int) -> int:
        """Last voice time received."""

    def legs(self, row: int) -> LegCounters: ...


@dataclass(slots=True)
class LegCounters:
    """Voice counted by the plane for one leg (RFC 3550 jitter, in ms)."""

    received: int = 0
    sent: int = 0
    lost: int = 0
    out_of_order: int = 0
    late: int = 0
    jitter: int = 0
    delay: int = 0
    #: of the jitter buffer: let go to become shorter or for want of room; wanted length; smallest delay; its jitter
    dropped: int = 0
    target: int = 0
    minimum: int = 0
    buffer_jitter: int = 0
