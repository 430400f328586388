"""Sound files in memory: one copy each, however many legs hear it, for as long as one of them does."""

from __future__ import annotations

import os
import weakref

from pbx.codecs.files import BadSound, unwrap
from pbx.codecs.formats import Format


class Content:
    """What a sound file holds: payloads of `format` as they stand on the wire, in one piece."""

    __slots__ = ("__weakref__", "data", "format")

    def __init__(self, which: Format, data: bytes) -> None:
        self.format = which
        self.data = data


class Contents:
    """Reads files; a file that is in use already is read once, unless it was changed meanwhile.  Of one thread."""

    def __init__(self) -> None:
        self._known: weakref.WeakValueDictionary[tuple[str, int, int, int], Content] = weakref.WeakValueDictionary()

    def read(self, path: str) -> tuple[Content | None, str]:
        """(content, "") or (None, why not)."""
        try:
            with open(path, "rb") as file:
                status = os.fstat(file.fileno())
                key = (path, status.st_ino, status.st_size, status.st_mtime_ns)
                found = self._known.get(key)
                if found is None:
                    found = self._known[key] = Content(*unwrap(path, file.read()))
                return found, ""
        except OSError as error:
            return None, error.strerror or str(error)
        except BadSound as error:
            return None, str(error)
