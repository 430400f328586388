"""DISA, Authenticate: who wants to pass has to type a password.

Passwords never reach the log.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from pbx.channels.channel import State
from pbx.channels.events import Control
from pbx.channels.sounds import Source
from pbx.dialplan import octets
from pbx.dialplan.arguments import fields, parse_options
from pbx.dialplan.asking import collect, prompt
from pbx.dialplan.events import RecordRequest
from pbx.dialplan.functions.common import c_int
from pbx.dialplan.functions.parties import split_party
from pbx.dialplan.interpreter import Run
from pbx.dialplan.playing import listen, start_file, tone_spec
from pbx.dialplan.registry import Outcome, Result, application, options

#: Seconds of congestion tone for who did not get in.
REORDER = 10.0
#: Digits of a password or an extension; what goes beyond is not taken.
LONGEST = 80
#: Characters of an account code.
ACCOUNT = 19
#: Times that Authenticate asks.
TRIES = 3


# ---- DISA ----------------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Pass:
    """Where a password leads: arguments of DISA, or a line of its file."""

    password: str
    context: str = "disa"
    caller: str = ""
    mailbox: str = ""


@application(
    "DISA",
    syntax="DISA(passcode|filename[,context[,cid[,mailbox[@context][,options]]]])",
    synopsis="Dial tone inside: the caller types a password, then an extension",
    arguments={
        "passcode": "digits, no-password, or a file of lines passcode,context,cid,mailbox",
        "context": "where the extension is looked for (disa)",
        "cid": "the caller ID from then on",
    },
    options=options({"n": "does not answer", "p": "# ends the extension"}),
    module="app_disa",
)
async def disa(run: Run, data: str) -> Result:
    if not data:
        run.warn("DISA requires an argument (passcode/passcode file)")
        return Outcome.END
    password, context, caller, mailbox, letters = fields(data, 5)
    found, _ = parse_options(letters)
    if "n" not in found and run.channel.state is not State.UP and not run.over:
        run.channel.answer()
    wanted = _Pass(password, context or "disa", caller, mailbox)
    with _Tone(run) as tone:
        tone.start()
        account = ""
        if password.lower() != "no-password":
            typed = await _password(run, tone)
            if run.over:
                return Outcome.END
            passed = None if typed is None else await _checked(run, wanted, typed)
            if passed is None:
                return await _reorder(run, tone)
            wanted, account = passed, (typed or "")[:ACCOUNT]
            tone.start()
        exten = await _extension(run, wanted.context, tone, pound_ends="p" in found)
        if run.over:
            return Outcome.END
        if exten is None or not _go(run, wanted, exten, account):
            return await _reorder(run, tone)
    run.channel.switch.bus.publish(RecordRequest(run.channel, "reset", ""))
    if "n" not in found and run.services.cdr_property is not None:
        run.services.cdr_property(run.channel, "disable", "0")
    return None


class _Tone:
    """The dial tone that a caller hears until the first digit."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._source: Source | None = None

    def __enter__(self) -> _Tone:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        self.stop()
        run = self._run
        if not run.over:
            spec = tone_spec(run, "dial")
            self._source = run.services.switch.graph.tone(run.channel, "350+440" if spec == "dial" else spec)

    def stop(self) -> None:
        source, self._source = self._source, None
        if source is not None:
            source.stop()


async def _password(run: Run, tone: _Tone) -> str | None:
    """What is typed up to #; None when it took too long."""
    typed = ""
    while True:
        digit = await run.digit(run.scope.digit_timeout if typed else run.scope.response_timeout)
        if digit is None:
            return None
        tone.stop()
        if digit == "#":
            return typed
        typed = (typed + digit)[:LONGEST]


async def _checked(run: Run, wanted: _Pass, typed: str) -> _Pass | None:
    """Where that password leads; None if it is none."""
    if c_int(wanted.password) is not None:
        if typed == wanted.password:
            return wanted
        run.warn(f"DISA on {run.channel.name} got a wrong password")
        return None
    path = wanted.password
    lines = await _lines(run, path)
    if lines is None:
        return None
    for line in lines:
        if line[:1] in ("#", ";"):
            continue
        password, context, caller, mailbox, _ = fields(line, 5)
        if c_int(password) is not None and password == typed:
            return _Pass(password, context or "disa", caller, mailbox)
    run.warn(f"DISA on {run.channel.name} got a password that is not in {path}")
    return None


async def _lines(run: Run, path: str) -> list[str] | None:
    """The lines of a file of passwords; None, said once, when it cannot be read."""

    def read() -> list[str]:
        with open(path, "rb") as file:
            return [octets.from_bytes(line.rstrip(b"\n")) for line in file]

    try:
        return await run.channel.wait(run.services.blocking(read))
    except OSError as error:
        run.warn(f"Unable to open file '{path}' for authentication: {error.strerror}")
        return None


async def _extension(run: Run, context: str, tone: _Tone, *, pound_ends: bool) -> str | None:
    """The extension that is typed; None: nothing was."""
    extensions = run.services.switch.extensions
    typed, ignored = "", False
    while len(typed) < LONGEST:
        digit = await run.digit(run.scope.digit_timeout if typed else run.scope.response_timeout)
        if digit is None:
            return typed or None
        if not typed:
            tone.stop()
        if digit == "#":
            own = not typed and (run.match_more(context, "#") or run.exists(context, "#"))
            if not own or pound_ends:
                return typed
        typed += digit
        if extensions.ignore_pattern(context, typed):
            tone.start()
            ignored = True
        elif ignored:
            tone.stop()
            ignored = False
        if not run.match_more(context, typed):
            return typed
    return typed


def _go(run: Run, wanted: _Pass, exten: str, account: str) -> bool:
    """Send the call there, or to `i`; False: there is neither."""
    channel = run.channel
    if not run.exists(wanted.context, exten):
        run.scope.set("INVALID_EXTEN", exten)
        exten = "i"
        if not run.exists(wanted.context, exten):
            return False
    if wanted.caller:
        channel.caller.name, channel.caller.number = split_party(wanted.caller)
    if account:
        channel.accountcode = account
    run.jump(wanted.context, exten, 1)
    return True


async def _reorder(run: Run, tone: _Tone) -> Result:
    tone.stop()
    if not run.over:
        run.channel.indicate(Control.CONGESTION)
        await run.channel.sleep(REORDER)
    return Outcome.END


# ---- Authenticate --------------------------------------------------------------------------------------------------


@application(
    "Authenticate",
    syntax="Authenticate(password[,options[,maxdigits[,prompt]]])",
    synopsis="Asks for a password, three times at most; ends the call if none is right",
    arguments={"password": "digits; a file of passwords when it begins with /, or with option d a database family"},
    options=options(
        {
            "a": "the password becomes the account code",
            "d": "password is a family of the database, what is typed a key of it",
            "m": "lines of the file are account:md5 of a password",
            "r": "takes the key out of the database (with d)",
        }
    ),
    module="app_authenticate",
)
async def authenticate(run: Run, data: str) -> Result:
    if not data:
        run.warn("Authenticate requires an argument(password)")
        return Outcome.END
    if run.channel.state is not State.UP and not run.over:
        run.channel.answer()
    password, letters, most_text, question = fields(data, 4)
    found, _ = parse_options(letters)
    most = c_int(most_text) or 0
    most = most if 0 < most <= 254 else 254
    names = question or "agent-pass"
    for _ in range(TRIES):
        typed = await prompt(run, names, tone=False)
        if typed is None:
            break
        digits, _ = await collect(run, typed, most, "#", 0.0, keep=False)
        if run.over:
            return Outcome.END
        account = await _account(run, password, digits, found)
        if account is not None:
            if "a" in found:
                run.channel.accountcode = account
            return None if await _say(run, "auth-thankyou") else Outcome.END
        names = "auth-incorrect"
    await _say(run, "vm-goodbye")
    return Outcome.END


async def _say(run: Run, name: str) -> bool:
    source = start_file(run, name)
    if source is None:
        return False
    await listen(run, source)
    return not run.over


async def _account(run: Run, password: str, digits: str, found: dict[str, str | None]) -> str | None:
    """The account that the digits stand for; None if they are no password."""
    if not password.startswith("/"):
        return digits if digits == password else None
    if "d" in found:
        database, family = run.services.database, password[1:]
        if not digits or database.get(family, digits) is None:
            return None
        if "r" in found:
            database.delete(family, digits)
        return digits
    lines = await _lines(run, password) or []
    if "m" not in found:
        return digits if digits in lines and digits else None
    digest = hashlib.md5(digits.encode(), usedforsecurity=False).hexdigest()
    for line in lines:
        account, colon, known = line.partition(":")
        if colon and known == digest:
            return account
    return None
