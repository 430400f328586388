"""The stock fail2ban judges lines of a log with its stock filter for Asterisk."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

from tests.interop.conftest import lack


def seen_by_fail2ban(lines: list[str], sample: Path) -> None:
    """Every one of `lines` matches; `sample` is where they are put for it."""
    if shutil.which("fail2ban-regex") is None:
        lack("fail2ban: run tests/interop/setup")
    # the boxes under test write milliseconds, a default logger.conf does not
    sample.write_text("\n".join(re.sub(r"\.\d{3}\]", "]", line, count=1) for line in lines) + "\n")
    text = subprocess.run(
        ["fail2ban-regex", str(sample), "/etc/fail2ban/filter.d/asterisk.conf"], capture_output=True, text=True
    ).stdout
    match = re.search(r"Lines: (\d+) lines, \d+ ignored, (\d+) matched", text)
    assert match and int(match[1]) == int(match[2]) == len(lines) > 0, f"{text[-1500:]}\n{lines}"
