"""Long work in small pieces: a generator that runs for a millisecond, lets the reactor turn, and goes on."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any, TypeVar

from twisted.internet.defer import Deferred

_T = TypeVar("_T")

#: seconds of one slice
SLICE = 0.001


def in_slices(clock: Any, work: Generator[Deferred[Any] | None, None, _T], seconds: float = SLICE) -> Deferred[_T]:
    """Run `work` to its end in slices; fires with what it returns.  Cancelling stops it.

    clock: IReactorTime, whose `seconds` also measures the slices.  A Deferred that `work` yields is waited for.
    """
    state: dict[str, Any] = {}

    def cancel(_: Deferred[_T]) -> None:
        call = state.get("call")
        if call is not None and call.active():
            call.cancel()
        waiting = state.get("waiting")
        if waiting is not None:
            waiting.cancel()
        work.close()

    done: Deferred[_T] = Deferred(cancel)

    def awaited(_: object) -> None:
        state["waiting"] = None
        if not done.called:
            state["call"] = clock.callLater(0, turn)

    def turn() -> None:
        limit = clock.seconds() + seconds
        try:
            while True:
                step = next(work)
                if step is not None:
                    state["waiting"] = step
                    step.addBoth(awaited)
                    return
                if clock.seconds() >= limit:
                    break
        except StopIteration as end:
            done.callback(end.value)
            return
        except Exception:
            done.errback()
            return
        state["call"] = clock.callLater(0, turn)

    turn()
    return done
