"""Interop: real peers on loopback.  Missing ones skip here and fail where they are required (`make interop`, CI)."""

from __future__ import annotations

import os
import time
import warnings
from pathlib import Path

import pytest
from _pytest.runner import runtestprotocol

from tests.interop import boxes, capture, standstill

#: how often a test is played again that failed while the machine stood still
AGAIN = 2
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


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item, nextitem: pytest.Item | None) -> bool | None:
    """A failure counts only where the machine was there all the time: else the test is played again, said in the log.

    The boxes that the test shares with others are made anew for it.
    """
    if item.get_closest_marker("interop") is None:
        return None
    watch, hook = standstill.watch(), item.ihook
    hook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
    for turn in range(AGAIN + 1):
        began = time.time()
        reports = runtestprotocol(item, nextitem=nextitem, log=False)
        stops = watch.since(began) if turn < AGAIN and any(report.failed for report in reports) else []
        if not stops:
            break
        item.session._setupstate.teardown_exact(None)
        warnings.warn(f"{item.nodeid}: played again, the machine stood still for {stops} ms", stacklevel=1)
    for report in reports:
        hook.pytest_runtest_logreport(report=report)
    hook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)
    return True
