"""pbx check: each slip is named where it stands, what is right passes in silence."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest

from pbx.check import main
from pbx.genkey import write_pair
from tests.shared import shared_dir

GOOD_IAX = "[general]\n[b]\ntype=friend\nhost=dynamic\nsecret=long\ncontext=in\nusername=a\n"
GOOD_EXTENSIONS = "[general]\n[in]\nexten => _2XX,1,NoOp(${EXTEN})\n same => n,Hangup()\n"


def run(folder: Path, *arguments: str, iax: str = GOOD_IAX, extensions: str = GOOD_EXTENSIONS) -> tuple[int, str]:
    (folder / "iax.conf").write_text(iax)
    (folder / "extensions.conf").write_text(extensions)
    out = io.StringIO()
    status = main(["--etc", str(folder), *arguments], out)
    return status, out.getvalue().replace(f"{folder}/", "")


def findings(folder: Path, iax: str = GOOD_IAX, extensions: str = GOOD_EXTENSIONS) -> list[str]:
    _, text = run(folder, "--json", iax=iax, extensions=extensions)
    return [
        f"{d['file']}:{d['line']} {d['code']} {d['write']}".replace(f"{folder}/", "").rstrip() for d in json.loads(text)
    ]


def test_a_good_configuration(tmp_path: Path) -> None:
    status, text = run(tmp_path)
    assert (status, text) == (0, "0 errors, 0 warnings, 0 notices in 2 files\n")


def test_findings_are_printed_and_counted(tmp_path: Path) -> None:
    status, text = run(tmp_path, iax=GOOD_IAX + "qualfy=yes\n")
    assert status == 1
    assert text.splitlines() == [
        "iax.conf:8:1: warning: there is no option 'qualfy' in a section of type peer; it is ignored",
        "    qualfy = yes",
        "    write: qualify = yes",
        "0 errors, 1 warning, 0 notices in 2 files",
    ]


def test_notices_are_no_mistakes(tmp_path: Path) -> None:
    status, text = run(tmp_path, iax=GOOD_IAX + "[guest]\ntype=user\ncontext=in\n")
    assert status == 0
    assert "notice: anyone may call into in" in text
    status, text = run(tmp_path, "-q", iax=GOOD_IAX + "[guest]\ntype=user\ncontext=in\n")
    assert text.count("\n") == 1


def test_files_beside_iax_conf(tmp_path: Path) -> None:
    prov = "[default]\nserver=pbx.example\nport=99999\nbase=x\n"
    (tmp_path / "iaxprov.conf").write_text(prov)
    (tmp_path / "dnsmgr.conf").write_text("[general]\nenable=yes\nrefreshinterval=soon\nnonsense=1\n")
    _, text = run(tmp_path)
    lines = [line for line in text.splitlines() if line.startswith(("iaxprov.conf", "dnsmgr.conf"))]
    assert [line.split(": ")[0] for line in lines] == [
        "dnsmgr.conf:3:17",
        "dnsmgr.conf:4:1",
        "iaxprov.conf:2:8",
        "iaxprov.conf:3:6",
    ]


def test_usage(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--nonsense"]) == 2
    assert main(["-h"]) == 0
    capsys.readouterr()


def test_from_asterisk_conf(tmp_path: Path) -> None:
    etc = tmp_path / "etc"
    etc.mkdir()
    run(etc)
    (tmp_path / "asterisk.conf").write_text(f"[directories]\nastetcdir => {etc}\n[options]\nexecinclude = yes\n")
    out = io.StringIO()
    assert main(["-C", str(tmp_path / "asterisk.conf")], out) == 1
    assert "asterisk.conf:4:1: warning: no such option: execinclude" in out.getvalue()
    assert "in 3 files" in out.getvalue()


def test_nothing_there(tmp_path: Path) -> None:
    out = io.StringIO()
    assert main(["--etc", str(tmp_path)], out) == 1
    assert "nobody can call over IAX2" in out.getvalue()
    assert main(["--etc", str(tmp_path / "none")], out) == 1


def test_broken_files_of_the_dialect(tmp_path: Path) -> None:
    (tmp_path / "musiconhold.conf").write_text("[default\nmode=files\n")
    (tmp_path / "logger.conf").write_text("[general]\nrotatestrategy=often\n[logfiles]\n")
    assert findings(tmp_path) == [
        "logger.conf:2  none, sequential, rotate or timestamp",
        "musiconhold.conf:1 unclosed-section [name]",
    ]


# The printed how-to's slips, and others: (lines of extensions.conf below [in], what is found)
@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("exten => 1XX,1,NoOp()", ["no-underscore exten => _1XX,..."]),
        ("exten => 9.,1,NoOp()", ["no-underscore exten => _9.,..."]),
        ("exten => NXX,1,NoOp()", ["no-underscore exten => _NXX,..."]),
        ("exten => fax,1,NoOp()", []),
        ("exten => X,1,NoOp()", []),
        ("exten => *99,1,NoOp()", []),
        ("exten => 100,1,Dial(${EXTEN})", ["no-technology Dial(IAX2/b/${EXTEN})"]),
        ("exten => 100,1,Dial(${EXTEN:1},20,r)", ["no-technology Dial(IAX2/b/${EXTEN:1})"]),
        ("exten => 100,1,Dial(b)", ["no-technology Dial(IAX2/b/${EXTEN})"]),
        ("exten => 100,1,Dial(${TRUNK})", []),
        ("exten => 100,1,Dial(${TRUNK}/${EXTEN})", []),
        ("exten => 100,1,Dial(Local/200@in&IAX2/b/1,30)", []),
        ("exten => 100,1,Dial(Local/200@in&${EXTEN},30)", ["no-technology Dial(IAX2/b/${EXTEN})"]),
        ("exten => 100,1,Dial(IAX/b/1)", ["no-such-technology Dial(IAX2/b/1)"]),
        ("exten => 100,1,Dial(PJSIP/100)", ["no-such-technology Dial(IAX2/b/${EXTEN})"]),
        ("exten => 100,1,Dial(IAX2/B/1)", ["no-such-peer IAX2/b"]),
        ("exten => 100,1,Dial(IAX2/other/1)", ["no-such-peer [other] with type = friend in iax.conf"]),
        ("exten => 100,1,Dial(IAX2/me:secret@b/1)", []),
        ("exten => 100,1,Dial(IAX2/10.0.0.1/1)", []),
        ("exten => 100,1,Hangupp()", ["no-such-application Hangup()"]),
        ("exten => 100,1,Frobnicate(1)", ["no-such-application"]),
        ("exten => 100,1,Playback,beep", ["no-such-application Playback(beep)"]),
        ("exten => 100,1,Macro(dial,1)", ["no-such-application Gosub(NAME,s,1(ARGUMENTS)), with Return() at its end"]),
        ("exten => 100,1,SetCIDNum(1)", ["no-such-application Set(CALLERID(num)=...)"]),
        ("exten => 100,1,Goto(in|100|1)", ["old-separator Goto(in,100,1)"]),
        ("exten => 100,1,GotoIf($[1|0]?100|1)", ["old-separator GotoIf($[1|0]?100,1)"]),
        ("exten => 100,1,GotoIf($[1|0]?1)", []),
        ("exten => 100,1,NoOp(a|b)", []),
        ("exten => 100,2,NoOp()", ["gap priority 1, or n"]),
        ("exten => 100,hint,IAX2/b", []),
        ("exten => 100,1,NoOp()\nexten => 100,3,NoOp()", ["gap priority 2, or n"]),
        ("include => phnes", ["no-such-context"]),
        ("include => inn", ["no-such-context did you mean 'in'?"]),
        ("exten => 100,1,Goto(out,s,1)", ["no-such-context [out]"]),
        ("exten => 100,1,Goto(In,s,1)", ["no-such-context in,s,1"]),
        ("exten => 100,1,Goto(in,200,1)", []),
        ("exten => 100,1,Goto(${X},s,1)", []),
        ("exten => 100,1,NoOp(${A)", ["unclosed ${...}"]),
        ("exten => 100,1,Originate(Local/200@in,app,NoOp,,,,a)", []),
        (
            "exten => 100,1,Originate(Local/200@in,app,NoOp,,,,aZ)",
            ["no-such-option one of abBCcnv: core show application Originate"],
        ),
        ("exten => 100,1,Originate(Local/200@in,app,NoOp,,,,v(Z=1^2))", []),
        ("exten => 100,1,Playback(beep,skip)", []),
        ("exten => 100,1,Dial(IAX2/b,20,tL(1000:500)g)", []),
        ("exten => 100,1,Dial(IAX2/b,20,${OPTIONS})", []),
        ("exten => 100,1,Nonsense(", None),
    ],
)
def test_the_dialplan(tmp_path: Path, line: str, expected: list[str] | None) -> None:
    found = findings(tmp_path, extensions=f"{GOOD_EXTENSIONS}{line}\n")
    if expected is None:
        assert found
        return
    last = GOOD_EXTENSIONS.count("\n") + line.count("\n") + 1
    assert found == [f"extensions.conf:{last} {text}" for text in expected]


def test_a_catch_all_is_named_once(tmp_path: Path) -> None:
    lines = "exten => _.,1,NoOp()\n same => n,NoOp()\n same => n,NoOp()\n"
    assert findings(tmp_path, extensions=GOOD_EXTENSIONS + lines) == [
        f"extensions.conf:{GOOD_EXTENSIONS.count(chr(10)) + 1} catch-all _X."
    ]


@pytest.mark.parametrize(
    ("iax", "expected"),
    [
        (
            "[general]\nregister => a:s@127.0.0.9\n[a]\ntype=friend\nhost=dynamic\nsecret=s\ncontext=in\n",
            ["3 crossed-names [NAME] with the name that the other end registers as (the user of its register line)"],
        ),
        ("[general]\nregister => a:s@127.0.0.9\n[b]\ntype=friend\nhost=dynamic\nsecret=s\ncontext=in\n", []),
        (
            "[x]\ntype=user\ncontext=in\n",
            ["1 open secret = ..., or inkeys = ..., or deny and permit"],
        ),
        ("[x]\ntype=user\ncontext=in\npermit=1.2.3.4\ndeny=4.4.4.4\n", []),
        (
            "[x]\ntype=user\nsecret=s\ncontext=in\npermit=1.2.3.4\ndeny=0.0.0.0/0\n",
            ["6 acl-order deny = 0.0.0.0/0.0.0.0 above the permit lines"],
        ),
        ("[x]\ntype=user\nsecret=s\ncontext=in\ndeny=0.0.0.0/0\npermit=1.2.3.4\n", []),
        ("[x]\ntype=user\nsecret=s\ncontext=IN\n", ["4 no-such-context context = in"]),
        ("[x]\ntype=user\nsecret=s\n", ["1 no-such-context [default] in extensions.conf"]),
        ("[x]\ntype=user\nsecret=s\ncontext=*\n", []),
        ("[x]\ntype=peer\nhost=dynamic\n", ["1 open-registration secret = ..."]),
        (
            "[x]\ntype=friend\nhost=1.2.3.4\nsecret=s\ncontext=in\nusername=me\n",
            ["3 any-address deny = 0.0.0.0/0.0.0.0\npermit = 1.2.3.4"],
        ),
        (
            "[x]\ntype=user\nauth=rsa\ncontext=in\npermit=1.2.3.4\n",
            ["3 no-inkeys inkeys = NAME  (of NAME.pub, the other end's public key)"],
        ),
        (
            "[x]\ntype=peer\nhost=1.2.3.4\nsecret=s\n",
            ["1 no-username username = NAME  (of our section in the other end's iax.conf)"],
        ),
    ],
)
def test_iax_conf(tmp_path: Path, iax: str, expected: list[str]) -> None:
    assert findings(tmp_path, iax=iax) == [f"iax.conf:{text}" for text in expected]


def test_keys(tmp_path: Path) -> None:
    folder = tmp_path / "keys"
    folder.mkdir()
    write_pair(str(folder), "box", None)
    iax = "[x]\ntype=friend\nhost=dynamic\ncontext=in\ninkeys=box\noutkey=box\nusername=u\n"
    assert findings(tmp_path, iax=iax) == []
    assert findings(tmp_path, iax=iax.replace("inkeys=box", "inkeys=Box")) == ["iax.conf:5 no-such-key inkeys = box"]
    assert findings(tmp_path, iax=iax.replace("outkey=box", "outkey=nobody")) == [
        "iax.conf:6 no-such-key pbx genkey nobody, and nobody.key into keys"
    ]
    (folder / "box.key").chmod(0o644)
    assert findings(tmp_path, iax=iax) == ["keys/box.key:0 key"]


def test_the_howto_as_printed_on_stock_peers(tmp_path: Path) -> None:
    """The two boxes of the how-to, as they run on stock Asterisk: nothing but what is to know."""
    for side in ("voip1", "voip2"):
        etc = shared_dir("peers", "etc", side)
        folder = tmp_path / side
        folder.mkdir()
        for path in [*etc.glob("*.conf"), *etc.parent.joinpath("common").glob("*.conf")]:
            if not (folder / path.name).exists():
                text = path.read_text().replace("@PEER@", "127.0.1.1").replace("@BIND@", "127.0.1.2")
                (folder / path.name).write_text(text.replace("@NAME@", side))
        (folder / "keys").mkdir()
        for path in (etc / "keys").iterdir():
            (folder / "keys" / path.name).write_bytes(path.read_bytes())
            (folder / "keys" / path.name).chmod(0o600)
        out = io.StringIO()
        main(["--etc", str(folder), "--json"], out)
        errors = [d for d in json.loads(out.getvalue()) if d["severity"] == "error"]
        assert errors == []


@pytest.mark.parametrize(
    ("line", "part"),
    [
        ("exten => 100,1,Dial(Local/200@in&${EXTEN},20)", "${EXTEN}"),
        ("  exten=>100,1,Dial(IAX2/other/1)", "IAX2/other"),
        ("exten => 100,1,Hangupp()", "Hangupp"),
        ("exten => 100,1,Goto(out,s,1)", "out,s"),
        ("exten => 100,1,NoOp(${A} ${B)", "${B"),
        ("exten => 100,1,Goto(1)\nexten => 2,1,Goto(7)", "7)"),
        (" same => n(x),Dial(IAX2/b,10,L(1:J)gJ)", "J)\n"),
        ("exten => 100,1,ExecIf(a?NoOp(b):Hangupp(16))", "Hangupp"),
        ("exten => 100,1,ExecIf(a?Goto(in,200,nope):NoOp())", "in,200,nope"),
        ("exten => 100,1,Dial(Local/200@in&Local/5@in/n)", "5@in"),
        ("exten => 100,1,Set(a=1${LENN(x)})", "LENN"),
        ("exten => 100,hint,IAX2/${LENN(x)}", "LENN"),
    ],
)
def test_the_column_is_that_of_the_slip(tmp_path: Path, line: str, part: str) -> None:
    _, text = run(tmp_path, "--json", extensions=GOOD_EXTENSIONS + line + "\n")
    last = f"{line}\n".rpartition("\n")[0].rpartition("\n")[2] + "\n"
    assert [d["column"] for d in json.loads(text)] == [last.index(part) + 1]


def test_the_shipped_samples() -> None:
    out = io.StringIO()
    main(["--etc", str(Path(__file__).resolve().parents[2] / "conf" / "samples"), "--json"], out)
    assert [d for d in json.loads(out.getvalue()) if d["severity"] != "notice"] == []


#: extensions.conf behind `[in]` -> codes with what to write
SLIPS = [
    ("exten => 1,1,Goto(again)\n same => n(agian),NoOp()\n", ["no-such-label agian"]),
    ("exten => 1,1,Goto(in,2,1)\n", ["no-such-extension exten => 2,1,... in [in]"]),
    ("exten => 1,1,GotoIf($[${X} = 1]?5)\n", ["no-such-priority"]),
    ("exten => 1,1,GotoIf($[${X} = 1]?2:out,s,1)\n same => n,NoOp()\n", ["no-such-context [out]"]),
    ("exten => 1,1,GotoIf($[${X} = 1]?yes:no)\n same => n(yes),NoOp()\n same => n(no),NoOp()\n", []),
    ("exten => 1,1,Gosub(sub,s,1(a,b))\n[sub]\nexten => s,1,Return()\n", []),
    ("exten => 1,1,Gosub(sub,s,strt(a,b))\n[sub]\nexten => s,1(start),Return()\n", ["no-such-label sub,s,start"]),
    ("exten => 1,1,Goto(${CONTEXT},s,1)\n same => n,Goto(in,${X},1)\n same => n,Goto(in,1,${X})\n", []),
    ("exten => 1,1,Goto(in,7,1)\nexten => _[5-9],1,NoOp()\n", []),
    ("exten => 1,1,Goto(7,1)\ninclude => inc\n[inc]\nexten => 7,1,Goto(1,1)\n", []),
    ("exten => 1,1,Goto(7,1)\nswitch => IAX2/x\n", []),
    ("exten => 1,1,Goto(nowhere,1)\nexten => i,1,NoOp()\n", []),
    ("exten => 1,1,Goto(+2)\n", []),
    ("exten => 1,1,NoOp(${LENN(x)})\n", ["no-such-function LEN(...)"]),
    ("exten => 1,1,NoOp(${len(x)})\n", ["no-such-function LEN(...)"]),
    ("exten => 1,1,Set(LEN(x)=3)\n", ["no-writer"]),
    ("exten => 1,1,Set(CALLRID(num)=3)\n", ["no-such-function CALLERID(...)"]),
    ("exten => 1,1,Set(CALLERID(num)=${CALLERID(num):1})\n same => n,Set(x=${LEN(${EXTEN})})\n", []),
    ("exten => 1,1,ExecIf($[1 = 1]?Hangupp(16):NoOp())\n", ["no-such-application Hangup(16)"]),
    ("exten => 1,1,ExecIf($[${X}?1:0]?Set(a=b?c:d))\n", []),
    # what ExecIf and its kin run is looked at as what stands by itself
    ("exten => 1,1,TryExec(Exec(Plaback(beep)))\n", ["no-such-application Playback(beep)"]),
    ("exten => 1,1,ExecIf(${X}?Goto(nope,s,1):Gosub(in,1,no))\n", ["no-such-context [nope]", "no-such-label n(no)"]),
    ("exten => 1,1,ExecIf(${X}?Dial(IAX/b/1))\n", ["no-such-technology Dial(IAX2/b/1)"]),
    ("exten => 1,1,ExecIf(${X}?Dial(IAX2/b,20,J))\n",
     ["no-such-option one of AabBCcdDefFgGhHiIjkKLmnNoOpPQrRSstTuUwWxXz: core show application Dial"]),
    ("exten => 1,1,ExecIf(${X}?Set(LENN(x)=3):Goto(1))\n", ["no-such-function LEN(...)"]),
    ("exten => 1,1,ExecIf(${X}?${APP}(1):NoOp(a,b))\n", []),
    # where other channels go
    ("exten => 1,1,Dial(Local/9@in/n&Local/1@nope&Local/1@in/n&Local/${X}@in)\n",
     ["no-such-extension exten => 9,1,... in [in]", "no-such-context [nope]"]),
    ("exten => 1,1,Dial(IAX2/b,20,G(in^1^2))\n", ["no-such-priority"]),
    ("exten => 1,1,Dial(IAX2/b,20,tU(subb^a)g)\n[sub]\nexten => s,1,Return()\n", ["no-such-context sub,s,1"]),
    ("exten => 1,1,Dial(IAX2/b,20,b(sub^s^1(a,b))B(sub^s^2)F(in^${X}^1))\n[sub]\nexten => s,1,Return()\n",
     ["no-such-priority"]),
    ("exten => 1,1,RetryDial(beep,1,2,Local/1@nope,20,g)\n", ["no-such-context [nope]"]),
    ("exten => 1,1,Originate(Local/1@in,exten,inn,1,1)\n", ["no-such-context in,1,1"]),
    ("exten => 1,1,Originate(Local/1@in,exten,in,1,1,20,b(sub^s^1))\n", ["no-such-context [sub]"]),
    ("exten => 1,1,ChannelRedirect(${X},in,4,1)\n", ["no-such-extension exten => 4,1,... in [in]"]),
    ("exten => 1,1,Set(CHANNEL(hangup_handler_push)=hdlr,s,1(x))\n[hdl]\nexten => s,1,Return()\n",
     ["no-such-context hdl,s,1"]),
    ("exten => 1,1,DISA(no-password,inn)\n same => n,Background(a,,,in)\n same => n,ReadExten(X,,${Y})\n",
     ["no-such-context in"]),
    # functions wherever variables are put in
    ("exten => 1,hint,IAX2/${LENN(x)}\n", ["no-such-function LEN(...)"]),
    ("eswitch => IAX2/b/${TOLOWR(x)}\n", ["no-such-function TOLOWER(...)"]),
    ("exten => 1,1,MSet(a=1,LENN(x)=2,b=${LEN(x)})\n", ["no-such-function LEN(...)"]),
    ("exten => 1,1,NoOp()\n[globals]\nX=${TOUPER(y)}\n", ["no-such-function TOUPPER(...)"]),
    ("exten => _[5-1]X,1,NoOp()\n", ["never-matches a range from the lower to the higher character, as in [1-5]"]),
    ("include => a\n[a]\nexten => 1,1,NoOp()\ninclude => b\n[b]\ninclude => a\n",
     ["include-circle take one of the includes away"]),
    ("exten => _X.,1,NoOp()\ninclude => late\n[late]\nexten => 12,1,NoOp()\nexten => s,1,NoOp()\n",
     ["never-matches '_X.' into a context of its own, included last"]),
    ("exten => _X.,1,NoOp()\ninclude => late\n[late]\nexten => 1,1,NoOp()\nexten => _*X,1,NoOp()\n", []),
    ("exten => _X.,1,NoOp()\ninclude => late\n[late]\nexten => 12,1,NoOp()\n"
     "[other]\nexten => 1,1,Goto(late,12,1)\n", []),
    # what is included is asked after the context itself, and after what is included before it
    ("exten => _2XX,1,NoOp()\ninclude => late\n[late]\nexten => 212,1,NoOp()\nexten => 2123,1,NoOp()\n",
     ["never-matches '_2XX' into a context of its own, included last"]),
    ("include => one\ninclude => two\n[one]\nexten => _X.,1,NoOp()\n[two]\nexten => _1XX,1,NoOp()\n",
     ["never-matches '_X.' into a context of its own, included last"]),
    ("include => one,9:00-17:00,mon-fri,*,*\ninclude => two\n[one]\nexten => _X.,1,NoOp()\n"
     "[two]\nexten => _1XX,1,NoOp()\n", []),
    ("include => one\ninclude => two\n[one]\ninclude => deep\n[deep]\nexten => _X!,1,NoOp()\n"
     "[two]\nexten => 5,1,NoOp()\n",
     ["never-matches '_X!' into a context of its own, included last"]),
    ("include => one\ninclude => two\n[one]\nexten => _X.,1,NoOp()\n[two]\nexten => _1XX,1,NoOp()\n"
     "[other]\ninclude => two\n", []),
    ("exten => _1XX/200,1,NoOp()\ninclude => late\n[late]\nexten => 112,1,NoOp()\n", []),
    ("exten => _X.,1,NoOp()\nexten => _1800X,2,NoOp()\n", []),
    ("exten => _1800X,2,NoOp()\n", ["gap priority 1, or n"]),
]  # fmt: skip


@pytest.mark.parametrize(("lines", "expected"), SLIPS)
def test_slips_of_the_dialplan(lines: str, expected: list[str], tmp_path: Path) -> None:
    found = findings(tmp_path, extensions=f"[general]\n[in]\n{lines}")
    assert [text.partition(" ")[2] for text in found] == expected


GUEST = "[guest]\ntype=user\ncontext=pub\n"


@pytest.mark.parametrize(
    ("iax", "lines", "expected"),
    [
        (GUEST, "exten => _X.,1,Dial(IAX2/b/${EXTEN})", ["unfiltered ${FILTER(0-9,${EXTEN})}"]),
        (GUEST, "exten => _X.,1,Dial(IAX2/b/${EXTEN:1})", ["unfiltered ${FILTER(0-9,${EXTEN:1})}"]),
        (GUEST, "include => in2\n[in2]\nexten => _9!,1,Dial(IAX2/b/${EXTEN})", ["unfiltered ${FILTER(0-9,${EXTEN})}"]),
        (GUEST, "exten => _X.,1,Dial(IAX2/b/${FILTER(0-9,${EXTEN})})", []),
        (GUEST, "exten => _XXX,1,Dial(IAX2/b/${EXTEN})", []),
        (GUEST, "exten => _X.,1,NoOp(${EXTEN})", []),
        (GUEST, "exten => _X.,1,ExecIf($[1]?System(echo ${EXTEN}))", ["unfiltered ${FILTER(0-9,${EXTEN})}"]),
        (GUEST, "exten => _X.,1,Set(a=${SHELL(ls ${EXTEN})})", ["unfiltered ${FILTER(0-9,${EXTEN})}"]),
        (GUEST, "exten => _X.,1,Set(a=${SHELL(ls)}${EXTEN})", []),
        (GUEST, "exten => _X.,1,Set(FILE(/tmp/${EXTEN},,,a)=x)", ["unfiltered ${FILTER(0-9,${EXTEN})}"]),
        (
            GUEST,
            "exten => _X.,1,Dial(IAX2/b/${FILTER(0-9,${EXTEN})}&IAX2/b/${EXTEN:2})",
            ["unfiltered ${FILTER(0-9,${EXTEN:2})}"],
        ),
        (GUEST + "secret=long\n", "exten => _X.,1,Dial(IAX2/b/${EXTEN})", []),
    ],
)
def test_numbers_of_strangers(iax: str, lines: str, expected: list[str], tmp_path: Path) -> None:
    found = findings(tmp_path, GOOD_IAX + iax, f"{GOOD_EXTENSIONS}[pub]\n{lines}\n")
    told = [text.partition(" ")[2] for text in found if text.startswith("extensions.conf")]
    assert told == expected


def test_columns_point_at_the_slip(tmp_path: Path) -> None:
    _, text = run(tmp_path, extensions="[in]\nexten => 1,1,NoOp(${LENN(x)})\n same => n,GotoIf($[1]?two:one)\n")
    assert "extensions.conf:2:21: warning: there is no function LENN here (yet)" in text
    assert "extensions.conf:3:24: warning: GotoIf leads to label 'two'" in text
    assert "extensions.conf:3:28: warning: GotoIf leads to label 'one'" in text
