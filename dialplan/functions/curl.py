"""CURL and CURLOPT: pages of the web read by the dialplan."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote_to_bytes

from twisted.internet.defer import Deferred

from pbx.dialplan import octets
from pbx.dialplan.arguments import fields, truth
from pbx.dialplan.functions.common import c_float, c_int
from pbx.dialplan.registry import FunctionError, Suspend, function
from pbx.dialplan.scope import Scope
from pbx.dialplan.web import WebAnswer, WebError, WebRequest

_MODULE = "func_curl"
#: option -> kind: b yes or no, i a whole number, s seconds, t text, e one of some words
_OPTIONS = {
    "header": "b", "httpheader": "t", "proxy": "t", "proxyport": "i", "proxytype": "e", "dnstimeout": "s",
    "userpwd": "t", "proxyuserpwd": "t", "httpauth": "e", "followlocation": "b", "maxredirs": "i", "referer": "t",
    "useragent": "t", "cookie": "t", "ftptimeout": "s", "httptimeout": "s", "conntimeout": "s", "ftptext": "b",
    "ssl_verifypeer": "b", "ssl_verifyhost": "i", "ssl_cainfo": "t", "ssl_capath": "t", "ssl_cert": "t",
    "ssl_certtype": "t", "ssl_key": "t", "ssl_keytype": "t", "ssl_keypasswd": "t", "hashcompat": "e",
    "failurecodes": "t",
}  # fmt: skip
#: those that are kept and do nothing here
_UNDONE = {
    "proxytype", "proxyuserpwd", "dnstimeout", "ftptimeout", "ftptext", "ssl_capath", "ssl_cert", "ssl_certtype",
    "ssl_key", "ssl_keytype", "ssl_keypasswd",
}  # fmt: skip
_HASH = {"legacy": "legacy", "yes": "yes"}


def _kept(scope: Scope) -> dict[str, Any]:
    """Options of this channel, or the global ones."""
    place = scope.services.shared if scope.channel is None else scope.notes
    found: dict[str, Any] = place.setdefault("curlopt", {})
    return found


def _settings(scope: Scope) -> dict[str, Any]:
    """The channel's options over the global ones; headers of both."""
    everywhere: Mapping[str, Any] = scope.services.shared.get("curlopt", {})
    here = _kept(scope)
    headers = (*everywhere.get("httpheader", ()), *(here.get("httpheader", ()) if here is not everywhere else ()))
    return {**everywhere, **here, "httpheader": headers}


@function("CURLOPT", syntax="CURLOPT(key)", synopsis="An option of CURL, for this channel", module=_MODULE)
def curlopt(scope: Scope, args: str) -> str:
    key = args.lower()
    kind = _OPTIONS.get(key)
    if kind is None:
        raise FunctionError(f"there is no option '{args}'")
    settings = _settings(scope)
    value = settings.get(key)
    if value is None or (key == "httpheader" and not value):
        raise FunctionError(f"'{args}' is not set")
    if key == "httpheader":
        return str(value[0])
    if kind == "s":
        return str(value // 1000) if value % 1000 == 0 else f"{value / 1000:.3f}"
    return str(int(value)) if kind == "b" else str(value)


@curlopt.writer
def _curlopt(scope: Scope, args: str, value: str) -> None:
    key = args.lower()
    kind = _OPTIONS.get(key)
    if kind is None:
        raise FunctionError(f"there is no option '{args}'")
    kept = _kept(scope)
    if key == "httpheader":
        kept[key] = (*kept.get(key, ()), value)
    elif kind == "b":
        kept[key] = truth(value)
    elif kind == "i":
        kept[key] = c_int(value) or 0
    elif kind == "s":
        kept[key] = int((c_float(value) or 0.0) * 1000)
    elif key == "hashcompat":
        kept[key] = _HASH.get(value.lower(), "yes" if truth(value) else "no")
    elif key == "httpauth":
        wrong = [word for word in value.lower().split(",") if word not in ("basic", "digest")]
        if wrong:
            raise FunctionError(f"httpauth is basic or digest, not '{wrong[0]}'")
        kept[key] = value.lower()
    else:
        kept[key] = value
    if key in _UNDONE or (key == "httpauth" and "basic" not in kept[key]):
        raise FunctionError(f"{key} does nothing here; the request is made without it")


def _request(scope: Scope, url: str, body: str | None) -> WebRequest:
    if not url:
        raise FunctionError("requires an argument (URL)")
    if "\r" in url or "\n" in url:
        raise FunctionError("an URL has no line ends")
    if "://" not in url:
        url = f"http://{url}"
    found = _settings(scope)
    user, _, password = str(found.get("userpwd", "")).partition(":")
    headers = []
    for line in found["httpheader"]:
        name, _, value = line.partition(":")
        headers.append((name.strip(), value.strip()))
    if body is not None and not headers:
        headers.append(("Content-Type", "application/x-www-form-urlencoded"))
    return WebRequest(
        url=url,
        body=None if body is None else octets.to_bytes(body),
        headers=tuple(headers),
        timeout=found.get("httptimeout", 180_000) / 1000,
        connect_timeout=found.get("conntimeout", 180_000) / 1000,
        follow=bool(found.get("followlocation")),
        redirects=found.get("maxredirs", -1),
        agent=found.get("useragent", "asterisk-libcurl-agent/1.0"),
        referer=found.get("referer", ""),
        cookie=found.get("cookie", ""),
        user=user,
        password=password,
        proxy=found.get("proxy", ""),
        proxy_port=found.get("proxyport", 1080),
        verify_peer=bool(found.get("ssl_verifypeer", True)),
        verify_host=bool(found.get("ssl_verifyhost", 2)),
        authorities=found.get("ssl_cainfo", ""),
    )


async def _fetched(scope: Scope, request: WebRequest) -> bytes | None:
    """The answer's body, with its headers if they are wanted; None, said, if there is none."""
    found = _settings(scope)
    fetching: Deferred[Any] = scope.services.fetch(request)
    try:
        answer: WebAnswer | None = await (fetching if scope.channel is None else scope.channel.wait(fetching))
    except WebError as error:
        _warn(scope, f"CURL: {error}")
        return None
    if answer is None:
        return None
    failures = {c_int(code) for code in str(found.get("failurecodes", "")).split(",") if code}
    if answer.status in failures:
        _warn(scope, f"CURL: the answer was {answer.status}")
        return None
    return answer.head + answer.body if found.get("header") else answer.body


def _warn(scope: Scope, text: str) -> None:
    if scope.run is not None:
        scope.run.warn(text)


@function(
    "CURL",
    syntax="CURL(url[,post-data])",
    synopsis="What a page of the web holds (GET, or POST with data); written: the file that it goes to",
    dangerous="write",
    module=_MODULE,
)
def curl(scope: Scope, args: str) -> str:
    url, body = fields(args, 2)
    request = _request(scope, url, body if "," in args and len(fields(args, 2)[1]) else None)

    async def fetch() -> str:
        data = await _fetched(scope, request)
        if data is None:
            return ""
        text = octets.from_bytes(data.partition(b"\0")[0]).rstrip(" \t\r\n\v\f")
        mode = _settings(scope).get("hashcompat", "no")
        return text if mode == "no" else _as_hash(scope, text, legacy=mode == "legacy")

    raise Suspend(fetch)


def _as_hash(scope: Scope, text: str, *, legacy: bool) -> str:
    """The values of `a=1&b=2`, for HASH(x)=; their names go to where HASH looks for them."""

    def plain(word: str) -> str:
        word = word.replace("+", " ") if legacy else word
        return octets.from_bytes(unquote_to_bytes(octets.to_bytes(word))).replace("\\", "\\\\").replace(",", "\\,")

    pairs = [piece.partition("=") for piece in text.split("&")] if text else []
    scope.set("~ODBCFIELDS~", ",".join(plain(name) for name, _, _ in pairs))
    return ",".join(plain(value) for _, _, value in pairs)


@curl.writer
def _curl(scope: Scope, args: str, value: str) -> None:
    path = fields(value, 1)[0] if value else ""
    if not path:
        raise FunctionError("requires a file to write")
    request = _request(scope, args, None)

    async def store() -> None:
        data = await _fetched(scope, request)

        def write() -> None:
            with open(path, "wb") as file:
                file.write(data or b"")

        try:
            await scope.services.blocking(write)
        except OSError as error:
            _warn(scope, f"Failed to open file {path}: {error.strerror}")

    # the call goes on when the file is there
    scope.pending = store
