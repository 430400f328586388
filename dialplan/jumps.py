"""Moving about in the dialplan: the places that Goto, Gosub and their kin name.

While priorities are walked, the walk itself adds one after each application; so
an application that jumps leaves the channel one priority *before* its aim.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING

from pbx.dialplan.arguments import split
from pbx.dialplan.octets import cut
from pbx.dialplan.registry import Outcome
from pbx.dialplan.scope import Frame

if TYPE_CHECKING:
    from pbx.dialplan.interpreter import Run

#: A place: context, extension, priority.
Place = tuple[str, str, int]

#: Bytes of the context and the extension that a channel has room for.
NAME_LIMIT = 79

#: Arguments of a subroutine; the last of them has the rest in it.
_MOST_ARGUMENTS = 100

_NUMBER = re.compile(r"\s*([+-]?\d+)\s*")


def parse_place(run: Run, text: str) -> Place | None:
    """The place that `[[context,]exten,]priority` names from where the channel is; None: no such label.

    The priority may be a number, `+n` or `-n` from here, or a label.
    """
    channel = run.channel
    context, exten, sign, number, label = _parts(text)
    if number is None:
        # a label is looked for in what is written, be it empty
        found = run.services.dialplan.find_label(
            channel.context if context is None else context,
            channel.exten if exten is None else exten,
            label,
            run.caller,
            substitute=run.scope.substitute,
        )
        if found is not None:
            number, sign = found, 0
    context, exten = context or channel.context, exten or channel.exten
    if number is not None and sign:
        number = channel.priority + sign * number
        # before the first priority: it stays where it is
        return context, exten, number if number >= 0 else channel.priority + 1
    if number is None:
        run.warn(f"Priority '{'+-'[sign < 0] if sign else ''}{label}' must be a number > 0, or valid label")
        return None
    return context, exten, number


@lru_cache(4096)
def _parts(text: str) -> tuple[str | None, str | None, int, int | None, str]:
    """(context, extension, sign of the priority, its number, its text without sign); number None: a label.

    Context and extension are None where there is no comma for them.
    """
    # what stands behind a third comma means nothing
    parts = text.split(",")[:3]
    priority = parts[-1]
    exten = cut(parts[-2], NAME_LIMIT) if len(parts) > 1 else None
    context = cut(parts[0], NAME_LIMIT) if len(parts) > 2 else None
    sign = {"+": 1, "-": -1}.get(priority[:1], 0)
    label = priority[1:] if sign else priority
    match = _NUMBER.fullmatch(label)
    return context, exten, sign, int(match[1]) if match else None, label


def goto(run: Run, text: str) -> Outcome | None:
    """Jump to `[[context,]exten,]priority`; END when that is no place."""
    if not text:
        run.warn("Goto requires an argument ([[context,]extension,]priority)")
        return Outcome.END
    place = parse_place(run, text)
    if place is None:
        return Outcome.END
    run.jump(*place)
    return None


def gosub(run: Run, text: str) -> Outcome | None:
    """Enter the subroutine `[[context,]exten,]priority[(arg1[,...])]`; END when there is no such place."""
    channel, scope = run.channel, run.scope
    label, paren, rest = text.partition("(")
    arguments: list[str] = []
    if paren:
        closing = rest.rfind(")")
        if closing < 0:
            run.log.warning(f"Gosub: no closing parenthesis in '{text}' ({run.where})", call=channel.call_id)
        arguments = split(rest if closing < 0 else rest[:closing], _MOST_ARGUMENTS, raw=True)
    if not label:
        run.log.error(f"Gosub address is invalid: '{label}' ({run.where})", call=channel.call_id)
        return Outcome.END
    place = parse_place(run, label)
    if place is None:
        run.log.error(f"Gosub address is invalid: '{label}' ({run.where})", call=channel.call_id)
        return Outcome.END
    # an eswitch is asked with the EXTEN and CONTEXT of there
    here = channel.context, channel.exten, channel.priority
    run.place(*place)
    exists = run.exists(*place)
    run.place(*here)
    if not exists:
        run.log.error(
            "Attempt to reach a non-existent destination for gosub: "
            f"(Context:{place[0]}, Extension:{place[1]}, Priority:{place[2]}) ({run.where})",
            call=channel.call_id,
        )
        return Outcome.END
    before = max((f.arguments for f in scope.frames[-1:]), default=0)
    frame = Frame(channel.context, channel.exten, channel.priority + 1, max(len(arguments), before))
    scope.push(frame)
    for number in range(1, frame.arguments + 1):
        scope.set_local(frame, f"ARG{number}", arguments[number - 1] if number <= len(arguments) else "")
    scope.set_local(frame, "ARGC", str(len(arguments)))
    run.jump(*place)
    return None


def leave(run: Run, value: str) -> Outcome | None:
    """Return from a subroutine with a value; END when there is none."""
    frame = run.scope.pop()
    if frame is None:
        run.log.error(f"Return without Gosub: stack is empty ({run.where})", call=run.channel.call_id)
        return Outcome.END
    run.scope.set("GOSUB_RETVAL", value)
    run.jump(frame.context, frame.exten, frame.priority)
    return Outcome.END if frame.special else None


def place_of(run: Run, text: str) -> str:
    """An option's `context^exten^priority(args^..)` with commas; what is left out is where the caller is."""
    if not text:
        return ""
    label, paren, args = text.replace("^", ",").partition("(")
    parts = label.split(",")
    known = [run.channel.context, run.channel.exten][: max(0, 3 - len(parts))]
    return ",".join([*known, *parts]) + paren + args
