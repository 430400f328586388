"""Playlist entries that are addresses: fetched from a real server, kept, and played when they are there."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import pytest_twisted
from twisted.internet import reactor
from twisted.internet.defer import Deferred, succeed
from twisted.internet.task import deferLater
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET, Site

from pbx.channels import log
from pbx.channels.music import MusicClass
from pbx.codecs.formats import ALAW, ULAW
from pbx.musiccache import MusicCache
from pbx.webclient import WebClient
from tests.dialplan.stage import Stage

HOST = "127.0.84.41"


class Page(Resource):
    """Answers by its path."""

    isLeaf = True
    sound = b"\xff" * 800

    def render(self, request: Any) -> Any:
        match request.path:
            case b"/typed":
                request.setHeader(b"content-type", b"audio/x-alaw; charset=x")
                return self.sound
            case b"/x.ulaw":
                return self.sound
            case b"/moved":
                request.redirect(b"/x.ulaw")
                return b""
            case b"/bad.wav":
                return b"no wav"
            case b"/page":
                return b"<html>"
            case b"/never":
                return NOT_DONE_YET
        request.setResponseCode(404)
        return b""


@pytest.fixture
def page() -> Iterator[Page]:
    found = Page()
    port = reactor.listenTCP(0, Site(found), interface=HOST)  # type: ignore[attr-defined]
    found.base = f"http://{HOST}:{port.getHost().port}"  # type: ignore[attr-defined]
    yield found
    pytest_twisted.blockon(port.stopListening())


@pytest.fixture
def said(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    lines: list[str] = []
    monkeypatch.setattr(log, "sink", lambda record: lines.append(record.text))
    return lines


def cache_in(folder: Path) -> MusicCache:
    def at_once(work: Any) -> Deferred[None]:
        work()
        return succeed(None)

    return MusicCache(str(folder), WebClient(reactor), at_once)


async def through(cache: MusicCache, url: str) -> None:
    cache.refresh(url)
    assert cache.awaited(url)
    for _ in range(200):
        if not cache.awaited(url):
            return
        await deferLater(reactor, 0.02, lambda: None)  # type: ignore[arg-type]
    raise AssertionError(f"{url} did not come")


@pytest_twisted.ensureDeferred
async def test_what_comes_is_kept_and_fetched_anew(page: Any, tmp_path: Path, said: list[str]) -> None:
    cache = cache_in(tmp_path / "cache")
    for path, form in (("/x.ulaw?key=1", ULAW), ("/typed", ALAW)):
        url = page.base + path
        assert cache.find(url) is None
        await through(cache, url)
        found = cache.find(url)
        assert found is not None and found[1] is form and Path(found[0]).read_bytes() == page.sound
        assert cache_in(tmp_path / "cache").find(url) == found
    page.sound = b"\x7f" * 400
    await through(cache, page.base + "/typed")
    found = cache.find(page.base + "/typed")
    assert found is not None and Path(found[0]).read_bytes() == page.sound
    assert said == []


@pytest_twisted.ensureDeferred
async def test_what_is_no_sound_is_said_without_secrets(page: Any, tmp_path: Path, said: list[str]) -> None:
    cache = cache_in(tmp_path)
    host = page.base.removeprefix("http://")
    for path, why in (("/none.ulaw", "404"), ("/page", "text/html"), ("/bad.wav", "bad|wav|RIFF")):
        await through(cache, f"http://al:secret@{host}{path}?token=secret")
        assert cache.find(f"http://al:secret@{host}{path}?token=secret") is None
        assert any(word in said[-1] for word in why.split("|")) and "secret" not in said[-1] and path in said[-1]
    cache.refresh(page.base + "/never")
    cache.stop()
    assert len(said) == 3 and not cache.awaited(page.base + "/never")


def test_who_is_held_meanwhile_hears_it_when_it_is_there(tmp_path: Path, said: list[str]) -> None:
    """An entry on its way is no error; nothing else to play: it is looked for again."""
    there: dict[str, tuple[str, Any]] = {}
    stage = Stage(tmp_path, milliseconds=1000)
    clock, music, played = stage.clock, stage.switch.music, stage.played
    music.find, music.awaited = lambda name, language, formats: there.get(name), lambda name: True
    music.classes["web"] = MusicClass("web", "playlist", files=("http://x/a.ulaw",))
    channel = stage.channel()
    assert music.start(channel, "web") and played == []
    clock.advance(0.5)
    assert played == [] and channel in music.playing
    there["http://x/a.ulaw"] = (str(stage.file), ULAW)
    clock.advance(0.5)
    assert len(played) == 1
    music.stop(channel)
    assert not any("Unable" in line for line in said)
