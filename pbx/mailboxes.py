"""How many messages wait in a mailbox: counted where Asterisk's voicemail keeps them.

`SPOOL/voicemail/CONTEXT/BOX/INBOX/msg0000.txt` is a new message, below `Old` an old one; `Urgent` counts as new.
"""

from __future__ import annotations

import os
from collections.abc import Callable

#: seconds for which a count holds
FRESH = 5.0


class Mailboxes:
    """Callable: (old, new) messages of `box@context` (several with `&` or commas), None when none of them is there."""

    def __init__(self, spool: str, now: Callable[[], float]) -> None:
        self._root = os.path.join(spool, "voicemail")
        self._now = now
        self._counts: dict[str, tuple[float, tuple[int, int] | None]] = {}

    def __call__(self, mailbox: str) -> tuple[int, int] | None:
        now = self._now()
        known = self._counts.get(mailbox)
        if known is not None and now - known[0] < FRESH:
            return known[1]
        counts = [self._count(one.strip()) for one in mailbox.replace("&", ",").split(",") if one.strip()]
        there = [count for count in counts if count is not None]
        found = (sum(old for old, _ in there), sum(new for _, new in there)) if there else None
        self._counts[mailbox] = now, found
        return found

    def _count(self, mailbox: str) -> tuple[int, int] | None:
        box, _, context = mailbox.partition("@")
        if "/" in mailbox or ".." in mailbox:
            return None
        folder = os.path.join(self._root, context or "default", box)
        if not os.path.isdir(folder):
            return None
        return self._messages(folder, "Old"), self._messages(folder, "INBOX") + self._messages(folder, "Urgent")

    @staticmethod
    def _messages(folder: str, name: str) -> int:
        try:
            return sum(entry.startswith("msg") and entry.endswith(".txt") for entry in os.listdir(f"{folder}/{name}"))
        except OSError:
            return 0
