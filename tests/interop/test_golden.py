"""What a stock Asterisk 22 answers to given datagrams and given dialplans: our daemon answers the same.

Cases where we differ on purpose stand in `golden_exceptions.yaml` with the reason; a case listed there that passes
all the same fails here, so that the list stays true (but for those whose outcome hangs on a secret).
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.shared import shared_dir

HERE = Path(__file__).parent
CHECKOUT = HERE.parent.parent
EXCEPTIONS: dict[str, dict[str, str]] = yaml.safe_load((HERE / "golden_exceptions.yaml").read_text(encoding="utf-8"))

#: groups of the wire corpus that work today
WIRE_GROUPS = ("poke", "token", "reg", "new", "call", "out", "transport", "malformed", "trunk", "crypt", "transfer")


def compare(failed: set[str], passed: set[str], exceptions: dict[str, str], output: str) -> None:
    wrong = sorted(failed - exceptions.keys())
    assert not wrong, f"{len(wrong)} cases differ: {wrong}\n{output[-6000:]}"
    stale = sorted(passed & exceptions.keys())
    assert not stale, f"listed as exceptions, but they pass: {stale}"


def apart(corpus: Path) -> list[set[str]]:
    """The cases in rounds, none of which plays two cases from one address and port.

    A case ends by HANGUP and closes its socket at once: what answers it would be the first that the next case hears
    there, and on a busy machine it would take that for the answer to its own NEW.
    """
    rounds: list[set[str]] = [set()]
    seen: list[set[tuple[str, int]]] = [set()]
    for path in sorted(corpus.glob("*.json")):
        for case in json.loads(path.read_text(encoding="utf-8"))["cases"]:
            if case["id"].split("-")[0] not in WIRE_GROUPS:
                continue
            place = case.get("addr", ""), case.get("port", 0)
            at = next((i for i, taken in enumerate(seen) if not place[1] or place not in taken), len(seen))
            if at == len(seen):
                rounds.append(set())
                seen.append(set())
            rounds[at].add(case["id"])
            seen[at].add(place)
    return rounds


def play(wire: Path, names: set[str]) -> str:
    """What the player says of these cases, with a daemon of their own."""
    start = f"cd {CHECKOUT} && exec {sys.executable} -m tests.interop.wire_start {{etc}} {{bind}}"
    only = "^(" + "|".join(map(re.escape, sorted(names))) + ")$"
    done = subprocess.run(
        [sys.executable, wire / "play.py", "run", "-v", "--quiet", "--only", only, "--start", start, wire / "open"],
        capture_output=True, text=True, timeout=200,
    )  # fmt: skip
    output = done.stdout + done.stderr
    assert re.search(r"\d+ passed, \d+ failed", output), output
    return output


@pytest.mark.timeout(300)
def test_wire() -> None:
    wire = shared_dir() / "golden-wire"
    cases, rounds = set(), apart(wire / "open")
    output = ""
    for names in rounds:
        output += play(wire, names)
        cases |= names
    failed = set(re.findall(r"(?m)^FAIL (\S+)", output))
    by_chance = EXCEPTIONS.get("wire_by_secret") or {}
    assert by_chance.keys() <= cases
    compare(failed - by_chance.keys(), cases - failed, EXCEPTIONS.get("wire") or {}, output)


@pytest.mark.timeout(400)
def test_dialplan(tmp_path: Path) -> None:
    golden = shared_dir() / "golden"
    report = tmp_path / "report.json"
    paths = [p for p in sorted((golden / "open").glob("*.yaml")) if p.stem != "queue"]
    code = f'import sys; sys.path.insert(0, "{CHECKOUT}"); from pbx.__main__ import main; sys.exit(main())'
    pbx = f"{sys.executable} -P -c '{code}'"
    done = subprocess.run(
        [sys.executable, golden / "run.py", "--report", report, "--starts", "3",
         "--pbx-start", f"{pbx} -C {{etc}}/asterisk.conf -f",
         "--pbx-cli", f"{pbx} -C {{etc}}/asterisk.conf -rx {{command}}", *paths],
        capture_output=True, text=True, timeout=390,
    )  # fmt: skip
    assert report.exists(), done.stdout + done.stderr
    rows = json.loads(report.read_text(encoding="utf-8"))
    failed = {row["id"]: row["why"] for row in rows if not row["passed"]}
    passed = {row["id"] for row in rows if row["passed"]}
    output = "\n".join(f"{case}: {why}" for case, why in failed.items()) + done.stderr
    compare(set(failed), passed, EXCEPTIONS.get("dialplan") or {}, output)
