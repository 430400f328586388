"""G.711 against the Recommendation's own steps, against audioop, and against what stock Asterisk 22 converts."""

from __future__ import annotations

import hashlib
import warnings

import numpy as np
import pytest

from pbx.codecs import g711
from pbx.codecs.codec import Samples
from pbx.codecs.formats import ALAW, ULAW

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    audioop = pytest.importorskip("audioop")

EVERY: Samples = np.arange(-32768, 32768).astype(np.int16)
OCTETS = np.arange(256, dtype=np.uint8)


def itu_ulaw(sample: int) -> int:
    """G.711 table 2 in the words of G.191: 14 bits, one's complement magnitude, bias 33, 8 segments."""
    magnitude = min((~sample if sample < 0 else sample) // 4 + 33, 8191)
    segment = 0
    while magnitude >> segment >= 64:
        segment += 1
    low = magnitude >> segment + 1 & 15
    return (0 if sample < 0 else 128) | (7 - segment) << 4 | 15 - low


def itu_alaw(sample: int) -> int:
    """G.711 table 1: 13 bits, 7 chords (the first two alike), even bits turned."""
    magnitude = (~sample if sample < 0 else sample) // 16
    chord = 0
    while magnitude > 31:
        magnitude >>= 1
        chord += 1
    return ((0 if sample < 0 else 128) | magnitude + 16 * chord) ^ 0x55


def test_every_sample_is_encoded_as_the_recommendation_says() -> None:
    assert g711.encode("ulaw", EVERY).tobytes() == bytes(itu_ulaw(s) for s in range(-32768, 32768))
    assert g711.encode("alaw", EVERY).tobytes() == bytes(itu_alaw(s) for s in range(-32768, 32768))


def test_alaw_and_all_decoding_equal_audioop() -> None:
    assert g711.encode("alaw", EVERY).tobytes() == audioop.lin2alaw(EVERY.tobytes(), 2)
    assert g711.decode("ulaw", OCTETS).tobytes() == audioop.ulaw2lin(OCTETS.tobytes(), 2)
    assert g711.decode("alaw", OCTETS).tobytes() == audioop.alaw2lin(OCTETS.tobytes(), 2)


def test_ulaw_differs_from_audioop_only_on_negative_decision_values() -> None:
    theirs = np.frombuffer(audioop.lin2ulaw(EVERY.tobytes(), 2), np.uint8)
    differ = EVERY[g711.encode("ulaw", EVERY) != theirs].astype(int)
    assert len(differ) == 508
    assert (differ < 0).all()
    # audioop takes the two's complement of the 14-bit value, one more than its one's complement; so it never gives
    # the negative zero, which is ours for -1 to -4
    assert [itu_ulaw(int(s)) for s in differ[:-4]] == [int(theirs[s + 4 + 32768]) for s in differ[:-4]]
    assert [(int(s), itu_ulaw(int(s)), int(theirs[s + 32768])) for s in differ[-4:]] == [
        (s, 0x7F, 0x7E) for s in (-4, -3, -2, -1)
    ]


@pytest.mark.parametrize(
    ("law", "digest"),
    [
        ("ulaw", "90c29de505fb68e766118303bd552a16005dcf810873698bee1d8f3b247ce28c"),
        ("alaw", "38488f6fd710f4686360edc4d38639f96c491595ef93f8eb8d62d5e07ca6ce7b"),
    ],
)
def test_every_sample_is_encoded_as_asterisk_does(law: str, digest: str) -> None:
    """Digest of what `file convert` made of all 65,536 samples from -32768 up."""
    assert hashlib.sha256(g711.encode(law, EVERY).tobytes()).hexdigest() == digest


def test_across_is_by_way_of_linear() -> None:
    raw = OCTETS.tobytes()
    assert raw.translate(g711.ULAW_TO_ALAW) == audioop.lin2alaw(audioop.ulaw2lin(raw, 2), 2)
    assert raw.translate(g711.ALAW_TO_ULAW) == g711.encode("ulaw", g711.decode("alaw", OCTETS)).tobytes()
    assert g711.across("ulaw", OCTETS).tobytes() == raw.translate(g711.ULAW_TO_ALAW)
    assert g711.across("alaw", OCTETS).tobytes() == raw.translate(g711.ALAW_TO_ULAW)


@pytest.mark.parametrize("law", ["ulaw", "alaw"])
def test_decoded_octets_encode_to_themselves(law: str) -> None:
    again = g711.encode(law, g711.decode(law, OCTETS))
    expected = np.where(OCTETS == 0x7F, 0xFF, OCTETS) if law == "ulaw" else OCTETS  # u-law has a second zero
    assert (again == expected).all()


@pytest.mark.parametrize("law", [ULAW, ALAW])
def test_out_is_filled_and_any_shape_goes(law: object) -> None:
    codec = g711.G711(ULAW if law is ULAW else ALAW)
    rows = np.arange(2)
    frames = np.stack([OCTETS, OCTETS[::-1]])
    samples = np.empty(frames.shape, np.int16)
    assert codec.decode(rows, frames, samples) is samples
    assert (samples == codec.decode(rows, frames)).all()
    octets = np.empty(frames.shape, np.uint8)
    assert codec.encode(rows, samples, octets) is octets
    assert (octets == codec.encode(rows, samples)).all()
    # a strided view, as the plane's columns are
    assert (codec.encode(rows, samples[:, ::2]) == octets[:, ::2]).all()
