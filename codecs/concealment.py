"""From one format to another by way of linear sound, with something to say where nothing came."""

from __future__ import annotations

import numpy as np

from pbx.codecs.codec import Octets, Rows
from pbx.codecs.formats import Format
from pbx.codecs.plc import Concealer
from pbx.codecs.translation import decoder, encoder

_FRAME = 160
_RATE = 8000


class ConcealingTranslator:
    """A `Translator` that can fill gaps of 20 ms.  Both formats may be the same.

    Raises LookupError where it can't be: no path, a target without whole frames of 20 ms, or two wideband formats
    (the sound goes by way of 8 kHz here).
    """

    def __init__(self, source: Format, target: Format) -> None:
        if not target.frame_samples or _FRAME * target.rate // _RATE % target.frame_samples:
            raise LookupError(f"no frames of 20 ms of {target}")
        if min(source.rate, target.rate) > _RATE:
            raise LookupError(f"{source} to {target} is wideband")
        self.source, self.target = source, target
        self._decoder, self._encoder = decoder(source), encoder(target)
        self._concealer = Concealer()
        #: see `Translator.slow`
        self.slow = self._decoder.slow or self._encoder.slow

    def add_row(self, row: int) -> None:
        """Begin (or begin anew) the stream `row`, a small integer >= 0."""
        for part in (self._decoder, self._concealer, self._encoder):
            part.add_row(row)

    def remove_row(self, row: int) -> None:
        """Forget it."""
        for part in (self._decoder, self._concealer, self._encoder):
            part.remove_row(row)

    def translate(self, rows: Rows, data: np.ndarray) -> Octets:
        """As `Translator.translate`, wire to wire."""
        samples = self._concealer.good(rows, self._decoder.translate(rows, data))
        octets: Octets = self._encoder.translate(rows, samples)
        return octets

    def conceal(self, rows: Rows) -> Octets:
        """20 ms for each row, in place of what did not come."""
        octets: Octets = self._encoder.translate(rows, self._concealer.lost(rows, _FRAME))
        return octets
