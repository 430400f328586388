"""Look-ups through contexts, switches and includes, and changes while calls run."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.internet.defer import Deferred

from pbx.dialplan.dialplan import Dialplan, Pending, Status
from pbx.dialplan.model import HINT, Context, Priority, Tables
from tests.dialplan.recordings import dialplan, recorded


def test_recorded_answers() -> None:
    for block in recorded("includes"):
        plan = dialplan(block["conf"])
        wrong = [a for a in block["asked"] if (plan.find(*a[:3]) is not None) != (a[3] == "1")]
        assert not wrong


def data(plan: Dialplan, context: str, exten: str, priority: int | str = 1, caller: str = "") -> str | None:
    """What stands at a place."""
    found = plan.find(context, exten, priority, caller)
    return None if found is None or found.priority is None else found.priority.data


def test_gaps_are_filled_from_the_next_extension_that_matches() -> None:
    plan = dialplan(
        "[a]\ninclude => b\nexten => 25,1,N(25-1)\nexten => 25,3(l),N(25-3)\nexten => _2X,2,N(2X-2)\n"
        "[b]\nexten => 25,4(m),N(b-4)\n"
    )
    assert [data(plan, "a", "25", n) for n in (1, 2, 3, 4, 5)] == ["25-1", "2X-2", "25-3", "b-4", None]
    assert data(plan, "a", "25", "l") == "25-3"
    assert plan.find_label("a", "25", "m") == 4
    found = plan.find("a", "25", 4)
    assert found is not None
    assert found.context.name == "b"


def test_how_far_a_lookup_came() -> None:
    plan = dialplan("[a]\nexten => 1,1,N()\n")
    assert plan.status("x", "1") is Status.NO_CONTEXT
    assert plan.status("a", "2") is Status.NO_EXTENSION
    assert plan.status("a", "1", 2) is Status.NO_PRIORITY
    assert plan.status("a", "1", "l") is Status.NO_LABEL
    assert plan.status("a", "1") is Status.SUCCESS
    assert not plan.has_context("A")


def test_callers() -> None:
    plan = dialplan("[a]\nexten => 1,1,N(any)\nexten => 1/_55X,1,N(55X)\nexten => 1/,1,N(none)\nexten => 2/7,1,N(7)\n")
    assert [data(plan, "a", "1", 1, c) for c in ("", "551", "7")] == ["none", "55X", "any"]
    assert plan.exists("a", "2", 1, "7")
    assert not plan.exists("a", "2", 1, "")


def test_digit_by_digit() -> None:
    plan = dialplan(
        "[a]\ninclude => b\nexten => 12,1,N()\nexten => 123,1,N()\nexten => _9X!,1,N()\n[b]\nexten => 5555,1,N()\n"
    )
    assert plan.match_more("a", "1")
    assert plan.match_more("a", "12")
    assert not plan.match_more("a", "123")
    assert plan.can_match("a", "123")
    assert not plan.can_match("a", "124")
    assert plan.match_more("a", "9")
    assert not plan.match_more("a", "91")
    assert plan.can_match("a", "91")
    assert plan.match_more("a", "555")
    assert plan.match_more("a", "")


def test_ignore_patterns() -> None:
    plan = dialplan("[a]\nignorepat => 9\nignorepat => _00X\n")
    assert [plan.ignore_pattern("a", e) for e in ("9", "91", "001", "00")] == [True, False, True, False]
    assert not plan.ignore_pattern("b", "9")


def test_timed_includes_ask_the_clock() -> None:
    now = 1720612800.0  # 2024-07-10 12:00 UTC, a Wednesday
    plan = dialplan(
        "[a]\ninclude => day,9:00-17:00,mon-fri,*,*,UTC\ninclude => night\n"
        "[day]\nexten => 1,1,N(day)\n[night]\nexten => 1,1,N(night)\n"
    )
    plan.wall = lambda: now
    assert data(plan, "a", "1") == "day"
    now += 3 * 86400
    assert data(plan, "a", "1") == "night"


def test_a_circle_of_includes_ends_and_contexts_are_counted() -> None:
    chain = "".join(f"[c{n}]\ninclude => c{n + 1}\n" for n in range(200))
    plan = dialplan(
        chain + "[c127]\nexten => 1,1,N()\n[c128]\nexten => 2,1,N()\n[x]\ninclude => y\n[y]\ninclude => x\n"
    )
    assert plan.exists("c0", "1")
    assert not plan.exists("c0", "2")
    assert not plan.exists("x", "1")


def test_loopback() -> None:
    plan = dialplan(
        "[a]\nswitch => Loopback/@b\nlswitch => Loopback/9${EXTEN}@c/_7X\ninclude => d\n"
        "[b]\nexten => 1,1,N(b)\n[c]\nexten => 970,2,N(c)\n[d]\nexten => _X,1,N(d)\n"
        "[loop]\nswitch => Loopback/@loop\n"
    )
    found = plan.find("a", "1")
    assert found is not None
    assert found.moved == ("b", "1", 1)
    found = plan.find("a", "70", 2)
    assert found is not None
    assert found.moved == ("c", "970", 2)
    assert plan.find("a", "60", 2) is None
    assert data(plan, "a", "3") == "d"
    # into the context it stands in: everything is there, and ends the call
    found = plan.find("loop", "1")
    assert found is not None
    assert (found.priority, found.moved) == (None, None)
    assert plan.match_more("loop", "")
    assert plan.hint("loop", "1") is None


def test_an_eswitch_has_the_variables_of_who_asks() -> None:
    plan = dialplan(
        "[globals]\nTO=b\n[a]\neswitch => Loopback/${EXTEN}@${TO}\n[b]\nexten => 1,1,N(b)\nexten => s,1,N(s)\n"
    )
    assert plan.exists("a", "1")
    assert plan.exists("a", "77", substitute=lambda data: data.replace("${EXTEN}", "s").replace("${TO}", "b"))
    assert not plan.exists("a", "77", substitute=lambda data: "1@nowhere")


ODD = dialplan(
    "[a]\nexten => _X.,1,N()\nexten => _[ab]!,1,N()\nexten => 1/_5.,1,N()\nignorepat => _9[1]\ninclude => a\n"
)


@settings(max_examples=300, deadline=None)
@given(st.one_of(st.text(max_size=100), st.text("_[]-.!X1aN/", max_size=12)), st.text("_[]-.!5", max_size=6))
def test_whatever_is_dialled_has_an_answer(exten: str, caller: str) -> None:
    for ask in (ODD.exists, ODD.can_match, ODD.match_more):
        assert ask("a", exten, 1, caller) in (True, False)
    assert ODD.ignore_pattern("a", exten) in (True, False)
    if ODD.exists("a", exten, 1, caller):
        assert ODD.can_match("a", exten, 1, caller) or exten.startswith("_")


class Peer:
    """A switch whose peer knows 700-799, and answers the first question late."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, ...]] = []
        self.answer: Deferred[None] | None = None

    def exists(self, data: str, context: str, exten: str, priority: int, caller: str) -> bool:
        self.asked.append((data, context, exten, caller))
        if self.answer is None:
            self.answer = Deferred()
            raise Pending(self.answer)
        return exten.startswith("7") and len(exten) == 3

    def can_match(self, data: str, context: str, exten: str, priority: int, caller: str) -> bool:
        return exten.startswith("7")

    match_more = can_match


def test_a_switch_asks_its_peer() -> None:
    plan = dialplan("[a]\nexten => 7,1,N(own)\neswitch => IAX2/${P}\ninclude => b\n[b]\nexten => 701,1,N(included)\n")
    peer = plan.switches["IAX2"] = Peer()
    assert data(plan, "a", "7") == "own"
    with pytest.raises(Pending) as pending:
        plan.find("a", "701", 1, "42", substitute=lambda text: text.replace("${P}", "peer"))
    assert pending.value.until is peer.answer
    found = plan.find("a", "701", 1, "42", substitute=lambda text: text.replace("${P}", "peer"))
    assert found is not None
    assert (found.priority, found.switch_data) == (None, "peer")
    assert peer.asked[-1] == ("peer", "a", "701", "42")
    assert plan.match_more("a", "70")


def test_changes_are_seen_at_once() -> None:
    plan = dialplan("[a]\nexten => _1X,1,N(pattern)\n")
    assert data(plan, "a", "12") == "pattern"
    context = plan.context("a")
    context.add("12", Priority(1, "N", "name"))
    assert data(plan, "a", "12") == "name"
    assert context.remove("12", 1)
    assert data(plan, "a", "12") == "pattern"
    assert not context.remove("12")
    assert context.remove("_1X")
    assert not plan.exists("a", "12")
    assert not plan.can_match("a", "1")


def test_a_reload_keeps_what_others_made() -> None:
    plan = dialplan("[a]\nexten => 1,1,N(old)\n[gone]\nexten => 1,1,N()\n")
    parking = plan.context("parkedcalls", "res_parking")
    parking.add("700", Priority(1, "Park", registrar="res_parking"))
    new = Tables(contexts={"a": Context("a")})
    new.contexts["a"].add("1", Priority(1, "N", "new"))
    plan.replace(new)
    assert data(plan, "a", "1") == "new"
    assert plan.exists("parkedcalls", "700")
    assert not plan.has_context("gone")


def test_switches_that_lead_in_circles_end_soon() -> None:
    lines = "".join(
        f"[{c}]\n" + "".join(f"switch => Loopback/@{other}\n" for other in "abc" if other != c) for c in "abc"
    )
    plan = dialplan(lines)
    # two to each of three: without a limit for all of them together 2 to the power of 32
    assert not plan.exists("a", "1")
    assert not plan.can_match("a", "1")
    assert not plan.match_more("a", "1")


def test_what_was_looked_for_in_vain_is_found_once_it_is_there() -> None:
    plan = dialplan("[a]\nexten => 1,1,N(1)\n")
    context = plan.contexts["a"]
    assert plan.hint("a", "2") is None
    assert data(plan, "a", "2") is None
    context.add("_[2-9]", Priority(1, "N", "_X"))
    assert data(plan, "a", "2") == "_X"
    context.add("_X", Priority(HINT, "IAX2/x", "name"))
    assert plan.hint("a", "2") == "IAX2/x"
    assert plan.hint_name("a", "1") == "name"
    context.remove("_[2-9]")
    assert data(plan, "a", "2") is None
