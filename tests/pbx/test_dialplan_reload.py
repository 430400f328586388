"""dialplan reload of a box that is up: included files, programs and mistakes, with a call on its way."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.pbx.running import Pbx

MAIN = """[general]
static=yes
[phones]
exten => 600,1,Answer()
 same => n,Goto(wait,s,1)
[wait]
exten => s,1,Wait(60)
 same => n,Hangup()
exten => go,1,Set(GLOBAL(SAID)=first)
 same => n,Goto(s,1)
#include "parts/*.conf"
#tryinclude nothing.conf
#exec "printf '[made]\\nexten => ${N},1,NoOp(by a program)\\n'"
"""


@pytest.fixture
def pbx(tmp_path: Path) -> Iterator[Pbx]:
    box = Pbx(tmp_path, extensions=MAIN.replace("${N}", "1"), iax="[general]\nbindaddr = 127.0.86.12\n")
    box.write("asterisk.conf", box.asterisk_conf("execincludes = yes"))
    (box.etc / "parts").mkdir()
    box.write("parts/a.conf", "[parts]\nexten => a,1,NoOp()\n")
    box.start()
    yield box
    box.stop()


def contexts(pbx: Pbx) -> list[str]:
    return re.findall(r"(?m)^\[ Context '(\w+)'", pbx.rx("dialplan show"))


def test_reload_with_a_call_on_its_way(pbx: Pbx) -> None:
    assert sorted(contexts(pbx)) == ["made", "parts", "phones", "wait"]
    assert pbx.rx("dialplan reload") == "Dialplan reloaded.\n"
    pbx.rx("channel originate Local/600@phones application Wait 60")
    shown = pbx.wait_rx("core show channels concise", "!wait!s!1!")
    name = next(line for line in shown.splitlines() if ";2!" in line).split("!")[0]

    # one more file for the pattern of #include, a file for #tryinclude, another output of the program
    pbx.write("parts/b.conf", "[more]\nexten => b,1,NoOp()\n")
    pbx.write("nothing.conf", "[tried]\nexten => t,1,NoOp()\n")
    pbx.write("extensions.conf", MAIN.replace("${N}", "2").replace("SAID)=first", "SAID)=second"))
    told = pbx.rx("dialplan reload").splitlines()
    assert told[0] == "Dialplan reloaded." and sorted(told[1:]) == [
        "  [made] 1 extension new (2), 1 extension gone (1)",
        "  [more] is new, with 1 extension",
        "  [tried] is new, with 1 extension",
        "  [wait] 1 extension changed (go)",
    ]
    # the call goes on, in the dialplan that is there now
    pbx.rx(f"channel redirect {name} wait,go,1")
    pbx.wait_rx("dialplan show globals", "SAID=second")
    pbx.wait_rx("core show channels concise", f"{name}!wait!s!1!")

    # what Asterisk refuses as a whole leaves everything as it is, and says where
    good = sorted(contexts(pbx))
    for wrong, place in (
        ("#include none.conf\n", "none.conf"),
        ("[open\nexten => 1,1,NoOp()\n", r"extensions\.conf:15: the '\]' is missing"),
        ("[x](nowhere)\nexten => 1,1,NoOp()\n", r"extensions\.conf:15: .*nowhere"),
    ):
        pbx.write("extensions.conf", MAIN.replace("${N}", "3") + "; mistake\n" + wrong)
        assert "the former dialplan stays" in pbx.rx("dialplan reload")
        assert re.search(place, pbx.messages), pbx.messages
        assert sorted(contexts(pbx)) == good and "'2'" in pbx.rx("dialplan show made")
    (pbx.etc / "extensions.conf").unlink()
    assert "the former dialplan stays" in pbx.rx("dialplan reload")
    assert sorted(contexts(pbx)) == good
    assert f"{name}!wait!s!1!" in pbx.rx("core show channels concise")

    # a line that is wrong costs that line alone
    pbx.write("extensions.conf", MAIN.replace("${N}", "2") + "[late]\nsame => n,NoOp()\nexten => 2,1,NoOp()\n")
    assert "[late] is new, with 1 extension" in pbx.rx("dialplan reload")
    assert re.search(r"extensions\.conf:15: ", pbx.messages.rpartition("nowhere")[2])
