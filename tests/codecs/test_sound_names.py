"""Sounds are found as upstream lays them out, as Debian does, and as before language prefixes."""

from __future__ import annotations

from pathlib import Path

import pytest

from pbx.codecs.formats import ALAW, GSM, ULAW, Format
from pbx.codecs.sounds import find_sound


def lay(folder: Path, *names: str) -> None:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(bytes(160))


@pytest.mark.parametrize(
    ("files", "language", "name", "prefix", "found"),
    [
        # upstream
        (["en/digits/1.gsm", "fr/digits/1.gsm"], "fr", "digits/1", True, "fr/digits/1.gsm"),
        (["en/digits/1.gsm"], "de_AT", "digits/1", True, "en/digits/1.gsm"),
        (["de/hello.gsm", "en/hello.gsm"], "de_AT", "hello", True, "de/hello.gsm"),
        (["de_AT/hello.gsm", "de/hello.gsm"], "de_AT", "hello", True, "de_AT/hello.gsm"),
        # a sound of no language comes before the default language
        (["own.gsm", "en/own.gsm"], "fr", "own", True, "own.gsm"),
        # Debian: folders named by voice, one of them linked to or not
        (["en_US_f_Allison/digits/1.gsm"], "en", "digits/1", True, "en_US_f_Allison/digits/1.gsm"),
        # languageprefix=no
        (["digits/fr/1.gsm", "fr/digits/1.gsm"], "fr", "digits/1", False, "digits/fr/1.gsm"),
        (["en/digits/1.gsm"], "fr", "hello", True, None),
    ],
)
def test_layouts(tmp_path: Path, files: list[str], language: str, name: str, prefix: bool, found: str | None) -> None:
    lay(tmp_path, *files)
    got = find_sound([str(tmp_path)], language, name, ULAW, language_prefix=prefix)
    assert got == (None if found is None else (str(tmp_path / found), GSM))


@pytest.mark.parametrize(("wanted", "suffix"), [(ULAW, "ulaw"), (ALAW, "alaw"), (GSM, "gsm")])
def test_of_several_formats_the_cheapest_is_taken(tmp_path: Path, wanted: Format, suffix: str) -> None:
    lay(tmp_path, "en/a.gsm", "en/a.ulaw", "en/a.alaw")
    got = find_sound([str(tmp_path)], "en", "a", wanted)
    assert got is not None and got[0].endswith(f"a.{suffix}")


def test_the_first_folder_that_has_it_wins_and_paths_stand_for_themselves(tmp_path: Path) -> None:
    custom, shipped = tmp_path / "custom", tmp_path / "shipped"
    lay(tmp_path, "custom/en/a.gsm", "shipped/en/a.gsm", "shipped/en/b.gsm", "else/c.gsm")
    folders = [str(custom), str(shipped)]
    assert find_sound(folders, "en", "a", GSM) == (str(custom / "en/a.gsm"), GSM)
    assert find_sound(folders, "en", "b", GSM) == (str(shipped / "en/b.gsm"), GSM)
    assert find_sound(folders, "en", str(tmp_path / "else/c"), GSM) == (str(tmp_path / "else/c.gsm"), GSM)
