"""The jitter buffer of one leg, written plainly: what `pbx.codecs.jitter` has to equal, row by row."""

from __future__ import annotations

from dataclasses import dataclass, field

from pbx.codecs.jitter import Answer


@dataclass
class Waiting:
    ts: int
    ms: int
    handle: int
    voice: bool


@dataclass
class Model:
    maximum: int = 1000
    threshold: int = 1000
    interpolations: int = 10
    extra: int = 40
    queue: list[Waiting] = field(default_factory=list)
    delays: list[int] = field(default_factory=list)
    offset: int | None = None
    silent: bool = True
    silence_begin: int | None = None
    next: int = 0
    last_ms: int = 20
    adjusted: int = 0
    contiguous: int = 0
    last_delay: int = 0
    discontinuities: int = 0
    loss: int = 0
    frames_in: int = 0
    frames_out: int = 0
    lost: int = 0
    late: int = 0
    dropped: int = 0
    out_of_order: int = 0

    def __post_init__(self) -> None:
        self.current = self.extra

    def limits(self) -> tuple[int, int]:
        ordered = sorted(self.delays[-500:])
        if not ordered:
            return 0, 0
        leave = min(len(ordered) * 3 // 100, 14)
        return ordered[leave], ordered[len(ordered) - 1 - leave]

    def put(self, ts: int, arrival: int, ms: int, handle: int, voice: bool) -> bool:
        if self.offset is None:
            self.offset = ts - arrival
        if self.queue and (self.queue[-1].ts - self.queue[0].ts >= self.maximum or len(self.queue) == 64):
            self.dropped += 1
            return False
        delay = arrival - (ts - self.offset)
        if self.threshold != -1:
            low, high = self.limits()
            if abs(delay - self.last_delay) > 2 * (high - low) + self.threshold:
                self.discontinuities += 1
                if self.discontinuities <= 3 and voice:
                    self.dropped += 1
                    return False
                self.discontinuities = self.last_delay = delay = 0
                self.delays.clear()
                self.offset = ts - arrival
            else:
                self.last_delay = delay
                self.discontinuities = 0
        if voice:
            self.delays.append(delay)
        local = ts - self.offset
        self.frames_in += 1
        if self.queue and local < self.queue[-1].ts:
            self.out_of_order += 1
        at = len(self.queue)
        while at and self.queue[at - 1].ts > local:
            at -= 1
        self.queue.insert(at, Waiting(local, ms, handle, voice))
        return True

    def _account(self, lost: int) -> None:
        self.loss = (100000 * lost + 499 * self.loss) // 500

    def _fill(self, answer: Answer = Answer.INTERPOLATE) -> tuple[Answer, int]:
        self.contiguous += 1
        if self.interpolations and self.contiguous >= self.interpolations:
            self.silent = True
            self.silence_begin = self.next - self.current
        return answer, -1

    def _pop(self) -> Waiting:
        self.frames_out += 1
        return self.queue.pop(0)

    def get(self, now: int) -> tuple[Answer, int]:
        low, high = self.limits()
        length = high - low + self.extra
        if self.maximum:
            length = min(length, self.maximum)
        target = low + length
        diff = target - self.current
        if self.silent:
            return self._get_silent(now, target, diff)
        if self.next > now:
            return Answer.NOTHING, -1
        span = self.queue[-1].ts - self.queue[0].ts if self.queue else 0
        if diff > 0 and (self.adjusted + 40 < now or diff > span):
            self.current += 20
            self.next += 20
            self.last_ms = 20
            self.adjusted = now
            return self._fill(Answer.GROW)
        head = self.queue[0] if self.queue and self.queue[0].ts <= self.next - self.current else None
        if head is not None and not head.voice:
            self.contiguous = 0
            return Answer.FRAME, self._pop().handle
        if head is not None and head.ts + self.current < self.next:
            self._account(0)
            self._pop()
            if head.ts + self.current > self.next - self.last_ms:
                self.next = head.ts + self.current + head.ms
                self.contiguous = 0
                return Answer.FRAME, head.handle
            self.late += 1
            self.lost -= 1
            return Answer.DROP, head.handle
        return self._on_time(now, head, diff)

    def _on_time(self, now: int, head: Waiting | None, diff: int) -> tuple[Answer, int]:
        if head is not None and head.ms > 0:
            self.last_ms = head.ms
        wait = 80 if head is None else 500
        if diff < -self.extra and self.adjusted + wait < now:
            self.adjusted = now
            self.contiguous = 0
            if head is None:
                self.current -= self.last_ms
                self.lost += 1
                self._account(1)
                return Answer.AGAIN, -1
            self.current -= head.ms
            self.dropped += 1
            self._account(0)
            return Answer.DROP, self._pop().handle
        if head is None:
            self.next += self.last_ms
            self.lost += 1
            self._account(1)
            return self._fill()
        self.next += head.ms
        self.contiguous = 0
        self._account(0)
        return Answer.FRAME, self._pop().handle

    def _get_silent(self, now: int, target: int, diff: int) -> tuple[Answer, int]:
        if not self.queue:
            return Answer.NOTHING, -1
        if diff < -self.extra:
            if now < self.adjusted + 10:
                return Answer.NOTHING, -1
            self.current -= 20
            self.adjusted = now
        elif self.queue[0].ts + target > now:
            return Answer.NOTHING, -1
        head = self.queue[0]
        if head.ts > now - self.current:
            return Answer.NOTHING, -1
        self._pop()
        if not head.voice:
            return Answer.FRAME, head.handle
        self._account(0)
        if self.silence_begin is not None and head.ts < self.silence_begin:
            self.late += 1
            self.lost -= 1
            return Answer.DROP, head.handle
        self.current = target
        self.silent = False
        self.next = head.ts + target + head.ms
        self.last_ms = head.ms
        self.contiguous = 0
        return Answer.FRAME, head.handle
