"""Nothing in a file, an expression or a number takes more than linear work; a reload is done in small steps."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pbx.callfile import parse
from pbx.conf.diagnostics import Diagnostics, Place
from pbx.conf.reader import read_text
from pbx.dialplan import changes, registry
from pbx.dialplan.dialplan import Dialplan
from pbx.dialplan.expressions import evaluate, syntax_error
from pbx.dialplan.includes import parse_include
from pbx.dialplan.loader import load, loading
from pbx.dialplan.model import Tables
from pbx.dialplan.patterns import BadPattern, matches
from pbx.dialplan.show import NotThere, show_steps
from pbx.dialplan.substitution import substitute
from pbx.dialplan.times import Timing
from pbx.undone import look
from tests.dialplan.effort import calls, longest_step

registry.load_all()

#: repetitions of a piece, which then are doubled
SIZE = 120
#: the doubled text may take so many times the work (2 is linear, 4 quadratic), and this much on top
RATIO, SLACK = 2.6, 400


class Values:
    """Each variable is `7`, each function gives what it was given."""

    def variable(self, name: str) -> str | None:
        return "7"

    def function(self, name: str, args: str) -> str | None:
        return args[:50]


def file(text: str) -> None:
    found = Diagnostics()
    load(read_text(text, "x.conf", diagnostics=found), found)
    assert all(finding.place.file == "x.conf" for finding in found)


def expression(text: str) -> None:
    assert isinstance(evaluate(text, Values()), str)
    wrong = syntax_error(text)
    assert wrong is None or 0 <= wrong[0] <= len(text)


def pattern(text: str) -> None:
    try:
        matches("_" + text, "1234567890")
        matches("_X.", text)
    except BadPattern:
        pass


WORK: dict[str, Callable[[str], object]] = {
    "file": file,
    "context": lambda text: file("[c]\n" + text),
    "line": lambda text: file("[c]\nexten => " + text.replace("\n", " ")),
    "expression": expression,
    "substitution": lambda text: substitute(text, Values()),
    "include": lambda text: parse_include(text, Place("x.conf", 1)),
    "times": lambda text: Timing(text).holds(1e9),
    "pattern": pattern,
    "call file": lambda text: parse("f", text, quiet=True),
}
PIECES = st.sampled_from(
    [*'$[]{}()!"\\,|:?&=~+-*/%<>^;#\n\t 019aXZ_.\udcffé', "${", "$[", "exten => ", "same => n,", "1,NoOp(", "[c](+)\n",
     "include => ", ";--", "--;", "Set: ", "8:00-", "mon&", "LEN(", "#include "]
)  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(sorted(WORK)), st.lists(PIECES, min_size=1, max_size=6).map("".join))
def test_twice_as_long_takes_at_most_twice_the_work(what: str, piece: str) -> None:
    work = WORK[what]
    one, two = piece * SIZE, piece * (2 * SIZE)
    # what is made once (grammars, tables) is made before
    work(piece)
    once = calls(lambda: work(one))
    assert calls(lambda: work(two)) <= RATIO * once + SLACK


def dialplan(count: int) -> str:
    lines = [f"exten => _{number:04}XX,1,NoOp(${{EXTEN}})\n same => n(a),Goto(a)\n" for number in range(count)]
    return "[c]\n" + "".join(lines)


def tables(count: int) -> Tables:
    return load(read_text(dialplan(count), "x.conf", diagnostics=Diagnostics()), Diagnostics())


def load_steps(count: int) -> int:
    document = read_text(dialplan(count), "x.conf", diagnostics=Diagnostics())
    return longest_step(loading(document, Diagnostics()))


def show_all(count: int) -> int:
    return longest_step(show_steps(Dialplan(tables(count))))


def show_none(count: int) -> int:
    plan = Dialplan(tables(count))

    def steps() -> Iterator[object]:
        with suppress(NotThere):
            yield from show_steps(plan, "nothing@c")

    return longest_step(steps())


STEPS: dict[str, Callable[[int], int]] = {
    "load": load_steps,
    "compare": lambda count: longest_step(changes.compare_steps(tables(count), tables(count + 1))),
    "let go": lambda count: longest_step(changes.let_go_steps(tables(count), Tables())),
    "what is not done": lambda count: longest_step(look(tables(count), Diagnostics())),
    "order": lambda count: longest_step(tables(count).contexts["c"].order_steps()),
    "new matcher": lambda count: longest_step(tables(count).contexts["c"].match_newly_steps(True)),
    "show": show_all,
    "show what is not there": show_none,
}


@pytest.mark.parametrize("what", STEPS)
def test_no_step_of_a_reload_grows_with_the_file(what: str) -> None:
    """Calls wait for one step at most; the ordered merge of a longer dialplan compares a little more."""
    small, large = STEPS[what](1200), STEPS[what](4800)
    assert large <= 1.3 * small + 200
