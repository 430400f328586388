"""Values of iax.conf's options, and how their texts are read."""

from __future__ import annotations

import enum
import ipaddress
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from pbx.channels.iax2.address import IAX2_PORT
from pbx.channels.iax2.options import BadValue
from pbx.channels.party import split_callerid
from pbx.codecs.formats import BANDWIDTHS, Allowed
from pbx.conf.values import is_boolean, is_false, is_true

T = TypeVar("T")

_PORT = re.compile(r"[0-9]{1,5}")
_NUMBER = re.compile(r"[+-]?[0-9]{1,18}")

QUALIFY_MS = 2000  # what `qualify=yes` and `autokill=yes` mean


class AuthMethods(enum.IntFlag):
    """The bits of AUTHMETHODS."""

    NONE = 0
    PLAINTEXT = 1
    MD5 = 2
    RSA = 4


class Transfer(enum.Enum):
    """`transfer=`."""

    NO = "no"
    YES = "yes"
    MEDIAONLY = "mediaonly"


class RequireCallToken(enum.Enum):
    """`requirecalltoken=`.

    DEFAULT: demanded unless calltokenoptional names the address; YES: always; AUTO: once the peer has shown one.
    """

    DEFAULT = ""
    YES = "yes"
    NO = "no"
    AUTO = "auto"


class CodecPriority(enum.Enum):
    """`codecpriority=`; the value is the word that `iax2 show users` prints."""

    HOST = "Host"
    CALLER = "Caller"
    DISABLED = "Disabled"
    REQONLY = "REQ Only"


class ConnectedLine(enum.Flag):
    """`connectedline=`."""

    NO = 0
    SEND = 1
    RECEIVE = 2
    YES = 3


@dataclass(frozen=True, slots=True)
class BindAddress:
    """A UDP address to listen on; an empty host is the wildcard of IPv4."""

    host: str
    port: int


@dataclass(frozen=True, slots=True)
class CallerID:
    """What `callerid`, `fullname` and `cid_number` make; None = not set by them."""

    name: str | None = None
    number: str | None = None


class PartlyBad(BadValue):
    """Some of the value can't be used, the rest counts."""

    def __init__(self, message: str, advice: str, value: object) -> None:
        super().__init__(message, advice)
        self.value = value


def text(value: str, former: str) -> str:
    """Any text."""
    return value


def yes_no(value: str, former: bool) -> bool:
    """yes, true, y, t, 1, on; all else is no, as in Asterisk, but anything that is no word for it is told."""
    if not is_boolean(value):
        raise PartlyBad("it is neither yes nor no and counts as no", "yes or no", False)
    return is_true(value)


def number(low: int, high: int, *, clamp: bool = False) -> Callable[[str, int], int]:
    """A whole number within limits; `clamp`: what is outside counts as the nearest limit, as in Asterisk."""

    def read(value: str, former: int) -> int:
        found, rest = _leading_number(value, f"a number from {low} to {high}")
        if not low <= found <= high:
            message = f"the number is not between {low} and {high}"
            nearest = min(max(found, low), high)
            if clamp:
                raise PartlyBad(f"{message}; {nearest} is used", str(nearest), nearest)
            raise BadValue(message, f"a number from {low} to {high}")
        if rest:
            raise PartlyBad(f"of this only {found} is read", str(found), found)
        return found

    return read


def zero_or(read: Callable[[str, int], int]) -> Callable[[str, int], int]:
    """0, or what `read` takes."""

    def either(value: str, former: int) -> int:
        return 0 if value.strip() == "0" else read(value, former)

    return either


def _leading_number(value: str, advice: str) -> tuple[int, str]:
    match = _NUMBER.match(value)
    if match is None:
        raise BadValue("it is no whole number", advice)
    return int(match[0]), value[match.end() :].strip()


def word(words: dict[str, T]) -> Callable[[str, T], T]:
    """One of a few words, any case."""

    def read(value: str, former: T) -> T:
        try:
            return words[value.lower()]
        except KeyError:
            raise BadValue("there is no such value", " or ".join(words)) from None

    return read


def milliseconds(value: str, former: int) -> int:
    """yes (2000 ms), no (0) or a number of milliseconds."""
    if is_false(value):
        return 0
    if is_true(value):
        return QUALIFY_MS
    try:
        found, rest = _leading_number(value, "yes")
    except BadValue:
        raise BadValue("it is neither yes, no nor a number of milliseconds", "yes") from None
    if found < 0:
        raise BadValue("the number of milliseconds is negative", "yes")
    if rest:
        raise PartlyBad(f"of this only {found} is read", str(found), found)
    return found


def auth_methods(value: str, former: AuthMethods) -> AuthMethods:
    """Words md5, plaintext, rsa with commas between; other words are passed over, as in Asterisk, and told."""
    found = AuthMethods.NONE
    unknown = ""
    for name in value.replace("|", ",").split(","):
        method = AuthMethods.__members__.get(name.strip().upper())
        if method:
            found |= method
        else:
            unknown = name.strip()
    if unknown or not found:
        raise PartlyBad(f"there is no authentication method '{unknown}'", "md5, rsa or plaintext", found)
    return found


def split_secrets(value: str, former: tuple[str, ...]) -> tuple[str, ...]:
    """Another secret (or several with `;` between) beside the former ones."""
    return (*former, *(secret for secret in value.split(";") if secret))


def colon_list(value: str, former: tuple[str, ...]) -> tuple[str, ...]:
    """Names with `:` between."""
    return tuple(name.strip() for name in value.split(":") if name.strip())


def more(value: str, former: tuple[str, ...]) -> tuple[str, ...]:
    """One more value beside the former ones."""
    return (*former, value) if value else former


def variable(value: str, former: tuple[tuple[str, str], ...]) -> tuple[tuple[str, str], ...]:
    """One more `NAME=value`."""
    name, equals, content = value.partition("=")
    if not equals or not name.strip():
        raise BadValue("setvar needs a name and a value", "setvar = NAME=value")
    return (*former, (name.strip(), content.strip()))


def allow(value: str, former: Allowed) -> Allowed:
    """`allow=`."""
    return _known(*former.allow(value))


def disallow(value: str, former: Allowed) -> Allowed:
    """`disallow=`."""
    return _known(*former.disallow(value))


def bandwidth(value: str, former: Allowed) -> Allowed:
    """`bandwidth=` replaces the list as it stands."""
    try:
        return Allowed(BANDWIDTHS[value.lower()])
    except KeyError:
        raise BadValue("there is no such bandwidth", "low, medium or high") from None


def _known(allowed: Allowed, unknown: tuple[str, ...]) -> Allowed:
    if unknown:
        raise PartlyBad(f"there is no format '{unknown[0]}'", "core show codecs lists them", allowed)
    return allowed


def callerid(value: str, former: CallerID) -> CallerID:
    """`"Name" <number>`."""
    name, number_ = split_callerid(value)
    return CallerID(name, shrink_number(number_))


_BRACKETED = re.compile(r"(\[[^\]]*\])")


def shrink_number(text: str) -> str:
    """A phone number without `(`, `)`, blanks, `-` and dots, but for what stands in [brackets] or a dot at the end."""
    kept = []
    for part in _BRACKETED.split(text):
        kept.append(part if part.startswith("[") else re.sub(r"[ ()\-]|\.(?!$)", "", part))
    return "".join(kept)


def caller_name(value: str, former: CallerID) -> CallerID:
    """`fullname=`."""
    return CallerID(value, former.number)


def caller_number(value: str, former: CallerID) -> CallerID:
    """`cid_number=`."""
    return CallerID(former.name, value)


def host_port(value: str, default_port: int = IAX2_PORT) -> tuple[str, int]:
    """`host`, `host:port`, `[v6]:port`, `v6`. Raises BadValue."""
    host, port = value, ""
    if value.startswith("["):
        host, bracket, rest = value[1:].partition("]")
        if not bracket or (rest and not rest.startswith(":")):
            raise BadValue("the address is not understood", "[address]:port")
        port = rest[1:]
    elif value.count(":") == 1:
        host, _, port = value.partition(":")
    if not port:
        return host, default_port
    if not _PORT.fullmatch(port) or not 0 < int(port) < 65536:
        raise BadValue(f"'{port}' is no port", f"{host}:{default_port}")
    return host, int(port)


def is_ip(value: str) -> bool:
    """Whether it is a literal IPv4 or IPv6 address."""
    try:
        ipaddress.ip_address(value.partition("%")[0])
    except ValueError:
        return False
    return True
