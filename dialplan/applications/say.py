"""SayDigits, SayNumber, SayAlpha, SayPhonetic, SayOrdinal, SayMoney, SayUnixTime, DateTime."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from pbx.channels.channel import State
from pbx.dialplan import saying
from pbx.dialplan.arguments import fields, parse_options, truth
from pbx.dialplan.functions.common import c_float
from pbx.dialplan.interpreter import Run
from pbx.dialplan.playing import anything, finder, listen, nothing, start_file
from pbx.dialplan.registry import Outcome, Result, application, options
from pbx.dialplan.zones import zone

_NUMBER = re.compile(r"\s*[+-]?[0-9]+")


def _interruptible(run: Run) -> bool:
    return truth(run.scope.get("SAY_DTMF_INTERRUPT"))


class CannotSay(Exception):
    """There are no rules for it."""


async def speak(run: Run, sounds: Iterable[str], stops: Callable[[str], bool]) -> Result:
    """Play sounds one after another: the digit that stopped them, END for a missing sound that is needed."""
    try:
        return await _speak(run, sounds, stops)
    except CannotSay as error:
        run.warn(str(error))
        return Outcome.END


async def _speak(run: Run, sounds: Iterable[str], stops: Callable[[str], bool]) -> Result:
    for name in sounds:
        source = start_file(run, name)
        if source is None:
            if isinstance(name, saying.Needed):
                return Outcome.END
            continue
        digit = await listen(run, source, stops)
        if run.over:
            return Outcome.END
        if digit is not None:
            return digit
    return None


def by_rules(run: Run, text: str) -> Iterator[str]:
    """The sounds of a text of say.conf.  Raises CannotSay, as soon as the first is asked for or later."""
    rules: saying.Rules | None = run.services.shared.get("say.conf")
    if rules is None or not rules.languages:
        raise CannotSay(f"there is no say.conf, so '{text}' cannot be said")
    variables = run.channel.variables

    def substitute(piece: str, value: str) -> str:
        before = variables.get("SAY")
        variables["SAY"] = value
        try:
            return run.scope.substitute(piece)
        finally:
            if before is None:
                del variables["SAY"]
            else:
                variables["SAY"] = before

    try:
        yield from rules.say(text, run.channel.language, substitute)
    except RecursionError as error:
        raise CannotSay(str(error)) from None


def _new_mode(run: Run) -> bool:
    rules: saying.Rules | None = run.services.shared.get("say.conf")
    return rules is not None and rules.new


async def _spell(run: Run, sounds: Iterable[str]) -> Result:
    return await speak(run, sounds, anything if _interruptible(run) else nothing)


@application("SayDigits", syntax="SayDigits(digits)", synopsis="Says a text digit by digit")
async def say_digits(run: Run, data: str) -> Result:
    return await _spell(run, saying.digits_of(data, finder(run.scope)))


@application("SayAlpha", syntax="SayAlpha(string)", synopsis="Spells a text")
async def say_alpha(run: Run, data: str) -> Result:
    return await _spell(run, saying.letters_of(data, finder(run.scope)))


@application("SayPhonetic", syntax="SayPhonetic(string)", synopsis="Spells a text by the phonetic alphabet")
async def say_phonetic(run: Run, data: str) -> Result:
    return await _spell(run, saying.phonetic_of(data, finder(run.scope)))


@application("SayMoney", syntax="SayMoney(dollars)", synopsis="Says an amount of money")
async def say_money(run: Run, data: str) -> Result:
    if not data:
        return Outcome.END
    return await _spell(run, saying.money_of(data))


async def _number(run: Run, data: str, name: str, spoken: Callable[[int, str], Iterable[str]]) -> Result:
    """SayNumber and SayOrdinal: a sound that is missing does not end the call."""
    if not data:
        run.warn(f"{name} requires an argument (number)")
        return Outcome.END
    text, *more = data.split(",")
    if _NUMBER.fullmatch(text) is None or not -(2**31) <= int(text) < 2**31:
        run.warn(f"argument '{text}' to {name} could not be parsed as a number.")
        return None
    gender = more[0] if more else ""
    if more and gender.lower() not in ("f", "m", "c", "n"):
        run.warn(f"{name} gender option is either 'f', 'm', 'c' or 'n'")
        return Outcome.END
    interruptible = _interruptible(run)
    result = await speak(run, spoken(int(text), gender), anything if interruptible else nothing)
    return result if interruptible or run.over else None


@application(
    "SayNumber",
    syntax="SayNumber(digits[,gender])",
    synopsis="Says a number",
    arguments={"gender": "f, m, n or c, in languages that have them"},
)
async def say_number(run: Run, data: str) -> Result:
    def spoken(number: int, gender: str) -> Iterator[str]:
        if _new_mode(run):
            return by_rules(run, f"num:{number}")
        return saying.number_of(number, run.channel.language, gender)

    return await _number(run, data, "SayNumber", spoken)


@application("SayOrdinal", syntax="SayOrdinal(digits[,gender])", synopsis="Says a number as first, second ...")
async def say_ordinal(run: Run, data: str) -> Result:
    return await _number(run, data, "SayOrdinal", lambda number, gender: saying.ordinal_of(number))


@application(
    "SayAlphaCase",
    syntax="SayAlphaCase(casetype,string)",
    synopsis="Spells a text and says the case of letters",
    arguments={"casetype": "a: of all letters, l: of lower case ones, u: of upper case ones, n: of none"},
)
async def say_alpha_case(run: Run, data: str) -> Result:
    kind, text = fields(data, 2)
    if kind not in ("a", "l", "n", "u"):
        run.warn("SayAlphaCase requires a (all), l (lower), u (upper) or n (none), and a text")
        return None
    return await _spell(run, saying.letters_of(text, finder(run.scope), kind))


async def _say_time(run: Run, data: str) -> Result:
    moment, place, form, letters = fields(data, 4)
    channel = run.channel
    found, _ = parse_options(letters)
    stops = anything if "j" in found or _interruptible(run) else nothing
    now = channel.switch.wall()
    given = c_float(moment)
    seconds = int(now if given is None else given)
    if channel.state is not State.UP and not run.over:
        channel.answer()
    there = zone(place)
    local = there.broken_down(seconds)
    if _new_mode(run):
        return await speak(run, by_rules(run, saying.moment_text("datetime", form, local)), stops)
    spoken = saying.Moment(seconds, local, there.broken_down(int(now)), channel.language)

    def unknown(letter: str) -> None:
        run.warn(f"Unknown character in datetime format {form}: {letter}")

    return await speak(run, saying.date_of(spoken, form, unknown), stops)


_TIME: dict[str, Any] = {
    "arguments": {
        "format": "A day, B month, d day of the month, Y year, I hour (12), H hour (24), M minute, S second, p am/pm, "
        "Q and q how long ago, 'sound'; as mailboxes have it in voicemail.conf",
    },
    "options": options({"j": "a digit goes to that extension"}),
    "module": "app_sayunixtime",
}


@application(
    "SayUnixTime",
    syntax="SayUnixTime([unixtime[,timezone[,format[,options]]]])",
    synopsis="Says a date and time",
    **_TIME,
)
async def say_unix_time(run: Run, data: str) -> Result:
    return await _say_time(run, data)


@application(
    "DateTime",
    syntax="DateTime([unixtime[,timezone[,format[,options]]]])",
    synopsis="Says a date and time, as SayUnixTime",
    **_TIME,
)
async def date_time(run: Run, data: str) -> Result:
    return await _say_time(run, data)
