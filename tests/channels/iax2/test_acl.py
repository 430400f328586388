"""permit, deny and acl.conf."""

from __future__ import annotations

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pbx.channels.iax2.acl import AccessList, load_named, parse_network
from pbx.channels.iax2.settings_load import from_text
from pbx.conf.diagnostics import Diagnostics
from pbx.conf.reader import read_text


def access(*lines: str, acl_conf: str = "") -> AccessList:
    found = Diagnostics()
    named = load_named(read_text(acl_conf, "acl.conf", diagnostics=found), found)
    return from_text("[x]\ntype=user\n" + "\n".join(lines), named_lists=named).users["x"].access


@pytest.mark.parametrize(
    ("lines", "let_in", "kept_out"),
    [
        ([], ["1.2.3.4", "::1"], []),
        (["deny=0.0.0.0/0.0.0.0", "permit=10.0.0.0/255.0.0.0"], ["10.1.2.3"], ["11.0.0.1"]),
        # the last rule that matches decides, so this lets nobody of IPv4 in
        (["permit=10.0.0.0/8", "deny=0.0.0.0/0"], ["::1"], ["10.1.2.3", "::ffff:10.1.2.3"]),
        (["permit=10.0.0.0/8"], ["10.1.2.3", "11.0.0.1"], []),
        (["deny=10.0.0.1"], ["10.0.0.2"], ["10.0.0.1"]),
        (["deny=0.0.0.0/0", "permit=10.0.0.1,10.0.0.2/31"], ["10.0.0.1", "10.0.0.3"], ["10.0.0.4"]),
        (["deny=!10.0.0.0/8"], ["10.0.0.1", "9.9.9.9"], []),
        (["deny=::/0", "permit=2001:db8::/32"], ["2001:db8::5", "1.2.3.4"], ["2001:db9::1"]),
        (["deny=0.0.0.0/0", "permit=10.0.5.0/255.0.255.0"], ["10.77.5.1"], ["10.77.6.1", "11.0.5.0"]),
    ],
)
def test_rules(lines: list[str], let_in: list[str], kept_out: list[str]) -> None:
    rules = access(*lines)
    assert [ip for ip in let_in if not rules.check(ip).allowed] == []
    assert [ip for ip in kept_out if rules.check(ip).allowed] == []


def test_the_verdict_names_the_line() -> None:
    rules = access("deny=0.0.0.0/0", "permit=10.0.0.0/8")
    refused, allowed = rules.check("9.9.9.9"), rules.check("10.0.0.1")
    assert refused.rule is not None and refused.rule.place.line == 3
    assert allowed.rule is not None and allowed.rule.place.line == 4


def test_named_lists() -> None:
    acl_conf = "[office]\ndeny=0.0.0.0/0\npermit=10.0.0.0/8\n[night]\ndeny=10.0.0.9\n"
    rules = access("acl=office,night", acl_conf=acl_conf)
    assert rules.check("10.0.0.1").allowed
    refused = rules.check("10.0.0.9")
    assert (refused.allowed, refused.list_name) == (False, "night")
    assert refused.rule is not None and str(refused.rule.place) == "acl.conf:5:1"
    assert not rules.check("9.9.9.9").allowed


def test_a_list_that_is_not_there_lets_nobody_in() -> None:
    verdict = access("acl=nowhere").check("10.0.0.1")
    assert (verdict.allowed, verdict.list_name) == (False, "nowhere")


def test_mistakes_in_acl_conf() -> None:
    found = Diagnostics()
    text = "[a]\npermit=x,1.2.3.4\nallow=1.2.3.4\n[b]\npermit=1.2.3.4\n"
    lists = load_named(read_text(text, "acl.conf", diagnostics=found), found)
    refused = lists["a"].check("1.2.3.4")
    assert not refused.allowed and not lists["a"].check("::1").allowed
    assert refused.rule is not None and refused.rule.place.line == 2
    assert lists["b"].check("1.2.3.4").allowed
    assert [(d.place.line, d.code) for d in found] == [(2, "bad-network"), (3, "unknown-option")]


def test_lists_as_a_stock_asterisk_shows_them() -> None:
    """What `acl show` of 22.10 printed for these lines."""
    lines = [
        *("permit=!10.0.0.0/8", "deny=10.0.0.1,!10.0.0.2", "permit=10.0.5.0/255.0.255.0", "permit=::ffff:1.2.3.4"),
        *("permit=2001:db8::1", "permit=[::1]", "permit=1.2.3.4/0"),
    ]
    assert [(rule.permit, str(rule.network)) for rule in access(*lines).rules] == [
        (False, "10.0.0.0/8"),
        (False, "10.0.0.1/32"),
        (True, "10.0.0.2/32"),
        (True, "10.0.5.0/32"),  # its mask, with a hole, stands apart
        (True, "1.2.3.4/32"),
        (True, "2001:db8::1/128"),
        (True, "::1/128"),
        (True, "0.0.0.0/0"),
    ]


@given(st.text(max_size=30))
def test_any_text_is_a_network_or_a_value_error(text: str) -> None:
    try:
        parse_network(text)
    except ValueError:
        return


@given(st.ip_addresses(v=4), st.integers(0, 32), st.ip_addresses(v=4))
def test_networks_match_by_their_mask(base: ipaddress.IPv4Address, bits: int, other: ipaddress.IPv4Address) -> None:
    rules = access(f"deny={base}/{bits}")
    mask = (0xFFFFFFFF << (32 - bits)) & 0xFFFFFFFF
    assert rules.check(str(other)).allowed == (int(base) & mask != int(other) & mask)
