"""Every codec against stock Asterisk 22: digests of what its `file convert` made of a signal, and of the way back."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest

from pbx.codecs import registry
from pbx.codecs.adpcm import Adpcm
from pbx.codecs.codec import Codec
from pbx.codecs.formats import BY_NAME, G722, G726, G726AAL2
from pbx.codecs.gsm import LibraryGsm, VectorGsm, load
from pbx.codecs.spandsp import SpandspCodec
from tests.codecs.sounds import exact_signal, signals

SOUND = exact_signal()
CONVERTED = [
    (
        "g722",
        16000,
        "5417a8ee3c3bb084c56a3c2babb90fdc0050ca0f",
        "f4a223b8483aec8f8f15c4a68354b8355ded60b5",
    ),
    (
        "g722",
        8000,
        "04fb74141f18a3251a544fff268783d2e5ddb28e",
        "fe15f628d1e4330481260955c625459e241dcf39",
    ),
    (
        "g726",
        8000,
        "15cc516c123d91b2231b577bdacfe530faec6c8e",
        "5bb2427389cbee55deebbee1684b6b831d77a643",
    ),
    (
        "adpcm",
        8000,
        "08b565df59c8d2ea2827b10acd4653cada1c04df",
        "fe6ecf195143a881f947bcbe4412b1fa39718e33",
    ),
    (
        "gsm",
        8000,
        "8a71c26058fd8f83f8999806fe82977f67640ca5",
        "5930e95ac98001122577ba5f0b3124fa73e67854",
    ),
    (
        "ulaw",
        8000,
        "e0570ed08f29ffd7a3726765da450d2428e6022c",
        "e0f902e795ba4ba4aa03459573bef7a6fc2c2752",
    ),
]


def digest(line: np.ndarray) -> str:
    return hashlib.sha256(line.tobytes()).hexdigest()[:40]


def make(name: str, rate: int) -> list[Codec]:
    """All implementations there are here."""
    if name == "gsm":
        library = load()
        return [VectorGsm()] if library is None else [VectorGsm(), LibraryGsm(library)]
    try:
        return [registry.codec(BY_NAME[name], rate)]
    except LookupError as missing:
        pytest.skip(str(missing))


@pytest.mark.parametrize(("name", "rate", "coded", "heard"), CONVERTED, ids=[f"{c[0]}-{c[1]}" for c in CONVERTED])
@pytest.mark.parametrize("rows", [1, 20])
def test_the_same_octets_and_the_same_sound(name: str, rate: int, coded: str, heard: str, rows: int) -> None:
    every = np.arange(rows)
    for codec in make(name, rate):
        for row in range(rows):
            codec.add_row(row)
        frames = codec.encode(every, np.tile(SOUND, (rows, 1)))
        assert {digest(line) for line in frames} == {coded}
        sound = codec.decode(every, frames)
        assert {digest(line) for line in sound} == {heard}


def test_g726_of_aal2_has_its_nibbles_the_other_way_round() -> None:
    (plain,), (aal2,) = make("g726", 8000), make("g726aal2", 8000)
    rows = np.array([0])
    plain.add_row(0)
    aal2.add_row(0)
    one, other = plain.encode(rows, SOUND[None]), aal2.encode(rows, SOUND[None])
    assert (one == (other << 4 | other >> 4)).all()
    assert (plain.decode(rows, one) == aal2.decode(rows, other)).all()


@pytest.mark.parametrize("make_codec", [Adpcm, lambda: SpandspCodec(G722), lambda: SpandspCodec(G726)])
def test_states_belong_to_rows(make_codec: type) -> None:
    try:
        batch, single = make_codec(), make_codec()
    except LookupError as missing:
        pytest.skip(str(missing))
    sound = signals(160 * 4, 6)
    order = np.array([5, 3, 17, 0, 9, 2, 30, 4])
    for row in order.tolist():
        batch.add_row(row)
    for k, row in enumerate(order.tolist()):
        single.add_row(row)
        parts = [sound[k : k + 1, at : at + 160] for at in range(0, 640, 160)]
        alone = np.concatenate([single.encode(np.array([row]), part) for part in parts], axis=1)
        sound_alone = single.decode(np.array([row]), alone)
        if k == 0:
            together = batch.encode(order, sound)
            heard = np.empty((8, 640), np.int16)
            assert batch.decode(order, together, heard) is heard
        assert (together[k] == alone[0]).all()
        assert (heard[k] == sound_alone[0]).all()
    batch.remove_row(3)
    batch.remove_row(99)
    with pytest.raises(KeyError):
        batch.encode(np.array([3]), sound[:1])
    with pytest.raises(KeyError):
        batch.decode(np.array([3]), together[:1])
    with pytest.raises(ValueError):
        batch.encode(np.array([5]), sound[:1, :159])


def test_formats_of_the_library_are_named_when_it_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pbx.codecs.spandsp.load", lambda: None)
    with pytest.raises(LookupError, match="libspandsp2"):
        registry.codec(G726AAL2)
    assert not registry.available(G722)
