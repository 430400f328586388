"""Music of a playlist that comes from the web: fetched at each load into a folder, and played from there.

What was fetched once is played until the next load has fetched it anew, over restarts of the PBX, too.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Awaitable, Callable
from email.parser import BytesHeaderParser
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from twisted.internet.defer import Deferred

from pbx.channels.log import Log
from pbx.codecs.files import SUFFIXES, BadSound, kind_of, unwrap
from pbx.dialplan.web import WebAnswer, WebError, WebRequest

if TYPE_CHECKING:
    from pbx.codecs.formats import Format

log = Log("res_musiconhold")

#: kinds of content -> suffix, where the address has none that is known
_BY_TYPE = {
    "audio/wav": "wav",
    "audio/wave": "wav",
    "audio/x-wav": "wav",
    "audio/vnd.wave": "wav",
    "audio/basic": "au",
    "audio/x-gsm": "gsm",
    "audio/gsm": "gsm",
    "audio/x-alaw": "alaw",
    "audio/x-mulaw": "ulaw",
    "audio/pcmu": "ulaw",
    "audio/pcma": "alaw",
    "audio/g722": "g722",
}
#: seconds that an answer may take
_PATIENCE = 60.0
_OK = 200


def is_address(entry: str) -> bool:
    """Is it to be fetched?"""
    return entry.lower().startswith(("http://", "https://"))


class MusicCache:
    """The folder and what is in it."""

    def __init__(
        self,
        folder: str,
        fetch: Callable[[WebRequest], Awaitable[WebAnswer]],
        blocking: Callable[[Callable[[], None]], Awaitable[None]],
    ) -> None:
        """blocking(f): do what sleeps in the kernel elsewhere."""
        self._folder = folder
        self._fetch = fetch
        self._blocking = blocking
        self._known: dict[str, str] = {}
        self._fetching: dict[str, Deferred[None]] = {}
        self._over = False

    def find(self, url: str) -> tuple[str, Format] | None:
        """(path, format) of what an address gave; None if there is nothing of it yet."""
        path = self._known.get(url) or self._kept(url)
        if path is None:
            return None
        self._known[url] = path
        return path, kind_of(path).format

    def awaited(self, url: str) -> bool:
        """Is it on its way?"""
        return url in self._fetching

    def _stem(self, url: str) -> str:
        return os.path.join(self._folder, "moh-" + hashlib.sha256(url.encode(errors="replace")).hexdigest()[:32])

    def _kept(self, url: str) -> str | None:
        stem = self._stem(url)
        return next((path for suffix in SUFFIXES if os.path.exists(path := f"{stem}.{suffix}")), None)

    def refresh(self, url: str) -> None:
        """Fetch it (again)."""
        self._over = False
        if url not in self._fetching:
            running = Deferred.fromCoroutine(self._bring(url))
            if not running.called:
                self._fetching[url] = running

    def stop(self) -> None:
        """Give up what is on its way."""
        self._over = True
        for running in list(self._fetching.values()):
            running.cancel()

    async def _bring(self, url: str) -> None:
        parts = urlsplit(url)
        # names, passwords and keys in an address are nobody else's business
        plain = parts._replace(netloc=parts.netloc.rpartition("@")[2])
        name = plain._replace(query="", fragment="").geturl()
        try:
            request = WebRequest(
                url=plain.geturl(),
                timeout=_PATIENCE,
                connect_timeout=_PATIENCE,
                follow=True,
                agent="pbx",
                user=unquote(parts.username or ""),
                password=unquote(parts.password or ""),
            )
            answer = await self._fetch(request)
            if answer.status != _OK:
                raise WebError(f"the answer is {answer.status}")
            path = f"{self._stem(url)}.{_suffix(url, answer)}"
            await self._blocking(lambda: _write(path, answer.body))
            self._known[url] = path
        except (WebError, BadSound, OSError) as error:
            if not self._over:
                log.warning(f"{name} of a music playlist can't be fetched: {error}")
        finally:
            self._fetching.pop(url, None)


def _suffix(url: str, answer: WebAnswer) -> str:
    """What kind of sound it is: by the address, else by what the server says.  Raises WebError."""
    suffix = os.path.splitext(urlsplit(url).path)[1][1:]
    if suffix in SUFFIXES:
        return suffix
    kind = BytesHeaderParser().parsebytes(answer.head.partition(b"\r\n")[2]).get_content_type()
    found = _BY_TYPE.get(kind)
    if found is None:
        raise WebError(f"neither its name nor its type ({kind}) is that of a sound file")
    return found


def _write(path: str, body: bytes) -> None:
    """Put the file there whole.  Raises BadSound when it is not what it says."""
    unwrap(path, body)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    fresh = f"{path}.new"
    with open(fresh, "wb") as file:
        file.write(body)
    os.replace(fresh, path)
