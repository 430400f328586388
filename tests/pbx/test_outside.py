"""CURL and the DNS functions against real servers on loopback, in this process's reactor."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import pytest
import pytest_twisted
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from twisted.internet import reactor, ssl
from twisted.internet.defer import Deferred
from twisted.names import dns
from twisted.names.authority import FileAuthority
from twisted.names.server import DNSServerFactory
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET, Site
from twisted.web.util import redirectTo

from pbx.dialplan.web import WebError
from pbx.dnsclient import DnsClient
from pbx.webclient import WebClient
from tests.dialplan.stage import Stage

HOST = "127.0.27.40"


class Page(Resource):
    """Answers by its path, and remembers requests."""

    isLeaf = True

    def __init__(self) -> None:
        super().__init__()
        self.requests: list[tuple[bytes, bytes, dict[bytes, bytes], bytes]] = []

    def render(self, request: Any) -> Any:
        headers = {name.lower(): values[-1] for name, values in request.requestHeaders.getAllRawHeaders()}
        self.requests.append((request.method, request.path, headers, request.content.read()))
        match request.path:
            case b"/hash":
                return b"name=J%C3%B6rg+B&size=4,5&empty="
            case b"/moved":
                return redirectTo(b"/plain", request)
            case b"/missing":
                request.setResponseCode(404)
                return b"not here"
            case b"/never":
                return NOT_DONE_YET
            case b"/huge":
                return bytes(17 * 1024 * 1024)
        return b"hello, world \r\n"


def _certificate(folder: Path) -> Path:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "pbx test")])
    import datetime

    now = datetime.datetime.now(datetime.UTC)
    built = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    built = built.serial_number(7).not_valid_before(now - datetime.timedelta(1))
    built = built.not_valid_after(now + datetime.timedelta(1))
    built = built.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    certificate = built.sign(key, hashes.SHA256())
    path = folder / "server.pem"
    path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
        )
        + certificate.public_bytes(serialization.Encoding.PEM)
    )
    return path


class Web:
    """A plain and a TLS server with one page; `asked` runs `CURL(...)` on a channel."""

    def __init__(self, folder: Path) -> None:
        self.page = Page()
        self.pem = _certificate(folder)
        site = Site(self.page)
        context = ssl.PrivateCertificate.loadPEM(self.pem.read_bytes()).options()
        self.ports = [
            reactor.listenTCP(0, site, interface=HOST),  # type: ignore[attr-defined]
            reactor.listenSSL(0, site, context, interface=HOST),  # type: ignore[attr-defined]
        ]
        self.http, self.https = (port.getHost().port for port in self.ports)
        self.stage = Stage(folder, fetch=WebClient(reactor))
        self.scope = self.stage.scope(self.stage.channel())

    async def asked(self, url: str) -> str:
        """What `${CURL(url)}` gives; no virtual time passes meanwhile."""
        from pbx.dialplan.registry import Suspend

        scope = self.scope
        try:
            return scope.evaluate("${CURL(" + url + ")}")
        except Suspend as wait:
            return await scope.evaluate_again("${CURL(" + url + ")}", wait)

    async def stop(self) -> None:
        for port in self.ports:
            await port.stopListening()


@pytest.fixture
def web(tmp_path: Path) -> Any:
    server = Web(tmp_path)
    yield server
    pytest_twisted.blockon(Deferred.fromCoroutine(server.stop()))


@pytest_twisted.ensureDeferred
async def test_pages(web: Web) -> None:
    base = f"http://{HOST}:{web.http}"
    assert await web.asked(f"{base}/plain") == "hello, world"
    assert await web.asked(f"{HOST}:{web.http}/plain") == "hello, world"
    assert await web.asked(f"{base}/post,a=1&b=2") == "hello, world"
    method, path, headers, body = web.page.requests[-1]
    assert (method, path, body) == (b"POST", b"/post", b"a=1&b=2")
    assert headers[b"content-type"] == b"application/x-www-form-urlencoded"
    assert await web.asked(f"{base}/missing") == "not here"
    web.scope.set("CURLOPT(failurecodes)", "404,500")
    assert await web.asked(f"{base}/missing") == ""
    assert await web.asked("ftp://example.org/x") == ""


@pytest_twisted.ensureDeferred
async def test_options(web: Web) -> None:
    base = f"http://{HOST}:{web.http}"
    scope = web.scope
    for name, value in (
        ("useragent", "me"), ("referer", "there"), ("cookie", "a=b"), ("userpwd", "al:secret"),
        ("httpheader", "X-A: 1"),
        ("httpheader", "X-B: 2"), ("header", "yes"), ("httptimeout", "2.5"),
    ):  # fmt: skip
        scope.set(f"CURLOPT({name})", value)
    assert scope.function("CURLOPT", "httptimeout") == "2.500"
    assert scope.function("CURLOPT", "header") == "1"
    assert scope.function("CURLOPT", "nothing") is None
    text = await web.asked(f"{base}/plain")
    assert text.startswith("HTTP/1.1 200 OK\r\n") and text.endswith("\r\n\r\nhello, world")
    headers = web.page.requests[-1][2]
    assert (headers[b"user-agent"], headers[b"referer"], headers[b"cookie"]) == (b"me", b"there", b"a=b")
    assert headers[b"authorization"] == b"Basic " + base64.b64encode(b"al:secret")
    assert (headers[b"x-a"], headers[b"x-b"]) == (b"1", b"2")
    scope.set("CURLOPT(header)", "no")
    assert "here" in await web.asked(f"{base}/moved")
    scope.set("CURLOPT(followlocation)", "1")
    assert await web.asked(f"{base}/moved") == "hello, world"


@pytest_twisted.ensureDeferred
async def test_an_answer_as_a_hash(web: Web) -> None:
    scope = web.scope
    scope.set("CURLOPT(hashcompat)", "legacy")
    scope.set("HASH(h)", await web.asked(f"http://{HOST}:{web.http}/hash"))
    assert [scope.function("HASH", f"h,{key}") for key in ("name", "size", "empty")] == ["Jörg B", "4,5", ""]


@pytest_twisted.ensureDeferred
async def test_https_is_trusted_by_certificate(web: Web) -> None:
    url = f"https://{HOST}:{web.https}/plain"
    scope = web.scope
    assert await web.asked(url) == ""
    scope.set("CURLOPT(ssl_verifyhost)", "0")
    assert await web.asked(url) == ""
    scope.set("CURLOPT(ssl_cainfo)", str(web.pem))
    assert await web.asked(url) == "hello, world"
    scope.set("CURLOPT(ssl_cainfo)", "")
    scope.set("CURLOPT(ssl_verifypeer)", "0")
    assert await web.asked(url) == "hello, world"


@pytest_twisted.ensureDeferred
async def test_what_goes_wrong_is_told_and_never_waits_for_ever(web: Web) -> None:
    from pbx.dialplan.web import WebRequest

    client = WebClient(reactor)
    for path, more, word in (
        ("never", {"timeout": 0.3}, "within 0.3 s"),
        ("huge", {}, "more than"),
    ):
        with pytest.raises(WebError, match=word):
            await client(WebRequest(url=f"http://{HOST}:{web.http}/{path}", **more))  # type: ignore[arg-type]
    with pytest.raises(WebError):
        await client(WebRequest(url=f"http://{HOST}:1/"))


# ---- names -----------------------------------------------------------------------------------------------------------


class Zone(FileAuthority):  # type: ignore[misc]
    """The records of these tests."""

    def __init__(self) -> None:
        super().__init__(None)

    def loadFile(self, filename: object) -> None:
        def naptr(order: int, preference: int, service: bytes, regexp: bytes) -> Any:
            return dns.Record_NAPTR(order, preference, b"u", service, regexp, b"", ttl=60)

        self.soa = (b"arpa.test", dns.Record_SOA(b"arpa.test", b"x.test", 1, 60, 60, 60, 60, 60))
        self.records = {
            b"arpa.test": [self.soa[1]],
            b"3.2.1.arpa.test": [
                naptr(20, 10, b"E2U+iax2", b"!^\\+(.*)$!iax2:guest@box/\\1!"),
                naptr(10, 20, b"E2U+sip", b"!^.*$!sip:second@example.org!"),
                naptr(10, 10, b"E2U+sip", b"!^.*$!sip:first@example.org!"),
                naptr(5, 10, b"E2U+tel", b"broken"),
                dns.Record_TXT(b"Front ", b"Desk", ttl=60),
            ],
            b"_iax._udp.arpa.test": [
                dns.Record_SRV(20, 0, 4570, b"two.arpa.test", ttl=60),
                dns.Record_SRV(10, 5, 4569, b"one.arpa.test", ttl=60),
            ],
        }


@pytest_twisted.ensureDeferred
async def test_records_of_a_number_and_a_service(tmp_path: Path) -> None:
    server = reactor.listenUDP(  # type: ignore[attr-defined]
        0, dns.DNSDatagramProtocol(DNSServerFactory(authorities=[Zone()])), interface=HOST
    )
    try:
        stage = Stage(tmp_path, look_up=DnsClient(reactor, [(HOST, server.getHost().port)]))
        scope = stage.scope(stage.channel())

        async def value(text: str) -> str:
            from pbx.dialplan.registry import Suspend

            try:
                return scope.evaluate(text)
            except Suspend as wait:
                return await scope.evaluate_again(text, wait)

        for text, wanted in (
            ("${ENUMLOOKUP(+123,sip,,1,arpa.test)}", "first@example.org"),
            ("${ENUMLOOKUP(+1-2-3,sip,,2,arpa.test)}", "second@example.org"),
            ("${ENUMLOOKUP(+123,sip,u,1,arpa.test)}", "sip:first@example.org"),
            ("${ENUMLOOKUP(+123,iax2,,1,arpa.test)}", "guest@box/123"),
            ("${ENUMLOOKUP(+123,ALL,,3,arpa.test)}", "iax2:guest@box/123"),
            ("${ENUMLOOKUP(+123,sip,c,,arpa.test)}", "2"),
            ("${ENUMLOOKUP(+124,sip,,1,arpa.test)}", ""),
            ("${TXTCIDNAME(123,arpa.test)}", "Front Desk"),
            ("${TXTCIDNAME(124,arpa.test)}", ""),
            ("${SRVQUERY(_iax._udp.arpa.test)}", "_iax._udp.arpa.test"),
            ("${SRVRESULT(_iax._udp.arpa.test,getnum)}", "2"),
            ("${SRVRESULT(_iax._udp.arpa.test,1,host)}:${SRVRESULT(_iax._udp.arpa.test,1,port)}", "one.arpa.test:4569"),
            ("${SRVRESULT(_iax._udp.arpa.test,2,priority)}", "20"),
        ):
            assert await value(text) == wanted, text
        scope.set("id", await value("${ENUMQUERY(+123,sip,arpa.test)}"))
        assert await value("${ENUMRESULT(${id},getnum)} ${ENUMRESULT(${id},2)}") == "2 second@example.org"
        assert await value("${ENUMRESULT(99,getnum)}") == ""
    finally:
        await server.stopListening()
