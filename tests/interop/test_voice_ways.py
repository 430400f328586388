"""Voice without what it is made for: no process of its own, and a system without recvmmsg, sendmmsg and timerfd."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.interop.boxes import PbxBox, running
from tests.interop.calls import digits_both_ways, echo_both_ways, nothing_left, together
from tests.interop.test_logins import pair_of

#: said before the program begins: what the system lacks
_LACKS = (
    "import pbx.channels.voice.host as host, pbx.channels.voice.timer as timer; "
    "host.best_kernel = host.PlainKernel; timer.open_timer = lambda: timer.missing; "
)


@pytest.mark.parametrize(("lacks", "trunk"), [("", "no"), (_LACKS, "yes")], ids=["in-control", "by-plain-calls"])
def test_the_basics_hold(lacks: str, trunk: str, wire: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """voiceprocess=no: sound both ways, digits both ways, nothing left."""
    settings, command = PbxBox.asterisk_conf, PbxBox.command

    def without(box: PbxBox, *arguments: str) -> list[str]:
        words = command(box, *arguments)
        if "-rx" not in arguments:
            words[3] = words[3].replace("from pbx.", lacks + "from pbx.")
        return words

    monkeypatch.setattr(PbxBox, "asterisk_conf", lambda box: settings(box) + "voiceprocess = no\n")
    monkeypatch.setattr(PbxBox, "command", without)
    one, two = pair_of(
        ("pbx", "asterisk22"), "md5", 88, AUTH="md5", TRUNK=trunk, TRUNKTIMESTAMPS="yes", CODEC="ulaw"
    )  # fmt: skip
    with running(one, two):
        echo_both_ways(one, two, "Local/240@default", wire, trunked=trunk == "yes")
        together(
            lambda: digits_both_ways(one, two, "Local/241@default"),
            lambda: digits_both_ways(two, one, "Local/141@default"),
        )
        assert ("no recvmmsg" in one.log) is bool(lacks)
        assert ("timerfd" in one.rx("timing test")) is not bool(lacks)
        nothing_left(one, two)
