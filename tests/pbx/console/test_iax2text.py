"""The tables of `iax2 show ...` are Asterisk's, to the byte."""

from __future__ import annotations

import pytest

from pbx.channels.iax2.settings_load import from_text
from pbx.channels.iax2.snapshots import ChannelRow, NumberUse, PeerRow, RegistryRow, Side, Stats, UserRow
from pbx.console import iax2text
from tests.shared import shared_dir

CLI = "reference/cli"

IAX_CONF = """
[general]
disallow=all
allow=ulaw
allow=alaw
allow=gsm
[VOIP2]
type=friend
host=127.0.4.62
username=VOIP1
secret=s1
auth=md5
context=FROM_VOIP2
qualify=yes
trunk=yes
description=second server
[dyn]
type=friend
host=dynamic
secret=dynsecret
context=from-dyn
qualify=yes
callerid="Dyn Phone" <201>
mailbox=100@default
[never]
type=friend
host=dynamic
secret=neversecret
context=from-dyn
qualify=yes
[gone]
type=peer
host=127.0.4.69
qualify=yes
encryption=yes
secret=x
[rsapeer]
type=friend
host=127.0.4.63
auth=rsa
inkeys=voip2
outkey=voip1
context=from-rsa
permit=127.0.0.0/255.0.0.0
[a-peer-with-a-very-long-name-indeed]
type=friend
host=127.0.4.64
username=another-quite-long-username
secret=a-long-secret-of-thirty-two-chars-x
context=a-context-with-a-long-name
qualify=no
[v6]
type=peer
host=::1
port=4571
[guest]
type=user
context=public
"""
SETTINGS = from_text(IAX_CONF)
ALL4, ALL6 = "255.255.255.255", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"

#: name -> (host, port, mask, status, expire), as they stood when the reference was recorded
LIVE = {
    "dyn": ("127.0.4.62", 4569, None, "OK (3 ms)", 18),
    "gone": ("127.0.4.69", 4569, ALL4, "UNREACHABLE", -1),
    "never": (None, None, None, "UNKNOWN", -1),
    "a-peer-with-a-very-long-name-indeed": ("127.0.4.64", 4569, ALL4, "Unmonitored", -1),
    "rsapeer": ("127.0.4.63", 4569, ALL4, "Unmonitored", -1),
    "VOIP2": ("127.0.4.62", 4569, ALL4, "OK (3 ms)", -1),
    "v6": ("::1", 4571, ALL6, "Unmonitored", -1),
}


def peer_row(name: str) -> PeerRow:
    section = SETTINGS.peers[name]
    host, port, mask, status, expire = LIVE[name]
    return PeerRow(
        name,
        section.username,
        host,
        port,
        mask,
        section.dynamic,
        section.trunk,
        section.encryption,
        status,
        section.description,
        expire,
        section,
    )


def reference(name: str) -> str:
    return (shared_dir() / CLI / f"{name}.txt").read_text()


def text(lines: object) -> str:
    return "".join(line + "\n" for line in lines)  # type: ignore[attr-defined]


def test_peers() -> None:
    assert text(iax2text.peers(peer_row(name) for name in LIVE)) == reference("iax2-show-peers")


@pytest.mark.parametrize("name", ["VOIP2", "dyn", "gone", "rsapeer", "v6"])
def test_peer(name: str) -> None:
    assert text(iax2text.peer(peer_row(name))) == reference(f"iax2-show-peer-{name}")


def test_users() -> None:
    order = ["dyn", "never", "a-peer-with-a-very-long-name-indeed", "rsapeer", "VOIP2", "guest"]
    rows = [UserRow(name, SETTINGS.users[name]) for name in order]
    assert text(iax2text.users(rows)) == reference("iax2-show-users")


def test_registry() -> None:
    rows = [
        RegistryRow("127.0.4.69", 4569, False, "nobody", "", 60, "Timeout"),
        RegistryRow("127.0.4.62", 4569, False, "mallory", "", 60, "Rejected"),
        RegistryRow("127.0.4.62", 4569, False, "alice", "127.0.4.61:4569", 60, "Registered"),
    ]
    assert text(iax2text.registry(rows)) == reference("iax2-show-registry")
    assert list(iax2text.registry([]))[-1] == "0 IAX2 registrations."


CHANNELS = [
    ChannelRow(
        None, "127.0.4.62", 4569, "dp", 5651, 6168, 22, 22, 40, 0, 40, "Unknow", "Tx:NEW", "Rx:ACK", 3,
        Side(delay=40), Side(delay=40),
    ),
    ChannelRow(
        "IAX2/VOIP2-28035", "127.0.4.62", 4569, "VOIP1", 28035, 2534, 13, 15, 147, 120, 166, "ulaw", "Tx:NEW", "Rx:ACK",
        1, Side(120, 166, 53, 5, 0, 1, 0), Side(107, 147, 14, 1, 3, 0, 1999),
    ),
]  # fmt: skip


def test_channels_and_netstats() -> None:
    assert text(iax2text.channels(CHANNELS)) == reference("iax2-show-channels")
    assert text(iax2text.netstats(CHANNELS)) == reference("iax2-show-netstats")
    assert list(iax2text.channels(CHANNELS[:1]))[-1] == "1 active IAX channel"


def test_stats_and_call_numbers() -> None:
    figures = Stats(4, 3, 1, 1240, 1, 0, 1)
    voice = {"malformed": 0, "trunks_sent": 2031, "trunks_sent_full": 0, "largest_trunk": 656}
    assert text(iax2text.stats(figures, voice)).startswith(reference("iax2-show-stats"))
    more = text(iax2text.stats(figures, {"bad_trunk_frames": 3, "malformed": 0}))
    assert "\nvoice bad trunk frames: 3" in more and "malformed" not in more
    rows = [NumberUse("127.0.4.69:4569", 3, 100), NumberUse("127.0.4.62:4569", 9, 100)]
    shown = iax2text.number_use(rows, unvalidated_limit=8192, unvalidated=0, regular=16370, trunk=16382)
    assert text(shown) == reference("iax2-show-callnumber-usage")
