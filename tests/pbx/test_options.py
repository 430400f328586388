"""The command line: all of Asterisk's flags, joined or apart."""

from __future__ import annotations

import pytest

from pbx.options import SHORT, UsageError, parse, split, usage


def test_joined_flags() -> None:
    options = parse(["-rvvvx", "core show channels"])
    assert options.remote and options.verbose == 3
    assert options.execute == "core show channels"


@pytest.mark.parametrize(
    "arguments", [["-rx", "core show version"], ["-rx", "core", "show", "version"], ["-rxcore show version"]]
)
def test_command_in_one_or_several_words(arguments: list[str]) -> None:
    assert parse(arguments).execute == "core show version"


def test_x_alone_is_a_remote_command() -> None:
    assert parse(["-x", "reload"]).remote


def test_every_flag_of_asterisk_is_taken() -> None:
    """asterisk -h of version 22 lists these."""
    for letter in "BCcdeFfGghIiLMmnpqRrsTtUVvWXx":
        assert letter in SHORT
        values = ["1"] if SHORT[SHORT.index(letter) + 1 : SHORT.index(letter) + 2] == ":" else []
        parse([f"-{letter}", *values])
        assert f"-{letter}" in usage()


def test_values_and_switches() -> None:
    options = parse(
        [
            "-C",
            "/x/asterisk.conf",
            "-fgnqT",
            "-U",
            "u",
            "-Gg",
            "-M5",
            "-L",
            "2.5",
            "-e",
            "64",
            "--etc=/e",
            "--run",
            "/r",
        ]
    )
    assert (options.config, options.user, options.group, options.etc, options.run) == (
        "/x/asterisk.conf",
        "u",
        "g",
        "/e",
        "/r",
    )
    assert (options.maxcalls, options.maxload, options.minmemfree) == (5, 2.5, 64)
    assert options.foreground and options.dumpcore and options.quiet and options.timestamp and not options.colour


@pytest.mark.parametrize("arguments", [["-y"], ["--nope"], ["-C"], ["-M", "many"], ["start"], ["--help=x"]])
def test_nonsense_is_refused(arguments: list[str]) -> None:
    with pytest.raises(UsageError):
        parse(arguments)


def test_flags_end_at_two_dashes() -> None:
    assert split(["-f", "--", "-x"]) == ([("-f", "")], ["-x"])
