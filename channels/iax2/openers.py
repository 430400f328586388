"""What opens a dialogue from outside: tokens and limits before any state exists (RFC 5457's call tokens)."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, TypeAlias

from pbx.channels.iax2 import reasons
from pbx.channels.iax2.address import Address, parsed
from pbx.channels.iax2.elements import Element, Elements
from pbx.channels.iax2.frames import Command, FrameType, FullFrame
from pbx.channels.iax2.settings import Peer, RequireCallToken, User

if TYPE_CHECKING:
    from pbx.channels.iax2.core import Core
    from pbx.channels.iax2.options import Options

#: call number of stateless answers
STATELESS = 1

_REGISTRATIONS = frozenset({Command.REGREQ, Command.REGREL})


def reply(frame: FullFrame, command: Command, elements: Elements | None = None) -> FullFrame:
    """An answer from call 1 that repeats the asker's stamp."""
    data = elements.encode() if elements is not None else b""
    iseqno = (frame.iseqno + 1) & 0xFF
    return FullFrame(STATELESS, frame.source, frame.timestamp, 0, iseqno, FrameType.IAX, command, data)


def refusal(frame: FullFrame) -> FullFrame:
    """REGREJ or REJECT without elements."""
    return reply(frame, Command.REGREJ if frame.subclass in _REGISTRATIONS else Command.REJECT)


#: what is the same in every copy of an opener: where from, number, stamp, elements (the token among them)
_Opener: TypeAlias = tuple[Address, int, int, bytes]


class Gate:
    """Decides whether an opener may make a dialogue."""

    def __init__(self, core: Core) -> None:
        self.core = core
        #: openers of late that made a dialogue: a copy that was delayed on its way makes no second one
        self._seen: set[_Opener] = set()
        self._seen_until: deque[tuple[float, _Opener]] = deque()

    def answer(self, frame: FullFrame, elements: Elements, address: Address, now: float) -> FullFrame | None:
        """The stateless answer to an opener, or None: let it in."""
        core = self.core
        token = elements.raw(Element.CALLTOKEN)
        if token == b"":
            core.stats["tokens.sent"] += 1
            made = core.tokens.make(address, now)
            return reply(frame, Command.CALLTOKEN, Elements().add_text(Element.CALLTOKEN, made))
        if token is not None:
            expiration = float(core.settings.general.calltokenexpiration)
            text = elements.text(Element.CALLTOKEN) or ""
            if not core.tokens.check(text, address, now, expiration):
                self._tell(
                    frame, elements, address, "a call token that we gave to this address", "another, or an old one"
                )
                return refusal(frame)
        elif self._token_required(frame, elements, address):
            section = self._section(frame, elements)
            self._tell(frame, elements, address, "a call token", "none (an old program?)", section)
            return refusal(frame)
        if self._too_many(address, token is not None):
            core.stats["refused.numbers"] += 1
            self._tell(frame, elements, address, "a free call number for this address", "the limit is reached")
            return refusal(frame)
        return None

    def is_copy(self, frame: FullFrame, address: Address, now: float) -> bool:
        """Did this very opener make a dialogue a short while ago?  Remembers it if not."""
        until = self._seen_until
        while until and until[0][0] <= now:
            self._seen.discard(until.popleft()[1])
        key = (address, frame.source, frame.timestamp, frame.data)
        if key in self._seen:
            return True
        self._seen.add(key)
        until.append((now + self.core.settings.general.calltokenexpiration, key))
        return False

    def _section(self, frame: FullFrame, elements: Elements) -> User | Peer | None:
        """Whose requirecalltoken counts: the peer's for registrations, else the user's, "guest" without a name."""
        settings = self.core.settings
        name = elements.text(Element.USERNAME) or ""
        if frame.subclass in _REGISTRATIONS:
            return settings.find_peer(name)
        return settings.find_user(name or "guest")

    def _token_required(self, frame: FullFrame, elements: Elements, address: Address) -> bool:
        section = self._section(frame, elements)
        required = section.requirecalltoken if section is not None else RequireCallToken.YES
        if section is not None and required is RequireCallToken.NO:
            return False
        if section is not None and required is RequireCallToken.AUTO:
            return self._token_seen(section)
        if section is not None and section.is_written("requirecalltoken"):
            return True
        host = parsed(address[0])
        return not any(host in network for network in self.core.settings.general.calltokenoptional)

    def _token_seen(self, section: User | Peer) -> bool:
        if isinstance(section, User):
            return section.name in self.core.users_with_token
        record = self.core.peers.get(section.name)
        return record is not None and record.token_seen

    def _too_many(self, address: Address, tokened: bool) -> bool:
        core = self.core
        limit = core.host_limits.get(address[0]) or core.settings.call_number_limit(address[0])
        if core.per_host[address[0]] >= limit:
            return True
        return not tokened and core.without_token >= core.settings.general.maxcallnumbers_nonvalidated

    def _tell(
        self,
        frame: FullFrame,
        elements: Elements,
        address: Address,
        expected: str,
        got: str,
        section: Options | None = None,
    ) -> None:
        registration = frame.subclass in _REGISTRATIONS
        who = elements.text(Element.USERNAME) or ("(no name)" if registration else "guest")
        self.core.fail(
            reasons.verdict(
                "registration" if registration else "call",
                who,
                address,
                expected=expected,
                got=got,
                place=reasons.place(section, "requirecalltoken"),
                advice=f"set requirecalltoken=no or auto in [{who}] if that end knows no tokens" if section else "",
                security="RequestNotAllowed",
            )
        )
