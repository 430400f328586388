"""Where a sound of a given name lies, in which language and format."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator

from pbx.codecs.files import SUFFIXES
from pbx.codecs.formats import SLIN, Format
from pbx.codecs.translation import cost

DEFAULT_LANGUAGE = "en"


def languages(language: str) -> Iterator[str]:
    """The order in which Asterisk looks: `de_AT`, `de`, no language, `en`."""
    seen = set()
    while language:
        seen.add(language)
        yield language
        language = language.rpartition("_")[0]
    yield ""
    if DEFAULT_LANGUAGE not in seen:
        yield DEFAULT_LANGUAGE


def find_sound(
    directories: Iterable[str],
    language: str,
    name: str,
    wanted: Format | Iterable[Format],
    *,
    language_prefix: bool = True,
) -> tuple[str, Format] | None:
    """(path, format) of the sound `name`, or None.

    directories: `sounds` folders, the first that has the name in a language wins.  name: without suffix, may hold
    `/` and `..`; an absolute one is looked for as it stands and in `<its folder>/<language>/`, as Asterisk does.
    wanted: of the files of one name the one that is cheapest to turn into one of these is taken (formats that
    cannot be turned are passed over); none: whatever can be decoded.  language_prefix: `en/digits/1`; False: the old
    `digits/en/1` (languageprefix of asterisk.conf).  A language without a folder is looked for as Debian names voices
    (`en` -> `en_US_f_Allison`).
    """
    formats = (wanted,) if isinstance(wanted, Format) else tuple(wanted) or (SLIN,)
    if not name or name.endswith("/"):
        return None
    places = [""] if name.startswith("/") else list(directories)
    for tongue in languages(language):
        for place in places:
            for base in _bases(place, tongue, name, language_prefix):
                found = _best(base, formats)
                if found is not None:
                    return found
    return None


def _bases(place: str, tongue: str, name: str, language_prefix: bool) -> Iterator[str]:
    if not tongue:
        yield os.path.join(place, name)
    elif not language_prefix or name.startswith("/"):
        head, tail = os.path.split(name)
        yield os.path.join(place, head, tongue, tail)
    else:
        yield os.path.join(place, tongue, name)
        if not os.path.isdir(os.path.join(place, tongue)):
            for voice in _voices(place, tongue):
                yield os.path.join(place, voice, name)


def _voices(place: str, tongue: str) -> list[str]:
    try:
        return sorted(entry for entry in os.listdir(place) if entry.startswith(tongue + "_"))
    except OSError:
        return []


def _best(base: str, wanted: tuple[Format, ...]) -> tuple[str, Format] | None:
    best: tuple[int, str, Format] | None = None
    for suffix, kind in SUFFIXES.items():
        path = f"{base}.{suffix}"
        if not os.path.isfile(path):
            continue
        costs = [spent for target in wanted if (spent := cost(kind.format, target)) is not None]
        if costs and (best is None or min(costs) < best[0]):
            best = (min(costs), path, kind.format)
    return (best[1], best[2]) if best else None
