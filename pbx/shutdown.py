"""The ways a PBX ends: now, gracefully, when convenient; and the same followed by a new start."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pbx.channels.log import Log

if TYPE_CHECKING:
    from pbx.daemon import Daemon

log = Log("asterisk")

#: seconds that calls get to say goodbye to their far ends
FAREWELL = 2.0


class Shutdown:
    """Decides when the daemon ends.  `status` is its exit status."""

    def __init__(self, daemon: Daemon) -> None:
        self._daemon = daemon
        self.status = 0
        self.ending = False
        self.restarting = False
        #: "" or what is waited for: "gracefully" (no new calls), "when convenient"
        self.waiting = ""
        self._check: Any = None

    @property
    def refuses_calls(self) -> bool:
        """No new call is taken any more."""
        return self.ending or self.waiting == "gracefully"

    def now(self, restart: bool = False) -> None:
        """End calls and leave."""
        if self.ending:
            return
        self.ending = True
        self.restarting = restart
        self._cancel()
        from pbx.daemon import run_coroutine

        log.verbose(1, "Restarting" if restart else "Ending")
        done = run_coroutine(self._daemon, self._daemon.stop(), "stop")
        done.addBoth(self._stopped)

    def _stopped(self, _: object) -> None:
        word = "restarts" if self.restarting else "has ended"
        self._daemon.farewell(f"The PBX {word}.")
        self._daemon.reactor.callLater(0.05, self._daemon.reactor.stop)

    def later(self, how: str, restart: bool = False) -> None:
        """End when the last call is over; `how` is "gracefully" or "when convenient"."""
        if self.ending:
            return
        self.waiting = how
        self.restarting = restart
        self._look()

    def _look(self) -> None:
        self._check = None
        if not any(True for _ in self._daemon.switch.channels()):
            self.now(self.restarting)
        else:
            self._check = self._daemon.reactor.callLater(0.5, self._look)

    def abort(self) -> bool:
        """Take `later` back; False if nothing was waited for."""
        if not self.waiting or self.ending:
            return False
        self.waiting = ""
        self.restarting = False
        self._cancel()
        return True

    def _cancel(self) -> None:
        if self._check is not None and self._check.active():
            self._check.cancel()
        self._check = None
