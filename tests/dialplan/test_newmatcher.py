"""The tree of extenpatternmatchnew: the search against a plain one, and its turning on while calls run."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from hypothesis import example, given, settings
from hypothesis import strategies as st

from pbx.dialplan.dialplan import Dialplan
from pbx.dialplan.model import Extension, Priority, Settings, Tables
from pbx.dialplan.newmatcher import _DIGITS, FEW, NewIndex, _bare, _steps
from pbx.dialplan.patterns import Mode
from pbx.slices import in_slices
from tests.dialplan.recordings import dialplan

# ---- the plain reading: a list behind each step, all of it looked at ----------------------------------------------


CLOSE = (Mode.CANMATCH, Mode.MATCHMORE)


class Step:
    """One character or set, and all that follows in the order of search."""

    def __init__(self, text: str, pattern: bool, weight: int) -> None:
        self.text, self.pattern, self.weight = text, pattern, weight
        self.members = _DIGITS.get(text, text) if pattern else text
        self.following: list[Step] = []
        self.extension: Extension | None = None

    def known(self, text: str, pattern: bool) -> Step | None:
        return next((s for s in self.following if (s.text, s.pattern) == (text, pattern)), None)

    def open(self, text: str, pattern: bool, weight: int, running: bool) -> Step:
        found = self.known(text, pattern)
        if found is not None and running:
            return found
        if found is not None:
            self.following.remove(found)
        found = found or Step(text, pattern, weight)
        at = 0
        for step in self.following:
            if step.weight > weight or (step.weight == weight and not running):
                break
            at += 1
        self.following.insert(at, found)
        return found


class Plain:
    """The tree of them."""

    def __init__(self) -> None:
        self.root = Step("", False, 0)

    def _parts(self, extension: Extension) -> tuple[bool, list[tuple[str, int]]]:
        text = _bare(extension.name) + ("" if extension.caller is None else "/" + extension.caller)
        pattern = text.startswith("_")
        return pattern, list(_steps(text[pattern:], pattern))

    def add(self, extension: Extension, running: bool) -> None:
        step = self.root
        pattern, parts = self._parts(extension)
        for part, weight in parts:
            step = step.open(part, pattern, weight, running)
        step.extension = extension

    def remove(self, extension: Extension) -> None:
        step: Step | None = self.root
        pattern, parts = self._parts(extension)
        for part, _ in parts:
            step = None if step is None else step.known(part, pattern)
        if step is not None and step.extension is extension:
            step.extension = None

    def matching(self, exten: str, caller: str) -> list[Extension]:
        return list(search(self.root.following, exten[:1] + exten[1:].replace("-", ""), caller))

    def close(self, exten: str, caller: str, mode: Mode) -> tuple[Extension | None, bool]:
        possible: list[Extension | None] = []
        try:
            could(self.root.following, exten[:1] + exten[1:].replace("-", ""), caller, mode, possible)
        except Final as final:
            return final.found, True
        return (possible[-1], possible[-1] is not None) if possible else (None, False)


def search(steps: list[Step], text: str, caller: str) -> Iterator[Extension]:
    for step in steps:
        following = step.following
        if step.pattern and step.text in (".", "!"):
            if step.extension is not None and (text or step.text == "!") and "/" not in text:
                yield step.extension
            yield from search(following, "/", caller)
        elif step.pattern and step.text == "/":
            if caller:
                yield from search(following, caller, caller)
        elif text and text[0] in step.members:
            if len(text) == 1 and step.extension is not None:
                yield step.extension
            if following and (len(text) > 1 or following[0].text == "!"):
                yield from search(following, text[1:], caller)
            elif following and following[0].text == "/":
                yield from search(following, "/", caller)


class Final(Exception):
    """The search is over: what it found, if anything."""

    def __init__(self, found: Extension | None) -> None:
        super().__init__()
        self.found = found


def could(steps: list[Step], text: str, caller: str, mode: Mode, possible: list[Extension | None]) -> None:
    """Whether more digits could come, a level at a time: what could match goes into `possible`."""
    for step in steps:
        following = step.following
        first = following[0].text if following else ""
        if step.pattern and step.text in (".", "!"):
            if step.extension is not None and "/" not in text:
                raise Final(None if step.text == "!" and mode is Mode.MATCHMORE else step.extension)
            if first == "/":
                could(following, "/", caller, mode, possible)
                if possible:
                    return
        elif step.pattern and step.text == "/":
            if caller and following:
                could(following, caller, caller, mode, possible)
                if possible:
                    return
        elif text and text[0] in step.members:
            rest = text[1:]
            if following and (rest or first == "!"):
                could(following, rest, caller, mode, possible)
            elif first == "/":
                could(following, "/", caller, mode, possible)
                if possible:
                    return
            elif not rest and (following or mode is Mode.CANMATCH):
                while step.extension is None and step.following:
                    step = step.following[0]
                possible.append(step.extension)
                return


parts = st.sampled_from([*"0123XZNa-/#.!", "[12]", "[1-3]", "[3]", "[X]", "[./]", "[!]", "[-1]", "[ab]"])
names = st.builds(
    lambda mark, inside: mark + "".join(inside), st.sampled_from(["_", "_", "_", ""]), st.lists(parts, max_size=4)
)
extensions = st.builds(
    lambda name, caller: Extension(name, name, caller),
    names.filter(lambda name: name not in ("", "_")),
    st.sampled_from([None, None, None, "", "5", "5X", "_5X", "X", "."]),
)
dialled = st.text("0123Xab-/#.!", max_size=4)
callers = st.sampled_from(["", "5", "55", "51/"])


@settings(max_examples=100, deadline=None)
@example([Extension("_5", "_5", "!")], [(Extension("6", "6", None), "5", "")])
@example([Extension(n, n, None) for n in ("_1X", "12", "_1.")], [(Extension("_1Z", "_1Z", None), "12", "")])
@given(st.lists(extensions, max_size=25), st.lists(st.tuples(extensions, dialled, callers), min_size=1, max_size=10))
def test_search_finds_what_a_plain_one_finds(loaded: list[Extension], asked: list[tuple[Extension, str, str]]) -> None:
    tree, plain = NewIndex(loaded), Plain()
    for extension in loaded:
        plain.add(extension, False)
    there = list(loaded)
    for number, (added, exten, caller) in enumerate(asked):
        expected = plain.matching(exten, caller)
        assert list(tree.matching(exten, caller)) == expected
        # twice: the second answer is the remembered one
        assert [tree.close(exten, caller, mode) for mode in CLOSE] == [plain.close(exten, caller, m) for m in CLOSE]
        assert [tree.first(exten, caller) for _ in "ab"] == [expected[0] if expected else None] * 2
        if number % 3 == 2 and there:
            gone = there.pop(len(exten) % len(there))
            tree.remove(gone)
            plain.remove(gone)
        else:
            tree.add(added)
            plain.add(added, True)
            there.append(added)
        expected = plain.matching(exten, caller)
        assert list(tree.matching(exten, caller)) == expected
        assert tree.first(exten, caller) is (expected[0] if expected else None)


def test_few_of_many_siblings_are_looked_at() -> None:
    tree = NewIndex(Extension(f"_{n:03d}XX", f"{n}", None) for n in range(1000))
    step = tree._root
    for digit in "123":
        assert len(step.following or ()) == 10 > FEW
        (step,) = step.after(digit)
    found = tree.first("12345", "")
    assert found is not None
    assert found.name == "_123XX"


def test_what_is_dialled_may_be_long() -> None:
    name = "1" * 5000
    tree = NewIndex([Extension("_" + name, name, None)])
    assert tree.first(name, "") is not None
    assert tree.first(name + "1", "") is None


# ---- turned on and off while calls run ----------------------------------------------------------------------------


def plan_of_many() -> Dialplan:
    plan = dialplan("[a]\nexten => 9,1,N(a)\n[big]\nexten => _1X,1,N(X)\nexten => 12,1,N(12)\nexten => _1.,1,N(.)\n")
    for number in range(2000):
        plan.contexts["big"].add(f"_77{number:04d}X", Priority(1, "N"))
    return plan


def asked(plan: Dialplan, exten: str) -> str | None:
    found = plan.find("big", exten)
    return None if found is None or found.priority is None else found.priority.data


class Ticking:
    """A reactor for which each look at the clock takes a part of a slice."""

    def __init__(self) -> None:
        self.now = 0.0
        self.calls: list[Callable[[], None]] = []

    def seconds(self) -> float:
        self.now += 0.0004
        return self.now

    def callLater(self, _: float, call: Callable[[], None]) -> None:
        self.calls.append(call)


def test_turning_on_takes_slices_and_look_ups_go_on() -> None:
    plan = plan_of_many()
    clock = Ticking()
    done: list[bool] = []
    in_slices(clock, plan.match_newly(True)).addCallback(done.append)
    big = plan.contexts["big"]
    turns = 0
    while not done:
        turns += 1
        assert big.newer is None or turns > 5
        assert asked(plan, "12") == ("12" if big.newer is None else "X")
        if turns == 3:
            # on the way: one comes, one goes
            big.add("_88X", Priority(1, "N", "late"))
            assert big.remove("_770001X")
            assert big.remove("_771999X")
        clock.calls.pop()()
    assert turns > 5
    assert done == [False]
    assert big.newer is not None
    assert plan.contexts["a"].newer is not None
    assert (asked(plan, "887"), asked(plan, "12")) == ("late", "X")
    assert asked(plan, "7700015") is None
    assert asked(plan, "7719995") is None
    assert asked(plan, "7719985") == ""


def test_another_turn_on_the_way_ends_the_first() -> None:
    plan = plan_of_many()
    on = plan.match_newly(True)
    for _ in range(5):
        next(on)
    for _ in plan.match_newly(False):
        pass
    for _ in on:
        pass
    assert all(c.newer is None and c._rising is None for c in plan.contexts.values())
    assert not plan.settings.extenpatternmatchnew


def test_a_context_that_is_let_go_holds_no_tree() -> None:
    context = plan_of_many().contexts["big"]
    context.match_newly(True)
    tree = context.newer
    assert tree is not None
    turns = sum(1 for _ in context.let_go(64))
    assert turns > 2000 / 64
    assert context.newer is None
    assert tree.first("12", "") is None


def test_a_reload_that_changes_the_matcher_turns_foreign_contexts_in_slices() -> None:
    plan = plan_of_many()
    foreign = plan.contexts["big"]
    foreign.registrar = "chan_iax2"
    plan.replace(Tables(settings=Settings(extenpatternmatchnew=True)))
    assert list(plan.contexts) == ["big"]
    # the call that asks now pays nothing for it, and finds what it found
    assert (foreign.newer, asked(plan, "12")) == (None, "12")
    clock = Ticking()
    done: list[None] = []
    in_slices(clock, plan.settle()).addCallback(done.append)
    turns = 0
    while not done:
        turns += 1
        clock.calls.pop()()
    assert turns > 5
    assert asked(plan, "12") == "X"
    assert sum(1 for _ in plan.settle()) == 0
