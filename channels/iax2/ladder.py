"""What passes between us and one far end, as a ladder: a line a frame, with what matters of it and no secret.

Full frames only: minis and trunk frames stay in the voice plane.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

from pbx.channels.iax2 import address as addresses
from pbx.channels.iax2.address import Address
from pbx.channels.iax2.elements import Element, Elements
from pbx.channels.iax2.frames import Command, FrameError, FrameType, FullFrame
from pbx.channels.iax2.logins import describe
from pbx.codecs.formats import from_mask, names

WIDTH = 58

#: elements whose content nobody is shown, nor written to a file
SECRET = frozenset({Element.PASSWORD, Element.MD5_RESULT, Element.RSA_RESULT, Element.ENCKEY})
#: a CHALLENGE of this size is RTKEY's new key
_KEY_SIZE = 16
#: texts that say what a frame is about
_TEXTS = (
    (Element.USERNAME, "user"),
    (Element.CALLED_NUMBER, "exten"),
    (Element.CALLED_CONTEXT, "context"),
    (Element.CALLING_NUMBER, "from"),
    (Element.CAUSE, "says"),
)
_NUMBERS = ((Element.CAUSECODE, "cause"), (Element.REFRESH, "refresh"))
_LOGINS = ((Element.MD5_RESULT, "md5"), (Element.RSA_RESULT, "rsa"), (Element.PASSWORD, "password"))


def hidden(frame: FullFrame) -> FullFrame:
    """The frame with every secret of it overwritten, no byte longer or shorter."""
    if frame.type != FrameType.IAX or not frame.data:
        return frame
    try:
        elements = Elements.parse(frame.data)
    except FrameError:
        return replace(frame, data=bytes(len(frame.data)))
    items = [
        (number, b"*" * len(value) if _secret(frame, number, value) else value) for number, value in elements.items
    ]
    return replace(frame, data=Elements(items).encode())


def _secret(frame: FullFrame, number: int, value: bytes) -> bool:
    if frame.subclass == Command.PROVISION or number in SECRET:
        return True
    return number == Element.CHALLENGE and (len(value) == _KEY_SIZE or frame.subclass == Command.RTKEY)


def about(frame: FullFrame) -> str:
    """What matters of a frame, "" if its name says all."""
    if frame.type != FrameType.IAX or not frame.data:
        return ""
    try:
        elements = Elements.parse(frame.data)
    except FrameError as error:
        return error.reason
    return ", ".join(_parts(elements))


def _parts(elements: Elements) -> Iterator[str]:
    for number, what in _TEXTS:
        text = elements.text(number)
        if text:
            yield f"{what} {text}"
    for number, what in _NUMBERS:
        value = elements.uint(number)
        if value is not None:
            yield f"{what} {value}"
    methods = elements.uint(Element.AUTHMETHODS)
    if methods is not None:
        yield f"wants {describe(methods)}"
    yield from (f"answers by {what}" for number, what in _LOGINS if elements.raw(number))
    formats = elements.formats(Element.FORMAT2, Element.FORMAT)
    if formats is not None:
        yield f"format {names(from_mask(formats))}"
    token = elements.raw(Element.CALLTOKEN)
    if token is not None:
        yield "shows its token" if token else "knows tokens"
    seen = elements.address()
    if seen is not None:
        yield f"seen as {addresses.text(seen)}"


def line(direction: str, frame: FullFrame, resent: bool = False) -> str:
    """One rung: ours leave to the right."""
    said = about(frame)
    text = f"{frame.name}{f' ({said})' if said else ''}{' again' if resent else ''}"
    calls = f"{frame.source}>{frame.destination}"
    if direction == "Tx":
        return f"|{f' {text} ':-<{WIDTH - 1}}>| {calls}"
    return f"|<{f' {text} ':->{WIDTH - 1}}| {calls}"


class Trace:
    """Watches one host.  `show` gets each rung; `keep` each frame with its secrets hidden: (ours, far, data)."""

    def __init__(
        self,
        host: str,
        show: Callable[[str], None],
        keep: Callable[[bool, Address, bytes], None] | None = None,
    ) -> None:
        self.host = host
        self.frames = 0
        self._show = show
        self._keep = keep

    def take(self, direction: str, frame: FullFrame, address: Address, retry: str) -> None:
        """A frame passes (as `Core.dump` sees it)."""
        if address[0] != self.host:
            return
        self.frames += 1
        resent = frame.retry
        self._show(line(direction, frame, resent))
        if self._keep is not None:
            self._keep(direction == "Tx", address, hidden(frame).encode())
