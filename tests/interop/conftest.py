"""Interop: real peers on loopback.  Missing ones skip here and fail where they are required (`make interop`, CI)."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.interop import boxes, capture

#: files whose tests start their own boxes, each
APART = {
    *("test_addresses", "test_encryption", "test_failures", "test_golden", "test_guest"),
    *("test_logins", "test_phones", "test_registration"),
}
REQUIRED = os.environ.get("PBX_REQUIRE_PEERS") == "1"


def lack(reason: str) -> None:
    """Something that a test needs is not on this machine."""
    if REQUIRED:
        pytest.fail(f"required peer missing: {reason}")
    pytest.skip(reason)


def need(*kinds: str) -> None:
    for kind in kinds:
        why = boxes.missing(kind)
        if why:
            lack(why)


@pytest.fixture
def wire(tmp_path: Path) -> Path:
    """Where a capture goes; needs tcpdump and tshark."""
    why = capture.missing()
    if why:
        lack(why)
    return tmp_path / "wire.pcap"


@pytest.hookimpl(tryfirst=True)  # before pytest-xdist reads the groups
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.interop)
            # tests that share running boxes stay together, the others go where there is room
            kinds = getattr(item, "callspec", None)
            pair = kinds.params.get("pair") if kinds and "pair" in getattr(item, "fixturenames", ()) else None
            group = item.nodeid if item.path.stem in APART else f"{item.path.name}-{pair}"
            item.add_marker(pytest.mark.xdist_group(group))
