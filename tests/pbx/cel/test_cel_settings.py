"""cel.conf."""

from __future__ import annotations

from pathlib import Path

from pbx.cel.settings import Settings, load
from pbx.conf import reader
from pbx.conf.diagnostics import Diagnostics


def read(tmp_path: Path, text: str) -> tuple[Settings, list[str]]:
    (tmp_path / "cel.conf").write_text(text)
    findings = Diagnostics()
    settings = load(reader.read(str(tmp_path / "cel.conf"), diagnostics=findings), findings)
    return settings, [f"{finding.place.line}: {finding.message}" for finding in findings]


def test_off_unless_switched_on(tmp_path: Path) -> None:
    settings, said = read(tmp_path, "[general]\nevents=ALL\n")
    assert not settings.wants("CHAN_START")
    assert said == []


def test_events_and_applications(tmp_path: Path) -> None:
    settings, said = read(
        tmp_path, "[general]\nenable=yes\napps=Dial, Park\nevents=chan_start,HANGUP\ndateformat = %F %T\n"
    )
    assert [name for name in ("CHAN_START", "HANGUP", "ANSWER") if settings.wants(name)] == ["CHAN_START", "HANGUP"]
    assert settings.apps == {"dial", "park"}
    assert settings.dateformat == "%F %T"
    assert said == []


def test_what_is_not_told_is_said_with_its_line(tmp_path: Path) -> None:
    _, said = read(tmp_path, "[general]\nevents=PARK_END,BOGUS\nodd=1\n[manager]\nenabled=yes\n")
    assert said == [
        "2: PARK_END is not told here (yet)",
        "2: no such event: BOGUS",
        "3: no such option: odd",
        "5: events do not go to [manager] here",
    ]
