"""Runs golden dialplan cases in this process: a real reactor, a Switch, Local channels, the interpreter; no network.

    python -m tests.dialplan.harness [-k REGEX] [-v] [FILE.yaml ...]

Same meaning of cases as the corpus's own runner: cases that can share a configuration are loaded in one start,
isolated ones get a start of their own; REPEAT, EMIT and `before` are understood.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import re
import shutil
import sys
import tempfile
import wave
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from twisted.internet import asyncioreactor

from tests.dialplan.patience import PatientLoop
from tests.dialplan.recordings import recorded

_EMIT = re.compile(r"\bEMIT\(")
_REPEAT = re.compile(r"^@REPEAT (\d+) (\d+)@ ?(.*\n?)", re.M)
_FOLDERS = ("etc", "run", "log", "db", "spool", "out", "data")
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
#: seconds that a case may take longer than its `seconds`
GRACE = 3.0


@dataclass
class Case:
    """One case of a golden file; `data` is its mapping."""

    data: dict[str, Any]
    group: str

    @property
    def id(self) -> str:
        return str(self.data["id"])

    @property
    def isolated(self) -> bool:
        return bool(self.data.get("isolated"))

    @property
    def seconds(self) -> float:
        return float(self.data.get("seconds", 0.6))

    def entries(self) -> list[tuple[str, str, float]]:
        """(exten, context, delay) of each entering call."""
        given = self.data.get("enter", "s@" + self.id)
        found = []
        for item in [given] if isinstance(given, (str, dict)) else given:
            delay = 0.0
            if isinstance(item, dict):
                delay, item = float(item.get("after", 0)), item["at"]
            exten, _, context = item.rpartition("@")
            found.append((exten, context, delay))
        return found

    def complaint(self, got: Sequence[str]) -> str:
        """ "" if `got` is what is expected, else why not."""
        want = self.data.get("expect") or []
        if self.data.get("unordered"):
            left = list(got)
            for line in want:
                match = next((g for g in left if _fits(line, g)), None)
                if match is None:
                    return f"missing {line!r} in {got!r}"
                left.remove(match)
            return f"extra {left!r}" if left else ""
        for number, line in enumerate(want):
            if number >= len(got):
                return f"line {number + 1}: want {line!r}, nothing more came"
            if not _fits(line, got[number]):
                return f"line {number + 1}: want {line!r}, got {got[number]!r}"
        return f"extra line {len(want) + 1}: {got[len(want)]!r}" if len(got) > len(want) else ""


def _fits(want: object, got: str) -> bool:
    if isinstance(want, dict):
        return re.fullmatch(want["re"], got, re.S) is not None
    return str(want) == got


def load(paths: Sequence[Path], pattern: str = "") -> list[Case]:
    """All cases of the files and folders whose id matches."""
    files = [f for p in paths for f in (sorted(p.glob("**/*.yaml")) if p.is_dir() else [p])]
    cases = []
    for file in files:
        document = yaml.load(file.read_text(encoding="utf-8"), Loader=_LOADER)
        cases += [Case(data, document["group"]) for data in document["cases"]]
    return [case for case in cases if re.search(pattern, case.id)]


def _sounds(folder: Path) -> None:
    """What the corpora play: a beep, seconds of silence, what Authenticate says (shorter)."""
    said = dict.fromkeys(("agent-pass", "auth-thankyou", "auth-incorrect", "vm-goodbye"), 0.2)
    for name, seconds in {"beep": 0.6, "silence/5": 5.0, "silence/2": 2.0, "silence/1": 1.0, **said}.items():
        path = folder / f"{name}.wav"
        path.parent.mkdir(parents=True, exist_ok=True)
        with wave.open(str(path), "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(8000)
            file.writeframes(b"\0\0" * int(8000 * seconds))


class _NoVoice:
    """A voice port for legs that have no rows."""

    def __getattr__(self, name: str) -> Any:
        return lambda *args, **more: None


@dataclass
class Start:
    """One PBX of some cases."""

    cases: list[Case]
    work: Path
    notes: list[str] = field(default_factory=list)

    def text(self, text: str, case: Case) -> str:
        text = _REPEAT.sub(_repeated, text)
        text = _EMIT.sub(lambda m: f"Set(FILE({self.work}/out/{case.id},,,al,u)=", text)
        for word in ("out", "etc", "data"):
            text = text.replace(f"@{word.upper()}@", f"{self.work}/{word}")
        return text

    def write(self) -> Path:
        for name in _FOLDERS:
            (self.work / name).mkdir(parents=True, exist_ok=True)
        alone = len(self.cases) == 1 and self.cases[0].isolated
        parts = []
        if not alone:
            parts.append("[general]\nstatic=yes\nwriteprotect=no\n\n[globals]\n")
            parts += [self.text(c.data["globals"].rstrip("\n") + "\n", c) for c in self.cases if c.data.get("globals")]
        for case in self.cases:
            if not alone:
                parts.append(f"\n; ---- case {case.id}\n")
            conf = self.text(case.data["conf"], case)
            parts.append(conf if alone or conf.endswith("\n") else conf + "\n")
            for name, text in (case.data.get("files") or {}).items():
                path = self.work / "etc" / name
                path.parent.mkdir(parents=True, exist_ok=True)
                with path.open("a", encoding="utf-8") as file:
                    file.write(self.text(text, case))
        path = self.work / "etc" / "extensions.conf"
        path.write_text("".join(parts), encoding="utf-8", newline="")
        return path

    def emitted(self, case: Case) -> list[str]:
        try:
            text = (self.work / "out" / case.id).read_bytes().decode("utf-8", "surrogateescape")
        except FileNotFoundError:
            return []
        lines = text.split("\n")
        return lines[:-1] if lines[-1] == "" else lines

    # ---- the PBX itself

    def build(self, reactor: Any) -> None:
        """Put the pieces together, as the daemon does."""
        from pbx.channels.events import Bus
        from pbx.channels.graph import Graph
        from pbx.channels.local.driver import LocalTechnology
        from pbx.channels.switch import Switch
        from pbx.codecs.formats import SLIN
        from pbx.dialplan import registry
        from pbx.dialplan.dialplan import Dialplan
        from pbx.dialplan.interpreter import Interpreter
        from pbx.dialplan.services import Services

        registry.load_all()
        wall = asyncio.get_running_loop().wall  # type: ignore[attr-defined]
        dialplan = Dialplan(wall=wall)
        self.switch = Switch(reactor, wall, Bus(), None, systemname="gold", report=self._report)  # type: ignore[arg-type]
        self.switch.graph = Graph(self.switch, _NoVoice())  # type: ignore[arg-type]
        self.switch.register(LocalTechnology(self.switch))
        sounds = self.work / "sounds"
        _sounds(sounds)

        spoken = frozenset(recorded("saying")["sounds"])

        def find_sound(name: str, language: str, formats: tuple[Any, ...]) -> tuple[str, Any] | None:
            path = sounds / ("beep.wav" if name in spoken else f"{name}.wav")
            return (str(path), SLIN) if path.exists() else None

        async def shell(command: str) -> int:
            process = await asyncio.create_subprocess_shell(command, stderr=asyncio.subprocess.DEVNULL)
            return await process.wait()

        async def shell_output(command: str) -> bytes:
            process = await asyncio.create_subprocess_shell(
                command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL
            )
            return (await process.communicate())[0]

        def run_output(command: str) -> Any:
            from twisted.internet.defer import Deferred

            return Deferred.fromFuture(asyncio.ensure_future(shell_output(command)))

        def run_shell(command: str) -> Any:
            from twisted.internet.defer import Deferred

            return Deferred.fromFuture(asyncio.ensure_future(shell(command)))

        self.services = Services(
            self.switch,
            dialplan,
            find_sound=find_sound,
            shell=run_shell,
            shell_output=run_output,
            read_config=self._read_config,
            tones={"us": {"busy": "480+620/500,0/500", "ring": "440+480/2000,0/4000", "dial": "350+440"}},
            directories={"ASTETCDIR": str(self.work / "etc")},
            entity_id="02:fc:00:00:00:01",
        )
        self.switch.extensions = Interpreter(self.services)

    def _report(self, failure: Any, where: str) -> None:
        self.notes.append(f"{where}: {failure.getTraceback()}")

    def _read_config(self, name: str) -> Any:
        from pbx.conf import reader
        from pbx.conf.diagnostics import Diagnostics

        document = reader.read(str(self.work / "etc" / name), diagnostics=Diagnostics(), optional=True)
        return document if document.exists else None

    def load(self) -> None:
        from pbx import featuresconf
        from pbx.conf import reader
        from pbx.conf.diagnostics import Diagnostics
        from pbx.dialplan import loader

        diagnostics = Diagnostics()
        document = reader.read(str(self.work / "etc" / "extensions.conf"), diagnostics=diagnostics)
        if document.refused is not None:
            return
        tables = loader.load(document, diagnostics, dict(self.services.dialplan.globals))
        self.services.dialplan.replace(tables)
        features = featuresconf.load(str(self.work / "etc" / "features.conf"), diagnostics)
        services = self.services
        services.features, services.dynamic_features, services.feature_groups = (
            features.values,
            features.dynamic,
            features.groups,
        )

    def command(self, text: str) -> None:
        """The console commands that cases need before they are entered."""
        from pbx.dialplan.model import Priority

        words = text.split(None, 4)
        if text == "dialplan reload":
            self.load()
        elif words[:3] == ["dialplan", "set", "global"]:
            self.services.dialplan.globals[words[3]] = words[4]
        elif words[:3] == ["dialplan", "add", "extension"]:
            what, _, context = text.split(None, 3)[3].rpartition(" into ")
            exten, number, call = what.split(",", 2)
            name, _, data = call.partition("(")
            added = Priority(int(number), name, data.removesuffix(")"), registrar="CLI")
            self.services.dialplan.contexts[context].add(exten, added)
        else:
            self.notes.append(f"command not known here: {text}")

    def enter(self, case: Case, exten: str, context: str) -> None:
        from pbx.dialplan.originate import Origination, originate

        hold = case.data.get("hold", 3)
        wish = Origination(f"Local/{exten}@{context}/n", application="Wait", data=str(hold))
        originate(self.services, wish)


def _repeated(match: re.Match[str]) -> str:
    first, last, text = match.groups()
    return "".join(text.replace("@i@", str(i).zfill(len(first))) for i in range(int(first), int(last) + 1))


async def _wait_for(start: Start, patience: float) -> dict[str, list[str]]:
    """What each case emitted, read when it has had its time and matches, or when patience is over."""
    clock = asyncio.get_running_loop().time
    begun = clock()
    ends = {c.id: begun + c.seconds + max(d for *_, d in c.entries()) + 0.3 for c in start.cases}
    last = max(ends.values()) + patience
    got: dict[str, list[str]] = {}
    left = list(start.cases)
    while left and clock() < last:
        await asyncio.sleep(0.05)
        for case in [c for c in left if ends[c.id] < clock()]:
            emitted = start.emitted(case)
            if not case.complaint(emitted):
                got[case.id] = emitted
                left.remove(case)
    for case in left:
        got[case.id] = start.emitted(case)
    return got


async def run_start(start: Start, reactor: Any, patience: float = GRACE) -> dict[str, list[str]]:
    """What each case emitted."""
    start.write()
    start.build(reactor)
    start.load()
    for case in start.cases:
        for command in case.data.get("before") or []:
            start.command(start.text(command, case))
    for case in sorted(start.cases, key=lambda c: -c.seconds):
        for exten, context, delay in case.entries():
            reactor.callLater(delay, start.enter, case, exten, context)
    got = await _wait_for(start, patience)
    for channel in list(start.switch.channels()):
        channel.softhangup()
    await asyncio.sleep(0.05)
    return got


def run(cases: Sequence[Case], patience: float = GRACE) -> tuple[dict[str, list[str]], list[str]]:
    """(what each case emitted, errors that nobody caught)."""
    base = Path(tempfile.mkdtemp(prefix="golden-"))
    shared = [c for c in cases if not c.isolated]
    batches = ([shared] if shared else []) + [[c] for c in cases if c.isolated]
    starts = [Start(batch, base / str(number)) for number, batch in enumerate(batches)]
    got: dict[str, list[str]] = {}

    async def main() -> None:
        from twisted.internet import reactor

        for result in await asyncio.gather(*(run_start(start, reactor, patience) for start in starts)):
            got.update(result)

    try:
        asyncio.get_event_loop().run_until_complete(main())
    finally:
        shutil.rmtree(base, ignore_errors=True)
    return got, [note for start in starts for note in start.notes]


def prepare() -> None:
    """Install the reactor; once a process, before anything imports it."""
    if "twisted.internet.reactor" not in sys.modules:
        loop = PatientLoop()
        asyncio.set_event_loop(loop)
        asyncioreactor.install(loop)
        from twisted.internet import reactor

        reactor.seconds = loop.time  # type: ignore[attr-defined]
        reactor.startRunning()  # type: ignore[attr-defined]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("paths", nargs="*", type=Path)
    parser.add_argument("-k", dest="only", default="")
    parser.add_argument("-v", dest="verbose", action="store_true")
    parser.add_argument("--grace", type=float, default=GRACE)
    parser.add_argument("--json", type=Path, help="write what each case emitted, and the complaints, to this file")
    options = parser.parse_args()
    if not options.paths:
        base = os.environ.get("PBX_SHARED") or str(Path(__file__).resolve().parents[3] / "shared")
        options.paths = [Path(base) / "golden" / "open"]
    prepare()
    cases = load(options.paths, options.only)
    got, errors = run(cases, options.grace)
    if options.json:
        found = {c.id: {"complaint": c.complaint(got.get(c.id, [])), "got": got.get(c.id, [])} for c in cases}
        options.json.write_text(json.dumps({"cases": found, "errors": errors}), encoding="utf-8")
    groups: dict[str, list[int]] = {}
    for case in cases:
        complaint = case.complaint(got.get(case.id, []))
        groups.setdefault(case.group, [0, 0])[bool(complaint)] += 1
        if complaint:
            print(f"FAIL {case.id}: {complaint}")
        elif options.verbose:
            print(f"pass {case.id}")
    for error in dict.fromkeys(errors):
        print("ERROR", error)
    for name, (passed, failed) in sorted(groups.items()):
        print(f"{name}: {passed} passed, {failed} failed")
    passed = sum(p for p, _ in groups.values())
    failed = sum(f for _, f in groups.values())
    print(f"total: {passed} passed, {failed} failed")
    return 1 if failed or errors else 0


if __name__ == "__main__":
    sys.exit(main())
