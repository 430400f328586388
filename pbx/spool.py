"""Call files: whoever moves one into astspooldir/outgoing makes a call (pbx_spool)."""

from __future__ import annotations

import os
import stat
import time
from typing import TYPE_CHECKING, Any

from twisted.internet.defer import Deferred

from pbx.callfile import CallFile, parse
from pbx.channels.channel import Channel, State
from pbx.channels.log import Log
from pbx.codecs.formats import SLIN, Format, find
from pbx.dialplan.originate import OriginateResult, Origination, originate
from pbx.dialplan.scope import scope_of

if TYPE_CHECKING:
    from pbx.daemon import Daemon

log = Log("pbx_spool")

#: seconds between looks into the folder
EVERY = 1.0
#: a call file is no larger; what is, is no call file
LARGEST = 1024 * 1024
#: seconds in which a file that says too little may still be written
UNFINISHED = 2.0

_FAILURE = "Call Failure (not BUSY, and not NO_ANSWER, maybe Circuit busy or down?)"
#: outcome -> (number that REASON has in the extension `failed`, words)
REASONS: dict[OriginateResult, tuple[int, str]] = {
    OriginateResult.FAILED: (0, _FAILURE),
    OriginateResult.HANGUP: (0, _FAILURE),
    OriginateResult.RINGING: (3, "Remote end Ringing"),
    OriginateResult.BUSY: (5, "Remote end is Busy"),
    OriginateResult.CONGESTION: (8, "Congestion (circuits busy)"),
}


class Spool:
    """The service behind `pbx_spool`."""

    def __init__(self, daemon: Daemon) -> None:
        self._daemon = daemon
        spool = daemon.conf.directories["astspooldir"]
        self.folder = os.path.join(spool, "outgoing")
        self.done = os.path.join(spool, "outgoing_done")
        #: files whose call stands: path -> when that is noted in the file next
        self.calling: dict[str, float] = {}
        self._timer: Any = None
        self._running = False
        self._missing = False
        #: files that cannot be read, said once
        self._unreadable: set[str] = set()

    def start(self) -> None:
        """Begin to look into the folder."""
        self._running = True
        self._look()

    def stop(self) -> None:
        """Look no more; calls that stand go on."""
        self._running = False
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def in_use(self) -> int:
        """Calls of call files that stand."""
        return len(self.calling)

    # ---- the folder --------------------------------------------------------------------------------------

    def _look(self) -> None:
        self._timer = None
        self._daemon.blocking(self._due).addCallbacks(self._found, self._failed).addBoth(self._again)

    def _again(self, _: object) -> None:
        if self._running:
            self._timer = self._daemon.reactor.callLater(EVERY, self._look)

    def _failed(self, failure: Any) -> None:
        if not failure.check(OSError):
            self._daemon.report(failure, "call files")
        elif not self._missing:
            self._missing = True
            log.warning(f"No calls by call files: {self.folder}: {failure.value.strerror}")

    def _due(self) -> list[tuple[str, str, bool]]:
        """(path, text, written just now) of the files that are due (on a thread)."""
        now = time.time()
        found: list[tuple[float, str, str]] = []
        os.makedirs(self.folder, exist_ok=True)
        with os.scandir(self.folder) as entries:
            for entry in entries:
                try:
                    known = entry.stat()
                    when = min(int(known.st_mtime), self.calling.get(entry.path, known.st_mtime))
                    due = stat.S_ISREG(known.st_mode) and when <= now and known.st_size <= LARGEST
                    if due:
                        with open(entry.path, encoding="utf-8", errors="surrogateescape") as file:
                            found.append((known.st_mtime, entry.path, file.read()))
                            self._unreadable.discard(entry.path)
                except OSError as error:
                    if entry.path not in self._unreadable:
                        self._unreadable.add(entry.path)
                        log.warning(f"Unable to open {entry.path}: {error.strerror}")
        return [(path, text, now - when < UNFINISHED) for when, path, text in sorted(found)]

    def _found(self, files: list[tuple[str, str, bool]]) -> None:
        self._missing = False
        if not self._daemon.is_booted or self._daemon.shutdown.ending:
            return
        for path, text, fresh in files:
            call = parse(path, text, quiet=fresh)
            # what is written in place may be half there yet
            if call.complete or not fresh:
                self._begin(parse(path, text) if fresh else call)

    # ---- one call ----------------------------------------------------------------------------------------

    def _book(self, work: Any) -> Deferred[Any]:
        """Write into a call file; what fails is said."""

        def failed(failure: Any) -> None:
            failure.trap(OSError)
            log.warning(f"Call file: {failure.value}")

        return self._daemon.blocking(work).addErrback(failed)

    def _begin(self, call: CallFile) -> None:
        """A file is due: call, unless it is through or its call stands already."""
        now = int(time.time())
        attempt = call.attempts + 1
        if not call.complete:
            log.warning(
                f"At least one of app or extension must be specified, along with tech and dest in file {call.path}"
            )
            log.warning(f"Invalid file contents in {call.path}, deleting")
            self._book(lambda: call.finish("Failed", self.done))
        elif call.path in self.calling:
            self.calling[call.path] = now + call.retrytime
            self._book(lambda: call.note("DelayedRetry", now, call.attempts))
        elif attempt > call.maxretries + 1:
            self._expire(call)
        else:
            self.calling[call.path] = now + call.retrytime
            foreign = call.callingpid

            def begin() -> None:
                if foreign:
                    call.note("AbortRetry", now, attempt)
                call.note("StartRetry", now + call.retrytime, attempt)

            self._daemon.blocking(begin).addCallbacks(
                lambda _: self._call(call, attempt), lambda failure: self._lost(call, failure)
            )

    def _lost(self, call: CallFile, failure: Any) -> None:
        """The file cannot be written, so that nobody would know of the attempt: no call."""
        self.calling.pop(call.path, None)
        if not failure.check(FileNotFoundError):
            log.warning(f"No call: {call.path} cannot be written: {failure.getErrorMessage()}")

    def _call(self, call: CallFile, attempt: int) -> None:
        log.verbose(3, f"Attempting call on {call.resource} for {call.target} (Retry {attempt})")
        channels: list[Channel] = []
        wish = Origination(
            call.resource,
            timeout=float(call.waittime),
            application=call.application,
            data=call.data,
            context=call.context,
            exten=call.exten,
            priority=call.priority,
            caller_number=call.caller_number,
            caller_name=call.caller_name,
            account=call.account,
            formats=formats(call),
            variables=call.variables,
            early_media=call.early_media,
            made=channels.append,
        )
        why = self._daemon.admission.refusal()
        if why:
            log.warning(f"No call to {call.resource} now: {why}")
            self._over(call, attempt, OriginateResult.FAILED)
            return
        originate(self._daemon.dialplan.services, wish).addCallbacks(
            lambda result: self._outcome(call, attempt, result, channels),
            lambda failure: self._broken(call, attempt, failure),
        )

    def _broken(self, call: CallFile, attempt: int, failure: Any) -> None:
        self._daemon.report(failure, "a call file's call")
        self._over(call, attempt, OriginateResult.FAILED)

    def _outcome(self, call: CallFile, attempt: int, result: OriginateResult, channels: list[Channel]) -> None:
        if result is not OriginateResult.SUCCESS:
            if channels and channels[0].far_end_hung_up:
                # busy and congestion are what was signalled; a mere hangup is a failure, whatever its cause
                result = OriginateResult.FAILED
            self._run_failed(call, result)
            self._over(call, attempt, result)
        elif channels:
            channels[0].on_end(lambda _: self._completed(call))
        else:
            self._completed(call)

    def _completed(self, call: CallFile) -> None:
        log.notice(f"Call completed to {call.resource}")
        self.calling.pop(call.path, None)
        self._book(lambda: call.finish("Completed", self.done))

    def _over(self, call: CallFile, attempt: int, result: OriginateResult) -> None:
        """An attempt failed."""
        number, words = REASONS[result]
        log.notice(f"Call failed to go through, reason ({number}) {words}")
        self.calling.pop(call.path, None)
        if attempt > call.maxretries:
            self._expire(call)
        else:
            now = int(time.time())
            self._book(lambda: call.note("EndRetry", now, attempt))

    def _expire(self, call: CallFile) -> None:
        count = call.maxretries
        attempts = f"{count} attempt{'s' if count != 1 else ''}"
        log.notice(f"Queued call to {call.resource} expired without completion after {attempts}")
        self._book(lambda: call.finish("Expired", self.done))

    def _run_failed(self, call: CallFile, result: OriginateResult) -> None:
        """The extension `failed`, where there is one, on a channel that leads nowhere; REASON says why."""
        switch = self._daemon.switch
        if call.application or not switch.extensions.exists(call.context, "failed"):
            return
        name = "OutgoingSpoolFailed"
        channel = switch.create(name if switch.channel(name) is None else f"{name}-{id(call):x}", state=State.DOWN)
        channel.context, channel.exten, channel.priority = call.context, "failed", 1
        channel.caller.number, channel.caller.name = call.caller_number, call.caller_name
        channel.accountcode = call.account
        scope = scope_of(self._daemon.dialplan.services, channel)
        for variable, value in call.variables.items():
            scope.set(variable, value)
        scope.set("REASON", str(REASONS[result][0]))
        switch.extensions.run(channel)


def formats(call: CallFile) -> tuple[Format, ...]:
    """The codecs that a call file wants, best first; signed linear unless it names some."""
    wanted = []
    for name in call.codecs:
        known = find(name)
        if known is None:
            log.warning(f"No such codec: {name} ({call.path})")
        else:
            wanted.append(known)
    return tuple(wanted) or (SLIN,)
