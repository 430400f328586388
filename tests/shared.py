"""Where the material shared with this checkout lies: captures, golden cases, stock peers."""

from __future__ import annotations

import os
from pathlib import Path

import pytest


def shared_dir(*parts: str) -> Path:
    """The shared folder (or what `parts` name in it).

    $PBX_SHARED, else `shared` beside the checkout. Where it is missing the test is skipped with the reason, but
    fails in CI (CI=true), so that nothing passes there unseen.
    """
    base = os.environ.get("PBX_SHARED") or str(Path(__file__).resolve().parents[2] / "shared")
    path = Path(base).joinpath(*parts)
    if not path.exists():
        reason = f"{path} is missing (set PBX_SHARED)"
        if os.environ.get("CI") == "true":
            pytest.fail(reason, pytrace=False)
        pytest.skip(reason)
    return path
