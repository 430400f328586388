"""What a configuration holds and pbx does not do is said once, with file:line."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from pbx import undone
from pbx.conf import reader
from pbx.conf.diagnostics import Diagnostics
from pbx.dialplan import registry
from pbx.dialplan.loader import loading
from pbx.dialplan.model import Tables
from tests.pbx.running import CHECKOUT, Pbx


def load(path: Path) -> Tables:
    steps = loading(reader.read(str(path), diagnostics=Diagnostics()), Diagnostics(), {})
    while True:
        try:
            next(steps)
        except StopIteration as end:
            tables = end.value
            assert isinstance(tables, Tables)
            return tables


def said(tmp_path: Path, text: str) -> list[str]:
    registry.load_all()
    file = tmp_path / "extensions.conf"
    file.write_text(text)
    findings = Diagnostics()
    for _ in undone.look(load(file), findings):
        pass
    return [f"{finding.place.line}: {finding.message}" for finding in findings]


def test_applications_are_named_once_with_all_their_lines(tmp_path: Path) -> None:
    calls = "".join(f"exten => {n},1,NoSuchThing({n})\n" for n in range(14))
    assert said(tmp_path, "[default]\n" + calls + "exten => x,1,NoOp(NoSuchThing)\n") == [
        "2: there is no application NoSuchThing here (yet); a call that comes to it ends"
        " (also in line 3, 4, 5, 6, 7, 8, 9, 10, 11, 12 and 3 more)"
    ]


def test_functions(tmp_path: Path) -> None:
    assert said(
        tmp_path, "[default]\nexten => 1,1,Set(A=${NO_SUCH(1)}${LEN(x)})\n same => n,Verbose(${A} ${B:1})\n"
    ) == ["2: there is no function NO_SUCH here (yet); it reads as an empty text"]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("Dial(IAX2/a,30,tTgr)", []),
        ("Dial(IAX2/a,30,U(a^b)L(3000:1000)D(1:2))", []),
        ("Dial(IAX2/a,30,${OPTIONS})", []),
        ("Dial(IAX2/a,30)", []),
        ("Dial(IAX2/a,30,j)", ["Dial's option j has no effect: accepted; changes nothing here"]),
        ("Dial(IAX2/a,30,gO(1))", ["Dial's option O has no effect: accepted (operator services of other hardware)"]),
        ("Dial(IAX2/a,30,q)", ["Dial has no option 'q'; it is ignored"]),
    ],
)
def test_option_letters(tmp_path: Path, line: str, expected: list[str]) -> None:
    assert said(tmp_path, f"[default]\nexten => 1,1,{line}\n") == [f"2: {text}" for text in expected]


def test_the_shipped_dialplan_holds_nothing_of_that(tmp_path: Path) -> None:
    assert said(tmp_path, (CHECKOUT / "conf" / "samples" / "extensions.conf").read_text()) == []


FILES = {
    "extensions": "[general]\npriorityjumping=yes\n"
    "[default]\nexten => 1,1,NoSuchThing()\nbogus => 1\n#include sub.conf\n",
    "sub": "[sub]\nexten => 1,1,Dial(Local/2@sub,1,j)\n",
    "logger": "[general]\nbogus=1\n[logfiles]\nmessages => notice,warning,error,funny\n[more]\na=b\n",
    "modules": "[modules]\nautoload=yes\nbogus=1\nload=app_of_nobody.so\n[more]\na=b\n",
    "iax": "[general]\nbindaddr=127.0.57.6\nbogus=1\n[x]\ntype=friend\nhost=dynamic\nbogus=2\n",
    "acl": "[a]\nbogus=1\n",
    "cli_aliases": "[general]\nbogus=1\n",
    "indications": "[general]\ncountry=us\nbogus=1\n[us]\nringcadence=2000,4000\ndial=350+440\n",
    "features": "[general]\n; a comment\nbogus=1\n",
    "res_parking": "[general]\nparkext=700\n",
    "musiconhold": "[default]\nmode=files\n",
}
WANTED = [
    r"asterisk\.conf:10: transmit_silence",
    r"asterisk\.conf:11: no such option: wrong",
    r"asterisk\.conf:12: \[strange\]",
    r"extensions\.conf:2: unknown option 'priorityjumping'",
    r"extensions\.conf:4: there is no application NoSuchThing",
    r"extensions\.conf:5: unknown directive 'bogus'",
    r"sub\.conf:2: Dial's option j has no effect",
    r"logger\.conf:2: no such option: bogus",
    r"logger\.conf:4: no such level: funny",
    r"logger\.conf:5: \[more\]",
    r"modules\.conf:3: no such option: bogus",
    r"modules\.conf:4: there is no module app_of_nobody",
    r"modules\.conf:5: \[more\]",
    r"iax\.conf:3: there is no option 'bogus' in \[general\]",
    r"iax\.conf:7: there is no option 'bogus' in a section",
    r"acl\.conf:2: there is no option 'bogus'",
    r"cli_aliases\.conf:2: no such option: bogus",
    r"indications\.conf:3: no such option: bogus",
    r"features\.conf:3: no such option: bogus",
    r"musiconhold\.conf:1: music class 'default' has no directory",
    r"Not used here.*res_parking\.conf:2 in ",
]


def test_every_file_of_a_folder(tmp_path: Path) -> None:
    """Each is said when the PBX starts, once, and a reload says none of it again."""
    box = Pbx(tmp_path, **FILES)
    box.write("asterisk.conf", box.asterisk_conf("transmit_silence = yes\nwrong = 1\n[strange]\na = 1"))
    box.start()
    try:
        lines = box.messages.splitlines()
        for wanted in WANTED:
            assert len([line for line in lines if re.search(wanted, line)]) == 1, (wanted, lines)
        assert len(lines) == len(WANTED), lines
        box.rx("core reload")
        assert box.messages.splitlines() == lines
    finally:
        box.stop()
