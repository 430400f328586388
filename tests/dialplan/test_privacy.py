"""Dial's options P and p: who is asked what, what is remembered of a decision, and what DIALSTATUS says."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pbx.dialplan.scope import scope_of
from tests.dialplan.test_dial_options import Desk

_CALLER = "exten => s,1,Set(CALLERID(num)=(10) 0)\nsame => n,"


@pytest.fixture
def desk(tmp_path: Path) -> Callable[[str], Desk]:
    return lambda text: Desk(tmp_path, _CALLER + text + "\nsame => n,Wait(60)\n")


def status(made: Desk) -> str | None:
    return scope_of(made.plan.services, made.caller).get("DIALSTATUS")


@pytest.mark.parametrize(
    ("letters", "digit", "word", "kept"),
    [
        ("P(fam)", "1", "ANSWER", "allow"),
        ("P(fam)", "2", "NOANSWER", "deny"),
        ("P(fam)", "3", "TORTURE", "torture"),
        ("P(fam)", "4", "DONTCALL", "kill"),
        ("P(fam)", "5", "NOANSWER", "allow"),
        ("p", "1", "ANSWER", None),
        ("p", "4", "DONTCALL", None),
    ],
)
def test_the_called_party_decides(desk: Any, letters: str, digit: str, word: str, kept: str | None) -> None:
    made = desk(f"Dial(Test/1,,g{letters})")
    there = made.answer()
    made.seconds(0.5)
    assert there.bridge is None and made.heard(there)[0] == (0, "priv-callpending")
    made.type(there, digit)
    made.seconds(0.5)
    assert status(made) == word
    assert (there.bridge is not None) is (word == "ANSWER")
    assert there.dead is (word != "ANSWER")
    assert made.plan.services.database.get("privacy", "fam/100") == kept


def test_a_digit_that_says_nothing_is_asked_again(desk: Any) -> None:
    made = desk("Dial(Test/1,,gp)")
    there = made.answer()
    made.seconds(1)
    made.type(there, "5")
    made.seconds(30)
    names = [name for _, name in made.heard(there)]
    assert names.count("priv-callpending") == 3
    assert names.count("screen-callee-options") == 3
    assert names.count("vm-sorry") == 3
    assert status(made) == "NOANSWER" and there.dead


@pytest.mark.parametrize(
    ("value", "word"), [("DENY", "NOANSWER"), ("kill", "DONTCALL"), ("Torture", "TORTURE"), ("allow", None)]
)
def test_what_was_decided_holds(desk: Any, value: str, word: str | None) -> None:
    made = desk(f"Set(DB(privacy/s/100)={value})\nsame => n,Dial(Test/1,,gP)")
    if word is not None:
        assert made.called.channels == [] and status(made) == word
        return
    there = made.answer()
    made.seconds(0.5)
    assert made.heard(there) == [] and there.bridge is not None


def test_hanging_up_is_no_decision(desk: Any) -> None:
    made = desk("Dial(Test/1,,gP(fam))")
    there = made.answer()
    made.seconds(0.5)
    there.end(16)
    made.seconds(0.5)
    assert status(made) == "ANSWER" and not made.caller.dead
    assert made.plan.services.database.get("privacy", "fam/100") is None


def test_who_has_a_number_may_be_trusted(desk: Any) -> None:
    made = desk("Dial(Test/1,,gpN)")
    there = made.answer()
    made.seconds(0.5)
    assert made.heard(there) == [] and there.bridge is not None
