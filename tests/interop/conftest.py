"""Interop: real peers on loopback.  Missing ones skip here and fail where they are required (`make interop`, CI)."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.interop import boxes, capture

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


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.interop)
