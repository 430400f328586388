"""POSIX regular expressions: facts of glibc, and time that grows with the text only."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pbx.dialplan.regex import RegexError, compiled
from tests.dialplan import effort


@pytest.mark.parametrize(
    ("pattern", "text", "found"),
    [
        ("(a|ab)(c|bcd)(d*)", "abcd", (0, 4, "a")),
        ("a|ab", "xab", (1, 3, None)),
        ("o{2,}", "foooo", (1, 5, None)),
        ("[[:digit:]]+", "ab123", (2, 5, None)),
        ("[]a]+", "x]a]", (1, 4, None)),
        ("[^]a]+", "x]a]", (0, 1, None)),
        ("[a-]+", "b-a", (1, 3, None)),
        (r"\bb\w*", "a bcd e", (2, 5, None)),
        (r"a\.c", "abc a.c", (4, 7, None)),
        ("^$", "", (0, 0, None)),
        ("$", "ab", (2, 2, None)),
        ("(x)?y", "y", (0, 1, None)),
        ("(.)", "日本", (0, 1, "日")),
        (".", "\udcff", None),
        ("[[.-.]]", "a-", (1, 2, None)),
        ("a{,2}", "aaa", (0, 2, None)),
        ("b", "a", None),
    ],
)
def test_matches(pattern: str, text: str, found: tuple[int, int, str | None] | None) -> None:
    match = compiled(pattern).search(text)
    assert (None if match is None else (match.start, match.end, match.group)) == found


def test_length_is_in_bytes() -> None:
    match = compiled("本").search("日本")
    assert match is not None
    assert (match.start, match.length) == (1, 3)


def test_case() -> None:
    assert compiled("[a-c]x", fold=True).search("BX")
    assert not compiled("[^a]", fold=True).search("A")


@pytest.mark.parametrize(
    "pattern",
    [
        "(",
        "[a",
        "*",
        "+a",
        "a|*",
        "a{2",
        "a{x}",
        "a{2,1}",
        "[[:foo:]]",
        "[b-a]",
        "a\\",
        "^*",
        "a$*",
        r"(a)\1",
        "a{40000}",
        "(" * 500,
        "((a{200}){200}){200}",
    ],
)
def test_what_is_no_pattern(pattern: str) -> None:
    with pytest.raises(RegexError):
        compiled(pattern)


PARTS = st.lists(
    st.sampled_from(["a", "b", ".", "a*", "b+", "(a)", "(ab)", "[ab]", "[^a]", "a?", "(b*)", "^", "$"]), max_size=6
)


@settings(max_examples=400, deadline=None)
@given(PARTS, st.text("abx", max_size=10))
def test_without_alternatives_it_is_what_a_backtracker_finds(parts: list[str], text: str) -> None:
    """Where nothing but greedy repetition chooses, both rules mean the same beginning; ours is never shorter."""
    pattern = "".join(parts)
    want = re.search(pattern.replace("$", r"\Z"), text)
    got = compiled(pattern).search(text)
    assert (got is None) == (want is None)
    if got is not None and want is not None:
        assert got.start == want.start()
        assert got.end >= want.end()


@settings(max_examples=300, deadline=None)
@given(st.text(st.sampled_from([*"ab.*+?|()[]{}^$\\12,-:ä"]), max_size=15), st.text("abä", max_size=8))
def test_any_pattern_matches_or_is_refused(pattern: str, text: str) -> None:
    try:
        regex = compiled(pattern)
    except RegexError:
        return
    match = regex.search(text)
    assert match is None or 0 <= match.start <= match.end <= len(text)


@pytest.mark.parametrize(
    ("pattern", "piece", "end"),
    [
        ("(a+)+$", "a", "b"),
        ("(a|a)*b", "a", ""),
        ("(.*)(.*)(.*)(.*)x", "a", ""),
        ("^(([a-z]+)+)$", "a", "!"),
        (r"\b(a|b)+\b", "ab", ""),
        ("(x+x+)+y", "x", ""),
    ],
)
def test_no_pattern_takes_for_ever(pattern: str, piece: str, end: str) -> None:
    regex = compiled(pattern)
    regex.search(piece + end)
    effort.linear(lambda n: regex.search(piece * n + end), 400)
