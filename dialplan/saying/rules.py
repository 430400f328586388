"""say.conf: how numbers, dates and whatever one likes are said, by rules of `prefix:[format:]data`.

A section is a language; a rule's left side is a pattern over the whole text, its
right side a list of sounds and of further texts to be said by these rules, with
`${SAY}` for the data.  With a format (`date:AdBY:...`) each of its letters is a
text of its own, and what stands in quotes a sound.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pbx.dialplan.patterns import matches
from pbx.dialplan.saying.sounds import Needed

if TYPE_CHECKING:
    import time

    from pbx.conf.diagnostics import Diagnostics
    from pbx.conf.document import Document

#: How deep texts may lead to further texts.
DEPTH = 10
#: Characters of a sound or text; what is longer is cut.
LONGEST = 127


@dataclass(slots=True)
class Rules:
    """The rules of a file: language -> (pattern, right side) in the order written; `new`: numbers and dates go by them.

    `substitute(text, SAY)` puts variables, functions and expressions in.
    """

    languages: Mapping[str, list[tuple[str, str]]] = field(default_factory=dict)
    new: bool = False

    def say(self, text: str, language: str, substitute: Callable[[str, str], str], depth: int = 0) -> Iterator[str]:
        """The sounds of a text.  Raises RecursionError when rules lead to each other for ever."""
        if depth > DEPTH:
            raise RecursionError(f"say.conf: the rules for '{text}' go round in circles")
        right = self._rule(text, language)
        if right is None:
            return
        value = text.split(":", 2)[-1] if ":" in text else text
        for piece in right.split(","):
            part = substitute(piece.strip(" \t\r\n"), value)[:LONGEST]
            head, colon, rest = part.partition(":")
            if not colon or not head:
                yield Needed(part)
                continue
            form, colon, data = rest.partition(":")
            if not colon or not form:
                yield from self.say(part, language, substitute, depth + 1)
                continue
            for letter in _letters(form):
                if letter.startswith("'"):
                    yield Needed(letter[1:].strip(" \t"))
                else:
                    yield from self.say(f"{head}:{letter}:{data}", language, substitute, depth + 1)

    def _rule(self, text: str, language: str) -> str | None:
        """The right side of the first rule that fits: in the language, in it without its region, in English."""
        for name in dict.fromkeys((language, language.partition("_")[0], "en")):
            for pattern, right in self.languages.get(name, ()):
                if matches(pattern, text):
                    return right
        return None


def _letters(form: str) -> Iterator[str]:
    """Letters of a format; a sound in quotes comes with its first quote."""
    position = 0
    while position < len(form):
        char = form[position]
        position += 1
        if char in " \t":
            continue
        if char == "'":
            end = form.find("'", position)
            if end < 0:
                return
            yield form[position - 1 : end]
            position = end + 1
        else:
            yield char


def moment_text(prefix: str, form: str, local: time.struct_time) -> str:
    """A moment as the rules want it: `prefix:form:YYYYMMDDhhmm.ss-weekday-day of the year`."""
    return (
        f"{prefix}:{form}:{local.tm_year:04d}{local.tm_mon:02d}{local.tm_mday:02d}{local.tm_hour:02d}"
        f"{local.tm_min:02d}.{local.tm_sec:02d}-{(local.tm_wday + 1) % 7}-{local.tm_yday - 1:3d}"
    )


def load(document: Document, diagnostics: Diagnostics) -> Rules:
    """Read a say.conf.  Of sections of one name the first counts, as in Asterisk."""
    languages: dict[str, list[tuple[str, str]]] = {}
    for section in document:
        if section.name.lower() != "general":
            languages.setdefault(section.name, [(entry.name, entry.value) for entry in section])
    general = document.section("general")
    mode = general.entry("mode") if general is not None else None
    if mode is not None and mode.value not in ("old", "new"):
        diagnostics.error(mode.place, f"mode is old or new, not '{mode.value}'", text=mode.text, code="bad-value")
    return Rules(languages, new=mode is not None and mode.value == "new")
