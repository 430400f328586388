"""Sound files by name and language, in Debian's and upstream's folders, the cheapest format first."""

from __future__ import annotations

import os
from collections.abc import Iterable

from pbx.codecs import formats as known
from pbx.codecs.formats import Format

#: suffixes of headerless files (and wav), and what they hold
SUFFIXES: dict[str, Format] = {
    "ulaw": known.ULAW,
    "ul": known.ULAW,
    "pcm": known.ULAW,
    "alaw": known.ALAW,
    "al": known.ALAW,
    "gsm": known.GSM,
    "sln": known.SLIN,
    "sln16": known.SLIN16,
    "wav": known.SLIN,
    "g722": known.G722,
    "g729": known.BY_NAME["g729"],
}

#: what it costs to get from a file's format to a linear one, roughly, cheapest first
_COST = {"slin": 0, "ulaw": 1, "alaw": 1, "slin16": 2, "gsm": 3, "g722": 4}


class Sounds:
    """Finds sounds.  folders: `.../sounds` directories, first hit wins; prefix: languageprefix of asterisk.conf."""

    def __init__(self, folders: Iterable[str], *, prefix: bool = True, custom: bool = False) -> None:
        self.folders = list(folders)
        self.prefix = prefix
        self.custom = custom

    def find(self, name: str, language: str, wanted: tuple[Format, ...]) -> tuple[str, Format] | None:
        """(path, format) of a sound; None if there is none.

        `name` has no suffix; an absolute one is taken as it is.  Languages fall back: `en_US`, `en`, none, `en`.
        A file in the first of the wanted formats goes out undecoded; else the one that is cheapest to decode.
        """
        for base in self._bases(name, language):
            found = [
                (self._rank(suffix, form, wanted), f"{base}.{suffix}", form)
                for suffix, form in SUFFIXES.items()
                if os.path.exists(f"{base}.{suffix}")
            ]
            if found:
                _, path, form = min(found, key=lambda item: item[0])
                return path, form
        return None

    def _bases(self, name: str, language: str) -> list[str]:
        if name.startswith("/"):
            return [name]
        languages = [language] if language else []
        if "_" in language:
            languages.append(language.partition("_")[0])
        languages += ["", "en"]
        bases = []
        for folder in self.folders:
            if self.custom:
                bases.append(os.path.join(folder, "custom", name))
            for tongue in dict.fromkeys(languages):
                if not tongue:
                    bases.append(os.path.join(folder, name))
                elif self.prefix:
                    bases.append(os.path.join(folder, tongue, name))
                else:  # the old layout: the language stands before the last part of the name
                    head, tail = os.path.split(name)
                    bases.append(os.path.join(folder, head, tongue, tail))
        return bases

    @staticmethod
    def _rank(suffix: str, form: Format, wanted: tuple[Format, ...]) -> tuple[int, int]:
        native = wanted.index(form) if form in wanted else len(wanted)
        return (0 if native == 0 and wanted else 1, _COST.get(form.name, 9) if native else 0)
