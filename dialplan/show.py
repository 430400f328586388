"""The text of `dialplan show [exten@][context]`, as Asterisk 22 prints it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass

from pbx.dialplan.dialplan import MOST_CONTEXTS, Dialplan
from pbx.dialplan.model import HINT, Context, Extension, Priority
from pbx.dialplan.octets import length
from pbx.dialplan.patterns import dialled_key, match_key, matches


class NotThere(LookupError):
    """Nothing to show; the text is what the console prints."""


@dataclass(slots=True)
class _Counts:
    contexts: int = 0
    extensions: int = 0
    priorities: int = 0
    context_exists: bool = False


#: extensions that are looked at before there is a breath
STEP = 64


def show(dialplan: Dialplan, what: str = "") -> Iterator[str]:
    """Lines of `dialplan show what`; `what` is "", `context`, `exten@context` or `exten@`.

    Raises NotThere behind the last line when there is no such context or extension.
    """
    return (line for line in show_steps(dialplan, what) if line is not None)


def show_steps(dialplan: Dialplan, what: str = "") -> Iterator[str | None]:
    """The same for who lets others run meanwhile: None where no line is ready yet."""
    exten, _, name = what.partition("@") if "@" in what else ("", "", what)
    counts = _Counts()
    for context in reversed(list(dialplan.contexts.values())):
        if not name or context.name == name:
            yield from _context(dialplan, context, exten, counts, [])
    if name and not counts.context_exists:
        raise NotThere(f"There is no existence of '{name}' context")
    if exten and not counts.extensions:
        where = f"{exten}@{name} extension" if name else f"'{exten}' extension in all contexts"
        raise NotThere(f"There is no existence of {where}")
    yield (
        f"-= {_counted(counts.extensions, 'extension', 'extensions')} "
        f"({_counted(counts.priorities, 'priority', 'priorities')}) "
        f"in {_counted(counts.contexts, 'context', 'contexts')}. =-"
    )


def _counted(number: int, one: str, many: str) -> str:
    return f"{number} {one if number == 1 else many}"


def _context(
    dialplan: Dialplan, context: Context, exten: str, counts: _Counts, included: list[str]
) -> Iterator[str | None]:
    counts.context_exists = True
    header = [f"[ {'Included context' if included else 'Context'} '{context.name}' created by '{context.registrar}' ]"]
    if context.autohints:
        header.append("Autohints support enabled")
    shown = False
    if not exten:
        counts.contexts += 1
        yield from header
        shown = True
    wanted = dialled_key(exten)
    yield from context.order_steps()
    for number, extension in enumerate(context.extensions):
        if number % STEP == STEP - 1:
            yield None
        if exten and not match_key(extension.key, wanted) and not matches(extension.name, exten):
            continue
        if not shown:
            counts.contexts += 1
            yield from header
            shown = True
        counts.extensions += 1
        counts.priorities += len(extension.priorities)
        yield from _extension(extension)
    yield from _includes(dialplan, context, exten, counts, included)
    for ignored in context.ignore_patterns:
        if not exten or matches(f"_{ignored.pattern}.", exten):
            yield _row("Ignore pattern =>", f"'{ignored.pattern}'", ignored.registrar)
    if not included:
        for switch in context.switches:
            yield _row("Alt. Switch =>", f"'{switch.name}/{switch.data}'", switch.registrar)
    if shown:
        yield ""


def _extension(extension: Extension) -> Iterator[str]:
    head = f"'{extension.name}' =>"
    if extension.caller is not None:
        head = f"'{extension.name}' (CID match '{extension.caller}') => "
    for number, priority in enumerate(extension.in_order()):
        if number:
            head = f"   [{priority.label}]" if priority.label is not None else ""
        yield _row(head, _call(priority), _origin(priority))


def _includes(
    dialplan: Dialplan, context: Context, exten: str, counts: _Counts, included: list[str]
) -> Iterator[str | None]:
    for include in context.includes:
        if not exten:
            yield _row("Include =>", f"'{include.text}'", include.registrar)
        elif len(included) < MOST_CONTEXTS and include.text.lower() not in included:
            included.append(include.text.lower())
            # as in Asterisk, an include with times is looked for by its whole text, and so not found
            below = dialplan.contexts.get(include.text)
            if below is not None:
                yield from _context(dialplan, below, exten, counts, included)
            included.pop()


def _call(priority: Priority) -> str:
    if priority.number == HINT:
        return f"hint: {priority.application}"
    return f"{priority.number}. {priority.application}({priority.data})"


def _origin(priority: Priority) -> str:
    if not priority.file:
        return priority.registrar
    return os.path.basename(priority.origin or f"{priority.file}:{priority.line}")


def _row(head: str, text: str, origin: str) -> str:
    return f"  {_padded(head, 17)} {_padded(text, 45)} [{origin}]"


def _padded(text: str, width: int) -> str:
    """Filled up with blanks to `width` bytes, as C does it."""
    return text + " " * (width - length(text))
