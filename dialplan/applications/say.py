"""SayDigits, SayNumber, SayAlpha, SayPhonetic: what sounds a text is made of, in English.

Other languages and dates come with say.conf.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from pbx.dialplan.arguments import fields
from pbx.dialplan.interpreter import Run
from pbx.dialplan.playing import listen, start_file
from pbx.dialplan.registry import Outcome, Result, application

_SIGNS = {"*": "digits/star", "#": "digits/pound", "-": "digits/minus"}
_LETTERS = {
    "!": "exclaimation-point", "@": "at", "$": "dollar", "#": "pound", "*": "asterisk", "+": "plus", "-": "dash",
    "/": "slash", "=": "equals", " ": "space", ".": "dot",
}  # fmt: skip


def digits_of(text: str) -> Iterator[str]:
    """Digit by digit."""
    for char in text:
        if char in "0123456789":
            yield f"digits/{char}"
        elif char in _SIGNS:
            yield _SIGNS[char]


def letters_of(text: str) -> Iterator[str]:
    """Letter by letter."""
    for char in text.lower():
        if char in "0123456789":
            yield f"digits/{char}"
        else:
            yield f"letters/{_LETTERS.get(char, char)}"


def phonetic_of(text: str) -> Iterator[str]:
    """By the phonetic alphabet."""
    for char in text.lower():
        if char in "0123456789":
            yield f"digits/{char}"
        elif char.isascii() and char.isalpha():
            yield f"phonetic/{char}_p"
        else:
            yield f"letters/{_LETTERS.get(char, char)}"


def number_of(text: str) -> Iterator[str]:
    """A whole number in English."""
    try:
        number = int(text)
    except ValueError:
        return
    if number < 0:
        yield "digits/minus"
        number = -number
    if number == 0:
        yield "digits/0"
    for unit, name in ((1_000_000, "digits/million"), (1_000, "digits/thousand"), (100, "digits/hundred")):
        if number >= unit:
            yield from number_of(str(number // unit))
            yield name
            number %= unit
    if number > 20:
        yield f"digits/{number // 10 * 10}"
        number %= 10
    if number > 0:
        yield f"digits/{number}"


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
