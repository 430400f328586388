"""iax2 ...: why something failed, what passes, what works; and the commands of parts that are seldom used."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

from twisted.internet.task import deferLater

from pbx.channels.events import Verdict
from pbx.channels.iax2 import address as addresses
from pbx.channels.iax2.address import IAX2_PORT
from pbx.channels.iax2.ladder import WIDTH, Trace
from pbx.channels.log import Log
from pbx.console.commands.iax2 import _driver, _peers
from pbx.console.registry import CommandFailed, Context, UsageShown, command
from pbx.pcap import Capture
from pbx.probe import Probe
from pbx.verdicts import host_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pbx.channels.iax2.address import Address
    from pbx.channels.iax2.driver import Driver
    from pbx.channels.iax2.provisioning import Template

log = Log("chan_iax2")

#: most verdicts that `iax2 why` prints
SHOWN = 5
#: the largest trunk datagram that may be set, and the smallest that holds a packet of G.711
MTU_MOST, MTU_LEAST, MTU_DEFAULT = 4000, 172, 1240
#: ms that a frame may be pretended to be late
TEST_MOST = 3_600_000


# ---- why ---------------------------------------------------------------------------------------------------


@command(
    "iax2 why",
    "Say why calls and registrations failed",
    "Usage: iax2 why [<peer>|<channel>|<address>]\n"
    "       The last failures with that peer (or of all): what was expected, what came,\n"
    "       which line of which file decided, and what to change.\n",
    complete=_peers,
)
def why(context: Context, words: list[str]) -> None:
    if len(words) > 1:
        raise UsageShown
    name = words[0] if words else ""
    driver = _driver(context)
    if name:
        context.lines(_state(driver, name))
    recent = context.pbx.verdicts.recent
    found = [(when, verdict) for when, verdict in recent if not name or _is_of(driver, verdict, name)]
    for when, verdict in found[: -SHOWN - 1 : -1]:
        stamp = time.strftime("%F %T", time.localtime(when))
        way = "we failed there" if verdict.side == "ours" else "refused here" if verdict.security else "failed"
        context.line(f"{stamp}  {verdict.what} of '{verdict.who}', {verdict.where or 'no address'}: {way}")
        if verdict.message:
            context.line(f"    {verdict.message}")
        rows = (("expected", verdict.expected), ("got", verdict.got), ("decided by", verdict.place),
                ("to do", verdict.advice))  # fmt: skip
        context.lines(f"    {what + ':':<12}{text}" for what, text in rows if text)
    if not found:
        context.line(f"Nothing failed{f' with {name}' if name else ''} since the start (the last 1000 are kept).")
    elif len(found) > SHOWN:
        context.line(f"... and {len(found) - SHOWN} before that")


def peer_of(name: str) -> str:
    """The peer of `IAX2/peer-1234`; any other name as it is."""
    if not name.upper().startswith("IAX2/"):
        return name
    peer, dash, number = name[5:].rpartition("-")
    return peer if dash and number.isdigit() else name[5:]


def _is_of(driver: Driver, verdict: Verdict, name: str) -> bool:
    name = peer_of(name)
    if verdict.who == name or verdict.where == name or host_of(verdict.where) == name:
        return True
    record = driver.endpoint.peers.get(name)
    if record is None:
        return False
    if record.address is not None and host_of(verdict.where) == record.address[0]:
        return True
    return host_of(verdict.where) == record.section.host


def _state(driver: Driver, name: str) -> list[str]:
    """Where a peer is, how it does, and our registrations with it."""
    record = driver.endpoint.peers.get(peer_of(name))
    if record is None:
        return []
    now = driver.now()
    where = addresses.text(record.address) if record.address is not None else "address not known"
    lines = [f"{record.name}: {where}, {record.status}"]
    if record.section.dynamic:
        seconds = max(0, round((record.expires or now) - now))
        lines[0] += f", registered for {seconds} s more" if record.registered else ", not registered"
    if record.changed:
        lines[0] += f"; address changed {_ago(now - record.changed)} ago"
    hosts = {record.section.host, record.address[0] if record.address is not None else ""}
    for one in driver.endpoint.registrations.values():
        if one.line.host in hosts or (one.address is not None and one.address[0] in hosts):
            seen = f", seen there as {addresses.text(one.perceived)}" if one.perceived is not None else ""
            since = f", since {_ago(now - one.changed)}" if one.changed else ""
            lines.append(f"our registration {one.name}: {one.status}{seen}{since}")
    return lines


def _ago(seconds: float) -> str:
    whole = max(0, int(seconds))
    return f"{whole // 3600}:{whole // 60 % 60:02d}:{whole % 60:02d}"


# ---- probe -------------------------------------------------------------------------------------------------


@command(
    "iax2 probe",
    "Try each step of a call to a peer",
    "Usage: iax2 probe <peer> [<exten>]\n"
    "       Address, POKE, our registrations there, call token with login and format; with an\n"
    "       extension also a silent call of two seconds to it.  Says which step fails, and why.\n",
    complete=_peers,
)
async def probe(context: Context, words: list[str]) -> None:
    if not 1 <= len(words) <= 2:
        raise UsageShown
    good = False
    async for step, good, text in Probe(_driver(context), *words).steps():
        context.line(f"{'ok  ' if good else 'FAIL'}  {step:<13} {text}")
    if not good:
        raise CommandFailed


# ---- trace -------------------------------------------------------------------------------------------------


class _Running:
    """A trace that runs, and what it writes."""

    def __init__(self, driver: Driver, host: str, capture: Capture | None, wall: float) -> None:
        self.driver = driver
        self.capture = capture
        self._wall_offset = wall - driver.now()
        self.trace = Trace(host, self._show, None if capture is None else self._keep)
        driver.endpoint.core.taps.append(self.trace.take)

    def _show(self, text: str) -> None:
        now = self.driver.now() + self._wall_offset
        log.verbose(0, f"{time.strftime('%T', time.localtime(now))}.{int(now * 1000) % 1000:03d} {text}")

    def _keep(self, ours: bool, far: Address, data: bytes) -> None:
        if self.capture is None:
            return
        bound = next((s for s in self.driver.sockets if (":" in s.host) == (":" in far[0])), None)
        wild = "::1" if ":" in far[0] else "127.0.0.1"
        here = (wild if bound is None or bound.wildcard else bound.host, bound.port if bound is not None else 4569)
        ends = (here, far) if ours else (far, here)
        self.capture.write(self.driver.now() + self._wall_offset, *ends, data)

    def end(self) -> str:
        """Stop; what came of it."""
        taps = self.driver.endpoint.core.taps
        if self.trace.take in taps:
            taps.remove(self.trace.take)
        text = f"{self.trace.frames} frames of {self.trace.host} seen"
        if self.capture is not None:
            self.capture.close()
            text += f", written to {self.capture.path}"
            if self.capture.failed:
                text += f" until that failed ({self.capture.failed})"
        return text


#: traces that run, by host
_running: dict[str, _Running] = {}


@command(
    "iax2 trace",
    "Show what passes between us and a peer as a ladder",
    "Usage: iax2 trace <peer|address> [<file>] [for <seconds>]\n"
    "       iax2 trace off\n"
    "       Each full frame is a line of the log that all consoles see; no secret is shown.  With a file\n"
    "       (its name, or a whole path; it must not be there yet) the frames are written for Wireshark, too.\n",
    complete=lambda context, before, prefix: [*_peers(context, before, prefix), "off"],
)
async def trace(context: Context, words: list[str]) -> None:
    driver = _driver(context)
    if words == ["off"]:
        for host in list(_running):
            context.line(_running.pop(host).end())
        return
    seconds = 0.0
    if len(words) >= 3 and words[-2] == "for" and words[-1].isdigit():
        seconds = float(words[-1])
        words = words[:-2]
    if not 1 <= len(words) <= 2:
        raise UsageShown
    host = _host(driver, words[0])
    if host in _running:
        raise CommandFailed(f"{host} is traced already ('iax2 trace off' ends it)")
    capture = None
    if len(words) == 2:
        path = os.path.join(context.pbx.conf.directories["astlogdir"], words[1])
        try:
            capture = Capture(path)
        except OSError as error:
            raise CommandFailed(f"{path}: {error.strerror}") from None
    running = _running[host] = _Running(driver, host, capture, time.time())
    context.line(f"{'':13}{'us':<{WIDTH // 2}}{words[0]:>{WIDTH // 2}}")
    if seconds:
        try:
            await deferLater(context.pbx.reactor, seconds, lambda: None)
        finally:
            if _running.get(host) is running:
                del _running[host]
                context.line(running.end())


def _host(driver: Driver, name: str) -> str:
    record = driver.endpoint.peers.get(name)
    if record is not None and record.address is not None:
        return record.address[0]
    if record is None and addresses.is_numeric(name):
        return name.strip("[]")
    raise CommandFailed(f"'{name}' is neither an address nor a peer whose address is known")


# ---- tests -------------------------------------------------------------------------------------------------


@command(
    "iax2 test losspct",
    "Set IAX2 incoming frame loss percentage",
    "Usage: iax2 test losspct <percentage>\n       For testing, throws away <percentage> percent of incoming packets\n",
)
def test_loss(context: Context, words: list[str]) -> None:
    if len(words) != 1 or not words[0].isdigit():
        raise UsageShown
    try:
        _driver(context).lose(min(int(words[0]), 100))
    except OSError as error:
        raise CommandFailed(f"The kernel does not let us: {error.strerror}") from None


def _whole(text: str) -> int:
    """A number of milliseconds, perhaps negative."""
    if not text.removeprefix("-").isdigit() or abs(int(text[:12])) > TEST_MOST:
        raise UsageShown
    return int(text)


@command(
    "iax2 test late",
    "Let the next frame be late",
    "Usage: iax2 test late <ms>\n       The next frame of a call with a jitter buffer counts as <ms> ms late.\n",
)
def test_late(context: Context, words: list[str]) -> None:
    if len(words) != 1:
        raise UsageShown
    _tests(context, late=_whole(words[0]))


@command(
    "iax2 test resync",
    "Let all frames come at another time",
    "Usage: iax2 test resync <ms>\n"
    "       All frames of calls with a jitter buffer count as <ms> ms later from now on (0 ends it).\n",
)
def test_resync(context: Context, words: list[str]) -> None:
    if len(words) != 1:
        raise UsageShown
    _tests(context, resync=_whole(words[0]))


@command(
    "iax2 test jitter",
    "Let frames come unevenly",
    "Usage: iax2 test jitter <ms> [<percentage>]\n"
    "       So many percent (or all) of the frames of calls with a jitter buffer count as up to\n"
    "       <ms> ms earlier or later than they come (0 ends it).\n",
)
def test_jitter(context: Context, words: list[str]) -> None:
    if not 1 <= len(words) <= 2:
        raise UsageShown
    percent = _whole(words[1]) if len(words) == 2 else 100
    if not 0 <= percent <= 100:
        raise UsageShown
    _tests(context, jitter=abs(_whole(words[0])), percent=percent)


def _tests(context: Context, **changes: int) -> None:
    """Tests that are on stay on until they are ended, each for itself."""
    driver = _driver(context)
    now = driver.jitter_tests | changes
    driver.jitter_tests = now | {"late": 0}
    driver.test_jitter(**now)
    if not driver.legs.buffered():
        context.line("(no call has a jitter buffer now: see jitterbuffer= in iax.conf)")


@command(
    "iax2 set mtu",
    "Set the IAX systemwide trunking MTU",
    "Usage: iax2 set mtu <value>\n"
    "       Set the system-wide IAX IP mtu to <value> bytes net or\n"
    "       zero to disable. Disabling means that the operating system\n"
    "       must handle fragmentation of UDP packets when the IAX2 trunk\n"
    "       packet exceeds the UDP payload size. This is substantially\n"
    "       below the IP mtu. Try 1240 on ethernets. Must be 172 or\n"
    "       greater for G.711 samples.\n",
)
def set_mtu(context: Context, words: list[str]) -> None:
    if len(words) != 1:
        raise UsageShown
    if words[0].lower() == "default":
        mtu = MTU_DEFAULT
    elif words[0].removeprefix("-").isdecimal():
        mtu = int(words[0])
    else:
        raise UsageShown
    if mtu and not MTU_LEAST <= mtu <= MTU_MOST:
        context.line(f"Trunk MTU must be between {MTU_LEAST} and {MTU_MOST}")
        raise UsageShown
    former = _driver(context).set_mtu(mtu)
    context.line(
        f"Trunk MTU changed from {former} to {mtu}" if mtu else f"Trunk MTU control disabled (mtu was {former})"
    )


# ---- parts that are seldom used ------------------------------------------------------------------------------


@command(
    "iax2 show firmware",
    "List available IAX firmware",
    "Usage: iax2 show firmware\n       Lists all known IAX firmware images.\n",
)
def show_firmware(context: Context, words: list[str]) -> None:
    if words:
        raise UsageShown
    context.line(f"{'Device':<15}  {'Version':<15} {'Size':<15}")
    for image in _driver(context).endpoint.core.firmware:
        context.line(f"{image.device:<15.15}  {image.version:<15} {len(image.data):<15}")


@command(
    "iax2 show cache",
    "Display IAX cached dialplan",
    "Usage: iax2 show cache\n       Display currently cached IAX Dialplan results.\n",
)
def show_cache(context: Context, words: list[str]) -> None:
    if words:
        raise UsageShown
    context.line(f"{'Peer/Context':<20} {'Exten':<12} {'Exp.':<9} {'Wait.':<8} Flags")
    for row in _driver(context).cache():
        flags = "|".join(row.flags) or "(none)"
        context.line(f"{row.where:<20.20} {row.number:<12.12} {row.expires:<9} {row.waiting:<8} {flags}")


@command(
    "iax2 show threads",
    "Display IAX helper thread info",
    "Usage: iax2 show threads\n       Lists status of IAX helper threads\n",
)
def show_threads(context: Context, words: list[str]) -> None:
    """There are none: calls are one process, voice another."""
    if words:
        raise UsageShown
    context.lines(["IAX2 Thread Information", "Idle Threads:", "Active Threads:", "Dynamic Threads:"])
    context.line("0 of 0 threads accounted for with 0 dynamic threads")


def _templates(context: Context) -> Mapping[str, Template]:
    return _driver(context).endpoint.core.provisioner.templates


@command(
    "iax2 show provisioning",
    "Display iax provisioning",
    "Usage: iax2 show provisioning [template]\n"
    "       Lists all known IAX provisioning templates or a\n"
    "       specific one if specified.\n",
    complete=lambda context, before, prefix: list(_templates(context)),
)
def show_provisioning(context: Context, words: list[str]) -> None:
    if len(words) > 1:
        raise UsageShown
    templates = _templates(context)
    if words and words[0] not in templates:
        context.line(f"No provisioning template matching '{words[0]}' found")
        return
    if not templates:
        context.line("No provisioning templates found")
    shown = [templates[words[0]]] if words else list(templates.values())
    for number, template in enumerate(shown):
        if number:
            context.line()
        context.lines(template.lines())


@command(
    "iax2 provision",
    "Provision an IAX device",
    "Usage: iax2 provision <host> <template> [forced]\n"
    "       Provisions the given peer or IP address using a template\n"
    "       matching either 'template' or '*' if the template is not\n"
    "       found.  If 'forced' is specified, even empty provisioning\n"
    "       fields will be provisioned as empty fields.\n",
    complete=lambda context, before, prefix: list(_templates(context)) if before else _peers(context, before, prefix),
)
async def provision(context: Context, words: list[str]) -> None:
    forced = words[2:] == ["forced"]
    if len(words) != 2 + forced:
        raise UsageShown
    driver = _driver(context)
    host, name = words[:2]
    address = await _address(driver, host)
    if address is None:
        context.line(f"Unable to find peer/address '{host}'")
    elif driver.endpoint.core.provisioner.find(name) is None:
        context.line(f"No provisioning found for template '{name}'")
    else:
        context.line(f"Provisioning '{host}' with template '{name}'{', forced' if forced else ''}")
        driver.provision(address, name, forced=forced)


async def _address(driver: Driver, name: str) -> Address | None:
    """Of a peer, an address, or a host name."""
    record = driver.endpoint.peers.get(name)
    if record is not None:
        return record.address
    if addresses.is_numeric(name):
        return name.strip("[]"), IAX2_PORT
    try:
        found = await driver.names(name)
    except Exception:  # whatever a name server or an impossible name may cause: it is not found
        return None
    return (found[0], IAX2_PORT) if found else None


@command(
    "iax2 prune realtime",
    "Prune a cached realtime lookup",
    "Usage: iax2 prune realtime [<peername>|all]\n       Prunes object(s) from the cache\n",
    complete=lambda context, before, prefix: [*_peers(context, before, prefix), "all"],
)
def prune_realtime(context: Context, words: list[str]) -> None:
    """There is no database of peers (yet), so nothing of one is cached."""
    if len(words) != 1:
        raise UsageShown
    driver = _driver(context)
    if words[0] == "all":
        context.line("OK cache is flushed.")
    elif driver.endpoint.peers.get(words[0]) is not None or driver.settings.find_user(words[0]) is not None:
        context.line(f"{words[0]} is not eligible for this operation.")
    else:
        context.line(f"{words[0]} was not found in the cache.")
