"""Where Dial leads: a technology before each target, and IAX2 peers that iax.conf knows."""

from __future__ import annotations

import re

from pbx.checks.configuration import Configuration, nearest
from pbx.checks.dialplan_calls import Call, calls, divided
from pbx.conf.diagnostics import Place

TECHNOLOGIES = ("IAX2", "Local")
# What holds a number and never a technology.
_NUMBER_ONLY = re.compile(r"(?:\$\{(?:EXTEN|CALLERID\((?:num|all)\))(?::[-0-9:]*)?\}|[0-9*#+])+")


def dial_targets(configuration: Configuration) -> None:
    """Each target of Dial."""
    for call in calls(configuration):
        if call.name not in ("dial", "retrydial"):
            continue
        at = 0 if call.name == "dial" else 3
        for start, targets in divided(call.data)[at : at + 1]:
            for target in targets.split("&"):
                place = call.at(start + len(target) - len(target.lstrip()))
                _technology(call, place, target.strip())
                _peer(call, place, target.strip())
                start += len(target) + 1


def _technology(call: Call, place: Place, target: str) -> None:
    technology, slash, rest = target.partition("/")
    if slash and "${" in technology and "}" not in technology:
        return  # the slash stands inside of a variable
    example = f"IAX2/{next(iter(call.configuration.settings.peers), 'PEER')}"
    if not slash and (_NUMBER_ONLY.fullmatch(target) or ("$" not in target and target)):
        message = f"Dial({target}) names no technology, so it calls nobody"
        advice = f"Dial({example}/{target})" if _NUMBER_ONLY.fullmatch(target) else f"Dial(IAX2/{target}/${{EXTEN}})"
        call.warn(place, message, advice, "no-technology")
    elif slash and "$" not in technology and technology.lower() not in [t.lower() for t in TECHNOLOGIES]:
        near = nearest(technology, (*TECHNOLOGIES, "IAX"))
        message = f"there is no technology '{technology}' here (there are {', '.join(TECHNOLOGIES)})"
        advice = f"Dial({'IAX2' if near == 'IAX' else near}/{rest})" if near else f"Dial({example}/${{EXTEN}})"
        call.warn(place, message, advice, "no-such-technology")


def _peer(call: Call, place: Place, target: str) -> None:
    technology, slash, rest = target.partition("/")
    if not slash or technology.lower() != "iax2":
        return
    who = rest.partition("/")[0].rpartition("@")[2].partition(":")[0]
    settings = call.configuration.settings
    if not who or "$" in rest.partition("/")[0] or who in settings.peers or "." in who or who == "localhost":
        return
    near = nearest(who, settings.peers)
    if who in settings.users and not near:
        message, advice = f"[{who}] in iax.conf is type=user: it can't be called", "type = friend in iax.conf"
    else:
        message = f"iax.conf has no peer [{who}]; the name is taken as a host's"
        advice = f"IAX2/{near}" if near else f"[{who}] with type = friend in iax.conf"
    call.warn(place, message, advice, "no-such-peer")


CHECKERS = (dial_targets,)
