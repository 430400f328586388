"""RSA keys for boxes, as astgenkey makes them."""

from __future__ import annotations

import subprocess
from pathlib import Path


def rsa_pair(folder: Path, name: str) -> tuple[Path, Path]:
    """(NAME.key, NAME.pub): a 1024-bit pair, the only size that IAX2 peers accept."""
    key, pub = folder / f"{name}.key", folder / f"{name}.pub"
    subprocess.run(["openssl", "genrsa", "-traditional", "-out", key, "1024"], check=True, capture_output=True)
    subprocess.run(["openssl", "rsa", "-in", key, "-pubout", "-out", pub], check=True, capture_output=True)
    return key, pub
