"""Pages of the web for CURL: Twisted's client, with the options that the dialplan knows."""

from __future__ import annotations

from base64 import b64encode
from typing import Any, cast

from OpenSSL import SSL
from twisted.internet import ssl
from twisted.internet.defer import Deferred, succeed
from twisted.internet.endpoints import HostnameEndpoint
from twisted.internet.error import ConnectError, DNSLookupError
from twisted.internet.interfaces import IOpenSSLClientConnectionCreator
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure
from twisted.web.client import (
    URI,
    Agent,
    BrowserLikePolicyForHTTPS,
    ProxyAgent,
    RedirectAgent,
    ResponseDone,
)
from twisted.web.http import PotentialDataLoss
from twisted.web.http_headers import Headers
from twisted.web.iweb import IBodyProducer, IPolicyForHTTPS, IResponse
from zope.interface import implementer

from pbx.dialplan.web import WebAnswer, WebError, WebRequest

#: Bytes of an answer; a longer one is refused rather than kept in memory.
MOST = 16 * 1024 * 1024
#: Redirects that are followed where no limit is set.
REDIRECTS = 50


@implementer(IBodyProducer)
class _Body:
    """What is posted."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self.length = len(data)

    def startProducing(self, consumer: Any) -> Deferred[None]:
        consumer.write(self._data)
        return succeed(None)

    def stopProducing(self) -> None: ...

    def pauseProducing(self) -> None: ...

    def resumeProducing(self) -> None: ...


class _Reader(Protocol):
    """Collects an answer up to MOST bytes."""

    def __init__(self) -> None:
        self.done: Deferred[bytes] = Deferred(lambda _: self._give_up())
        self._parts: list[bytes] = []
        self._size = 0

    def dataReceived(self, data: bytes) -> None:
        self._size += len(data)
        if self._size > MOST:
            self._end(WebError(f"the answer has more than {MOST} bytes"))
            self._give_up()
        else:
            self._parts.append(data)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        if reason.check(ResponseDone, PotentialDataLoss):
            self._end(b"".join(self._parts))
        else:
            self._end(WebError("the answer broke off"))

    def _end(self, result: bytes | Exception) -> None:
        if not self.done.called:
            if isinstance(result, bytes):
                self.done.callback(result)
            else:
                self.done.errback(result)

    def _give_up(self) -> None:
        if self.transport is not None:
            cast("Any", self.transport).abortConnection()


@implementer(IOpenSSLClientConnectionCreator)
class _Lenient:
    """A TLS connection whose certificate need not name the host; `verify`: it has to be trusted nevertheless."""

    def __init__(self, host: bytes, trust: Any, verify: bool) -> None:
        self._host = host
        options = ssl.CertificateOptions(trustRoot=trust) if verify else ssl.CertificateOptions(verify=False)
        self._context = options.getContext()

    def clientConnectionForTLS(self, protocol: Any) -> SSL.Connection:
        connection = SSL.Connection(self._context, None)
        connection.set_app_data(protocol)
        if not self._host.replace(b".", b"").isdigit() and b":" not in self._host:
            connection.set_tlsext_host_name(self._host)
        return connection


@implementer(IPolicyForHTTPS)
class _Policy:
    """Which certificates are trusted."""

    def __init__(self, request: WebRequest) -> None:
        self._request = request

    def creatorForNetloc(self, hostname: bytes, port: int) -> Any:
        request = self._request
        trust: Any = ssl.platformTrust()
        if request.authorities:
            with open(request.authorities, "rb") as file:
                parts = file.read().split(b"-----BEGIN CERTIFICATE-----")[1:]
            trust = ssl.trustRootFromCertificates(
                [ssl.Certificate.loadPEM(b"-----BEGIN CERTIFICATE-----" + part) for part in parts]
            )
        if request.verify_peer and request.verify_host:
            return BrowserLikePolicyForHTTPS(trust).creatorForNetloc(hostname, port)
        return _Lenient(hostname, trust, request.verify_peer)


class WebClient:
    """`fetch` of the dialplan's services."""

    def __init__(self, reactor: Any) -> None:
        self._reactor = reactor

    def __call__(self, request: WebRequest) -> Deferred[WebAnswer]:
        """Fails with WebError; cancelling it gives up."""
        fetching = Deferred.fromCoroutine(self._fetch(request))
        late: list[bool] = []

        def give_up() -> None:
            late.append(True)
            fetching.cancel()

        timer = self._reactor.callLater(request.timeout, give_up)

        def finished(result: object) -> object:
            if timer.active():
                timer.cancel()
            if not isinstance(result, Failure) or result.check(WebError):
                return result
            if late:
                return Failure(WebError(f"no answer within {request.timeout:g} s"))
            return Failure(WebError(_why(result)))

        return fetching.addBoth(finished)

    async def _fetch(self, request: WebRequest) -> WebAnswer:
        url = request.url.encode("utf-8", "surrogateescape")
        scheme = url.partition(b"://")[0].lower()
        if scheme not in (b"http", b"https"):
            raise WebError(f"only http and https are fetched here, not {scheme.decode('ascii', 'replace')}")
        body = None if request.body is None else _Body(request.body)
        method = b"GET" if body is None else b"POST"
        response = await self._agent(request, scheme).request(method, url, _headers(request), body)
        reader = _Reader()
        response.deliverBody(reader)
        data = await reader.done
        return WebAnswer(status=response.code, head=_head(response), body=data)

    def _agent(self, request: WebRequest, scheme: bytes) -> Any:
        agent: Any
        if request.proxy:
            if scheme == b"https":
                raise WebError("https through a proxy is not there")
            host = request.proxy.partition("://")[2] or request.proxy
            uri = URI.fromBytes(f"http://{host}".encode(), defaultPort=request.proxy_port)
            endpoint = HostnameEndpoint(self._reactor, uri.host, uri.port, timeout=request.connect_timeout)
            agent = ProxyAgent(endpoint, self._reactor)
        else:
            agent = Agent(self._reactor, _Policy(request), connectTimeout=request.connect_timeout)
        if request.follow:
            agent = RedirectAgent(agent, REDIRECTS if request.redirects < 0 else request.redirects)
        return agent


def _headers(request: WebRequest) -> Headers:
    headers = Headers()
    for name, value in (("User-Agent", request.agent), ("Referer", request.referer), ("Cookie", request.cookie)):
        if value:
            headers.addRawHeader(name, value)
    headers.addRawHeader("Accept", "*/*")
    if request.user:
        secret = f"{request.user}:{request.password}".encode("utf-8", "surrogateescape")
        headers.addRawHeader(b"Authorization", b"Basic " + b64encode(secret))
    given = {name.lower() for name, _ in request.headers}
    for name in given:
        headers.removeHeader(name)
    for name, value in request.headers:
        if name and value:
            headers.addRawHeader(name, value)
    return headers


def _head(response: IResponse) -> bytes:
    protocol, major, minor = response.version
    lines = [b"%s/%d.%d %d %s" % (protocol, major, minor, response.code, response.phrase)]
    lines += [name + b": " + value for name, values in response.headers.getAllRawHeaders() for value in values]
    return b"\r\n".join([*lines, b"", b""])


def _why(failure: Failure) -> str:
    """What went wrong, in few words."""
    reasons = getattr(failure.value, "reasons", None)
    if reasons:
        failure = reasons[0]
    error = failure.value
    if isinstance(error, DNSLookupError):
        return "there is no host of that name"
    if isinstance(error, ConnectError):
        return str(error) or "no connection"
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
