"""say.conf of a running box: read at the start, by `module reload app_playback`, and switched at the console."""

from __future__ import annotations

import subprocess
from pathlib import Path

from tests.pbx.running import Pbx


def test_say_load(tmp_path: Path) -> None:
    box = Pbx(
        tmp_path,
        extensions="[default]\nexten => s,1,NoOp()\n",
        iax="[general]\nbindaddr=127.0.27.41\n",
        say="[general]\nmode=new\n[en]\n_[n]um:X. => beep\n",
    )

    def said(*words: str) -> str:
        return subprocess.run(
            box.command("-rx", " ".join(words)), capture_output=True, text=True, timeout=30, check=False
        ).stdout.strip()

    box.start()
    try:
        assert said("say load") == "say mode is [new]"
        assert said("say load old") == "setting say mode from new to old"
        assert said("say load old") == "say mode is old already"
        assert said("say load") == "say mode is [old]"
        said("module reload app_playback")
        assert said("say load") == "say mode is [new]"
        box.write("say.conf", "[general]\nmode=old\n")
        said("module reload app_playback")
        assert said("say load new").startswith("There is no say.conf file to use new mode")
    finally:
        box.stop()
