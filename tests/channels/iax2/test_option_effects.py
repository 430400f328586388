"""Each option of iax.conf does what its row of docs/iax.conf.md says: with it and without it, something differs."""

from __future__ import annotations

import socket
from typing import Any

import pytest
from twisted.internet.task import Clock

from pbx.channels.causes import Cause
from pbx.channels.events import Bus, Control
from pbx.channels.iax2 import showing
from pbx.channels.iax2.acl import load_named
from pbx.channels.iax2.call import Call, CannotCall, Outgoing
from pbx.channels.iax2.driver import Driver
from pbx.channels.iax2.elements import Element, Elements
from pbx.channels.iax2.frames import Command, FrameType, parse_full
from pbx.channels.iax2.settings_load import from_text
from pbx.channels.iax2.sockets import bind
from pbx.channels.interrupts import Hangup
from pbx.channels.party import Caller
from pbx.channels.switch import Switch
from pbx.codecs.formats import ULAW
from pbx.conf.diagnostics import Diagnostics
from pbx.conf.reader import read_text
from tests.channels.iax2.boxes import Boxes
from tests.channels.world import PortLog, Scripts
from tests.simulation.network import Box, Network, Plan

A, B = ("127.0.53.20", 4569), ("127.0.53.21", 4569)
PEER = "[b]\ntype=peer\nhost=127.0.53.21\n"
USER = "[a]\ntype=user\nsecret=sesame\n"


class Link:
    """A calls B; what each end has in iax.conf beside the least."""

    def __init__(self, caller: str = "", callee: str = "", general_a: str = "", general_b: str = "") -> None:
        self.net = Network(5)
        self.net.log = []
        secret = "" if "username" in caller else "username=a\nsecret=sesame\n"
        self.a = Box(self.net, A, f"[general]\n{general_a}\n{PEER}{secret}{caller}\n")
        plan = Plan({name: {"600", "s", "600-1"} for name in ("default", "one", "two", "three")})
        self.b = Box(self.net, B, f"[general]\n{general_b}\n{USER}{callee}\n", plan)

    def call(self, exten: str = "600", **more: Any) -> Call:
        call = self.a.endpoint.place_call(Outgoing("b", exten=exten, **more), self.net.now)
        self.a.pump()
        self.net.run(1)
        return call

    def arrived(self, exten: str = "600", **more: Any) -> Any:
        """The request that came out at B."""
        self.call(exten, **more)
        (call,) = self.b.incoming
        assert call.request is not None
        return call.request

    def sent(self, command: int, source: tuple[str, int] = A) -> list[tuple[float, Elements]]:
        assert self.net.log is not None
        found = []
        for when, origin, _, data in self.net.log:
            if origin == source and data[0] & 0x80:
                frame = parse_full(data)
                if frame.type == FrameType.IAX and frame.subclass == command:
                    found.append((when, Elements.parse(frame.data)))
        return found


# ---- what calls get ----------------------------------------------------------------------------------------

ANN = Caller("(555) 12-34", "Ann", ani="777")


@pytest.mark.parametrize(
    ("line", "caller"),
    [
        ("", ("5551234", "Ann")),
        ('callerid="Bob" <99>', ("99", "Bob")),
        ("cid_number=98", ("98", None)),
        ("fullname=Carl", (None, "Carl")),
    ],
)
def test_caller_ids(line: str, caller: tuple[str | None, str | None]) -> None:
    request = Link(callee=line).arrived(caller=ANN)
    assert (request.caller.number, request.caller.name) == caller


def test_shrinkcallerid() -> None:
    assert Link(general_b="shrinkcallerid=no").arrived(caller=ANN).caller.number == "(555) 12-34"


def test_sendani() -> None:
    assert Link().arrived(caller=ANN).caller.ani != "777"
    assert Link(caller="sendani=yes").arrived(caller=ANN).caller.ani == "777"


def test_language() -> None:
    assert Link().arrived(language="de").language == "de"
    assert Link(callee="language=fr").arrived(language="de").language == "fr"
    assert Link(general_b="language=it").arrived(language="de").language == "it"


def test_contexts() -> None:
    assert Link().arrived().context == "default"
    assert Link(callee="context=one\ncontext=two").arrived().context == "one"
    assert Link(callee="context=one\ncontext=two").arrived(context="two").context == "two"
    assert Link("peercontext=two", "context=one\ncontext=two").arrived().context == "two"
    assert Link(callee="context=one\ncontext=*").arrived(context="three").context == "three"
    refused = Link(callee="context=one\ncontext=two")
    refused.call(context="three")
    assert not refused.b.incoming
    assert refused.b.verdicts[0].place == "iax.conf:7"


def test_username() -> None:
    link = Link("username=nobody\nsecret=sesame")
    link.call()
    assert [v.who for v in link.b.verdicts] == ["nobody"]


def test_immediate() -> None:
    link = Link()
    link.call("TBD")
    assert not link.b.incoming
    assert Link(callee="immediate=yes").arrived("TBD").exten == "s"


def test_timezone() -> None:
    def hour(zone: str) -> int:
        link = Link(f"timezone={zone}")
        link.call()
        return (link.sent(Command.NEW)[0][1].uint(Element.DATETIME) or 0) >> 11 & 31

    assert (hour("Asia/Tokyo") - hour("UTC")) % 24 == 9


# ---- formats -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("priority", "chosen"), [("host", 8), ("caller", 2), ("disabled", 2), ("reqonly", 2), ("", 8)])
def test_codecpriority(priority: str, chosen: int) -> None:
    formats_a = "disallow=all\nallow=gsm\nallow=alaw"
    link = Link(formats_a, f"disallow=all\nallow=alaw\nallow=gsm\n{priority and 'codecpriority=' + priority}")
    assert link.call(formats=(2, 8)).format == chosen


def test_bandwidth() -> None:
    high, low = Link(), Link(general_a="bandwidth=low")
    capability = [link.call().capability for link in (high, low)]
    assert capability[0] & 4
    assert not capability[1] & 4
    assert capability[1] & 2


# ---- logins ------------------------------------------------------------------------------------------------


def let_in(link: Link) -> bool:
    link.call()
    return bool(link.b.incoming)


def test_dbsecret_of_both_ends() -> None:
    for stored, good in (("opensesame", True), ("sesame", False), (None, False)):
        link = Link(callee="dbsecret=secrets/a", caller="secret=x\nusername=a\ndbsecret=mine/deep/b")
        link.a.endpoint.core.keys.stored = lambda family, key: (
            "opensesame" if (family, key) == ("mine/deep", "b") else None
        )
        link.b.endpoint.core.keys.stored = lambda family, key, s=stored: (
            s if (family, key) == ("secrets", "a") else None
        )  # type: ignore[misc]
        assert let_in(link) is good
    assert "iax.conf:6" in link.b.verdicts[0].place


def test_md5secret_is_the_secret_of_a_challenge() -> None:
    digest = "0123456789abcdef0123456789abcdef"
    assert let_in(Link(f"username=a\nmd5secret={digest}", f"secret=other\nmd5secret={digest}"))
    assert not let_in(Link(f"username=a\nmd5secret={digest[::-1]}", f"secret=other\nmd5secret={digest}"))


def test_permit_deny_and_named_acl() -> None:
    assert not let_in(Link(callee="deny=0.0.0.0/0"))
    assert let_in(Link(callee="deny=0.0.0.0/0\npermit=127.0.53.20"))
    found = Diagnostics()
    lists = load_named(read_text("[few]\ndeny=0.0.0.0/0\npermit=127.0.53.99\n", "acl.conf", diagnostics=found), found)
    settings = from_text(f"[general]\n{USER}acl=few\n", named_lists=lists)
    link = Link()
    link.b.endpoint.reload(settings, link.net.now)
    assert not let_in(link)


def test_maxauthreq() -> None:
    def refused(callee: str, general: str = "") -> int:
        link = Link(callee=callee, general_b=general)
        link.a.endpoint.core.keys.stored = lambda family, key: None
        for _ in range(3):
            link.a.endpoint.place_call(Outgoing("b", exten="600"), link.net.now)
        link.a.pump()
        link.net.link.delay = 0.5
        link.net.run(3)
        return sum(v.security == "SessionLimit" for v in link.b.verdicts)

    assert refused("") == 0
    assert refused("maxauthreq=1") == 2
    assert refused("", "maxauthreq=2") == 1


def test_delayreject() -> None:
    def answered(general: str) -> float:
        link = Link("username=a\nsecret=wrong", general_b=general)
        link.call()
        link.net.run(3)
        return link.sent(Command.REJECT, B)[0][0] - link.sent(Command.AUTHREP)[0][0]

    assert answered("") < 0.5
    assert answered("delayreject=yes") > 1


def test_authorities_by_auth() -> None:
    """auth of [general] and of a section: plain text is only sent where it may be."""
    clear = Link(callee="auth=plaintext")
    assert let_in(clear)
    assert not let_in(Link("auth=md5", "auth=plaintext"))
    assert not let_in(Link(callee="auth=plaintext", general_a="auth=md5"))


# ---- timers ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("option", "command"), [("pingtime", Command.PING), ("lagrqtime", Command.LAGRQ)])
def test_how_often(option: str, command: int) -> None:
    def count(general: str) -> int:
        link = Link(general_a=general, general_b="pingtime=1000\nlagrqtime=1000")
        link.call()
        (call,) = link.b.incoming
        call.answer(link.net.now)
        link.b.pump()
        link.net.run(60)
        return len(link.sent(command))

    assert count(f"{option}=3") >= 19
    assert count("") <= 6


def test_autokill_and_qualify_give_up_a_new() -> None:
    def ended(general: str, peer: str = "") -> float | None:
        link = Link(peer, general_a=general)
        link.net.link.cut = True
        begin = link.net.now
        call = link.a.endpoint.place_call(Outgoing("b", exten="600"), begin)
        link.a.pump()
        while link.a.ended(call) is None and link.net.now < begin + 60:
            link.net.run(0.1)
        return link.net.now - begin

    assert (ended("autokill=500") or 0) == pytest.approx(1, abs=0.2)
    assert (ended("autokill=yes") or 0) == pytest.approx(4, abs=0.2)
    assert (ended("") or 0) > 5


@pytest.mark.parametrize(
    ("more", "least", "most"), [("", 10, 11), ("qualifyfreqok=10000", 58, 62), ("qualifyfreqok=300000", 2, 3)]
)
def test_qualifyfreqok(more: str, least: int, most: int) -> None:
    link = Link(f"qualify=yes\n{more}")
    link.net.run(600)
    assert least <= len(link.sent(Command.PONG, B)) <= most


def test_qualifyfreqnotok() -> None:
    def asked(more: str) -> int:
        link = Link(f"qualify=yes\n{more}")
        link.net.link.cut = True
        link.net.run(300)
        return len({when for when, _ in link.sent(Command.POKE)})

    assert asked("qualifyfreqnotok=100000") < asked("") / 3


def test_qualifysmoothing() -> None:
    def lag(more: str) -> int:
        link = Link(f"qualify=yes\nqualifyfreqok=10000\n{more}")
        link.net.run(5)
        link.net.link.delay = 0.1
        link.net.run(8)
        record = link.a.endpoint.peers.get("b")
        assert record is not None
        return record.lag

    assert lag("") == 200
    assert lag("qualifysmoothing=yes") == 120


# ---- where a peer is ---------------------------------------------------------------------------------------


def test_port_defaultip_mask_and_description() -> None:
    net = Network(6)
    conf = "[p]\ntype=peer\nhost=127.0.53.30\nmask=255.255.0.0\nport=5000\ndescription=The attic\n"
    conf += "[d]\ntype=peer\nhost=dynamic\ndefaultip=127.0.53.31\n[n]\ntype=peer\nhost=dynamic\n"
    box = Box(net, A, conf)
    rows = {record.name: showing.peer(record, net.now) for record in box.endpoint.peers}
    assert (rows["p"].host, rows["p"].port, rows["p"].mask) == ("127.0.53.30", 5000, "255.255.0.0")
    assert rows["p"].description == "The attic"
    assert (rows["d"].host, rows["d"].port) == ("127.0.53.31", 4569)
    assert box.endpoint.place_call(Outgoing("d", exten="1"), net.now).address == ("127.0.53.31", 4569)
    with pytest.raises(CannotCall) as caught:
        box.endpoint.place_call(Outgoing("n", exten="1"), net.now)
    assert caught.value.cause == Cause.SUBSCRIBER_ABSENT


def test_sourceaddress() -> None:
    net = Network(6)
    box = Box(net, A, PEER + "sourceaddress=127.0.53.41\n[c]\ntype=peer\nhost=127.0.53.21\nsourceaddress=127.0.53.42\n")
    box.endpoint.core.sockets = [(1, ""), (2, "127.0.53.41")]
    places = [box.endpoint.place_call(Outgoing(name, exten="1"), net.now) for name in "bc"]
    assert [(call.socket, call.local) for call in places] == [(2, ""), (1, "127.0.53.42")]


def test_what_iaxpeer_is_told() -> None:
    net = Network(6)
    box = Box(
        net, A, PEER + 'callerid="Ann" <55>\nmailbox=5@x\ncontext=one\ndisallow=all\nallow=gsm,alaw\nqualify=yes\n'
    )
    record = box.endpoint.peers.get("b")
    assert record is not None
    wanted = {
        "ip": B[0], "port": "4569", "status": "UNKNOWN", "mailbox": "5@x", "context": "one", "expire": "-1",
        "dynamic": "no", "callerid_name": "Ann", "callerid_num": "55", "codecs": "(gsm|alaw)", "codec[0]": "gsm",
        "codec[1]": "alaw", "codec[2]": "", "codec[x]": "", "nonsense": None,
    }  # fmt: skip
    assert {item: showing.peer_item(record, item, net.now) for item in wanted} == wanted


# ---- registration ------------------------------------------------------------------------------------------

DYNAMIC = "[b]\ntype=peer\nhost=dynamic\n"


def registered(general: str = "", peer: str = "", mailbox: Any = None) -> Any:
    net = Network(7)
    client = Box(net, A, "[general]\nregister => b@127.0.53.21\n")
    server = Box(net, B, f"[general]\n{general}\n{DYNAMIC}{peer}\n")
    server.endpoint.core.mailbox = mailbox
    net.run(2)
    (registration,) = client.endpoint.registrations.values()
    return registration, server


def test_minregexpire_and_maxregexpire() -> None:
    assert registered()[0].refresh == 60
    assert registered("minregexpire=100\nmaxregexpire=200")[0].refresh == 100
    assert registered("minregexpire=10\nmaxregexpire=20")[0].refresh == 20


def test_mailbox() -> None:
    assert registered(mailbox={"5@x": (3, 2)}.get)[0].messages is None
    assert registered(peer="mailbox=5@x", mailbox={"5@x": (3, 2)}.get)[0].messages == (3, 2)


def test_maxcallnumbers_of_a_peer_hold_while_it_is_registered() -> None:
    _, server = registered(peer="maxcallnumbers=7")
    assert server.endpoint.core.host_limits == {A[0]: 7}
    server.endpoint.unregister("b", server.net.now)
    assert server.endpoint.core.host_limits == {}


# ---- what only the driver does -----------------------------------------------------------------------------


def test_the_kernel_is_told_tos_cos_and_checksums() -> None:
    bound = bind(1, "127.0.53.43", 0, tos=0xB8, cos=5, checksums=False)
    plain = bind(2, "127.0.53.43", 0)
    levels = ((socket.IPPROTO_IP, socket.IP_TOS), (socket.SOL_SOCKET, socket.SO_PRIORITY), (socket.SOL_SOCKET, 11))
    assert [bound.socket.getsockopt(*level) for level in levels] == [0xB8, 5, 1]
    assert [plain.socket.getsockopt(*level) for level in levels] == [0, 0, 0]
    bound.socket.close()
    plain.socket.close()


def test_the_driver_hands_them_on() -> None:
    conf = (
        "[general]\nbindport=14569\nbindaddr=127.0.53.44\ntos=ef\ncos=5\nnochecksums=yes\n"
        "trunkfreq=40\ntrunkmtu=900\ntrunktimestamps=no\ntrunkmaxsize=5000\n"
    )
    port: Any = PortLog()
    clock = Clock()
    switch = Switch(clock, clock.seconds, Bus(), Scripts())
    driver = Driver(clock, switch, port, from_text(conf), lookup=lambda name: None)  # type: ignore[arg-type, return-value]
    driver.start()
    (bound,) = driver.sockets
    assert (bound.host, bound.port) == ("127.0.53.44", 14569)
    assert bound.socket.getsockopt(socket.IPPROTO_IP, socket.IP_TOS) == 0xB8
    assert bound.socket.getsockopt(socket.SOL_SOCKET, socket.SO_PRIORITY) == 5
    assert bound.socket.getsockopt(socket.SOL_SOCKET, 11) == 1
    assert ("set_trunk", 40, 900, False, 5000, {}) in port.commands
    driver.stop()
    clock.pump([0.1] * 30)


SECTION = """
[general]
bindport=14569
bindaddr=127.0.53.{own}
[a]
type=friend
host=127.0.53.{there}
port=14569
username=a
secret=cheese
{more}
"""


def channel_of(more: str, send: Control | None = None, receiver: str | None = None) -> Any:
    """The channel at the called end, and what the calling end heard."""
    with Boxes() as boxes:
        a = boxes.box(SECTION.format(own=45, there=46, more=more if receiver is None else receiver))
        b = boxes.box(SECTION.format(own=46, there=45, more=more))
        seen: list[Any] = []

        async def phone(channel: Any) -> None:
            channel.answer()
            if send is not None:
                channel.leg.indicate(send, b"x")
            seen.append(channel)
            channel.variables["lot"] = channel.attached.get("parkinglot")
            try:
                await channel.sleep(10)
            except Hangup:
                channel.acknowledge()

        b.scripts["600@default"] = phone
        channel = a.switch.request("IAX2/a/600", (ULAW,), None)
        channel.claim(type("Owner", (), {"left": lambda *_: None})())
        heard: list[Any] = []

        def read() -> None:
            while (event := channel.poll()) is not None:
                heard.append(event)

        channel.watch(read)
        a.switch.call(channel)
        boxes.run(lambda: seen)
        boxes.turn(0.2)
        return seen[0], [e.control for e in heard if hasattr(e, "control")]


def test_what_the_channel_of_a_user_gets() -> None:
    lines = "accountcode=acct\namaflags=billing\nmohsuggest=jazz\nparkinglot=lotx\nsetvar=X=1\nsetvar=Y=a=b"
    channel, _ = channel_of(lines)
    assert (channel.accountcode, channel.amaflags, channel.musicclass) == ("acct", 2, "")
    assert channel.variables["lot"] == "lotx"
    assert (channel.variables["X"], channel.variables["Y"]) == ("1", "a=b")
    plain, _ = channel_of("")
    assert (plain.accountcode, plain.amaflags, plain.musicclass) == ("", 3, "")


@pytest.mark.parametrize(
    ("ours", "theirs", "heard"),
    [
        ("", "", False),
        ("send", "yes", True),
        ("yes", "receive", True),
        ("receive", "yes", False),
        ("yes", "send", False),
    ],
)
@pytest.mark.parametrize("update", [Control.CONNECTED_LINE, Control.REDIRECTING])
def test_connectedline(ours: str, theirs: str, heard: bool, update: Control) -> None:
    lines = [f"connectedline={word}" if word else "" for word in (ours, theirs)]
    _, controls = channel_of(lines[0], update, lines[1])
    assert (update in controls) is heard


def test_mohinterpret() -> None:
    for word, passed in (("passthrough", True), ("default", False)):
        _, controls = channel_of(f"mohinterpret={word}", Control.HOLD)
        assert (Control.HOLD in controls) is passed
