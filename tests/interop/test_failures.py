"""A peer that vanishes in mid-call, and one that comes back."""

from __future__ import annotations

import signal
import time

import pytest

from tests.interop.boxes import HERE, NET, make_box, running
from tests.interop.calls import give_sounds, nothing_left
from tests.interop.conftest import need
from tests.interop.test_logins import pair_of


@pytest.mark.parametrize("kinds", [("pbx", "asterisk22"), ("pbx", "pbx")], ids="-".join)
def test_a_peer_that_vanishes_ends_both_legs_within_a_minute(kinds: tuple[str, str]) -> None:
    one, two = pair_of(kinds, "md5", 42, AUTH="md5", TRUNK="no", TRUNKTIMESTAMPS="yes", CODEC="ulaw")
    with running(one, two):
        one.rx("channel originate Local/240@default extension wait@apps")
        one.wait_rx("core show channels", r"IAX2/box-b-\d+ .*Up", 10)
        assert two.process is not None
        two.process.send_signal(signal.SIGKILL)
        began = time.monotonic()
        one.wait_rx("core show channels", r"(?m)^0 active channels", 65)
        assert time.monotonic() - began < 62
        one.wait_log(r"NOTICE.*box-b.*got none in four attempts", 5)
        nothing_left(one)


@pytest.mark.parametrize("kinds", [("pbx", "asterisk22")], ids="-".join)
def test_registration_comes_back_by_itself(kinds: tuple[str, str]) -> None:
    """The registrar restarts without memory: the registration is back within 60 s of its return."""
    one, two = pair_of(kinds, "mutual", 43)
    with running(one):
        one.wait_rx("iax2 show registry", rf"{NET}\.43\.2:4569", 5)
        with running(two):
            two.wait_rx("iax2 show peers", rf"{NET}\.43\.1 +\(D\)", 60)
            assert two.process is not None
            two.process.send_signal(signal.SIGKILL)
        again = make_box(kinds[1], "again", HERE / "etc" / "mutual" / "b", f"{NET}.43.2", PEER=f"{NET}.43.1",
                         SECRET="wonderland")  # fmt: skip
        give_sounds(again)
        with running(again):
            again.wait_rx("iax2 show peers", rf"{NET}\.43\.1 +\(D\)", 62)
            one.wait_rx("iax2 show registry", r"(?m)Registered$", 30)


def test_a_dead_host_is_unavailable_at_once() -> None:
    need("pbx")
    box = make_box(
        "pbx", "alone", HERE / "etc" / "mutual" / "a", f"{NET}.44.1", PEER=f"{NET}.44.2", SECRET="wonderland"
    )
    give_sounds(box)
    with running(box):
        began = time.monotonic()
        box.rx("channel originate Local/240@default extension wait@apps")
        box.wait_log(r"DIALSTATUS CHANUNAVAIL HANGUPCAUSE 20", 10)
        assert time.monotonic() - began < 5
        nothing_left(box, registering=True)
