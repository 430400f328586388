"""Refused calls and registrations: Asterisk's cause on the wire, and a line that says why (fail2ban reads it too)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.interop.boxes import HERE, NET, Box, make_box, running
from tests.interop.calls import dial_status, nothing_left
from tests.interop.conftest import need
from tests.interop.fail2ban import seen_by_fail2ban
from tests.interop.keys import rsa_pair

KINDS = [("asterisk22", "pbx"), ("pbx", "pbx"), ("pbx", "asterisk22"), ("asterisk22", "asterisk22")]
#: extension of the client -> cause that the server gives
CAUSES = {"badsecret": 50, "unknown": 50, "wrongkey": 50, "walled": 50, "nocodec": 58, "noexten": 3}


@pytest.fixture(scope="module", params=KINDS, ids="-".join)
def pair(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Box, Box]]:
    need(*request.param)
    keys = tmp_path_factory.mktemp("keys")
    for name in ("right", "wrong"):
        rsa_pair(keys, name)
    client = make_box(
        request.param[0],
        "client",
        HERE / "etc" / "refusals" / "client",
        f"{NET}.39.1",
        PEER=f"{NET}.39.2",
        SECRET="wonderland",
        OUTKEY="wrong",
    )
    server = make_box(
        request.param[1],
        "server",
        HERE / "etc" / "refusals" / "server",
        f"{NET}.39.2",
        PEER=f"{NET}.39.1",
        SECRET="wonderland",
        INKEY="right",
    )
    client.add_key(keys / "wrong.key")
    client.add_key(keys / "wrong.pub")
    server.add_key(keys / "right.pub")
    with running(client, server):
        if server.kind == "pbx":
            # a name that nobody has is dealt a method by this; here md5, so that a client with a password answers
            server.rx(f"database put IAX/Disguise secret {'0' * 31}1")
        yield client, server


@pytest.mark.parametrize("extension", sorted(CAUSES))
def test_the_cause_reaches_the_caller(pair: tuple[Box, Box], extension: str) -> None:
    client, _ = pair
    status, cause = dial_status(client, f"Local/{extension}@default")
    assert cause == CAUSES[extension], status


def test_registrations_are_refused(pair: tuple[Box, Box]) -> None:
    """From an address of their own: what one address is refused is written in full ten times a minute, no more."""
    client, server = pair
    kind = "pbx" if client.kind == "pbx" else "asterisk22"
    registrant = make_box(
        kind,
        "registrant",
        HERE / "etc" / "refusals" / "registers",
        f"{NET}.39.3",
        PEER=server.bind,
        SECRET="wonderland",
    )
    # a stock box may note "Request Sent" after another of its threads has read the REGREJ; the server's log is looked
    # at below, whoever registers
    state = "Rejected" if client.kind == "pbx" else "(Rejected|Request Sent)"
    with running(registrant):
        text = registrant.wait_rx("iax2 show registry", rf"(?s){state}.*{state}.*{state}", 30)
        assert "Registered\n" not in text


def refusal(who: str) -> str:
    """A NOTICE line that names the login and the client's address, in either order."""
    return rf"(?m)NOTICE\[\d+\](?=.*\b{who}\b)(?=.*{re.escape(NET)}\.39\.[13]\b).*"


def ours(box: Box) -> str:
    if box.kind != "pbx":
        pytest.skip("the wording is pbx's own")
    return box.log


@pytest.mark.parametrize("who", ["good", "nobody", "walled", "keyed", "gsmonly"])
def test_one_line_says_who_from_where_and_why(pair: tuple[Box, Box], who: str) -> None:
    _, server = pair
    ours(server)
    server.wait_log(refusal(who), 20)
    for line in server.log.splitlines():
        if re.search(refusal(who), line):
            break
    else:
        raise AssertionError("no NOTICE line")
    if who != "nobody":
        assert re.search(r"(iax|extensions)\.conf:\d+", line), line


def test_no_secret_is_in_the_log(pair: tuple[Box, Box]) -> None:
    for box in pair:
        if box.kind == "pbx":
            assert "wonderland" not in box.log
            assert "not-the-secret" not in box.log
            assert not re.search(r"\b[0-9a-f]{32}\b", box.log), "a digest"


def test_fail2ban_sees_the_refusals(pair: tuple[Box, Box], tmp_path: Path) -> None:
    """Those of a guest: test_guest.py."""
    _, server = pair
    ours(server)
    for kind, word in (("registration", "nobody"), ("call", "good"), ("ACL", "walled")):
        lines = [t for t in server.log.splitlines() if re.search(refusal(word), t)]
        assert lines, kind
        seen_by_fail2ban(lines, tmp_path / "log")


def test_nothing_is_left_behind(pair: tuple[Box, Box]) -> None:
    nothing_left(*pair)
