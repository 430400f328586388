"""Saying numbers, texts, dates: which sounds make them up, by the rules built in or those of say.conf.

`texts` spells, `numbers` and `dates` know the languages, `rules` is say.conf.
"""

from pbx.dialplan.saying.dates import Moment, date_of
from pbx.dialplan.saying.numbers import money_of, number_of, ordinal_of
from pbx.dialplan.saying.rules import Rules, moment_text
from pbx.dialplan.saying.sounds import Exists, Needed
from pbx.dialplan.saying.texts import digits_of, letters_of, phonetic_of

__all__ = [
    "Exists",
    "Moment",
    "Needed",
    "Rules",
    "date_of",
    "digits_of",
    "letters_of",
    "moment_text",
    "money_of",
    "number_of",
    "ordinal_of",
    "phonetic_of",
]
