"""Functions beside what the golden cases show: from outside, files as bytes, random numbers, locks."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pbx.dialplan import registry
from pbx.dialplan.arguments import parse_options, split
from pbx.dialplan.functions.locks import held
from pbx.dialplan.functions.parties import PartyId, read_id, split_party, write_id
from pbx.dialplan.registry import APPLICATIONS, FUNCTIONS
from pbx.dialplan.scope import Scope, scope_of
from tests.dialplan.test_interpreter import Plan

registry.load_all()


@pytest.fixture
def scope() -> Scope:
    plan = Plan("[default]\n")
    return scope_of(plan.services, plan.switch.create("Test/1"))


def test_dangerous_functions_from_outside(scope: Scope, tmp_path: Path) -> None:
    path = tmp_path / "f"
    path.write_text("secret")
    with scope.from_outside():
        assert scope.function("FILE", str(path)) is None
        scope.set(f"FILE({path})", "x")
        scope.set("ENV(PBX_TEST_X)", "x")
        assert scope.function("LEN", "abc") == "3"
    assert path.read_text() == "secret"
    assert scope.function("FILE", str(path)) == "secret"
    assert scope.function("ENV", "PBX_TEST_X") == ""
    scope.services.live_dangerously = True
    with scope.from_outside():
        assert scope.function("FILE", str(path)) == "secret"


def test_files_pass_any_byte(scope: Scope, tmp_path: Path) -> None:
    path = tmp_path / "f"
    path.write_bytes(bytes(range(1, 256)))
    text = scope.function("FILE", str(path))
    assert text is not None
    scope.set(f"FILE({tmp_path}/g)", text)
    assert (tmp_path / "g").read_bytes() == bytes(range(1, 256))


def test_random_numbers_follow_the_seed(scope: Scope) -> None:
    scope.services.random = random.Random(7)
    first = [scope.function("RAND", "1,1000") for _ in range(5)]
    scope.services.random = random.Random(7)
    assert [scope.function("RAND", "1,1000") for _ in range(5)] == first


def test_a_lock_is_given_back_when_its_call_ends() -> None:
    plan = Plan("[default]\n")
    one, two = (scope_of(plan.services, plan.switch.create(f"Test/{n}")) for n in (1, 2))
    assert one.function("LOCK", "x") == "1"
    assert two.function("TRYLOCK", "x") == "0"
    assert held(plan.services) == [("x", "Test/1", 0)]
    assert one.channel is not None
    one.channel.hangup()
    assert two.function("TRYLOCK", "x") == "1"
    assert held(plan.services) == [("x", "Test/2", 0)]


def test_everything_declared_has_a_help() -> None:
    for entry in [*APPLICATIONS, *FUNCTIONS]:
        assert entry.syntax.startswith(f"{entry.name}("), entry.name
        assert entry.synopsis, entry.name
        letters = [option.letter for option in entry.options]
        assert len(letters) == len(set(letters)), entry.name


@given(st.text(alphabet=st.sampled_from('ab,"\\()[]?: '), max_size=30), st.integers(0, 5))
def test_arguments_never_fail_and_keep_their_count(text: str, most: int) -> None:
    found = split(text, most)
    assert not most or len(found) <= most
    if not set(text) & set('"\\()[]'):
        assert found == ([] if not text else text.split(",", most - 1) if most else text.split(","))


@given(st.text(alphabet=st.sampled_from('gLU(^:)"\\,'), max_size=30))
def test_options_never_fail(text: str) -> None:
    letters, whole = parse_options(text)
    assert whole or "(" in text
    assert all(len(letter) == 1 for letter in letters)


@given(st.text(max_size=30))
def test_a_party_is_always_two_texts(text: str) -> None:
    name, number = split_party(text)
    assert isinstance(name, str)
    assert isinstance(number, str)


@pytest.mark.parametrize("name", sorted(entry.name for entry in FUNCTIONS))
@pytest.mark.parametrize("args", ["", ",", "a", "a,b,c", "-1", '"', "((", "\\", "x" * 300, "99999999999999999999,1"])
def test_no_function_raises_on_senseless_arguments(scope: Scope, name: str, args: str) -> None:
    entry = FUNCTIONS.get(name)
    assert entry is not None
    if entry.read is not None:
        value = scope.function(name, args)
        assert value is None or isinstance(value, str)
    if entry.write is not None and name not in ("ENV", "FILE"):
        scope.write(f"{name}({args})", "v")


def test_a_presentation_is_the_more_restrictive_one() -> None:
    # as a stock Asterisk 22 answered, step by step
    steps = [
        ("name", "Bob", "allowed_not_screened"),
        ("num", "12", "allowed_not_screened"),
        ("name-pres", "prohib", "prohib_not_screened"),
        ("num-pres", "unavailable", "prohib"),
        ("pres", "prohib_passed_screen", "prohib_passed_screen"),
        ("name-pres", "allowed", "prohib_passed_screen"),
        ("num-valid", "0", "allowed_not_screened"),
        ("name-valid", "0", "unavailable"),
    ]
    party = PartyId()
    for item, value, wanted in steps:
        assert write_id(party, item, value)
        assert read_id(party, "pres") == wanted, item
    assert (read_id(party, "num-pres"), read_id(party, "name-pres")) == ("prohib_passed_screen", "allowed")
