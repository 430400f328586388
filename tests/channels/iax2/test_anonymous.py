"""A caller without a user name: the index answers as a walk over all users does, and does not walk."""

from __future__ import annotations

import time

from hypothesis import example, given
from hypothesis import strategies as st

from pbx.channels.iax2.access import find_user, may_call
from pbx.channels.iax2.logins import wants_login
from pbx.channels.iax2.settings import Settings, User
from pbx.channels.iax2.settings_load import from_text

HOSTS = ("10.0.0.1", "10.0.0.2", "10.1.0.1", "::1", "::ffff:10.0.0.1")
LINES = (
    "secret=x", "inkeys=k", "dbsecret=a/b", "context=one", "context=two", "context=*",
    "deny=0.0.0.0/0", "permit=10.0.0.1", "permit=10.0.0.2/255.255.255.255", "permit=10.0.0.0/8", "deny=10.0.0.2",
    "permit=::1", "deny=::/0", "permit=10.0.0.1,10.1.0.1",
)  # fmt: skip


def walk(settings: Settings, context: str, host: str) -> User | None:
    best, best_score = None, 0
    for user in settings.users.values():
        if not may_call(user, context) or not user.access.check(host).allowed:
            continue
        score = (1 if wants_login(user) else 3) + bool(user.access)
        if score > best_score:
            best, best_score = user, score
    return best


@example([["deny=0.0.0.0/0"]], "::1", "")
@given(
    st.lists(st.lists(st.sampled_from(LINES), max_size=5), max_size=6),
    st.sampled_from(HOSTS),
    st.sampled_from(("", "one", "two")),
)
def test_as_a_walk(sections: list[list[str]], host: str, context: str) -> None:
    text = "".join(f"[u{n}]\ntype=user\n" + "\n".join(lines) + "\n" for n, lines in enumerate(sections))
    settings = from_text(text)
    found = find_user(settings, "", context, host, ()).user
    wanted = walk(settings, context, host)
    assert (found and found.name) == (wanted and wanted.name)


def test_fifty_thousand_sections_cost_nothing() -> None:
    lines = ["[general]"]
    for n in range(20_000):
        address = f"10.{n >> 16}.{n >> 8 & 255}.{n & 255}"
        lines.append(f"[u{n}]\ntype=user\nsecret=s\ndeny=0.0.0.0/0\npermit={address}\n")
    settings = from_text("\n".join(lines))
    assert find_user(settings, "", "", "10.0.0.7", ()).user is settings.users["u7"]
    begin = time.process_time()
    for n in range(1000):
        assert find_user(settings, "", "", f"10.0.1.{n & 255}", ()).user is not None
        assert find_user(settings, "", "", "192.0.2.1", ()).user is None
    assert time.process_time() - begin < 0.5  # a walk over all takes a minute
