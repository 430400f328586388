"""Patterns: Asterisk's answers, and the trie against a literal reading of the rules."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pbx.dialplan.model import Context, Priority, Taken
from pbx.dialplan.patterns import BadPattern, Index, Mode, clean_name, key_of, match_key, matches, sort_key
from tests.dialplan.recordings import dialplan, recorded


def test_recorded_answers() -> None:
    wrong = []
    for block in recorded("patterns"):
        plan = dialplan(block["conf"])
        for context, exten, data in block["asked"]:
            found = plan.find(context, exten)
            got = found.priority.data if found and found.priority else ""
            if got != data:
                wrong.append((context, exten, data, got))
        for context, names in block["order"].items():
            assert [e.name for e in plan.contexts[context]] == names
    assert not wrong


# ---- a literal reading of the rules --------------------------------------------------------------------------------


def literal_match(pattern: str, dialled: str, mode: Mode) -> int:
    """The rules as one would say them, position by position over the text as written; 2 is an early match."""
    pattern = pattern.replace("-", "") if not pattern.startswith("_") else pattern
    dialled = dialled.replace("-", "")
    if not pattern.startswith("_"):
        if mode is Mode.MATCH:
            return int(pattern == dialled)
        longer = len(pattern) > len(dialled)
        return int(pattern.startswith(dialled) and (longer or mode is Mode.CANMATCH))
    i, d = 1, 0
    while True:
        while pattern[i : i + 1] == "-":
            i += 1
        if d == len(dialled) or i == len(pattern):
            break
        c, x = pattern[i], dialled[d]
        if c == "[":
            end = pattern.index("]", i)
            inside = pattern[i + 1 : end]
            i = end + 1
            if not inside:
                continue
            members = set()
            j = 0
            while j < len(inside):
                if inside[j + 1 : j + 2] == "-" and j + 2 < len(inside):
                    members |= {chr(n) for n in range(ord(inside[j]), ord(inside[j + 2]) + 1)}
                    j += 3
                else:
                    members.add(inside[j])
                    j += 1
            if x not in members:
                return 0
            d += 1
            continue
        if c == ".":
            return 1
        if c == "!":
            return 2
        wanted = {"X": "0123456789", "Z": "123456789", "N": "23456789"}.get(c.upper(), c)
        if x not in wanted:
            return 0
        i += 1
        d += 1
    if d < len(dialled):
        return 0
    if i == len(pattern):
        return 0 if mode is Mode.MATCHMORE else 1
    if pattern[i] == "!":
        return 2
    return 0 if mode is Mode.MATCH else 1


PIECES = st.sampled_from(
    [*"0123459", "X", "N", "Z", "x", ".", "!", "-", "[1-3]", "[13]", "[2-9]", "[0-9]", "a", "[ab]", "+"]
)
NAMES = st.tuples(st.booleans(), st.lists(PIECES, min_size=1, max_size=6)).map(
    lambda t: ("_" if t[0] else "") + "".join(t[1])
)
DIALLED = st.text("0123459ab+-", max_size=7)


def index_of(names: list[str]) -> tuple[Index, dict[str, str]]:
    """The trie of these names, and for each key the name that made it."""
    keys: dict[str, str] = {}
    index = Index(keys)
    for name in names:
        key, alive = key_of(clean_name(name))
        if key not in keys and alive:
            keys[key] = name
            index.add(key)
    return index, keys


@settings(max_examples=300, deadline=None)
@given(st.lists(NAMES, max_size=14), DIALLED)
def test_trie_finds_what_the_rules_say(names: list[str], dialled: str) -> None:
    index, keys = index_of(names)
    expected = [k for k in sorted(keys, key=sort_key) if literal_match(keys[k], dialled, Mode.MATCH)]
    assert list(index.matching(dialled)) == expected


@settings(max_examples=300, deadline=None)
@given(st.lists(NAMES, max_size=14), DIALLED, st.sampled_from([Mode.CANMATCH, Mode.MATCHMORE]))
def test_trie_finds_what_could_still_come(names: list[str], dialled: str, mode: Mode) -> None:
    index, keys = index_of(names)
    ways = ((k, literal_match(keys[k], dialled, mode)) for k in sorted(keys, key=sort_key))
    expected = [(k, way == 2) for k, way in ways if way]
    found = list(index.close(dialled, mode))
    # among names, nothing depends on the order
    names_first = sorted(found, key=lambda entry: (entry[0].startswith("_"), entry[0] * (not entry[0].startswith("_"))))
    assert names_first == sorted(expected, key=lambda e: (e[0].startswith("_"), e[0] * (not e[0].startswith("_"))))


@settings(max_examples=200, deadline=None)
@given(st.lists(NAMES, min_size=1, max_size=12, unique=True), st.data())
def test_removed_keys_are_gone(names: list[str], data: st.DataObject) -> None:
    index, keys = index_of(names)
    gone = data.draw(st.lists(st.sampled_from(sorted(keys)), unique=True)) if keys else []
    for key in gone:
        del keys[key]
        index.remove(key)
    dialled = data.draw(DIALLED)
    expected = [k for k in sorted(keys, key=sort_key) if literal_match(keys[k], dialled, Mode.MATCH)]
    assert list(index.matching(dialled)) == expected
    assert {k for k, _ in index.close("", Mode.CANMATCH)} == set(keys)


@given(NAMES, DIALLED, st.sampled_from(list(Mode)))
def test_one_pattern_alone(name: str, dialled: str, mode: Mode) -> None:
    key, _ = key_of(name)
    assert match_key(key, dialled.replace("-", ""), mode) == literal_match(name, dialled, mode)


# ---- single facts --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("_N", "_[2-9]"),
        ("_x", "_X"),
        ("_1-2", "_12"),
        ("1-2", "12"),
        ("_[1]", "_1"),
        ("_[13-5]", "_[5431]"),
        ("_[]1", "_1"),
    ],
)
def test_two_ways_to_write_one_extension(one: str, other: str) -> None:
    context = Context("c")
    context.add(one, Priority(1, "NoOp"))
    with pytest.raises(Taken):
        context.add(other, Priority(1, "NoOp"))
    context.add(other, Priority(2, "NoOp"))
    assert [e.name for e in context] == [one]


def test_open_set_is_refused() -> None:
    with pytest.raises(BadPattern):
        key_of("_1[23")
    assert not matches("_1[23", "12")


def test_bytes_count_in_sets_and_order() -> None:
    # `[ä]` is two bytes, either of which is one position; names with high bytes come before all others
    assert not matches("_[ä]y", "äy")
    assert matches("_é.", "éa")
    context = Context("c")
    for name in ("abc", "äx", "100"):
        context.add(name, Priority(1, "NoOp"))
    assert [e.name for e in context] == ["äx", "100", "abc"]


def test_a_pattern_is_found_by_its_own_name() -> None:
    index, _ = index_of(["_X.", "_[2-9]5"])
    assert index.matching("_X.") == (key_of("_X.")[0],)
    assert index.matching("_N5") == (key_of("_[2-9]5")[0],)


def test_caller_matches_come_first_in_order_of_patterns() -> None:
    context = Context("c")
    for caller in (None, "_55X", "", "_55X!", "5551212"):
        context.add("1", Priority(1, "NoOp"), caller)
    assert [e.caller for e in context] == ["", "5551212", "_55X!", "_55X", None]
