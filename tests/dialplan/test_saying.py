"""What Say* plays, against what a stock Asterisk 22 played (recorded/saying.json): language, application, data."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from pbx.conf.diagnostics import Diagnostics
from pbx.conf.reader import read, read_text
from pbx.dialplan.saying import rules
from tests.dialplan.recordings import recorded
from tests.dialplan.stage import Stage

SAID = recorded("saying")
SOUNDS = frozenset(SAID["sounds"])


def _groups() -> dict[tuple[str, str], list[list[Any]]]:
    found: dict[tuple[str, str], list[list[Any]]] = {}
    for case in SAID["said"]:
        found.setdefault((case[0], case[1]), []).append(case)
    return found


GROUPS = _groups()


@pytest.mark.parametrize(("language", "application"), list(GROUPS), ids=lambda word: word)
def test_same_sounds_as_asterisk(language: str, application: str, tmp_path: Path) -> None:
    stage = Stage(tmp_path, sounds=SOUNDS)
    wrong = []
    for _, _, data, sounds, status, *now in GROUPS[language, application]:
        if now:
            # how long ago it was depends on the time of day
            stage.switch.wall = lambda now=now: float(now[0])  # type: ignore[method-assign, misc]
        data = re.sub("@(-?[0-9]+)@", lambda m: str(int(stage.switch.wall()) + int(m[1])), data)
        stage.played.clear()
        outcome = stage.run(stage.channel(language=language), application, data)
        played = " ".join(name for _, name in stage.played)
        if (played, "SUCCESS" if outcome is None else "FAILED") != (sounds, status):
            wrong.append(f"{data}: {played} {outcome}, Asterisk: {sounds} {status}")
    assert not wrong, f"{len(wrong)} of {len(GROUPS[language, application])}:\n" + "\n".join(wrong[:20])


def test_rules_of_say_conf_give_the_same_sounds(tmp_path: Path) -> None:
    stage = Stage(tmp_path, sounds=SOUNDS)
    findings = Diagnostics()
    document = read(str(Path(__file__).parent / "recorded" / "say.conf"), diagnostics=findings)
    stage.services.shared["say.conf"] = rules.load(document, findings)
    wrong = []
    for language, application, data, sounds, status in recorded("saying_rules"):
        stage.played.clear()
        outcome = stage.run(stage.channel(language=language), application, data)
        played = " ".join(name for _, name in stage.played)
        if (played, "SUCCESS" if outcome is None else "FAILED") != (sounds, status):
            wrong.append(f"{language} {application}({data}): {played} {outcome}, Asterisk: {sounds} {status}")
    assert not wrong, f"{len(wrong)}:\n" + "\n".join(wrong[:20])


def test_a_mode_that_there_is_not_is_said_with_its_place() -> None:
    findings = Diagnostics()
    found = rules.load(read_text("[general]\nmode=newer\n", "say.conf", diagnostics=findings), findings)
    assert not found.new
    assert any("newer" in str(finding) and "say.conf:2" in str(finding) for finding in findings)
