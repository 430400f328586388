"""`pbx demo`: two boxes on this machine, linked over IAX2 (RSA keys, trunk), and a call 101 -> 201 between them.

It starts both as processes of their own, shows what their consoles say while
the call is up, and compares the sound that arrived at either end with what the
other end played.  Everything lies in a temporary folder that goes away.
"""

from __future__ import annotations

import argparse
import ctypes
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field

PORT = 4569
#: seconds that both ends play and listen
CALL = 4

#: what each end plays: notes and their frequencies
MELODIES = {
    "VOIP1": (("C5", 523), ("E5", 659), ("G5", 784), ("C6", 1047)),
    "VOIP2": (("A5", 880), ("F5", 698), ("D5", 587), ("A4", 440)),
}

IAX_CONF = """\
[general]
bindaddr = {own}
disallow = all
allow = ulaw
allow = alaw
allow = gsm

[{peer}]
type = friend
host = {there}
username = {name}
auth = rsa
inkeys = {peer_key}
outkey = {own_key}
context = FROM_{peer}
qualify = yes
trunk = yes
"""

EXTENSIONS_CONF = """\
[general]
static = yes

; a telephone of this box: it plays its melody and records what it hears
[telephone]
exten => _X.,1,Answer()
 same => n,Playtones({tones})
 same => n,Record({folder}/heard-at-{name}.sln,0,{seconds},qxk)
 same => n,Hangup()

[local]
exten => _{digit}XX,1,Goto(telephone,${{EXTEN}},1)

; what a telephone here may dial: the numbers of this box, and those of the other
[phones]
include => local
exten => _{other}XX,1,Dial(IAX2/{peer}/${{EXTEN}},30)
 same => n,Hangup()

; calls that come from the other box
[FROM_{peer}]
include => local
"""


class DemoError(Exception):
    """The demo did not work; the text says where it stopped."""


def _end_with_us() -> None:
    """In the new process: a box does not outlive the demo, however that ends (prctl PR_SET_PDEATHSIG, SIGTERM)."""
    ctypes.CDLL(None).prctl(1, signal.SIGTERM, 0, 0, 0)


@dataclass
class Box:
    """One of the two."""

    name: str
    address: str
    folder: str
    process: subprocess.Popen[bytes] | None = None
    peer: Box | None = field(default=None, repr=False)

    @property
    def etc(self) -> str:
        return os.path.join(self.folder, "etc")

    @property
    def heard(self) -> str:
        """What the telephone of this box recorded."""
        return os.path.join(self.folder, f"heard-at-{self.name}.sln")

    def command(self, *arguments: str) -> list[str]:
        return [*program(), "--etc", self.etc, "--run", os.path.join(self.folder, "run"), *arguments]

    def write(self) -> None:
        """The configuration of the how-to."""
        assert self.peer is not None
        os.makedirs(os.path.join(self.etc, "keys"), exist_ok=True)
        tones = ",".join(f"{frequency}/200,0/40" for _, frequency in MELODIES[self.name])
        texts = {
            "iax.conf": IAX_CONF.format(
                own=self.address,
                there=self.peer.address,
                name=self.name,
                peer=self.peer.name,
                own_key=self.name.lower(),
                peer_key=self.peer.name.lower(),
            ),
            "extensions.conf": EXTENSIONS_CONF.format(
                tones=tones,
                name=self.name,
                peer=self.peer.name,
                digit=self.name[-1],
                other=self.peer.name[-1],
                folder=self.folder,
                seconds=CALL,
            ),
            "logger.conf": "[logfiles]\nmessages => notice,warning,error\n",
        }
        for name, text in texts.items():
            with open(os.path.join(self.etc, name), "w", encoding="utf-8") as file:
                file.write(text)

    def start(self) -> None:
        log = open(os.path.join(self.folder, "output"), "wb")  # noqa: SIM115
        self.process = subprocess.Popen(
            self.command("-f"), stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
            preexec_fn=_end_with_us,
        )  # fmt: skip
        log.close()

    def rx(self, text: str) -> str:
        """What a console command prints."""
        done = subprocess.run(self.command("-rx", text), capture_output=True, text=True, timeout=20, check=False)
        return done.stdout

    def wait(self, command: str, wanted: str, seconds: float, what: str) -> str:
        """What a command prints once `wanted` is in it.  Raises DemoError."""
        limit = time.monotonic() + seconds
        while wanted not in (text := self.rx(command)):
            if self.process is not None and self.process.poll() is not None:
                raise DemoError(f"{self.name} ended with status {self.process.returncode}\n{self.last_words()}")
            if time.monotonic() > limit:
                raise DemoError(
                    f"{self.name}: {what} did not happen within {seconds:g} seconds\n{text}{self.last_words()}"
                )
            time.sleep(0.1)
        return text

    def last_words(self) -> str:
        """The ends of its output and log."""
        texts = []
        for name in ("output", "run/log/messages"):
            try:
                with open(os.path.join(self.folder, name), encoding="utf-8", errors="replace") as file:
                    texts += file.read().splitlines()[-10:]
            except OSError:
                continue
        return "\n".join(texts)

    def stop(self) -> None:
        process = self.process
        if process is None or process.poll() is not None:
            return
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def program() -> list[str]:
    """How to run pbx as this very installation."""
    import pbx

    folder = os.path.dirname(os.path.dirname(os.path.abspath(pbx.__file__)))
    code = f"import sys; sys.path.insert(0, {folder!r}); from pbx.__main__ import main; sys.exit(main())"
    return [sys.executable, "-P", "-c", code]


def free_address(number: int) -> str:
    """A loopback address whose IAX2 port is free, from 127.0.0.`number` on.  Raises DemoError."""
    for last in range(number, 250, 2):
        address = f"127.0.0.{last}"
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            try:
                probe.bind((address, PORT))
            except OSError:
                continue
            return address
    raise DemoError(f"no loopback address has its UDP port {PORT} free")


def headline(text: str) -> None:
    print(f"\n--- {text} " + "-" * max(3, 76 - len(text)))


def make_keys(boxes: list[Box]) -> None:
    """A pair for each, the public half to the other as well."""
    from pbx.genkey import write_pair

    for box in boxes:
        name = box.name.lower()
        keys = os.path.join(box.etc, "keys")
        write_pair(keys, name, None)
        assert box.peer is not None
        shutil.copy(os.path.join(keys, f"{name}.pub"), os.path.join(box.peer.etc, "keys"))


def call(boxes: list[Box]) -> None:
    """Start both, call, show.  Raises DemoError."""
    one, two = boxes
    for box in boxes:
        box.start()
    for box in boxes:
        box.wait("core waitfullybooted", "fully booted", 30, "the start")
    headline("the link")
    for box in boxes:
        print(f"{box.name}> iax2 show peers")
        print(box.wait("iax2 show peers", "OK (", 30, "the answer of the other end to qualify"), end="")
    headline("telephone 101 of VOIP1 calls 201, which lives on VOIP2")
    print("VOIP1> channel originate Local/201@phones extension 101@telephone")
    said = one.rx("channel originate Local/201@phones extension 101@telephone")
    if said:
        raise DemoError(f"VOIP1 did not call: {said}")
    two.wait("core show channels", "Record(", 10, "the arrival of the call")
    one.wait("core show channels", "Record(", 10, "the answer")
    time.sleep(1)
    for box in boxes:
        for command in ("core show channels", "iax2 show channels", "iax2 show netstats"):
            print(f"\n{box.name}> {command}")
            print(box.rx(command), end="")
    for box in boxes:
        box.wait("core show channels count", "0 active channels", CALL + 15, "the end of the call")


def compare(boxes: list[Box]) -> bool:
    """Show what arrived; whether it is what was played."""
    from pbx import picture

    headline("the sound that arrived")
    good = True
    for box in boxes:
        assert box.peer is not None
        played = [name for name, _ in MELODIES[box.peer.name]]
        samples = picture.read_sln(box.heard)
        heard = picture.notes(samples)
        right = set(heard) == set(played) and follows(heard, played)
        good = good and right
        print(f"\nat {box.name} ({len(samples) / 8000:.1f} s), played by {box.peer.name}:")
        print("\n".join(f"  {line}" for line in picture.roll(samples, played)))
        print(f"      |{picture.waveform(samples, 64)}|")
        print(f"  played {' '.join(played)} over and over")
        shown = " ".join(heard[:12]) + (" ..." if len(heard) > 12 else "")
        print(f"  heard  {shown or 'nothing'}   {'right' if right else 'WRONG'}")
    return good


def follows(heard: list[str], played: list[str]) -> bool:
    """Whether `heard` walks round the circle of `played`, wherever it began."""
    if not heard or heard[0] not in played:
        return False
    at = played.index(heard[0])
    return all(name == played[(at + step) % len(played)] for step, name in enumerate(heard))


def main(arguments: list[str] | None = None) -> int:
    """Run the demo; 0 when the call worked with sound both ways."""
    parser = argparse.ArgumentParser(prog="pbx demo", description=__doc__.partition("\n")[0] if __doc__ else "")
    parser.add_argument("--keep", action="store_true", help="keep the folder with configuration, logs and recordings")
    parser.add_argument("--png", metavar="FILE", help="draw the sounds that arrived into this file, too")
    try:
        options = parser.parse_args(arguments)
    except SystemExit as error:
        return 0 if not error.code else 2
    folder = tempfile.mkdtemp(prefix="pbx-demo-")
    boxes: list[Box] = []
    began = time.monotonic()
    try:
        first, second = free_address(11), free_address(12)
        boxes = [Box(name, where, os.path.join(folder, name)) for name, where in (("VOIP1", first), ("VOIP2", second))]
        boxes[0].peer, boxes[1].peer = boxes[1], boxes[0]
        for box in boxes:
            box.write()
        make_keys(boxes)
        print(f"Two boxes: VOIP1 on {first}, VOIP2 on {second}; RSA keys made and exchanged, trunk=yes, qualify=yes.")
        call(boxes)
        good = compare(boxes)
        if options.png:
            from pbx import picture

            picture.png([picture.read_sln(box.heard) for box in boxes], options.png)
            print(f"\nDrawn into {options.png}")
    except (DemoError, OSError, subprocess.TimeoutExpired) as error:
        print(f"\npbx demo: {error}", file=sys.stderr)
        good = False
    except KeyboardInterrupt:
        print("\npbx demo: stopped", file=sys.stderr)
        good = False
    finally:
        for box in boxes:
            box.stop()
        if options.keep:
            print(f"\nKept: {folder}")
        else:
            shutil.rmtree(folder, ignore_errors=True)
    verdict = "The call worked, with sound both ways" if good else "The call did NOT work as it should"
    headline(f"{verdict} ({time.monotonic() - began:.0f} s)")
    return 0 if good else 1
