"""asterisk.conf as typed settings, and the short way to its control socket."""

from __future__ import annotations

from pathlib import Path

import pytest

from pbx import asteriskconf, rundir
from pbx.asteriskconf import OPTIONS
from pbx.conf.diagnostics import Diagnostics, Severity


def load(tmp_path: Path, text: str, **more: str) -> tuple[asteriskconf.AsteriskConf, Diagnostics]:
    file = tmp_path / "asterisk.conf"
    file.write_text(text)
    findings = Diagnostics()
    return asteriskconf.load(str(file), diagnostics=findings, **more), findings


def test_a_template_section_means_the_defaults(tmp_path: Path) -> None:
    conf, _ = load(tmp_path, "[directories](!)\nastrundir => /nowhere\nastdatadir => /nowhere\n")
    assert conf.astrundir == "/var/run/asterisk"
    assert conf.astdatadir == "/usr/share/asterisk"
    assert conf.socket == "/var/run/asterisk/asterisk.ctl"


def test_directories_and_files(tmp_path: Path) -> None:
    conf, findings = load(
        tmp_path,
        "[directories]\nastrundir => /r\nastvarlibdir => /v\nastkeydir => /k\nnope => /x\n"
        "[files]\nastctl = my.ctl\nastctlpermissions = 0640\nastctlowner = root\nastctlgroup = staff\n",
    )
    assert conf.socket == "/r/my.ctl" and conf.pidfile == "/r/asterisk.pid"
    assert conf.database == "/v/astdb.sqlite3"  # astdbdir follows astvarlibdir
    assert (conf.ctl_permissions, conf.ctl_owner, conf.ctl_group) == (0o640, "root", "staff")
    assert [str(found.place.file_line) for found in findings] == [f"{tmp_path}/asterisk.conf:5"]


def test_keys_are_looked_for_in_three_places(tmp_path: Path) -> None:
    conf, _ = load(tmp_path, f"[directories]\nastkeydir => {tmp_path}/k\nastdatadir => {tmp_path}/d\n")
    assert conf.keys == f"{tmp_path}/k/keys"
    (tmp_path / "d" / "keys").mkdir(parents=True)
    assert conf.keys == f"{tmp_path}/d/keys"
    (tmp_path / "k" / "keys").mkdir(parents=True)
    assert conf.keys == f"{tmp_path}/k/keys"


def test_options(tmp_path: Path) -> None:
    conf, findings = load(
        tmp_path,
        "[options]\nverbose = 4\ndebug = yes\nmaxcalls = 9\nmaxload = 0.9\nsystemname = one\nlanguageprefix = no\n"
        "runuser = me\nhideconnect = yes\ncache_media_frames = yes\nmaxfiles = lots\nwhatever = 1\n",
    )
    assert (conf.verbose, conf.debug, conf.maxcalls, conf.maxload, conf.systemname) == (4, 1, 9, 0.9, "one")
    assert conf.runuser == "me" and conf.hideconnect and not conf.languageprefix
    said = {found.place.line: found.severity for found in findings}
    # without effect: said; no number: an error; unknown: a warning
    assert said == {10: Severity.NOTICE, 11: Severity.ERROR, 12: Severity.WARNING}


def test_every_option_of_the_sample_works_or_is_explained(tmp_path: Path) -> None:
    """The option names of Asterisk 22's sample asterisk.conf."""
    sample = """
    verbose debug trace refdebug alwaysfork nofork quiet timestamp execincludes console highpriority initcrypto nocolor
    dontwarn dumpcore languageprefix systemname autosystemname mindtmfduration maxcalls maxload maxfiles minmemfree
    cache_media_frames cache_record_files record_cache_dir transmit_silence transcode_via_sln runuser rungroup
    lightbackground forceblackbackground defaultlanguage documentation_language hideconnect lockconfdir stdexten
    live_dangerously entityid rtp_use_dynamic rtp_pt_dynamic hide_messaging_ami_events sounds_search_custom_dir
    channel_storage_backend disable_remote_console_shell
    """.split()
    conf = asteriskconf.AsteriskConf("")
    for name in sample:
        _, note = OPTIONS[name]
        assert note or hasattr(conf, name), name


def test_etc_and_run_outrank_the_file(tmp_path: Path) -> None:
    conf, _ = load(
        tmp_path, "[directories]\nastetcdir => /e\nastrundir => /r\n", etc=str(tmp_path), run=str(tmp_path / "run")
    )
    assert conf.astetcdir == str(tmp_path) and conf.astkeydir == str(tmp_path)
    assert conf.socket == f"{tmp_path}/run/asterisk.ctl"
    assert conf.database == f"{tmp_path}/run/db/astdb.sqlite3"


def test_relative_paths(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc" / "asterisk.conf").write_text("[options]\nverbose = 3\n[directories]\nastrundir => /r\n")
    monkeypatch.chdir(tmp_path)
    for conf in (asteriskconf.load("", etc="etc"), asteriskconf.load("etc/asterisk.conf")):
        assert conf.exists and conf.verbose == 3 and conf.path == str(tmp_path / "etc" / "asterisk.conf")
    assert asteriskconf.load("", etc="etc").astetcdir == str(tmp_path / "etc")
    assert rundir.socket_path("etc/asterisk.conf", "", "") == "/r/asterisk.ctl"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[directories]\nastrundir => /r ; a comment\n[files]\nastctl = x.ctl\n",
        "[directories](!)\nastrundir => /r\n",
        "[directories]\n;--\nastrundir => /no\n--;\nastrundir = /yes\n",
        "[base](!)\nastrundir => /base\n[directories](base)\n",
        "[Directories]\nAstRunDir=>/r\n",
    ],
)
def test_the_short_way_finds_the_same_socket(tmp_path: Path, text: str) -> None:
    conf, _ = load(tmp_path, text)
    file = str(tmp_path / "asterisk.conf")
    assert rundir.socket_path(file, "", "") == conf.socket
    assert rundir.socket_path(file, "", "/z") == "/z/" + conf.ctl
