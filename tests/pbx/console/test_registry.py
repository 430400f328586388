"""Commands: found as Asterisk finds them, listed, completed, aliased."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from twisted.internet.defer import Deferred

from pbx.conf.diagnostics import Diagnostics
from pbx.console import aliases, commands
from pbx.console.registry import Command, CommandFailed, Context, Registry, UsageShown, run, split


def command(syntax: str, handler: Any = None, **more: Any) -> Command:
    return Command(
        syntax,
        f"does {syntax}",
        f"Usage: {syntax}\n",
        handler or (lambda c, w: None),
        words=tuple(syntax.split()),
        **more,
    )


@pytest.fixture
def registry() -> Registry:
    made = Registry()
    for syntax in (
        "core show channels [concise|verbose]",
        "core show channel",
        "core reload",
        "iax2 reload",
        "iax2 set debug {on|off|peer}",
        "iax2 set debug jb {on|off}",
        "iax2 set mtu",
        "logger mute",
        "logger set level {A|B} {on|off}",
        "reload",
    ):
        made.add(command(syntax))
    return made


def execute(registry: Registry, line: str) -> tuple[str, int]:
    out: list[str] = []
    context = Context(None, out.append)  # type: ignore[arg-type]
    result: list[int] = []
    Deferred.fromCoroutine(run(registry, context, line)).addCallback(result.append)  # type: ignore[arg-type]
    return "".join(out), result[0]


@pytest.mark.parametrize(
    ("line", "syntax", "used"),
    [
        ("core show channels", "core show channels [concise|verbose]", 3),
        ("core show channels verbose", "core show channels [concise|verbose]", 4),
        ("core show channels nonsense", "core show channels [concise|verbose]", 3),
        ("CORE Show channel X", "core show channel", 3),
        ("iax2 set debug jb on", "iax2 set debug jb {on|off}", 5),
        ("iax2 set debug off", "iax2 set debug {on|off|peer}", 4),
        ("iax2 set debug peer x", "iax2 set debug {on|off|peer}", 4),
    ],
)
def test_the_longest_match_is_taken(registry: Registry, line: str, syntax: str, used: int) -> None:
    found = registry.find(line.split())
    assert found is not None and (found[0].syntax, found[1]) == (syntax, used)


@pytest.mark.parametrize("line", ["core", "core show", "core show chann", "iax2 set debug", "x"])
def test_no_abbreviations(registry: Registry, line: str) -> None:
    assert registry.find(line.split()) is None


@pytest.mark.parametrize(
    ("line", "help_for"),
    [
        # as a stock Asterisk 22 answered, for the commands that the fixture has of it
        ("core foo", "core foo"),
        ("iax2 set debug foo bar", "iax2 set debug foo bar"),
        ("logger set level FOO on", "logger set level"),
        ("xyz a b", "xyz a"),
        ("core show chann", "core show chann"),
    ],
)
def test_no_such_command(registry: Registry, line: str, help_for: str) -> None:
    text, status = execute(registry, line)
    assert text == f"No such command '{line}' (type 'core show help {help_for}' for other possible commands)\n"
    assert status == 127


def test_the_list_is_in_asterisks_order(registry: Registry) -> None:
    """Longer names declared first stay before those that they begin with."""
    assert [line.split(" --")[0].rstrip() for line in registry.help_lines(["core"])] == [
        "core reload",
        "core show channels [concise|verbose]",
        "core show channel",
    ]
    assert registry.help_lines(["iax2", "set", "m"]) == ["iax2 set mtu" + " " * 18 + " -- does iax2 set mtu"]


def test_statuses() -> None:
    registry = Registry()

    def fails(context: Context, words: list[str]) -> None:
        raise CommandFailed("why not")

    def misused(context: Context, words: list[str]) -> None:
        raise UsageShown

    async def slow(context: Context, words: list[str]) -> None:
        context.line(f"{words} of {context.own}")

    for name, handler in (("fail", fails), ("misuse", misused), ("be slow", slow)):
        registry.add(command(name, handler))
    assert execute(registry, "fail x") == ("why not\nCommand 'fail x' failed.\n", 1)
    assert execute(registry, "misuse") == ("Usage: misuse\n", 2)
    assert execute(registry, 'be slow "a b" c') == ("['a b', 'c'] of ['be', 'slow']\n", 0)
    assert execute(registry, "   ") == ("", 0)


def test_words_and_quotes() -> None:
    assert split('a "b c" d\\"e') == ["a", "b c", 'd"e']
    assert split("it's 'quoted'") == ["it's", "'quoted'"]
    assert split('open "quote here') == ["open", "quote", "here"]
    assert split('put f k ""') == ["put", "f", "k", ""]


def test_completion(registry: Registry) -> None:
    registry.commands[0] = command(
        "core show channel", complete=lambda context, before, prefix: ["IAX2/a-1", "Local/b"]
    )
    context = Context(None, lambda text: None)  # type: ignore[arg-type]
    assert registry.completions(context, "") == ["core", "iax2", "logger", "reload"]
    assert registry.completions(context, "iax2 set de") == ["debug"]
    assert registry.completions(context, "iax2 set debug ") == ["jb", "off", "on", "peer"]
    assert registry.completions(context, "core show channel I") == ["IAX2/a-1"]
    assert registry.completions(context, "core show help iax2 set m") == ["mtu"]
    assert registry.completions(context, "nothing ") == []


def test_aliases(tmp_path: Path, registry: Registry) -> None:
    file = tmp_path / "cli_aliases.conf"
    file.write_text(
        "[general]\ntemplate = one\ntemplate = two\ntemplate = three\n"
        "[base](!)\nshow chan=core show channel\n[one](base)\nmute=logger mute\n[two]\nmute=reload\nd d d=iax2 set\n"
        "[unused]\nx=y\n"
    )
    findings = Diagnostics()
    registry.aliases = aliases.load(str(file), findings)
    assert registry.unalias("mute") == "logger mute"  # the first of a name wins
    assert registry.unalias("show chan IAX2/x") == "core show channel IAX2/x"
    assert registry.unalias("D d d mtu 5") == "iax2 set mtu 5"
    assert registry.unalias("x") == "x"
    assert [found.place.line for found in findings] == [4]


def test_asterisks_own_sample_of_aliases_has_a_friendly_template(tmp_path: Path) -> None:
    file = tmp_path / "cli_aliases.conf"
    file.write_text(
        "[general]\ntemplate = friendly\t\t; By default\n[friendly]\nhangup request=channel request hangup\n"
    )
    assert aliases.load(str(file), Diagnostics())["hangup request"] == "channel request hangup"


#: of the templates in Asterisk's sample, the aliases whose commands are here; layout as there
SAMPLE = """
[general]
template = friendly
template = asterisk_1dot2
template = asterisk_1dot4
[friendly]
hangup request=channel request hangup
originate=channel originate
help=core show help
reload=module reload
[asterisk_1dot2_tpl](!)
show channeltypes=core show channeltypes
show applications=core show applications
show functions=core show functions
show hints=core show hints
show function=core show function
show application=core show application
show dialplan=dialplan show
show codecs=core show codecs
show codec=core show codec
save dialplan=dialplan save
add extension=dialplan add extension
remove extension=dialplan remove extension
add ignorepat=dialplan add ignorepat
remove ignorepat=dialplan remove ignorepat
include context=dialplan add include
dont include=dialplan remove include
extensions reload=dialplan reload
show translation=core show translation
iax2 no debug=iax2 set debug off
iax2 no trunk debug=iax2 set debug trunk off
iax2 no jb debug=iax2 set debug jb off
moh classes show=moh show classes
moh files show=moh show files
show version=core show version
soft hangup=channel request hangup
[asterisk_1dot2](asterisk_1dot2_tpl)
[asterisk_1dot4_tpl](!)
cdr status=cdr show status
core show globals=dialplan show globals
core set global=dialplan set global
core set chanvar=dialplan set chanvar
abort shutdown=core abort shutdown
stop now=core stop now
stop gracefully=core stop gracefully
stop when convenient=core stop when convenient
restart now=core restart now
restart gracefully=core restart gracefully
restart when convenient=core restart when convenient
[asterisk_1dot4](asterisk_1dot4_tpl)
"""


def test_the_templates_of_asterisks_sample_lead_to_commands(tmp_path: Path) -> None:
    file = tmp_path / "cli_aliases.conf"
    file.write_text(SAMPLE)
    findings = Diagnostics()
    ours = commands.registry()
    ours.aliases = aliases.load(str(file), findings)
    assert list(findings) == []
    for line in SAMPLE.splitlines():
        alias, equals, target = line.partition("=")
        if equals and not alias.endswith(" "):
            assert ours.unalias(alias + " x") == target + " x"
            found = ours.find(target.split())
            assert found is not None and found[1] == len(target.split()), target
