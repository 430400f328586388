"""cdr.conf."""

from __future__ import annotations

from pathlib import Path

import pytest

from pbx.cdr.settings import Csv, Settings, load
from pbx.conf import reader
from pbx.conf.diagnostics import Diagnostics


def read(tmp_path: Path, text: str) -> tuple[Settings, list[str]]:
    (tmp_path / "cdr.conf").write_text(text)
    findings = Diagnostics()
    settings = load(reader.read(str(tmp_path / "cdr.conf"), diagnostics=findings), findings)
    return settings, [f"{finding.place.line}: {finding.message}" for finding in findings]


def test_defaults(tmp_path: Path) -> None:
    settings, said = read(tmp_path, "")
    assert settings == Settings()
    assert (settings.enable, settings.unanswered, settings.batch, settings.safeshutdown) == (True, False, False, True)
    assert said == []


@pytest.mark.parametrize("name", [n for n in Settings.__dataclass_fields__ if n != "csv"])
def test_every_option(tmp_path: Path, name: str) -> None:
    default = getattr(Settings(), name)
    text, expected = ("no" if default else "yes", not default) if isinstance(default, bool) else ("7", 7)
    settings, said = read(tmp_path, f"[general]\n{name} = {text}\n")
    assert getattr(settings, name) == expected
    assert said == []


def test_csv_only_where_its_section_says_something(tmp_path: Path) -> None:
    assert read(tmp_path, "[csv]\n")[0].csv is None
    assert read(tmp_path, "[csv]\nloguniqueid=yes\nusegmtime=yes\n")[0].csv == Csv(usegmtime=True, loguniqueid=True)


def test_what_is_not_done_is_said_with_its_line(tmp_path: Path) -> None:
    _, said = read(tmp_path, "[general]\nbogus=1\nsize=x\n[radius]\nradiuscfg=/x\n[odd]\n")
    assert said == [
        "2: no such option: bogus",
        "3: no number: x",
        "4: records are not written to [radius] here; its options do nothing",
        "6: no such section: [odd]",
    ]
