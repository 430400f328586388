"""The firmware of IAX2 devices that lies on disk."""

from __future__ import annotations

import os
from pathlib import Path

from pbx.channels.iax2.firmware import Library, parse
from pbx.channels.iax2.options import BadValue
from pbx.channels.log import Log

log = Log("chan_iax2")

FOLDER = os.path.join("firmware", "iax")
#: bytes; what is larger is no firmware
LARGEST = 16 * 1024 * 1024


def load(data_dir: str) -> Library:
    """All images of `firmware/iax` below the data directory; what is none is said and passed over."""
    folder = Path(data_dir, FOLDER)
    images = []
    try:
        files = sorted(path for path in folder.iterdir() if path.is_file() and not path.name.startswith("."))
    except OSError:
        return Library()
    for path in files:
        try:
            if path.stat().st_size > LARGEST:
                raise BadValue("it is too large to be firmware")
            images.append(parse(path.read_bytes()))
        except (OSError, BadValue) as error:
            log.warning(f"{path}: {error}")
    return Library(images)
