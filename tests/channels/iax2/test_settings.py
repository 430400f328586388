"""iax.conf into settings: what Asterisk 22 shows of the same files, and what is said about slips."""

from __future__ import annotations

import re
import sys

import pytest

from pbx.channels.iax2 import values
from pbx.channels.iax2.options import Effect
from pbx.channels.iax2.settings import AuthMethods, BindAddress, CallerID, General, Peer, Settings, Transfer, User
from pbx.channels.iax2.settings_diff import compare
from pbx.channels.iax2.settings_load import from_text
from pbx.channels.iax2.values import CodecPriority, ConnectedLine, RequireCallToken, shrink_number
from tests.interop import boxes
from tests.interop.conftest import lack
from tests.shared import shared_dir


def codes(settings: Settings) -> list[tuple[int, str]]:
    return [(found.place.line, found.code) for found in settings.diagnostics]


def user(*lines: str, general: str = "") -> User:
    return from_text(f"[general]\n{general}\n[x]\ntype=user\n" + "\n".join(lines)).users["x"]


def peer(*lines: str, general: str = "") -> Peer:
    return from_text(f"[general]\n{general}\n[x]\ntype=peer\n" + "\n".join(lines)).peers["x"]


def test_an_empty_file_gives_asterisks_defaults() -> None:
    general = from_text("").general
    assert general.listen == (BindAddress("0.0.0.0", 4569),)
    assert (general.minregexpire, general.maxregexpire, general.calltokenexpiration) == (60, 60, 10)
    assert (general.maxcallnumbers, general.maxcallnumbers_nonvalidated, general.maxauthreq) == (2048, 8192, 3)
    assert (general.trunkfreq, general.trunkmtu, general.trunktimestamps) == (20, 1240, True)
    assert [f.name for f in general.formats.formats[:3]] == ["ulaw", "alaw", "siren14"]
    assert general.transfer is None


# what `iax2 show stats` of a stock 22 shows
@pytest.mark.parametrize(
    ("written", "mtu"), [("0", 0), ("171", 1240), ("172", 172), ("3999", 3999), ("4000", 1240), ("-5", 1240)]
)
def test_bounds_of_trunkmtu(written: str, mtu: int) -> None:
    settings = from_text(f"[general]\ntrunkmtu = {written}\n")
    assert settings.general.trunkmtu == mtu
    assert codes(settings) == ([] if int(written) == mtu else [(2, "bad-value")])


# What `iax2 show users` of Asterisk 22.10 prints in its column Authen.
@pytest.mark.parametrize(
    ("lines", "methods"),
    [
        ([], 2),
        (["secret=a", "secret=b"], 2),
        (["inkeys=k1"], 4),
        (["inkeys=k1", "secret=s"], 6),
        (["auth=rsa,md5"], 6),
        (["auth=plaintext", "auth=rsa"], 4),
        (["auth=bogus"], 2),
        (["auth=md5,bogus"], 2),
        (["auth=plaintext|md5"], 3),
    ],
)
def test_login_methods(lines: list[str], methods: int) -> None:
    assert user(*lines).methods == AuthMethods(methods)
    assert peer(*lines).methods == AuthMethods(methods)


def test_login_methods_of_general() -> None:
    settings = from_text("[general]\nauth=rsa\n[u1]\ntype=user\n[u2]\ntype=user\nauth=md5\n")
    assert settings.users["u1"].methods is AuthMethods.RSA
    assert settings.users["u2"].methods is AuthMethods.MD5


def test_a_friend_is_a_user_and_a_peer() -> None:
    settings = from_text("[VOIP2]\ntype=friend\nhost=1.2.3.4\nsecret=a\nsecret=b\ncontext=c1\ncontext=c2\ntrunk=yes\n")
    as_user, as_peer = settings.users["VOIP2"], settings.peers["VOIP2"]
    assert (as_user.secrets, as_peer.secret) == (("a", "b"), "b")
    assert (as_user.contexts, as_user.context, as_peer.context) == (("c1", "c2"), "c1", "c2")
    assert as_user.is_friend and as_peer.is_friend
    assert as_user.trunk and as_peer.trunk
    assert as_peer.place_of("secret").line == 5
    assert as_peer.place_of("qualify").line == 1
    assert settings.peers_by_host("1.2.3.4", 4569) == [as_peer]
    assert settings.peers_by_host("1.2.3.4") == [as_peer]
    assert settings.peers_by_host("1.2.3.4", 4570) == []


def test_names_are_case_sensitive() -> None:
    settings = from_text("[VOIP]\ntype=friend\nhost=1.2.3.4\n[voip]\ntype=friend\nhost=1.2.3.5\n")
    assert settings.find_peer("voip") is not settings.find_peer("VOIP")
    assert settings.find_user("Voip") is None


def test_the_same_section_twice_counts_together() -> None:
    settings = from_text(
        "[d]\ntype=user\nsecret=one\ncontext=c1\npermit=1.2.3.4\n[d]\ntype=user\nsecret=two\ncontext=c2\n"
        "[d]\ntype=peer\nhost=9.9.9.9\n"
    )
    found = settings.users["d"]
    assert (found.secrets, found.contexts, len(found.access.rules)) == (("one", "two"), ("c2",), 1)
    assert settings.peers["d"].host == "9.9.9.9"
    assert codes(settings) == [(6, "duplicate")]


def test_inheriting_from_general() -> None:
    general = "disallow=all\nallow=gsm\nlanguage=de\ntransfer=mediaonly\ncodecpriority=caller\nmaxauthreq=7"
    found = user("allow=ulaw", general=general)
    assert [f.name for f in found.formats.formats] == ["gsm", "ulaw"]
    assert (found.language, found.transfer, found.maxauthreq) == ("de", Transfer.MEDIAONLY, 7)
    assert found.codecpriority is CodecPriority.CALLER
    assert found.place_of("language").line == 4
    # wherever [general] stands
    late = from_text("[x]\ntype=user\n[general]\nlanguage=de\n").users["x"]
    assert late.language == "de"


def test_formats_keep_their_order() -> None:
    found = peer("disallow=all", "allow=gsm,alaw", "allow=ulaw", "allow=!alaw")
    assert [f.name for f in found.formats.formats] == ["gsm", "ulaw"]
    assert from_text("[general]\nbandwidth=low\n").general.formats.formats[0].name == "gsm"


@pytest.mark.parametrize(
    ("line", "option", "value"),
    [
        ("qualify=yes", "qualify", 2000),
        ("qualify=no", "qualify", 0),
        ("qualify=500", "qualify", 500),
        ("qualify=10,20", "qualify", 10),
        ("requirecalltoken=auto", "requirecalltoken", RequireCallToken.AUTO),
        ("requirecalltoken=off", "requirecalltoken", RequireCallToken.NO),
        ("connectedline=send", "connectedline", ConnectedLine.SEND),
        ("notransfer=yes", "transfer", Transfer.NO),
        ("transfer=mediaonly", "transfer", Transfer.MEDIAONLY),
        ("inkeys=a:b", "inkeys", ("a", "b")),
        ("inkey=a", "inkeys", ("a",)),
        ('callerid="Joe" <12-3 4>', "caller", CallerID("Joe", "1234")),
        ("callerid=123", "caller", CallerID("", "123")),
        ("callerid=Joe Doe", "caller", CallerID("Joe Doe", "")),
        ("fullname=F\ncid_number=88", "caller", CallerID("F", "88")),
        ("port=77\nhost=1.2.3.4", "port", 4569),
        ("host=1.2.3.4\nport=77", "port", 77),
        ("port=55\nhost=dynamic", "port", 55),
        ("encryption=aes128", "encryption", True),
        ("trunk=maybe", "trunk", False),
        ("description=a\\;b", "description", "a;b"),
    ],
)
def test_values(line: str, option: str, value: object) -> None:
    assert getattr(peer(*line.split("\n")), option) == value


def test_user_values() -> None:
    found = user("setvar=A=1", "setvar=B= x=y ", "secret=a\\;b", "secret=c")
    assert found.variables == (("A", "1"), ("B", "x=y"))
    assert found.secrets == ("a", "b", "c")
    assert found.needs_login
    assert not user("context=c").needs_login
    assert user("inkey=k").needs_login


def test_bindport_counts_for_what_stands_below_it() -> None:
    assert from_text("[general]\nbindport=5\nbindaddr=1.2.3.4\nbindaddr=[::1]:7\n").general.listen == (
        BindAddress("1.2.3.4", 5),
        BindAddress("::1", 7),
    )
    late = from_text("[general]\nbindaddr=1.2.3.4\nbindport=5\n")
    assert late.general.listen == (BindAddress("1.2.3.4", 4569),)
    assert codes(late) == [(3, "order")]
    assert from_text("[general]\nbindport=5\n").general.listen == (BindAddress("0.0.0.0", 5),)


def test_registrations() -> None:
    settings = from_text(
        "[general]\nregister => u1:s1@h1\nregister => u2@h2:77\nregister => u3:[key]@h3\nregister => u4:a:b@h4:88?opt\n"
        "register => u5:s@[::1]:99\nregister => no\nregister => u:p@q@h\nregister => @h\nregister => u:p@h:port\n"
    )
    assert [(r.user, r.secret, r.key, r.host, r.port) for r in settings.registrations] == [
        ("u1", "s1", "", "h1", 4569),
        ("u2", "", "", "h2", 77),
        ("u3", "", "key", "h3", 4569),
        ("u4", "a:b", "", "h4", 88),
        ("u5", "s", "", "::1", 99),
    ]
    assert settings.registrations[0].place.line == 2
    assert codes(settings) == [(5, "no-effect"), *((n, "bad-value") for n in (7, 8, 9, 10))]
    assert "s1" not in repr(settings.registrations)


def test_call_number_limits() -> None:
    settings = from_text("[callnumberlimits]\n10.0.0.0/8=5\n10.1.0.0/255.255.0.0=9\n10.2.0.0/33=1\n10.3.0.0/16=x\n")
    assert [settings.call_number_limit(ip) for ip in ("10.1.2.3", "10.9.9.9", "9.9.9.9", "::1")] == [9, 5, 2048, 2048]
    assert codes(settings) == [(4, "bad-value"), (5, "bad-value")]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[general]\nbindprot=4569\n", ["2:1 unknown-option bindport = 4569"]),
        ("[x]\ntype=peer\nhost=dynamic\nqualfy=yes\n", ["4:1 unknown-option qualify = yes"]),
        ("[x]\ntype=user\nsecrt=abc\n", ["3:1 unknown-option secret = ..."]),
        ("[x]\ntype=friend\nhost=dynamic\nfrobnicate=1\n", ["4:1 unknown-option "]),
        ("[general]\nqualify=yes\n", ["2:1 wrong-section it belongs to users and peers"]),
        ("[x]\ntype=user\ntrunkmtu=9\n", ["3:1 wrong-section it belongs to [general]"]),
        ("[x]\ntype=user\nhost=1.2.3.4\n", ["3:1 wrong-section it belongs to type = peer or friend"]),
        ("[x]\nhost=1.2.3.4\n", ["1:1 no-type type = friend"]),
        ("[x]\ntype=freind\n", ["2:6 bad-value type = friend"]),
        ("[x]\ntype=peer\n", ["1:1 no-host host = dynamic"]),
        ("[x]\ntype=peer\nhost=1.2.3.4:99\n", ["3:1 bad-value host = 1.2.3.4\nport = 99"]),
        ("[x]\ntype=peer\nhost=[::1]:55\n", ["3:1 bad-value host = ::1\nport = 55"]),
        ("[x]\ntype=peer\nhost=[::1]\n", ["3:1 bad-value host = ::1"]),
        ("[x]\ntype=user\ninkey=k\n", ["3:1 inkey inkeys = k"]),
        ("[x]\ntype=user\npermit=1.2.3.4/44,5.6.7.8\n", ["3:8 bad-network permit = 192.168.1.0/255.255.255.0"]),
        ("[x]\ntype=user\nacl=none\n", ["3:5 no-such-acl [none] in acl.conf, with its permit and deny lines"]),
        ("[general]\nallow=ulaw,foo\n", ["2:7 bad-value allow = core show codecs lists them"]),
        ("[general]\ndropcount=3\ndropcount=4\n", ["2:1 old-option "]),
        ("[general]\nminregexpire=100\n", ["2:1 order maxregexpire = 100"]),
        ("[general]\n[general]\nbindport=5\n", ["2:1 duplicate [general](+)"]),
        ("[x]\ntype=peer\nhost=dynamic\nqualify=maybe\n", ["4:9 bad-value qualify = yes"]),
        ("[general]\nrtcachefriends=yes\nrtcachefriends=yes\n", ["2:1 not-yet "]),
        ("[general]\niaxcompat=yes\n", ["2:1 no-meaning "]),
        ("[general]\niaxcompat=no\n", []),
    ],
)
def test_slips_are_named(text: str, expected: list[str]) -> None:
    found = from_text(text).diagnostics
    assert [f"{d.place.line}:{d.place.column} {d.code} {d.advice}" for d in found] == expected


def test_no_secret_is_shown() -> None:
    settings = from_text(
        "[general]\nregister => me:hunter1@\n[a]\ntype=friend\nhost=dynamic\nsecrets=hunter2\nmd5secret=hunter3\n"
        "auth=hunterx\nport=nine\n[b]\ntype=usr\nsecret=hunter4\n[c]\ntype=user\nsecrt=hunter5\n"
    )
    told = "\n".join(map(str, settings.diagnostics))
    assert len(settings.diagnostics) >= 4
    assert re.findall(r"hunter\d", told) == []


def test_reload_differences() -> None:
    before = from_text(
        "[general]\nlanguage=de\nregister => a:b@h\n[gone]\ntype=user\n[x]\ntype=friend\nhost=dynamic\nsecret=a\n"
        "[y]\ntype=peer\nhost=dynamic\nlanguage=fr\n"
    )
    moved = from_text(
        "\n\n[general]\nlanguage = de\nregister => a:b@h\n[gone]\ntype=user\n[x]\ntype=friend\nhost=dynamic\nsecret=a\n"
        "qualify=no\n[y]\ntype=peer\nhost=dynamic\nlanguage=fr\n"
    )
    assert not compare(before, moved)
    after = from_text(
        "[general]\nlanguage=en\nregister => a:c@h\n[x]\ntype=friend\nhost=dynamic\nsecret=b\nqualify=yes\n"
        "[y]\ntype=peer\nhost=dynamic\nlanguage=fr\n[new]\ntype=user\n[callnumberlimits]\n1.2.3.4=5\n"
    )
    changes = compare(before, after)
    assert list(changes.lines()) == [
        "[general]: language changed",
        "user new: added",
        "user x: language, secret changed",
        "user gone: removed",
        "peer x: language, qualify, secret changed",
        "registration a@h: added",
        "registration a@h: removed",
        "[callnumberlimits]: changed",
    ]


def test_a_peer_takes_little_memory() -> None:
    count = 300
    text = "".join(f"[p{i}]\ntype=peer\nhost=dynamic\nsecret=s{i}\ncontext=c\nqualify=yes\n" for i in range(count))
    found = list(from_text(text).peers.values())
    size = sum(
        sys.getsizeof(p) + sys.getsizeof(p.written) + sum(sys.getsizeof(w) for w in p.written.values()) for p in found
    )
    assert size / count < 1536
    assert not hasattr(found[0], "__dict__")


def test_every_option_of_the_issue_is_read() -> None:
    general = (
        "bindport bindaddr iaxcompat nochecksums delayreject amaflags adsi srvlookup accountcode language mohinterpret "
        "mohsuggest bandwidth allow disallow jitterbuffer maxjitterbuffer resyncthreshold maxjitterinterps "
        "jittertargetextra encryption forceencryption keyrotate trunkmaxsize trunkmtu trunkfreq trunktimestamps "
        "minregexpire maxregexpire iaxthreadcount iaxmaxthreadcount subscribe_network_change_event authdebug tos cos "
        "regcontext autokill codecpriority allowfwdownload parkinglot calltokenoptional calltokenexpiration "
        "maxcallnumbers maxcallnumbers_nonvalidated shrinkcallerid pingtime lagrqtime transfer maxauthreq auth "
        "connectedline rtcachefriends rtsavesysname rtupdate rtautoclear rtignoreregexpire keepalive notransfer "
        # our own
        "cleartrunk"
    )
    sections = (
        "username secret dbsecret md5secret auth inkeys inkey outkey host defaultip port mask sourceaddress context "
        "peercontext regexten mailbox callerid cid_number fullname sendani permit deny acl accountcode amaflags "
        "language timezone setvar transfer encryption forceencryption keyrotate trunk qualify qualifysmoothing "
        "qualifyfreqok qualifyfreqnotok jitterbuffer connectedline immediate adsi description maxauthreq "
        "maxcallnumbers requirecalltoken codecpriority allow disallow mohinterpret mohsuggest parkinglot"
    )
    assert set(general.split()) == set(General.table)
    assert set(sections.split()) <= set(User.table) | set(Peer.table)


def test_effects_are_told() -> None:
    assert General.rtcachefriends.effect is Effect.LATER
    assert General.iaxcompat.effect is Effect.NEVER
    assert Peer.qualify.effect is Effect.NOW


def test_shrinking_numbers() -> None:
    assert shrink_number("(256) 428-6011") == "2564286011"
    assert shrink_number("555.5555.") == "5555555."
    assert shrink_number("12[3-4]5") == "12[3-4]5"


def test_ports_of_addresses() -> None:
    assert values.host_port("h") == ("h", 4569)
    assert values.host_port("::1") == ("::1", 4569)
    with pytest.raises(values.BadValue):
        values.host_port("h:99999")


@pytest.mark.interop
@pytest.mark.parametrize("version", ["16", "22"])
def test_asterisks_own_sample_loads(version: str) -> None:
    path = boxes.PEERS / f"asterisk{version}/usr/share/asterisk/conf/samples/iax.conf.sample"
    if not path.exists():
        lack(f"the sample files of Asterisk {version}: run tests/interop/setup")
    settings = from_text(path.read_text(encoding="utf-8", errors="surrogateescape"))
    assert not settings.diagnostics.errors
    assert "guest" in settings.users
    assert settings.general.autokill == 2000


def test_the_howtos_files_load() -> None:
    for side, other in (("voip1", "VOIP2"), ("voip2", "VOIP1")):
        text = (shared_dir("peers", "etc", side) / "iax.conf").read_text()
        settings = from_text(text.replace("@PEER@", "127.0.1.1").replace("@BIND@", "127.0.1.2"))
        assert not settings.diagnostics.errors
        assert settings.peers[other].trunk
        assert settings.peers[other].qualify == 2000
        assert settings.users[other].methods is AuthMethods.RSA
