"""Formats against what stock Asterisk 22 printed for the same lines (`iax2 show peer`)."""

from __future__ import annotations

import pytest

from pbx.codecs import formats
from pbx.codecs.formats import Allowed, Kind, parse_allow
from tests.shared import shared_dir

ALL = (
    "g723|ulaw|alaw|gsm|g726|g726aal2|adpcm|slin|slin16|lpc10|g729|speex|speex16|ilbc|g722|siren7|siren14|g719|opus"
    "|jpeg|png|h261|h263|h263p|h264|mpeg4|vp8|red|t140"
)
ALL_BY_BIT = (
    "g723|gsm|ulaw|alaw|g726aal2|adpcm|slin|lpc10|g729|speex|ilbc|g726|g722|siren7|siren14|slin16|jpeg|png|h261|h263"
    "|h263p|h264|mpeg4|vp8|red|t140|g719|speex16|opus"
)


def order(*lines: str, start: str = "ulaw") -> str:
    begin, _ = parse_allow([("allow", start)])
    pairs = [(key, value) for key, _, value in (line.partition("=") for line in lines)]
    return "|".join(f.name for f in parse_allow(pairs, begin)[0].formats)


@pytest.mark.parametrize(
    ("lines", "printed"),
    [
        (["disallow=all", "allow=all"], ALL),
        (["disallow=all", "allow=gsm,ulaw:20,alaw:30"], "gsm|ulaw|alaw"),
        (["allow=!all,gsm,ulaw"], "gsm|ulaw"),
        (["disallow=ulaw", "allow=gsm"], "gsm"),
        (["allow=ulaw", "allow=gsm", "allow=ulaw"], "ulaw|gsm"),
        (["disallow=all", "allow=gsm", "allow=ulaw", "disallow=gsm", "allow=gsm"], "ulaw|gsm"),
        (["allow=bogus,gsm"], "ulaw|gsm"),
        (["disallow=all", "allow=bogus"], ""),
        (["disallow=all", "allow=ulaw|gsm"], "ulaw|gsm"),
        (["allow=gsm", "disallow=all"], ""),
        (["disallow=all", "allow=gsm", "allow=all"], "gsm|" + ALL.replace("gsm|", "")),
        (["allow=all,!ulaw"], ALL.replace("ulaw|", "")),
        (["disallow=all", "allow=gsm, ulaw , alaw"], "gsm|ulaw|alaw"),
        (["disallow=all", "allow=!gsm", "allow=ulaw"], "ulaw"),
        (["disallow=gsm", "disallow=!ulaw"], "ulaw"),
        (["disallow=all", "allow=slin12,codec2,vp9,none,t38,silk8"], ""),
        (
            ["disallow=all", "allow=slin8,g726aal2,g726,mulaw,slinear,slin16,ULAW,opus,h264,g723.1,ilbc"],
            "g726aal2|g726|slin16|ulaw|opus|h264|ilbc",
        ),
    ],
)
def test_lines_give_the_order_that_asterisk_prints(lines: list[str], printed: str) -> None:
    assert order(*lines) == printed


def test_unknown_words_are_named_and_words_of_other_systems_are_not() -> None:
    _, unknown = parse_allow([("allow", "bogus,gsm,slin12"), ("disallow", "!pcmu"), ("allow", "")])
    assert unknown == ("bogus", "!pcmu")


def test_framing_is_kept_in_whole_codec_frames() -> None:
    allowed, _ = Allowed().allow("ulaw:30,gsm:50,alaw:9999,g729:5,speex")
    assert allowed.framing == {"ulaw": 30, "gsm": 40, "alaw": 150, "g729": 10}


@pytest.mark.parametrize(
    ("name", "by_bit", "by_preference"),
    [
        ("low", "g723|gsm|lpc10|g729|speex|ilbc", "gsm|ilbc|speex|lpc10|g729|g723"),
        (
            "medium",
            "g723|gsm|g726aal2|adpcm|lpc10|g729|speex|ilbc|g726",
            "g726|g726aal2|adpcm|gsm|ilbc|speex|lpc10|g729|g723",
        ),
        (
            "high",
            "g723|gsm|ulaw|alaw|g726aal2|adpcm|slin|lpc10|g729|speex|ilbc|g726|g722|siren7|siren14|slin16",
            "ulaw|alaw|siren14|siren7|g722|slin16|slin|g726|g726aal2|adpcm|gsm|ilbc|speex|lpc10|g729|g723",
        ),
    ],
)
def test_bandwidth(name: str, by_bit: str, by_preference: str) -> None:
    chosen = formats.BANDWIDTHS[name]
    assert formats.names(chosen) == f"({by_preference})"
    assert formats.names(formats.from_mask(formats.to_mask(chosen))) == f"({by_bit})"


def test_masks_list_from_the_lowest_bit() -> None:
    assert formats.names(formats.from_mask(formats.ALL_MASK)) == f"({ALL_BY_BIT})"
    assert formats.from_mask(1 << 60) == ()
    assert formats.names(()) == "(nothing)"
    assert formats.lowest(0b1100) is formats.ULAW
    assert formats.lowest(0) is None
    assert formats.BY_BIT[1 << 34].name == "opus"
    assert formats.BY_BIT[1 << 33].name == "speex16"


@pytest.mark.parametrize(
    ("letters", "listed"),
    [("DEC", "ulaw|alaw|gsm"), ("L", "speex16"), ("O", "g722"), ("[]fg", "siren14|g719|opus|vp8"), ("D?\x7fD", "ulaw")],
)
def test_preference_letters(letters: str, listed: str) -> None:
    assert "|".join(f.name for f in formats.decode_prefs(letters)) == listed


def test_letters_round_trip_and_never_exceed_31() -> None:
    letters = formats.encode_prefs(formats.FORMATS)
    assert formats.decode_prefs(letters) == formats.FORMATS
    assert len(formats.encode_prefs(formats.FORMATS * 2)) == 31
    assert len({f.letter for f in formats.FORMATS}) == len({f.bit for f in formats.FORMATS}) == len(formats.FORMATS)


@pytest.mark.parametrize(
    ("name", "octets"),
    [
        ("ulaw", 160),
        ("gsm", 33),
        ("g729", 20),
        ("slin", 320),
        ("slin16", 640),
        ("g722", 160),
        ("g726", 80),
        ("g723", 0),
    ],
)
def test_sizes_of_20_ms(name: str, octets: int) -> None:
    which = formats.BY_NAME[name]
    assert which.bytes_per_20ms == octets
    if octets:
        assert which.samples_of(octets) == which.samples
        assert which.samples_of(octets * 3) == which.samples * 3


def test_samples_of_packets_that_are_not_20_ms() -> None:
    assert formats.BY_NAME["g723"].samples_of(24) == 240
    assert formats.BY_NAME["ilbc"].samples_of(100) == 480
    assert formats.BY_NAME["speex"].samples_of(38) == 160
    assert formats.BY_NAME["h264"].samples_of(1000) == 0


def test_aliases() -> None:
    assert formats.find(" SLIN8 ") is formats.SLIN
    assert formats.find("g723.1") is formats.BY_NAME["g723"]
    assert formats.find("nonsense") is None


def test_columns_are_those_of_core_show_codecs() -> None:
    text = (shared_dir() / "reference" / "cli" / "core-show-codecs.txt").read_text()
    lines = text.splitlines()
    for which in formats.FORMATS:
        columns = f"{which.number:>8} {which.kind.value:<5} {which.codec:<12} {which.name:<16} {which.quality:>7}"
        assert f"{columns} ({which.description})" in lines
    assert {f.kind for f in formats.FORMATS} == set(Kind)
