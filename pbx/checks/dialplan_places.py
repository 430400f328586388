"""Where applications lead to: the places in the dialplan that a call names, each with where it is written."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TypeAlias

from pbx.checks.dialplan_calls import Call, cut, divided

#: offset in the data, the place as `[[context,]exten,]priority`
Named: TypeAlias = tuple[int, str]
#: options of Dial and its kin whose argument is a place with `^` for commas; B and b may have arguments in brackets
_DIAL_PLACES = "GFbB"
#: applications whose first arguments are `Technology/...&...`
_DIALLING = {"dial": 0, "chanisavail": 0, "originate": 0, "retrydial": 3}
#: which argument holds their options
_OPTIONS = {"dial": 2, "retrydial": 5, "originate": 6}
#: applications with the name of a context alone: which argument
_CONTEXTS = {"disa": 1, "readexten": 2, "background": 3, "blindtransfer": 1}


def places(call: Call) -> Iterator[Named]:
    """The places that a call may go to from here; arguments of a subroutine are cut off."""
    find = _FINDERS.get(call.name)
    if find is not None:
        for offset, text in find(call):
            place = cut(text, "(")[0]
            if place.strip():
                yield offset + len(place) - len(place.lstrip()), place.strip()


def elsewhere(call: Call) -> Iterator[Named]:
    """The places that another channel goes to, as `context,exten,priority`."""
    options = _OPTIONS.get(call.name)
    arguments = divided(call.data)
    if options is not None and options < len(arguments):
        yield from _of_options(call, *arguments[options])
    if call.name in _DIALLING:
        yield from _local(arguments[_DIALLING[call.name] :][:1])
    if call.name == "originate" and len(arguments) > 2 and arguments[1][1].strip().lower() == "exten":
        named = [text.strip() for _, text in arguments[2:5]]
        yield arguments[2][0], ",".join([named[0], *(named[1:2] or ["s"]), *(named[2:3] or ["1"])])
    if call.name == "channelredirect" and len(arguments) > 3:
        yield arguments[1][0], call.data[arguments[1][0] :]
    if call.name in ("set", "mset"):
        for start, text in divided(call.data) if call.name == "mset" else [(0, call.data)]:
            name, sign, value = cut(text, "=")
            if sign and name.strip() in ("CHANNEL(hangup_handler_push)", "CHANNEL(hangup_handler_wipe)"):
                place = cut(value, "(")[0]
                if place.count(",") == 2:
                    yield start + len(name) + 1, place


def named_contexts(call: Call) -> Iterator[Named]:
    """The contexts that a call names alone."""
    at = _CONTEXTS.get(call.name)
    arguments = divided(call.data)
    if at is not None and at < len(arguments):
        offset, text = arguments[at]
        if text.strip():
            yield offset + len(text) - len(text.lstrip()), text.strip()


def _plain(call: Call) -> Iterator[Named]:
    yield 0, call.data


def _conditional(call: Call) -> Iterator[Named]:
    condition, mark, rest = cut(call.data, "?")
    if mark:
        start = len(condition) + 1
        yes, _, no = cut(rest, ":")
        yield start, yes
        yield start + len(yes) + 1, no


_FINDERS: dict[str, Callable[[Call], Iterator[Named]]] = {
    "goto": _plain,
    "gosub": _plain,
    "gotoif": _conditional,
    "gosubif": _conditional,
    "gotoiftime": _conditional,
}


def _of_options(call: Call, start: int, options: str) -> Iterator[Named]:
    """The arguments of option letters that are places."""
    at = 0
    while at < len(options):
        letter, rest = options[at], options[at + 1 :]
        at += 1
        if not rest.startswith("("):
            continue
        inside = cut(rest[1:], ")")[0]
        argument = cut(inside, "(")[0]
        if (letter in _DIAL_PLACES and call.name != "originate") or letter in "bB":
            parts = argument.split("^")
            if len(parts) == 3:
                yield start + at + 1, ",".join(parts)
        elif letter == "U" and call.name != "originate":
            yield start + at + 1, f"{argument.split('^')[0]},s,1"
        at += len(inside) + 2


def _local(arguments: list[tuple[int, str]]) -> Iterator[Named]:
    """`Local/exten@context` among targets."""
    for start, targets in arguments:
        at = 0
        for target in targets.split("&"):
            technology, slash, rest = target.strip().partition("/")
            exten, sign, context = rest.rpartition("@")
            if slash and sign and technology.lower() == "local":
                yield start + at + target.find(rest), f"{context.partition('/')[0]},{exten},1"
            at += len(target) + 1
