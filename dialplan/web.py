"""What the dialplan asks of the web: a request and its answer, as data; who fetches is handed from above."""

from __future__ import annotations

from dataclasses import dataclass


class WebError(Exception):
    """There was no answer; its text says why, without names and passwords."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WebRequest:
    """One request.  Times in seconds; body None: GET, else POST."""

    url: str
    body: bytes | None = None
    headers: tuple[tuple[str, str], ...] = ()
    #: for the whole of it, and for the connection
    timeout: float = 180.0
    connect_timeout: float = 180.0
    follow: bool = False
    #: redirects that are followed, -1: all
    redirects: int = -1
    agent: str = ""
    referer: str = ""
    cookie: str = ""
    user: str = ""
    password: str = ""
    proxy: str = ""
    proxy_port: int = 1080
    verify_peer: bool = True
    verify_host: bool = True
    #: a file of certificates to trust in the place of the system's
    authorities: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class WebAnswer:
    """`head`: the status line and the headers as they came, to their empty line."""

    status: int
    head: bytes
    body: bytes
