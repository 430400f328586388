"""Every IAX2 media format: bit, rate, frame size, CODEC_PREFS letter, and how allow/disallow lines order them.

A capability is a mask of format bits; a preference list is an ordered tuple of `Format`.  Both views are
needed: the wire carries masks (CAPABILITY, FORMAT2 ...) and, beside them, the order as letters (CODEC_PREFS).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType


class Kind(StrEnum):
    AUDIO = "audio"
    VIDEO = "video"
    IMAGE = "image"
    TEXT = "text"


@dataclass(frozen=True, slots=True)
class Format:
    """A media format of IAX2.

    bit: its place in capability masks, as a mask (1 << n).
    rate: samples a second (0: no sound); samples: per 20 ms (0 likewise).
    frame_bytes, frame_samples: the codec's own unit, the smallest thing a payload is made of (gsm: 33 bytes of
        160 samples; ulaw: 1 of 1; g729: 10 of 80).  frame_bytes is 0 where it varies.
    default_ms, maximum_ms: usual and longest length of a packet.
    letter: index of its CODEC_PREFS letter, 'A' + index.
    number, codec, quality, description: columns of `core show codecs`.
    """

    name: str
    bit: int
    kind: Kind
    rate: int
    frame_bytes: int
    frame_samples: int
    default_ms: int
    maximum_ms: int
    letter: int
    number: int
    codec: str
    quality: int
    description: str
    samples: int = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "samples", self.rate // 50)

    @property
    def bytes_per_20ms(self) -> int:
        """Payload bytes of 20 ms, 0 where that varies or is no whole number of codec frames (g723, ilbc, lpc10)."""
        if not self.frame_samples or not self.frame_bytes or self.samples % self.frame_samples:
            return 0
        return self.samples // self.frame_samples * self.frame_bytes

    def samples_of(self, length: int) -> int:
        """Samples in a payload of `length` bytes; formats of varying size count as one 20 ms packet."""
        if self.frame_bytes:
            return length // self.frame_bytes * self.frame_samples
        return self.samples if length else 0

    def __str__(self) -> str:
        return self.name

    def __repr__(self) -> str:
        return f"<Format {self.name}>"


# The rows stand in the order in which `allow=all` adds them.
# name, bit, kind, rate, frame bytes, frame samples, default ms, maximum ms, letter, number, codec, quality, text
_A, _V, _I, _T = Kind.AUDIO, Kind.VIDEO, Kind.IMAGE, Kind.TEXT
_ROWS: tuple[tuple[str, int, Kind, int, int, int, int, int, int, int, str, int, str], ...] = (
    ("g723", 0, _A, 8000, 24, 240, 30, 300, 1, 4, "g723", 20, "G.723.1"),
    ("ulaw", 2, _A, 8000, 1, 1, 20, 150, 3, 5, "ulaw", 100, "G.711 u-law"),
    ("alaw", 3, _A, 8000, 1, 1, 20, 150, 4, 6, "alaw", 100, "G.711 a-law"),
    ("gsm", 1, _A, 8000, 33, 160, 20, 300, 2, 7, "gsm", 40, "GSM"),
    ("g726", 11, _A, 8000, 1, 2, 20, 300, 5, 8, "g726", 85, "G.726 RFC3551"),
    ("g726aal2", 4, _A, 8000, 1, 2, 20, 300, 13, 9, "g726aal2", 85, "G.726 AAL2"),
    ("adpcm", 5, _A, 8000, 1, 2, 20, 300, 6, 10, "adpcm", 80, "Dialogic ADPCM"),
    ("slin", 6, _A, 8000, 2, 1, 20, 70, 7, 11, "slin", 115, "16 bit Signed Linear PCM"),
    ("slin16", 15, _A, 16000, 2, 1, 20, 70, 15, 13, "slin", 117, "16 bit Signed Linear PCM (16kHz)"),
    ("lpc10", 7, _A, 8000, 7, 180, 20, 20, 8, 20, "lpc10", 8, "LPC10"),
    ("g729", 8, _A, 8000, 10, 80, 20, 230, 9, 21, "g729", 45, "G.729A"),
    ("speex", 9, _A, 8000, 0, 160, 20, 60, 10, 22, "speex", 40, "SpeeX"),
    ("speex16", 33, _A, 16000, 0, 320, 20, 60, 11, 23, "speex", 40, "SpeeX 16khz"),
    ("ilbc", 10, _A, 8000, 50, 240, 30, 300, 12, 25, "ilbc", 35, "iLBC"),
    ("g722", 12, _A, 16000, 1, 2, 20, 150, 14, 26, "g722", 110, "G722"),
    ("siren7", 13, _A, 16000, 80, 320, 20, 80, 25, 27, "siren7", 85, "ITU G.722.1 (Siren7, licensed from Polycom)"),
    (
        "siren14",
        14,
        _A,
        32000,
        120,
        640,
        20,
        80,
        26,
        28,
        "siren14",
        90,
        "ITU G.722.1 Annex C, (Siren14, licensed from Polycom)",
    ),
    ("g719", 32, _A, 48000, 160, 960, 20, 80, 28, 29, "g719", 95, "ITU G.719"),
    ("opus", 34, _A, 48000, 0, 960, 20, 60, 37, 30, "opus", 75, "Opus Codec"),
    ("jpeg", 16, _I, 0, 0, 0, 0, 0, 16, 31, "jpeg", 0, "JPEG image"),
    ("png", 17, _I, 0, 0, 0, 0, 0, 17, 32, "png", 0, "PNG Image"),
    ("h261", 18, _V, 0, 0, 0, 0, 0, 18, 33, "h261", 0, "H.261 video"),
    ("h263", 19, _V, 0, 0, 0, 0, 0, 19, 34, "h263", 0, "H.263 video"),
    ("h263p", 20, _V, 0, 0, 0, 0, 0, 20, 35, "h263p", 0, "H.263+ video"),
    ("h264", 21, _V, 0, 0, 0, 0, 0, 21, 36, "h264", 0, "H.264 video"),
    ("mpeg4", 22, _V, 0, 0, 0, 0, 0, 22, 38, "mpeg4", 0, "MPEG4 video"),
    ("vp8", 23, _V, 0, 0, 0, 0, 0, 38, 39, "vp8", 0, "VP8 video"),
    ("red", 26, _T, 0, 0, 0, 0, 0, 23, 41, "red", 0, "T.140 Realtime Text with redundancy"),
    ("t140", 27, _T, 0, 0, 0, 0, 0, 24, 42, "t140", 0, "Passthrough T.140 Realtime Text"),
)

FORMATS: tuple[Format, ...] = tuple(Format(row[0], 1 << row[1], *row[2:]) for row in _ROWS)
"""All formats, in the order in which `allow=all` adds them."""

BY_NAME: Mapping[str, Format] = MappingProxyType({f.name: f for f in FORMATS})
BY_BIT: Mapping[int, Format] = MappingProxyType({f.bit: f for f in sorted(FORMATS, key=lambda f: f.bit)})
"""From the bit, as a mask, to its format; iterates from the lowest bit up."""
BY_LETTER: Mapping[int, Format] = MappingProxyType({f.letter: f for f in FORMATS})

ULAW, ALAW, GSM = BY_NAME["ulaw"], BY_NAME["alaw"], BY_NAME["gsm"]
SLIN, SLIN16 = BY_NAME["slin"], BY_NAME["slin16"]
ADPCM, G726, G726AAL2, G722 = BY_NAME["adpcm"], BY_NAME["g726"], BY_NAME["g726aal2"], BY_NAME["g722"]

AUDIO_MASK = sum(f.bit for f in FORMATS if f.kind is Kind.AUDIO)
VIDEO_MASK = sum(f.bit for f in FORMATS if f.kind is Kind.VIDEO)
ALL_MASK = sum(f.bit for f in FORMATS)

# Other names for the same thing, in dialplans, file names and programs; `allow=` knows none of them.
_ALIASES: Mapping[str, str] = {
    "slin8": "slin",
    "slinear": "slin",
    "linear": "slin",
    "slinear16": "slin16",
    "mulaw": "ulaw",
    "ul": "ulaw",
    "pcmu": "ulaw",
    "pcma": "alaw",
    "g726-32": "g726",
    "g723.1": "g723",
    "g729a": "g729",
    "speex8": "speex",
}

# Formats that Asterisk knows and IAX2 has no bit for: an allow line may name them, nothing comes of it.
FOREIGN_NAMES = frozenset(
    [
        "amr",
        "amrwb",
        "codec2",
        "slin12",
        "slin24",
        "slin32",
        "slin44",
        "slin48",
        "slin96",
        "slin192",
        "speex32",
        "silk8",
        "silk12",
        "silk16",
        "silk24",
        "h265",
        "vp9",
        "t38",
        "none",
    ]
)


def find(name: str) -> Format | None:
    """The format of that name or alias, in any case; None if there is none."""
    name = name.strip().lower()
    return BY_NAME.get(_ALIASES.get(name, name))


def from_mask(mask: int) -> tuple[Format, ...]:
    """The known formats of a mask, from the lowest bit up (`iax2 show peer`'s "Codecs")."""
    return tuple(f for bit, f in BY_BIT.items() if bit & mask)


def to_mask(formats: Iterable[Format]) -> int:
    """The capability mask of these formats."""
    mask = 0
    for f in formats:
        mask |= f.bit
    return mask


def lowest(mask: int) -> Format | None:
    """The known format with the lowest bit in the mask."""
    return next((f for bit, f in BY_BIT.items() if bit & mask), None)


def names(formats: Iterable[Format]) -> str:
    """As the console prints a list: `(gsm|ulaw)`, `(nothing)` when empty."""
    return "(" + ("|".join(f.name for f in formats) or "nothing") + ")"


_LOW = ("gsm", "ilbc", "speex", "lpc10", "g729", "g723")
_MEDIUM = ("g726", "g726aal2", "adpcm", *_LOW)
_HIGH = ("ulaw", "alaw", "siren14", "siren7", "g722", "slin16", "slin", *_MEDIUM)

BANDWIDTHS: Mapping[str, tuple[Format, ...]] = MappingProxyType(
    {
        "low": tuple(BY_NAME[n] for n in _LOW),
        "medium": tuple(BY_NAME[n] for n in _MEDIUM),
        "high": tuple(BY_NAME[n] for n in _HIGH),
    }
)
"""`bandwidth=` of iax.conf's [general]: it replaces the list as it stands; "high" is also the default."""

DEFAULT_FORMATS = BANDWIDTHS["high"]


@dataclass(frozen=True, slots=True)
class Allowed:
    """An ordered preference list with packet lengths, as allow and disallow lines make it.

    framing: name -> ms, from `ulaw:30`.
    """

    formats: tuple[Format, ...] = ()
    framing: Mapping[str, int] = field(default_factory=dict)

    @property
    def mask(self) -> int:
        return to_mask(self.formats)

    def allow(self, value: str) -> tuple[Allowed, tuple[str, ...]]:
        """This list after `allow=value`, and the words of it that no format is called."""
        return _apply(self, value, True)

    def disallow(self, value: str) -> tuple[Allowed, tuple[str, ...]]:
        """This list after `disallow=value`, and the unknown words."""
        return _apply(self, value, False)


def _apply(current: Allowed, value: str, allowing: bool) -> tuple[Allowed, tuple[str, ...]]:
    """One allow or disallow line: words split by `,` or `|`; `!` turns its sense; what is there keeps its place."""
    formats = list(current.formats)
    framing = dict(current.framing)
    unknown: list[str] = []
    for word in value.replace("|", ",").split(","):
        word = word.strip()
        if not word:
            continue
        add = allowing != word.startswith("!")
        name, _, length = word.removeprefix("!").strip().partition(":")
        name = name.strip().lower()
        if name == "all":
            formats = [*formats, *(f for f in FORMATS if f not in formats)] if add else []
        elif (found := BY_NAME.get(name)) is None:
            if name not in FOREIGN_NAMES:
                unknown.append(word)
        elif not add:
            formats = [f for f in formats if f is not found]
        else:
            if found not in formats:
                formats.append(found)
            if (length := length.strip()).isdecimal() and len(length) < 10:
                framing[name] = _clamp_framing(found, int(length))
    return Allowed(tuple(formats), framing), tuple(unknown)


def _clamp_framing(f: Format, ms: int) -> int:
    """The packet length that is possible for this format: whole codec frames of at least 10 ms, up to its maximum."""
    unit = max(10, 1000 * f.frame_samples // f.rate) if f.rate else 0
    if not unit:
        return 0
    return max(unit, min(ms, f.maximum_ms) // unit * unit)


def parse_allow(lines: Iterable[tuple[str, str]], start: Allowed | None = None) -> tuple[Allowed, tuple[str, ...]]:
    """Apply ("allow" | "disallow", value) lines in order to `start` (default: the empty list).

    Returns the list and the unknown words.  A user or peer starts from [general]'s list.
    """
    current = Allowed() if start is None else start
    unknown: list[str] = []
    for key, value in lines:
        current, bad = _apply(current, value, key.strip().lower() == "allow")
        unknown.extend(bad)
    return current, tuple(unknown)


MAXIMUM_LETTERS = 31


def encode_prefs(formats: Iterable[Format]) -> str:
    """CODEC_PREFS: one letter a format, best first, at most 31."""
    return "".join(chr(ord("A") + f.letter) for f in list(formats)[:MAXIMUM_LETTERS])


def decode_prefs(letters: str) -> tuple[Format, ...]:
    """The formats of a CODEC_PREFS element; letters without meaning here, and repeated ones, are passed over."""
    found = (BY_LETTER.get(ord(letter) - ord("A")) for letter in letters)
    return tuple(dict.fromkeys(f for f in found if f is not None))
