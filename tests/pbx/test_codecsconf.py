"""codecs.conf: [plc], and what has no effect is said."""

from __future__ import annotations

from pathlib import Path

import pytest

from pbx.codecsconf import Concealment, load
from pbx.conf.diagnostics import Diagnostics


@pytest.mark.parametrize(
    ("text", "found", "decoded"),
    [
        ("", Concealment(None, False), True),
        ("[plc]\n", Concealment(None, False), True),
        ("[plc]\ngenericplc => true\n", Concealment(True, False), True),
        ("[plc]\ngenericplc=no\ngenericplc_on_equal_codecs=yes\n", Concealment(False, False), False),
        ("[plc]\ngenericplc_on_equal_codecs = yes\ngenericplc=1\n", Concealment(True, True), True),
    ],
)
def test_plc(tmp_path: Path, text: str, found: Concealment, decoded: bool) -> None:
    path = tmp_path / "codecs.conf"
    path.write_text(text)
    findings = Diagnostics()
    assert load(str(path), findings) == found
    assert found.decoded is decoded
    assert not list(findings)
    assert load(str(tmp_path / "none"), findings) == Concealment()


def test_what_has_no_effect_is_said(tmp_path: Path) -> None:
    path = tmp_path / "codecs.conf"
    path.write_text("[speex]\nquality => 3\n[plc]\ngenericplc => true\nmuch => 5\n")
    findings = Diagnostics()
    load(str(path), findings)
    assert [(finding.place.line, finding.code) for finding in findings] == [(1, "no-effect"), (5, "unknown-option")]
