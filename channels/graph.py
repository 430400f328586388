"""Who hears whom: channels, bridges, Local pairs, sources and taps as one graph.

The graph is control's.  One pure function compiles it to edge rows of the voice
plane; each edit sends only the difference.  Bridge, transfer, hold, music,
spying and recording are edits of this graph and nothing else.

Every channel has two ports: *in* (what its far end says) and *out* (what its far
end hears).  An arc leads from one channel's in to another's out.  For a channel
with a row of the voice plane those ports are the leg's; a Local half has no row:
what goes out of one half comes in at the other, so paths run through pairs and
end where a leg is (`compile_edges`).  A sound that nobody with a row hears is
timed by the clock, so that it lasts as long as it would be heard.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from pbx.channels.arcs import Arc, Node, Picture, compile_edges
from pbx.channels.durations import file_ms, tone_ms
from pbx.channels.rows import Rows
from pbx.channels.sounds import Handle, Listener, Recording, Source
from pbx.channels.voice.port import PLAIN, Direction, Edge, EdgeKind, Shape, VoicePort

if TYPE_CHECKING:
    from pbx.channels.channel import Channel
    from pbx.channels.switch import Switch
    from pbx.codecs.formats import Format

__all__ = ["Graph", "Listener", "Recording", "Rows", "Source"]


_H = TypeVar("_H", bound=Handle)

#: an arc's speaker, listener and `why`: of the same three there is but one
_Key = tuple["Channel", "Channel", str]


@dataclass(slots=True)
class _Detector:
    heard: Callable[[str], None]
    digits: bool
    talk: bool
    threshold: int
    silence_ms: int


class Graph:
    """The graph; one, made with the switch (`switch.graph`).

    Every edit is compiled at once, for the connected piece it touches only, and its difference said to the port.
    """

    def __init__(self, switch: Switch, port: VoicePort, rows: Rows | None = None) -> None:
        self.clock = switch.clock
        self.port = port
        #: row numbers and generations, for the technologies
        self.rows = rows or Rows()
        self._row: dict[Channel, int | None] = {}
        self._pairs: dict[Channel, Channel] = {}
        self._arcs: dict[Channel, dict[_Key, Arc]] = {}
        self._held: set[Channel] = set()
        #: who mutes a channel -> which way
        self._muted: dict[Channel, dict[str, Direction]] = {}
        self._handles: dict[Channel, list[Handle]] = {}
        #: who listens to a channel -> what it wants to hear
        self._detectors: dict[Channel, dict[str, _Detector]] = {}
        #: how much louder what comes in at a channel, or goes out of it, is (dB * 100)
        self._gains: dict[tuple[Channel, Direction], int] = {}
        #: what to call when the plane has closed a file
        self._closing: dict[int, Callable[[int], None]] = {}
        #: row -> (arguments of `VoicePort.detect`, the channels that want it)
        self._detecting: dict[int, tuple[dict[str, Any], list[Channel]]] = {}
        #: streams -> what to call when one has come to its end
        self._streams: dict[int, Callable[[str], None]] = {}
        self._edges: dict[int, set[Edge]] = {}
        self._numbers: dict[int, Handle] = {}
        self._serial = itertools.count(1)

    # ---- nodes ---------------------------------------------------------------------------------------------

    def attach(self, channel: Channel) -> None:
        """The channel has its leg (or another row than before).  It is detached by itself when it ends."""
        if channel.dead:
            return
        self._know(channel)
        row = channel.leg.row if channel.leg is not None else None
        former = self._row[channel]
        self._row[channel] = row or None
        self._say_volume(channel)
        if self._alone(channel) and not self._told(former):
            return
        self._update([channel], () if former is None else (former,))

    def detach(self, channel: Channel) -> None:
        """Everything of this channel goes: arcs, sources (done: "hangup"), recordings, taps, its pair."""
        if channel not in self._row:
            return
        channel.not_on_end(self.detach)
        row = self._row[channel]
        touched: set[Channel] = set()
        for key in list(self._arcs.get(channel, ())):
            touched.update(key[:2])
            self._forget_arc(key)
        other = self._pairs.pop(channel, None)
        if other is not None:
            self._pairs.pop(other, None)
            touched.add(other)
        touched.discard(channel)
        ending = self._handles.pop(channel, [])
        self._detectors.pop(channel, None)
        self._held.discard(channel)
        self._muted.pop(channel, None)
        if self._gains:
            for direction in (Direction.IN, Direction.OUT):
                self._gains.pop((channel, direction), None)
        self._arcs.pop(channel, None)
        del self._row[channel]
        if touched or self._told(row):
            self._update(touched, () if row is None else (row,))
        for handle in ending:
            handle.stop("hangup")

    def pair(self, one: Channel, two: Channel) -> None:
        """Two halves of a Local channel: what goes out of one comes in at the other."""
        if one.dead or two.dead:
            return
        self._know(one)
        self._know(two)
        self._pairs[one], self._pairs[two] = two, one
        self._update([one])

    def unpair(self, one: Channel) -> None:
        """The halves are no pair any more (a Local channel that was optimised away)."""
        two = self._pairs.pop(one, None)
        if two is not None:
            self._pairs.pop(two, None)
            self._update([one, two])

    def _know(self, channel: Channel) -> None:
        if channel not in self._row:
            self._row[channel] = (channel.leg.row or None) if channel.leg is not None else None
            channel.on_end(self.detach)

    # ---- arcs ------------------------------------------------------------------------------------------------

    def join(self, a: Channel, b: Channel) -> None:
        """Each hears the other."""
        self._add(Arc(a, b), Arc(b, a))

    def part(self, a: Channel, b: Channel) -> None:
        """They no longer do."""
        self._remove((a, b, "talk"), (b, a, "talk"))

    def hear(self, listener: Channel, speaker: Channel) -> None:
        """One way: `listener` hears what `speaker`'s far end says (early media)."""
        self._add(Arc(speaker, listener, "hear"))

    def unhear(self, listener: Channel, speaker: Channel) -> None:
        """Ends `hear`."""
        self._remove((speaker, listener, "hear"))

    def loop(self, channel: Channel) -> None:
        """Echo: the far end hears itself, until `unloop`."""
        self._add(Arc(channel, channel, "loop"))

    def unloop(self, channel: Channel) -> None:
        """Ends `loop`."""
        self._remove((channel, channel, "loop"))

    def tap(self, listener: Channel, target: Channel, direction: Direction, gain: int = 0) -> None:
        """`listener` hears a copy of what `target` says and/or hears (spy); target's sound stays as it is."""
        self.untap(listener, target)
        self._add(Arc(target, listener, "tap", EdgeKind.TAP, direction, gain))

    def untap(self, listener: Channel, target: Channel) -> None:
        """Ends `tap`."""
        self._remove((target, listener, "tap"))

    def whisper(self, speaker: Channel, target: Channel) -> None:
        """`target`'s far end hears `speaker` mixed into what it hears."""
        self._add(Arc(speaker, target, "whisper", EdgeKind.MIX))

    def unwhisper(self, speaker: Channel, target: Channel) -> None:
        """Ends `whisper`."""
        self._remove((speaker, target, "whisper"))

    def hold(self, channel: Channel) -> None:
        """Its arcs carry nothing until `unhold`; sources put on it are heard."""
        if not channel.dead and channel not in self._held:
            self._know(channel)
            self._held.add(channel)
            self._update([channel])

    def unhold(self, channel: Channel) -> None:
        """Ends `hold`."""
        if channel in self._held:
            self._held.discard(channel)
            self._update([channel])

    def sounding(self, channel: Channel) -> bool:
        """Does its far end hear anything: a sound, itself, or another channel?"""
        return bool(self._handles.get(channel) or self._arcs.get(channel))

    def only_talk(self, channel: Channel) -> bool:
        """Does it hear and say nothing but one other channel, with no sound, recording, spy or detector on it?"""
        return (
            channel not in self._held
            and not self._muted.get(channel)
            and not self._handles.get(channel)
            and channel not in self._detectors
            and channel not in self._pairs
            and len(self._arcs.get(channel, ())) == 2
        )

    def mute(self, channel: Channel, direction: Direction, why: str = "") -> None:
        """Nothing of that direction passes (IN: others don't hear it, OUT: it doesn't hear others); 0 ends it.

        Of several reasons (`why`) each has its own directions; what any of them mutes is mute.
        """
        if channel.dead:
            return
        self._know(channel)
        reasons = self._muted.setdefault(channel, {})
        reasons[why] = direction
        if not direction:
            del reasons[why]
        if not reasons:
            del self._muted[channel]
        self._update([channel])

    def set_volume(self, channel: Channel, direction: Direction, gain: int) -> None:
        """What the far end says (IN) or hears (OUT) is louder or softer by dB * 100 for those it talks with; 0: as is.

        Spies and recordings have it as it is.
        """
        if channel.dead:
            return
        self._know(channel)
        if gain:
            self._gains[channel, direction] = gain
        else:
            self._gains.pop((channel, direction), None)
        if direction is Direction.OUT:
            self._say_volume(channel, always=True)
        self._update([channel])

    def _say_volume(self, channel: Channel, *, always: bool = False) -> None:
        row, gain = self._row[channel], self._gains.get((channel, Direction.OUT), 0)
        if row is not None and (gain or always):
            self.port.set_volume(row, gain)

    def muted(self, channel: Channel) -> Direction:
        """What is mute of this channel, for whatever reason."""
        found = Direction(0)
        for direction in self._muted.get(channel, {}).values():
            found |= direction
        return found

    def _add(self, *arcs: Arc) -> None:
        touched: list[Channel] = []
        for arc in arcs:
            speaker, listener = ends = _ends(arc)
            if speaker.dead or listener.dead:
                continue
            for end in ends:
                self._know(end)
                self._arcs.setdefault(end, {})[speaker, listener, arc.why] = arc
            touched += ends
        if touched:
            self._update(touched)

    def _remove(self, *keys: _Key) -> None:
        touched: list[Channel] = []
        for key in keys:
            if key in self._arcs.get(key[0], ()):
                self._forget_arc(key)
                touched += key[:2]
        if touched:
            self._update(touched)

    def _forget_arc(self, key: _Key) -> None:
        for end in key[:2]:
            arcs = self._arcs.get(end)
            if arcs is not None:
                arcs.pop(key, None)

    # ---- sounds ------------------------------------------------------------------------------------------------

    def play(
        self,
        channel: Channel,
        path: str,
        format: Format,
        *,
        skip_ms: int = 0,
        loop: bool = False,
        over: bool = False,
        gives_way: bool = False,
    ) -> Source:
        """Play a sound file (a path with its suffix, in `format`) to the far end.

        While it plays the far end hears nothing else, unless `over`: then it is mixed with that.  gives_way: the next
        sound that is not `over` ends it.
        A missing or unreadable file: done fires with "error: ...".
        """

        def begin(number: int, row: int, skip: int) -> None:
            self.port.play_file(number, row, path, format.bit, skip_ms=skip, loop=loop)

        try:
            length: int | None = file_ms(path, format)
        except OSError as error:
            source = Source(self, channel, begin, 0)
            source.through(f"error: {error.strerror or error}")
            return source
        duration = None if loop else length
        source = Source(self, channel, begin, duration, over=over, skip_ms=skip_ms, gives_way=gives_way)
        return self._start(source)

    def tone(self, channel: Channel, spec: str, *, over: bool = False) -> Source:
        """Play a tone list (`!350+440/100,!0/100`, `1004`); ends by itself only if every element has `!`."""

        def begin(number: int, row: int, skip: int) -> None:
            self.port.play_tone(number, row, spec)

        return self._start(Source(self, channel, begin, tone_ms(spec), over=over))

    def silence(self, channel: Channel, milliseconds: int = 0) -> Source:
        """Keep silence flowing (0: until stopped)."""

        def begin(number: int, row: int, skip: int) -> None:
            self.port.play_silence(number, row, max(1, milliseconds - skip) if milliseconds else 0)

        return self._start(Source(self, channel, begin, milliseconds or None))

    def new_stream(self, ended: Callable[[str], None]) -> int:
        """A number for a stream, for `open_stream` and `stream`.

        ended: called with "end" when its pipe was closed and all of it was heard, or with "error: ...".
        """
        number = next(self._serial)
        self._streams[number] = ended
        return number

    def open_stream(self, stream: int, fd: int, name: str, *, always: bool) -> None:
        """See `VoicePort.open_stream`; who hears this stream hears the new pipe."""
        self.port.open_stream(stream, fd, name, always)

    def drop_stream(self, stream: int, *, forget: bool = False) -> None:
        """Its pipe is read no more.  forget: there will be no other one."""
        if forget:
            self._streams.pop(stream, None)
        self.port.close_stream(stream)

    def stream(self, channel: Channel, stream: int, *, gives_way: bool = False) -> Source:
        """Play what comes through a stream to the far end, until stopped."""

        def begin(number: int, row: int, skip: int) -> None:
            self.port.play_stream(number, row, stream)

        return self._start(Source(self, channel, begin, None, gives_way=gives_way))

    def record(
        self,
        channel: Channel,
        path: str,
        format: Format,
        *,
        direction: Direction = Direction.IN,
        append: bool = False,
        silence_ms: int = 0,
        max_ms: int = 0,
        shape: Shape = PLAIN,
    ) -> Recording:
        """Write what the far end says (IN) and/or hears (OUT); ends after silence_ms of silence or max_ms."""

        def begin(number: int, row: int, more: bool, rest_ms: int) -> None:
            self.port.record(
                number,
                row,
                path,
                format.bit,
                direction,
                append=more,
                silence_ms=silence_ms,
                max_ms=rest_ms,
                shape=shape,
            )

        recording = Recording(
            self, channel, path, begin, direction=direction, append=append, silence_ms=silence_ms, max_ms=max_ms
        )
        return self._start(recording)

    def detect(
        self,
        channel: Channel,
        heard: Callable[[str], None] | None,
        *,
        digits: bool = False,
        talk: bool = False,
        threshold: int = 256,
        silence_ms: int = 2500,
        why: str = "",
    ) -> None:
        """Call `heard` with "digit:5", "talk", "silence" found in what the far end says; None ends it.

        threshold, silence_ms: see `VoicePort.detect`; of several who listen for talk (`why`) the first one's count.
        """
        listeners = self._detectors.get(channel, {})
        if heard is None or channel.dead:
            listeners.pop(why, None)
            if not listeners:
                self._detectors.pop(channel, None)
        else:
            self._know(channel)
            self._detectors.setdefault(channel, listeners)[why] = _Detector(heard, digits, talk, threshold, silence_ms)
        if channel in self._row:
            self._update([channel])

    def listen(
        self, channel: Channel, spec: str, heard: Callable[[str], None], direction: Direction = Direction.IN
    ) -> Listener:
        """Let a detector (`pbx.codecs.listening`) hear what the far end says, or hears; `heard` gets its findings."""

        def begin(number: int, row: int) -> None:
            self.port.listen(number, row, direction, spec)

        return self._start(Listener(self, channel, begin, direction, heard))

    def sounds(self, channel: Channel) -> list[Handle]:
        """Sources, recordings and listeners that run on this channel."""
        return list(self._handles.get(channel, ()))

    def _start(self, handle: _H) -> _H:
        channel = handle.channel
        if channel.dead:
            handle.stop("hangup")
            return handle
        self._know(channel)
        if isinstance(handle, Source) and not handle.over:
            for other in self.sounds(channel):
                if isinstance(other, Source) and other.gives_way:
                    other.stop("replaced")
        self._handles.setdefault(channel, []).append(handle)
        self._update([channel])
        return handle

    # ---- of the handles ----------------------------------------------------------------------------------------

    def new_number(self, handle: Handle) -> int:
        """A number for the plane to call this sound by."""
        number = next(self._serial)
        self._numbers[number] = handle
        return number

    def drop_number(self, number: int, *, tell: bool = True) -> None:
        """What the plane still says of that number means nothing any more; tell: it shall stop playing it."""
        self._numbers.pop(number, None)
        if tell:
            self.port.stop(number)

    def ended(self, handle: Handle) -> None:
        """A source or recording is over."""
        channel = handle.channel
        running = self._handles.get(channel)
        if running is not None and handle in running:
            running.remove(handle)
            if not running:
                del self._handles[channel]
            self._update([channel])

    # ---- the voice plane's words (VoiceEvents) ---------------------------------------------------------------

    def finished(self, source: int, reason: str) -> None:
        """See VoiceEvents.  Numbers that were dropped are passed over."""
        handle = self._numbers.pop(source, None)
        if handle is not None:
            handle.through(reason, source)
        stream = self._streams.get(source)
        if stream is not None:
            stream(reason)
        closed = self._closing.pop(source, None)
        if closed is not None:
            closed(source)

    def when_closed(self, number: int, call: Callable[[int], None]) -> None:
        """Call it when the plane has closed the file of that recording."""
        self._closing[number] = call

    def detected(self, row: int, what: str) -> None:
        """See VoiceEvents."""
        for channel in self._detecting.get(row, ({}, []))[1]:
            for detector in list(self._detectors.get(channel, {}).values()):
                if detector.digits if what.startswith("digit:") else detector.talk:
                    detector.heard(what)

    def heard(self, number: int, what: str) -> None:
        """See VoiceEvents."""
        handle = self._numbers.get(number)
        if isinstance(handle, Listener):
            handle.heard(what)

    def replay(self) -> None:
        """Say sounds, recordings and detectors again to a voice plane that was started anew.

        (Sockets, legs and edges are the port's own to repeat.)
        """
        for row, (how, _) in self._detecting.items():
            self.port.detect(row, **how)
        lost, self._closing = self._closing, {}
        for number, closed in lost.items():
            closed(number)
        for handle in [handle for handles in self._handles.values() for handle in handles]:
            rows = list(handle.places)
            for number in handle.places.values():
                self.drop_number(number, tell=False)
            handle.places.clear()
            handle.move(rows)

    # ---- compiling ---------------------------------------------------------------------------------------------

    def _piece(self, start: Iterable[Channel]) -> list[Channel]:
        """The channels connected with these, in order of discovery."""
        found: dict[Channel, None] = {}
        ahead = [channel for channel in start if channel in self._row]
        while ahead:
            channel = ahead.pop()
            if channel in found:
                continue
            found[channel] = None
            for key in self._arcs.get(channel, ()):
                ahead += key[:2]
            if channel in self._pairs:
                ahead.append(self._pairs[channel])
        return list(found)

    def _picture(self, piece: list[Channel]) -> Picture:
        rows: dict[Node, int] = {}
        pairs: dict[Node, Node] = {}
        arcs: dict[_Key, Arc] = {}
        for channel in piece:
            row = self._row[channel]
            if row is not None:
                rows[channel] = row
            elif channel in self._pairs:
                pairs[channel] = self._pairs[channel]
            arcs.update(self._arcs.get(channel, {}))
        picture = Picture(rows, pairs, arcs.values())
        if self._held or self._muted:
            picture.closed_in = self._closed(piece, Direction.IN)
            picture.closed_out = self._closed(piece, Direction.OUT)
        if self._gains:
            picture.gain_in = self._gains_of(piece, Direction.IN)
            picture.gain_out = self._gains_of(piece, Direction.OUT)
        return picture

    def _closed(self, piece: list[Channel], direction: Direction) -> frozenset[Node]:
        return frozenset(one for one in piece if one in self._held or self.muted(one) & direction)

    def _gains_of(self, piece: list[Channel], direction: Direction) -> dict[Node, int]:
        return {channel: gain for channel in piece if (gain := self._gains.get((channel, direction), 0))}

    def _update(self, touched: Iterable[Channel], rows: Iterable[int] = ()) -> None:
        """Compile the piece around `touched` (and forget edges of `rows`) and say what is different."""
        piece = self._piece(touched)
        if all(map(self._alone, piece)) and self._detecting.keys().isdisjoint(rows):
            lonely = [row for channel in piece if (row := self._row[channel]) is not None]
            self._say_edges({*lonely, *rows}, set())
            return
        picture = self._picture(piece)
        moves: list[tuple[Handle, list[int]]] = []
        solo: set[int] = set()
        mixed: set[int] = set()
        for channel in piece:
            for handle in self._handles.get(channel, ()):
                ends = _where(picture, handle)
                there = [picture.rows[end] for end in ends]
                moves.append((handle, there))
                if isinstance(handle, Source):
                    (mixed if handle.over else solo).update(there)
        picture.solo, picture.mixed = frozenset(solo), frozenset(mixed - solo)
        self._say_edges({*picture.rows.values(), *rows}, compile_edges(picture))
        if self._detectors or self._detecting:
            self._say_detectors(piece, picture, rows)
        for handle, there in moves:
            handle.move(there)

    def _alone(self, channel: Channel) -> bool:
        """Nothing about this channel could need a word to the plane."""
        row = self._row[channel]
        return not (
            self._arcs.get(channel)
            or channel in self._pairs
            or channel in self._handles
            or channel in self._detectors
            or row in self._detecting
        )

    def _told(self, row: int | None) -> bool:
        """The plane has heard of edges or detectors of this row."""
        return row in self._edges or row in self._detecting

    def _say_edges(self, rows: set[int], new: set[Edge]) -> None:
        old: set[Edge] = set()
        for row in rows & self._edges.keys():
            old |= self._edges[row]
        if old == new:
            return
        removed, added = old - new, new - old
        for edge in removed:
            for row in (edge.source, edge.sink):
                at = self._edges.get(row)
                if at is not None:
                    at.discard(edge)
                    if not at:
                        del self._edges[row]
        for edge in added:
            for row in (edge.source, edge.sink):
                self._edges.setdefault(row, set()).add(edge)
        self.port.reset_edges(sorted(removed), sorted(added))

    def _say_detectors(self, piece: list[Channel], picture: Picture, rows: Iterable[int]) -> None:
        wanted: dict[int, tuple[dict[str, Any], list[Channel]]] = {}
        for channel in piece:
            for detector in self._detectors.get(channel, {}).values():
                for end in picture.speakers(channel):
                    how, who = wanted.setdefault(picture.rows[end], ({"digits": False, "talk": False}, []))
                    how["digits"] = how["digits"] or detector.digits
                    if detector.talk and not how["talk"]:
                        how.update(talk=True, silence_threshold=detector.threshold, silence_ms=detector.silence_ms)
                    if channel not in who:
                        who.append(channel)
        for row in {*picture.rows.values(), *rows}:
            before = self._detecting.pop(row, ({}, []))
            after = wanted.get(row)
            if after is not None:
                self._detecting[row] = after
                if before[0] != after[0]:
                    self.port.detect(row, **after[0])
            elif before[1]:
                self.port.detect(row, digits=False, talk=False)


def _where(picture: Picture, handle: Handle) -> list[Node]:
    """Nodes whose row plays the source, or is recorded."""
    if handle.direction is not None and handle.direction & Direction.IN:
        return picture.speakers(handle.channel)
    return picture.hearers(handle.channel)


def _ends(arc: Arc) -> tuple[Channel, Channel]:
    return arc.speaker, arc.listener  # type: ignore[return-value]
