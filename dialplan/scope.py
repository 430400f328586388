"""Variables, and everything else the dialplan remembers about one channel.

A `Scope` answers substitution (`Values`): variables of the channel, built-in
ones, global ones, functions.  There is one per channel, kept in
`channel.attached["scope"]`, and one without a channel for global variables.

Variables are kept newest last; setting one anew moves it to the end, as
Asterisk's lists do (HASHKEYS and DumpChan show newest first).  A Gosub frame
remembers what its LOCAL variables and arguments hide.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from pbx.channels.log import Log
from pbx.dialplan.registry import FUNCTIONS, FunctionError, Suspend
from pbx.dialplan.substitution import DATA_LIMIT, quick, substitute

if TYPE_CHECKING:
    from pbx.channels.channel import Channel
    from pbx.dialplan.interpreter import Run
    from pbx.dialplan.services import Services

_log = Log("pbx_variables")


@dataclass(slots=True)
class Frame:
    """One Gosub: where Return goes, how many arguments it has, what its local variables hide (None: nothing)."""

    context: str
    exten: str
    priority: int
    arguments: int = 0
    hidden: dict[str, str | None] = field(default_factory=dict)
    #: where the frame was entered as a subroutine of an application (Dial U, hangup handler): Return ends it
    special: bool = False
    #: what the frame hides of the inheritance marks
    marks: dict[str, int] = field(default_factory=dict)


@dataclass(slots=True)
class Problem:
    """What EXCEPTION() tells: why and where the `e` extension was called."""

    reason: str
    context: str
    exten: str
    priority: int


class Recall:
    """Results of functions read while one text is evaluated, so that it can be evaluated again after a Suspend.

    Calls are numbered in the order in which they begin; a result is kept with the number that the next call after it
    had, so that a function that itself evaluates (EVAL) is replayed as a whole.
    """

    __slots__ = ("count", "results")

    def __init__(self) -> None:
        self.count = 0
        self.results: dict[int, tuple[str | None, int]] = {}

    def rewind(self) -> None:
        self.count = 0


class Scope:
    """See the module.  `run` is the interpreter's run on this channel, None while there is none."""

    def __init__(
        self, services: Services, channel: Channel | None = None, variables: dict[str, str] | None = None
    ) -> None:
        """`variables`: global variables to use in place of the dialplan's (while a new one is loaded)."""
        self.services = services
        self.channel = channel
        self._globals = variables
        self.run: Run | None = None
        self.frames: list[Frame] = []
        #: variable -> 1 (`_`: one generation) or 2 (`__`: for ever)
        self.marks: dict[str, int] = {}
        self.shared: dict[str, str] = {}
        self.hangup_handlers: list[str] = []
        self.problem: Problem | None = None
        #: seconds that WaitExten and the walk wait for the next and the first digit
        self.digit_timeout = 5.0
        self.response_timeout = 10.0
        #: monotonic time of TIMEOUT(absolute), None without one
        self.deadline: float | None = None
        #: free places for themes of functions (redirecting party, tone zone ...)
        self.notes: dict[str, Any] = {}
        #: what writing a function began and the next priority waits for (CURL to a file)
        self.pending: Callable[[], Awaitable[None]] | None = None
        self._recall: Recall | None = None
        #: one that nothing was remembered in, for the next text
        self._unused: Recall | None = None
        self._outside = False

    # ---- values for substitution ---------------------------------------------------------------------

    @property
    def globals(self) -> dict[str, str]:
        """The global variables."""
        return self.services.dialplan.globals if self._globals is None else self._globals

    @property
    def variables(self) -> dict[str, str]:
        """The channel's variables, or the global ones."""
        return self.globals if self.channel is None else self.channel.variables

    def variable(self, name: str) -> str | None:
        """Built-in, channel's, global; None if there is none."""
        channel = self.channel
        if name in _BUILT_IN:
            builtin = CHANNEL_BUILTINS.get(name)
            if builtin is not None and channel is not None:
                return builtin(self, channel)
            general = BUILTINS.get(name)
            if general is not None:
                return general(self.services)
        if channel is not None:
            value = channel.variables.get(name)
            if value is not None:
                return value
        value = self.globals.get(name)
        if value is None:
            return self.services.directories.get(name)
        return value

    def get(self, name: str) -> str | None:
        """A variable of the channel or a global one, not a built-in (what applications look for)."""
        if name.endswith(")") and "(" in name:
            function, _, rest = name.partition("(")
            return self.function(function, rest[:-1])
        if self.channel is not None:
            value = self.channel.variables.get(name)
            if value is not None:
                return value
        return self.globals.get(name)

    def lookup(self, name: str) -> str | None:
        """What `${name}` would give for a plain name or `FUNCTION(args)`, args as they are."""
        if name.endswith(")") and "(" in name:
            function, _, rest = name.partition("(")
            return self.function(function, rest[:-1])
        return self.variable(name)

    def function(self, name: str, args: str) -> str | None:
        """Read a function; None if it fails or does not exist.  May raise Suspend."""
        recall = self._recall
        if recall is None:
            return self._read(name, args)
        number = recall.count
        recall.count += 1
        known = recall.results.get(number)
        if known is not None:
            recall.count = known[1]
            return known[0]
        try:
            value = self._read(name, args)
        except Suspend as wait:
            if wait.number is None:
                wait.number = number
            raise
        recall.results[number] = (value, recall.count)
        return value

    def _read(self, name: str, args: str) -> str | None:
        function = FUNCTIONS.get(name)
        if function is None:
            _log.error(f"Function {name} not registered", call=self.call_id)
            return None
        if function.read is None:
            _log.error(f"Function {name} cannot be read", call=self.call_id)
            return None
        if self.channel is None and function.needs_channel:
            _log.warning(f"Function {name} needs a channel", call=None)
            return None
        if self._forbidden(name, function.dangerous, "read"):
            return None
        try:
            return function.read(self, args)
        except FunctionError as error:
            _log.warning(f"{name}({args}): {error}", call=self.call_id)
            return None
        except Suspend:
            if self._recall is None:
                _log.error(f"{name}({args}) would have to wait, which is not possible here", call=self.call_id)
                return None
            raise

    def substitute(self, text: str) -> str:
        """`text` with variables, functions and expressions put in; nothing in it can wait."""
        if "$" not in text:
            return text
        recall, self._recall = self._recall, None
        try:
            return substitute(text, self)
        finally:
            self._recall = recall

    def substitute_nested(self, text: str) -> str:
        """As `substitute`, for functions that evaluate their argument (EVAL): what waits is waited for outside."""
        return substitute(text, self) if "$" in text else text

    @property
    def call_id(self) -> int | None:
        return self.channel.call_id if self.channel is not None else None

    # ---- writing -------------------------------------------------------------------------------------

    def set(self, name: str, value: str | None) -> None:
        """Set a variable (None takes it away) or write a function: what `Set(name=value)` does.

        A name with `_` or `__` marks it for outgoing channels; a function's name ends with `)`.
        """
        if name.endswith(")"):
            self.write(name, value or "")
            return
        bare, mark = unmarked(name) if name.startswith("_") else (name, 0)
        channel = self.channel
        variables = self.globals if channel is None else channel.variables
        variables.pop(bare, None)
        if self.marks:
            self.marks.pop(bare, None)
        if value is not None:
            variables[bare] = value
            if mark:
                self.marks[bare] = mark
            if channel is None:
                _log.verbose(2, f"Setting global variable '{bare}' to '{value}'")

    def assign(self, values: Mapping[str, str]) -> None:
        """Set several variables of the channel, in this order; their names are plain (no mark, no function)."""
        variables = self.variables
        if not variables.keys().isdisjoint(values):
            for name in values:
                variables.pop(name, None)
        variables.update(values)
        if self.marks:
            for name in values:
                self.marks.pop(name, None)

    def write(self, name: str, value: str) -> None:
        """Write `FUNCTION(args)`."""
        function_name, _, rest = name.partition("(")
        args = rest[: rest.rindex(")")] if ")" in rest else rest
        function = FUNCTIONS.get(function_name)
        if function is None:
            _log.error(f"Function {function_name} not registered", call=self.call_id)
            return
        if function.write is None:
            _log.error(f"Function {function_name} cannot be written to", call=self.call_id)
            return
        if self.channel is None and function.needs_channel:
            _log.warning(f"Function {function_name} needs a channel")
            return
        if self._forbidden(function_name, function.dangerous, "write"):
            return
        try:
            function.write(self, args, value)
        except FunctionError as error:
            _log.warning(f"{name}: {error}", call=self.call_id)

    @contextmanager
    def from_outside(self) -> Iterator[None]:
        """What is evaluated within comes from outside the dialplan (AMI): dangerous functions are refused.

        Unless live_dangerously is set in asterisk.conf.
        """
        before, self._outside = self._outside, True
        try:
            yield
        finally:
            self._outside = before

    def _forbidden(self, name: str, dangerous: str, what: str) -> bool:
        if not self._outside or dangerous not in (what, "both") or self.services.live_dangerously:
            return False
        _log.error(f"Dialplan function {name} may not be used from outside ({what}); see live_dangerously")
        return True

    def set_global(self, name: str, value: str | None) -> None:
        """Set or remove a global variable."""
        variables = self.globals
        bare, _ = unmarked(name)
        variables.pop(bare, None)
        if value is not None:
            variables[bare] = value

    # ---- frames ----------------------------------------------------------------------------------------

    def push(self, frame: Frame) -> None:
        """Enter a subroutine; `set_local` sets its variables."""
        self.frames.append(frame)

    def set_local(self, frame: Frame, name: str, value: str) -> None:
        """Set a variable that the frame's end takes back."""
        bare, mark = unmarked(name)
        variables = self.variables
        if bare not in frame.hidden:
            frame.hidden[bare] = variables.get(bare)
            if bare in self.marks:
                frame.marks[bare] = self.marks[bare]
        variables.pop(bare, None)
        self.marks.pop(bare, None)
        variables[bare] = value
        if mark:
            self.marks[bare] = mark

    def pop(self) -> Frame | None:
        """Leave a subroutine: its variables are gone, what they hid is back."""
        if not self.frames:
            return None
        frame = self.frames.pop()
        variables = self.variables
        for name, value in frame.hidden.items():
            variables.pop(name, None)
            self.marks.pop(name, None)
            if value is not None:
                variables[name] = value
                if name in frame.marks:
                    self.marks[name] = frame.marks[name]
        return frame

    # ---- evaluation that may wait ----------------------------------------------------------------------

    def evaluate(self, text: str, limit: int = DATA_LIMIT) -> str:
        """`text` with everything put in, for who can wait: raises Suspend, then `Recall` goes to `evaluate_again`."""
        plain = quick(text, self, limit)
        if plain is not None:
            return plain
        recall, self._unused = self._unused or Recall(), None
        self._recall = recall
        try:
            text = substitute(text, self, limit)
            if not recall.count:
                self._unused = recall
            return text
        except Suspend as wait:
            wait.recall = recall
            raise
        finally:
            self._recall = None

    async def evaluate_again(self, text: str, wait: Suspend, limit: int = DATA_LIMIT) -> str:
        """Go on after a Suspend of `evaluate`: wait, replay, until the text is whole."""
        recall: Recall = wait.recall
        while True:
            assert wait.number is not None
            value = await wait.start()
            recall.results[wait.number] = (value, wait.number + 1)
            recall.rewind()
            self._recall = recall
            try:
                return substitute(text, self, limit)
            except Suspend as another:
                wait = another
            finally:
                self._recall = None


def unmarked(name: str) -> tuple[str, int]:
    """(name without its leading underscores, how many were taken: 0, 1 or 2)."""
    if not name.startswith("_"):
        return name, 0
    if name.startswith("__"):
        return name[2:], 2
    return name[1:], 1


def scope_of(services: Services, channel: Channel) -> Scope:
    """The channel's scope, made when it is first asked for."""
    scope: Scope | None = channel.attached.get("scope")
    if scope is None:
        scope = channel.attached["scope"] = Scope(services, channel)
    return scope


def inherit(parent: Scope, child: Scope) -> None:
    """Give an outgoing channel the marked variables of the channel that dials: `__` for ever, `_` once."""
    source, target = parent.channel, child.channel
    if source is None or target is None:
        return
    for name, mark in parent.marks.items():
        target.variables[name] = source.variables[name]
        if mark == 2:
            child.marks[name] = 2


def _presentation(scope: Scope, channel: Channel) -> str:
    return str(channel.caller.presented)


#: Variables that only a channel has; they hide what was set under their names.
CHANNEL_BUILTINS: dict[str, Callable[[Scope, Channel], str]] = {
    "CALLINGPRES": _presentation,
    "CALLINGANI2": lambda s, c: str(c.caller.ani2),
    "CALLINGTON": lambda s, c: str(c.caller.type_of_number),
    "CALLINGTNS": lambda s, c: str(c.caller.transit_network),
    "HINT": lambda s, c: s.services.dialplan.hint(c.context, c.exten) or "",
    "HINTNAME": lambda s, c: s.services.dialplan.hint_name(c.context, c.exten),
    "EXTEN": lambda s, c: c.exten,
    "CONTEXT": lambda s, c: c.context,
    "PRIORITY": lambda s, c: str(c.priority),
    "CHANNEL": lambda s, c: c.name,
    "UNIQUEID": lambda s, c: c.uniqueid,
    "HANGUPCAUSE": lambda s, c: str(int(c.hangup_cause)),
}

#: Variables that are always there.
BUILTINS: dict[str, Callable[[Services], str]] = {
    "EPOCH": lambda s: str(int(s.switch.wall())),
    "SYSTEMNAME": lambda s: s.switch.systemname,
    "ENTITYID": lambda s: s.entity_id,
}

#: names that are looked for there first
_BUILT_IN = frozenset((*CHANNEL_BUILTINS, *BUILTINS))
