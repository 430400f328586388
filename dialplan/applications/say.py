"""SayDigits, SayNumber, SayAlpha, SayPhonetic, SayOrdinal, SayMoney."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from pbx.dialplan.arguments import fields
from pbx.dialplan.functions.clocks import broken_down, zone_of
from pbx.dialplan.functions.common import c_float
from pbx.dialplan.interpreter import Run
from pbx.dialplan.playing import listen, start_file
from pbx.dialplan.registry import Outcome, Result, application
from pbx.dialplan.saying import digits_of, letters_of, money_of, number_of, ordinal_of, phonetic_of, time_of


async def _say(run: Run, data: str, spell: Callable[[str], Iterator[str]], *, needed: bool = False) -> Result:
    text = fields(data, 2)[0]
    if needed and not text:
        run.warn("there is nothing to say")
        return Outcome.END
    for name in spell(text):
        source = start_file(run, name)
        if source is None:
            return Outcome.END
        digit = await listen(run, source, lambda d: run.scope.get("SAY_DTMF_INTERRUPT") == "true")
        if run.over:
            return Outcome.END
        if digit is not None:
            return digit
    return None


@application("SayDigits", syntax="SayDigits(digits)", synopsis="Says a text digit by digit")
async def say_digits(run: Run, data: str) -> Result:
    return await _say(run, data, digits_of)


@application("SayNumber", syntax="SayNumber(digits[,gender])", synopsis="Says a number")
async def say_number(run: Run, data: str) -> Result:
    return await _say(run, data, number_of, needed=True)


@application("SayAlpha", syntax="SayAlpha(string)", synopsis="Spells a text")
async def say_alpha(run: Run, data: str) -> Result:
    return await _say(run, data, letters_of)


@application("SayPhonetic", syntax="SayPhonetic(string)", synopsis="Spells a text by the phonetic alphabet")
async def say_phonetic(run: Run, data: str) -> Result:
    return await _say(run, data, phonetic_of)


@application("SayOrdinal", syntax="SayOrdinal(digits[,gender])", synopsis="Says a number as first, second ...")
async def say_ordinal(run: Run, data: str) -> Result:
    return await _say(run, data, ordinal_of, needed=True)


@application("SayMoney", syntax="SayMoney(dollars)", synopsis="Says an amount of money")
async def say_money(run: Run, data: str) -> Result:
    return await _say(run, data, money_of, needed=True)


@application(
    "SayAlphaCase", syntax="SayAlphaCase(casetype,string)", synopsis="Spells a text and says the case of letters"
)
async def say_alpha_case(run: Run, data: str) -> Result:
    kind, text = fields(data, 2)
    if kind[:1] not in ("a", "l", "n", "u") or not text:
        run.warn("SayAlphaCase requires a (all), l (lower), u (upper) or n (none), and a text")
        return None

    def spell(word: str) -> Iterator[str]:
        for char in word:
            if char.isupper() and kind[0] in "au":
                yield "uppercase"
            elif char.islower() and kind[0] in "al":
                yield "lowercase"
            yield from letters_of(char)

    return await _say(run, text, spell)


_DEFAULT_TIME = "ABdY 'digits/at' IMp"


@application(
    "SayUnixTime",
    syntax="SayUnixTime([unixtime[,timezone[,format[,options]]]])",
    synopsis="Says a date and time",
    arguments={
        "format": "A day, B month, d day of the month, Y year, I hour (12), H hour (24), M minute, p am/pm, 'sound'"
    },
)
async def say_unix_time(run: Run, data: str) -> Result:
    return await _say_time(run, data)


async def _say_time(run: Run, data: str) -> Result:
    moment, zone, form, _ = fields(data, 4)
    seconds = c_float(moment)
    if seconds is None:
        seconds = run.channel.switch.wall()
    local = broken_down(seconds, zone_of(zone))
    for name in time_of(local, form or _DEFAULT_TIME):
        source = start_file(run, name)
        if source is None:
            return Outcome.END
        digit = await listen(run, source, lambda d: run.scope.get("SAY_DTMF_INTERRUPT") == "true")
        if run.over:
            return Outcome.END
        if digit is not None:
            return digit
    return None


@application(
    "DateTime", syntax="DateTime([unixtime[,timezone[,format]]])", synopsis="Says a date and time, as SayUnixTime"
)
async def date_time(run: Run, data: str) -> Result:
    return await _say_time(run, data)
