"""Who is calling: the section of iax.conf that lets a NEW in, or why none does."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice

from pbx.channels.iax2.anonymous import AnonymousUsers
from pbx.channels.iax2.settings import Settings, User

#: names that are compared with a wrong one
_WORTH_LOOKING = 500
#: context of a user that names none
DEFAULT_CONTEXT = "default"


@dataclass(frozen=True, slots=True)
class Access:
    """The user, or why there is none: what was expected and got, the deciding line, the security event."""

    user: User | None
    expected: str = ""
    got: str = ""
    place: str = ""
    advice: str = ""
    security: str = ""


def contexts_of(user: User) -> tuple[str, ...]:
    """The contexts a user may call, the first is the default."""
    return user.contexts or (DEFAULT_CONTEXT,)


def may_call(user: User, context: str) -> bool:
    """May the user ask for this context ("" = none in particular)?"""
    return not context or any(c in (context, "*") for c in contexts_of(user))


def find_user(settings: Settings, name: str, context: str, host: str, friends_there: Iterable[str]) -> Access:
    """The user of a NEW from `host`, by name, or without one by where it comes from.

    friends_there: names of peers whose address now is the caller's; a friend among them is who calls.
    """
    if name:
        return _by_name(settings, name, context, host)
    for peer in friends_there:
        user = settings.find_user(peer)
        if user is not None and may_call(user, context) and user.access.check(host).allowed:
            return Access(user)
    if settings.anonymous is None:
        settings.anonymous = AnonymousUsers(settings.users.values())
    best = settings.anonymous.find(host, lambda user: may_call(user, context))
    if best is not None:
        return Access(best)
    return Access(
        None,
        expected="a user name, or a section without secret whose permit and context fit",
        got="a call without user name",
        advice="name the other end's section in `username` of its peer for us, or add a guest section",
        security="InvalidAccountID",
    )


def _by_name(settings: Settings, name: str, context: str, host: str) -> Access:
    user = settings.find_user(name)
    if user is None:
        peer = settings.find_peer(name)
        if peer is not None:
            return Access(
                None,
                expected=f"a section [{name}] with type=user or friend",
                got="a call by its name, but it is type=peer",
                place=peer.place.file_line,
                advice=f"make [{name}] type=friend",
                security="InvalidAccountID",
            )
        return Access(
            None,
            expected="the name of a section with type=user or friend",
            got=f"the user name '{name}'",
            advice=_did_you_mean(name, settings.users) or f"rename the section that is meant to [{name}]",
            security="InvalidAccountID",
        )
    judged = user.access.check(host)
    if not judged.allowed:
        rule = judged.rule
        return Access(
            None,
            expected="an address that permit and deny let in",
            got=host,
            place=rule.place.file_line if rule is not None else user.place_of("access").file_line,
            advice=f"permit the address in [{name}]",
            security="FailedACL",
        )
    if not may_call(user, context):
        return Access(
            None,
            expected=f"one of the contexts {', '.join(contexts_of(user))}",
            got=f"the context '{context}'",
            place=user.place_of("contexts").file_line,
            advice=f"add context={context} to [{name}], or name no context in the other end's Dial",
            security="InvalidAccountID",
        )
    return Access(user)


def _did_you_mean(name: str, known: Iterable[str]) -> str:
    lower = name.lower()
    # a stranger's guess is not worth a walk through thousands of names
    for other in islice(known, _WORTH_LOOKING):
        if other.lower() == lower:
            return f"names are case-sensitive: there is [{other}]"
    return ""
