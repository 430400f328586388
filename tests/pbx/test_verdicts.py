"""Why something failed: the NOTICE line, the SECURITY line, and the limit per address."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from twisted.internet.task import Clock

from pbx.channels import log as levels
from pbx.channels.events import Bus, Verdict
from pbx.channels.log import Level, Record
from pbx.logger import Style, format_default
from pbx.verdicts import Verdicts, notice_line, security_line

WHEN = 1_700_000_000.0


def verdict(where: str = "192.0.2.7:4569", security: str = "InvalidPassword", **more: str) -> Verdict:
    return Verdict(
        "registration", "alice", where, "the secret of [alice]", "another one", "iax.conf:12",
        "write the same secret at both ends", security=security, **more,
    )  # fmt: skip


@pytest.fixture
def lines() -> Iterator[list[Record]]:
    found: list[Record] = []
    old = levels.set_sink(found.append)
    yield found
    levels.set_sink(old)


def test_one_line_says_it_all(lines: list[Record]) -> None:
    bus = Bus()
    kept = Verdicts(bus, Clock(), lambda: WHEN)
    bus.publish(verdict())
    notice, security = lines
    assert notice.level is Level.NOTICE and security.level is Level.SECURITY
    assert notice.text == (
        "Host 192.0.2.7 failed to authenticate as 'alice' (registration) - expected the secret of [alice]; "
        "got another one; decided by iax.conf:12; write the same secret at both ends"
    )
    assert 'SecurityEvent="InvalidPassword"' in security.text
    assert security.text.endswith('RemoteAddress="IPV4/UDP/192.0.2.7/4569"')
    assert kept.recent[0][1].who == "alice" and kept.total == 1


def test_authdebug_no_leaves_the_security_line(lines: list[Record]) -> None:
    bus = Bus()
    kept = Verdicts(bus, Clock(), lambda: WHEN)
    kept.authdebug = False
    bus.publish(verdict())
    bus.publish(verdict(security=""))
    assert [line.level for line in lines] == [Level.SECURITY, Level.NOTICE]
    assert kept.total == 2


def test_what_is_no_attack_gives_no_security_line(lines: list[Record]) -> None:
    bus = Bus()
    Verdicts(bus, Clock(), lambda: WHEN)
    bus.publish(verdict(security=""))
    assert [record.level for record in lines] == [Level.NOTICE]


def test_what_we_began_is_worded_so() -> None:
    ours = Verdict("call", "VOIP2", "192.0.2.7:4569", "ACCEPT", "REJECT 50", "", "")
    assert notice_line(ours) == "Call with 'VOIP2' at 192.0.2.7:4569 failed - expected ACCEPT; got REJECT 50"


def test_ten_a_minute_in_full_then_a_sum(lines: list[Record]) -> None:
    clock, bus = Clock(), Bus()
    Verdicts(bus, clock, lambda: WHEN)
    for _ in range(35):
        bus.publish(verdict())
        bus.publish(verdict(where="[2001:db8::1]:4569"))
        clock.advance(0.1)
    assert sum("192.0.2.7" in r.text for r in lines if r.level is Level.NOTICE) == 10
    lines.clear()
    clock.advance(60)
    assert sorted(record.text for record in lines) == [
        "25 more refusals of 192.0.2.7 within 60 seconds (the last: a registration)",
        "25 more refusals of 2001:db8::1 within 60 seconds (the last: a registration)",
    ]
    lines.clear()
    bus.publish(verdict())
    assert len(lines) == 2  # a new minute, in full again
    clock.advance(120)
    assert len(lines) == 2 and not clock.getDelayedCalls()


def test_a_flood_of_forged_addresses_takes_bounded_room(lines: list[Record]) -> None:
    bus = Bus()
    kept = Verdicts(bus, Clock(), lambda: WHEN)
    for number in range(6000):
        bus.publish(verdict(where=f"10.0.{number // 250}.{number % 250}:4569"))
    assert len(kept._counts) <= 4096 and len(kept.recent) <= 500


FAIL2BAN = shutil.which("fail2ban-regex")
FILTER = Path("/etc/fail2ban/filter.d/asterisk.conf")


def refusal(what: str, who: str, expected: str, got: str, **more: str) -> Verdict:
    return Verdict(what, who, "192.0.2.7:4569", expected, got, "iax.conf:3", "a hint: like this", **more)  # type: ignore[arg-type]


REFUSALS = {
    "registration": verdict(),
    "call": refusal("call", "bob", "md5", "a wrong digest", security="ChallengeResponseFailed"),
    "acl": refusal("call", "bob", "an address that permit names", "192.0.2.7", security="FailedACL"),
    "guest": refusal("call", "guest", "a user name", "none: a guest", security="InvalidAccountID"),
    "worded": refusal("call", "bob", "", "", security="FailedACL", message="Call of bob: the address is denied"),
}


@pytest.mark.parametrize("kind", REFUSALS)
@pytest.mark.parametrize("line", ["notice", "security"])
@pytest.mark.skipif(FAIL2BAN is None or not FILTER.exists(), reason="fail2ban is not installed")
def test_fail2bans_stock_filter_knows_the_line(kind: str, line: str, tmp_path: Path) -> None:
    made = REFUSALS[kind]
    text = notice_line(made) if line == "notice" else security_line(made, WHEN)
    level, source = (Level.NOTICE, "chan_iax2") if line == "notice" else (Level.SECURITY, "res_security_log")
    style = Style("%F %T", True, 1234)
    log = tmp_path / "messages"
    log.write_text(format_default(Record(level, source, 1, "f", text), WHEN, style) + "\n")
    done = subprocess.run([str(FAIL2BAN), "-v", str(log), str(FILTER)], capture_output=True, text=True, check=False)
    assert "1 matched" in done.stdout, done.stdout[-1500:]
    assert "192.0.2.7" in done.stdout
