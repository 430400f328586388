"""Runs pbx in the foreground with the wire corpus's configuration: `python -m tests.interop.wire_start ETC BIND`."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from tests.interop.boxes import PbxBox


def main() -> None:
    etc, bind = Path(sys.argv[1]), sys.argv[2]
    box = PbxBox("wire", etc, bind)
    box.render()
    for key in sorted((etc / "keys").iterdir()):
        box.add_key(key)
    command = box.command("-f", "-n")
    sys.stderr.write(f"wire_start: {box.home}\n")
    os.execvp(command[0], command)


if __name__ == "__main__":
    main()
