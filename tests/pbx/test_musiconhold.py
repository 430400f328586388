"""musiconhold.conf: which classes come of it, and what is said about the rest."""

from __future__ import annotations

from pathlib import Path

from pbx.conf.diagnostics import Diagnostics
from pbx.musiconhold import load, scan


def read(tmp_path: Path, text: str) -> tuple[dict[str, tuple[str, ...]], list[str]]:
    """(class -> names of its files, findings)."""
    (tmp_path / "musiconhold.conf").write_text(text)
    moh = tmp_path / "data" / "moh"
    moh.mkdir(parents=True, exist_ok=True)
    for name in ("Bee.gsm", "ant.ulaw", "ant.gsm", ".hidden.gsm", "README", "notes.txt", "cow.b.wav"):
        (moh / name).write_bytes(b"")
    findings = Diagnostics()
    classes, _ = load(str(tmp_path / "musiconhold.conf"), str(tmp_path / "data"), findings)
    return (
        {name: tuple(Path(file).name for file in found.files) for name, found in classes.items()},
        [f"{finding.place.line}: {finding.message}" for finding in findings],
    )


def test_folders_and_lists(tmp_path: Path) -> None:
    classes, findings = read(
        tmp_path,
        "[default]\nmode=files\ndirectory=moh\nsort=alpha\ndigit=#\nannouncement=beep\nloop_last=yes\n"
        "[list]\nmode=playlist\nentry=/x/one\nentry=/x/two\n",
    )
    assert classes == {"default": ("ant", "Bee", "cow.b"), "list": ("one", "two")}
    assert findings == []
    assert sorted(scan(str(tmp_path / "data" / "moh"))) == sorted(scan(str(tmp_path / "data" / "moh"), "alpha"))


def test_what_is_wrong_is_said_and_the_rest_works(tmp_path: Path) -> None:
    classes, findings = read(
        tmp_path,
        "[general]\nfoo=1\ncachertclasses=yes\n"
        "[a]\nmode=files\ndirectory=moh\nsort=weird\ndigit=x\nbar=2\n"
        "[b]\ndirectory=moh\n[c]\nmode=files\n[d]\nmode=files\ndirectory=nosuch\n[e]\nmode=foo\ndirectory=moh\n"
        "[f]\nmode=custom\nformat=slin44\n[g]\nmode=playlist\nentry=x\nentry=http://x/y\nentry=/x/one.gsm\n",
    )
    assert set(classes) == {"a", "g"} and classes["g"] == ("y", "one.gsm")
    lines = [int(finding.partition(":")[0]) for finding in findings]
    assert lines == [2, 3, 7, 8, 9, 10, 12, 14, 17, 22, 20, 25, 27]


def test_classes_of_programs(tmp_path: Path) -> None:
    (tmp_path / "musiconhold.conf").write_text(
        "[radio]\nmode=custom\napplication=/bin/cat x\nformat=slin48\nkill_method=process\n"
        "kill_escalation_delay=250\n[mpg]\nmode=QuietMP3\ndirectory=moh\n[net]\nmode=httpmp3\ndirectory=http://x/y\n"
        "[none]\nmode=mp3\n[what]\nmode=custom\napplication=/bin/cat\nformat=odd\nentry=/x\n"
    )
    findings = Diagnostics()
    classes, _ = load(str(tmp_path / "musiconhold.conf"), str(tmp_path), findings)
    radio = classes["radio"]
    assert (radio.application, radio.format, radio.kill_method, radio.kill_delay_ms) == (
        "/bin/cat x",
        "slin48",
        "process",
        250,
    )
    assert list(classes) == ["radio", "mpg", "net", "what"] and classes["what"].format == "slin"
    assert [finding.place.line for finding in findings] == [13, 18, 15]


def test_no_file_no_classes(tmp_path: Path) -> None:
    assert load(str(tmp_path / "none.conf"), str(tmp_path), Diagnostics()) == ({}, True)
