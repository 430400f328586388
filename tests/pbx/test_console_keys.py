"""The dialplan from the console as one sits there: real keys at a terminal, steps of calls as they are made."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.pbx.running import Pbx
from tests.pbx.terminal import Terminal

DIALPLAN = """[general]
static=yes
writeprotect=no
[phones]
exten => 601,1,Answer()
 same => n,Set(here=${EXTEN}${GLOBAL(G)})
 same => n,Goto(other,s,1)
[other]
exten => s,1,NoOp(got ${here})
 same => n,Wait(60)
include => phones
"""
IAX = "[general]\nbindaddr = 127.0.86.11\n"


@pytest.fixture(scope="module")
def pbx(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pbx]:
    box = Pbx(tmp_path_factory.mktemp("pbx"), extensions=DIALPLAN, iax=IAX)
    box.start()
    yield box
    box.stop()


def test_tab_completes_word_by_word(pbx: Pbx, tmp_path: Path) -> None:
    terminal = Terminal(pbx.command("-r"), tmp_path)
    terminal.wait_for("*CLI> ")
    # what each key press leaves on the line is what the next one goes on from
    keys = [
        ("dialp\t", "dialplan "),
        ("a\t", "dd "),
        ("e\t", "xtension "),
        ("77,1,NoO\t", "p "),
        ("i\t", "nto "),
        ("ph\t", "ones "),
        ("r\t", "eplace "),
    ]
    for typed, echoed in keys:
        terminal.type(typed)
        terminal.wait_for(echoed)
    terminal.type("\n")
    terminal.wait_for("Extension '77,1,NoOp()' added into 'phones' context")
    # twice shows what there is; a word that goes on is followed by no blank
    terminal.type("dialplan remove include \t")
    terminal.wait_for("phones ")
    terminal.type("\t")
    terminal.wait_for("from ")
    terminal.type("\t\n")
    terminal.wait_for("We are not including 'phones' into 'other' now")
    terminal.type("dialplan remove extension 6\t\t\t")
    terminal.wait_for("601@phones ")
    assert re.search(r"\n1 +2 +3 *\r\n", terminal.wait_for("*CLI> "))
    terminal.type("\x15dialplan eval function LE\tab)\n")
    terminal.wait_for("LEN(ab)")
    terminal.wait_for("Result: 2")
    terminal.type("dialplan reload\nexit\n")
    assert terminal.close() == 0
    assert "'77'" not in pbx.rx("dialplan show phones")


def test_trace_follows_a_call_while_it_is_made(pbx: Pbx, tmp_path: Path) -> None:
    terminal = Terminal(pbx.command("-r"), tmp_path)
    terminal.wait_for("*CLI> ")
    terminal.type("dialplan set global G !\ndialplan trace all\n")
    terminal.wait_for("Tracing all")
    pbx.rx("channel originate Local/601@phones application Wait 50")
    seen = terminal.wait_for("[s@other:2] Wait(60)")
    steps = re.findall(r"(Local/\S+;2) \[(\S+)\] (.*?)\r?\n", seen)
    assert [step[1:] for step in steps] == [
        ("601@phones:1", "Answer()"),
        ("601@phones:2", "Set(here=601!)"),
        ("601@phones:3", "Goto(other,s,1)"),
        ("s@other:1", "NoOp(got 601!)"),
    ]
    name = steps[0][0]
    # one channel, asked for when it is there already: it says where that is; it ends with the channel
    terminal.type(f"dialplan trace all off\ndialplan trace {name}\n")
    terminal.wait_for("No longer tracing all")
    terminal.wait_for(f"{name} [s@other:2] Wait(60) is running")
    pbx.rx(f"channel redirect {name} phones,601,3")
    terminal.wait_for(f"{name} [s@other:1] NoOp(got 601!)")
    pbx.rx("channel request hangup all")
    terminal.wait_for(f"{name} ended with cause ")
    terminal.type("exit\n")
    assert terminal.close() == 0
