"""When Python's garbage collector may look at everything: when hardly anybody calls.

What a load made lives until the next one and is put out of the collector's
sight; calls are torn down without cycles, so that young collections find next
to nothing.  How long collections stop the loop is measured.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

#: seconds between two looks, and after how many of them a full collection happens although calls stand
EVERY = 60.0
AT_LATEST = 60
#: young collections as usual; a full one never by itself
THRESHOLDS = (5000, 20, 1_000_000)


class Collector:
    """clock: IReactorTime; busy: how many calls stand now."""

    def __init__(self, clock: Any, busy: Callable[[], int]) -> None:
        self._clock = clock
        self._busy = busy
        self._waited = 0
        self._loads = 0
        self._frozen = False
        self._timer: Any = None
        self._began = 0.0
        #: longest pause (seconds) of young and of full collections
        self.longest = {"young": 0.0, "full": 0.0}
        self.collections = 0

    def start(self) -> None:
        """From here on full collections come when this says so."""
        gc.set_threshold(*THRESHOLDS)
        gc.callbacks.append(self._measure)
        gc.collect()
        gc.freeze()
        self._timer = self._clock.callLater(EVERY, self._look)

    @contextmanager
    def loading(self) -> Iterator[None]:
        """While this is open a load makes objects that live long: no collection looks at them, then or later."""
        self._loads += 1
        gc.disable()
        try:
            yield
        finally:
            self._loads -= 1
            if not self._loads:
                self.loaded()
                gc.enable()

    def loaded(self) -> None:
        """Configuration was loaded: freeze what there is.  What is garbage in it is found when nobody calls."""
        gc.freeze()
        self._frozen = True

    def _measure(self, phase: str, info: dict[str, int]) -> None:
        if phase == "start":
            self._began = self._clock.seconds()
            return
        kind = "full" if info["generation"] == 2 else "young"
        self.collections += 1
        self.longest[kind] = max(self.longest[kind], self._clock.seconds() - self._began)

    def _look(self) -> None:
        self._timer = self._clock.callLater(EVERY, self._look)
        self._waited += 1
        if self._loads:
            return
        if not self._busy():
            self._waited = 0
            if self._frozen:
                gc.unfreeze()
            gc.collect()
            if self._frozen:
                gc.freeze()
                self._frozen = False
        elif self._waited >= AT_LATEST:
            self._waited = 0
            gc.collect()

    def stop(self) -> None:
        if self._measure in gc.callbacks:
            gc.callbacks.remove(self._measure)
        if self._timer is not None and self._timer.active():
            self._timer.cancel()
