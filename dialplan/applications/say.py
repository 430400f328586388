"""SayDigits, SayNumber, SayAlpha, SayPhonetic, SayOrdinal, SayMoney."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from pbx.dialplan.arguments import fields
from pbx.dialplan.interpreter import Run
from pbx.dialplan.playing import listen, start_file
from pbx.dialplan.registry import Outcome, Result, application
from pbx.dialplan.saying import digits_of, letters_of, money_of, number_of, ordinal_of, phonetic_of


async def _say(run: Run, data: str, spell: Callable[[str], Iterator[str]]) -> Result:
    text = fields(data, 2)[0]
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
    return await _say(run, data, number_of)


@application("SayAlpha", syntax="SayAlpha(string)", synopsis="Spells a text")
async def say_alpha(run: Run, data: str) -> Result:
    return await _say(run, data, letters_of)


@application("SayPhonetic", syntax="SayPhonetic(string)", synopsis="Spells a text by the phonetic alphabet")
async def say_phonetic(run: Run, data: str) -> Result:
    return await _say(run, data, phonetic_of)


@application("SayOrdinal", syntax="SayOrdinal(digits[,gender])", synopsis="Says a number as first, second ...")
async def say_ordinal(run: Run, data: str) -> Result:
    return await _say(run, data, ordinal_of)


@application("SayMoney", syntax="SayMoney(dollars)", synopsis="Says an amount of money")
async def say_money(run: Run, data: str) -> Result:
    return await _say(run, data, money_of)
