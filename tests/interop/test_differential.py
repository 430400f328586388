"""Generated pieces of extensions.conf, played on a stock Asterisk 22 and on pbx beside each other: both do the same.

`python -m tests.interop.differential` plays as many as one likes; these are a few of each kind.
"""

from __future__ import annotations

from collections.abc import Iterator
from random import Random

import pytest

from tests.interop.boxes import NET, StockBox
from tests.interop.differential.cases import GROUPS, patterns
from tests.interop.differential.pair import GENERAL, Pair

#: the groups whose cases never hang on chance, and how many cases of each are played
PLAYED = {"patterns": 20, "files": 20, "assignments": 15, "brackets": 5}


@pytest.fixture(scope="module")
def pair() -> Iterator[Pair]:
    why = StockBox.missing(22)
    if why:
        pytest.skip(why)
    with Pair(f"{NET}.28") as boxes:
        yield boxes


@pytest.mark.timeout(120)
@pytest.mark.parametrize("group", PLAYED)
def test_generated(pair: Pair, group: str) -> None:
    make = GROUPS[group][0]
    rng = Random(f"{group}-41")
    found = pair.differences([make(rng, f"{group}-41-{i}") for i in range(PLAYED[group])])
    assert not found, "\n".join(f"{case.conf}\nasterisk {stock}\npbx {own}" for case, stock, own in found)


@pytest.mark.timeout(120)
def test_new_matcher(pair: Pair) -> None:
    rng = Random("new-matcher")
    # a `]` behind `-` ends no set there: left out
    cases = [patterns(rng, f"new-{i}") for i in range(40)]
    cases = [case for case in cases if "[1-]" not in case.conf]
    general = GENERAL + "extenpatternmatchnew=yes\n"
    found = pair.differences(cases, general)
    assert not found, "\n".join(f"{case.conf}\nasterisk {stock}\npbx {own}" for case, stock, own in found)
    assert pair.play(cases[:1], GENERAL)
