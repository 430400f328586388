"""`switch => Loopback/[exten][@context][:priority][/pattern]`: another place of the same dialplan."""

from __future__ import annotations

from dataclasses import dataclass

from pbx.dialplan.patterns import matches
from pbx.dialplan.substitution import substitute


@dataclass(slots=True)
class _Asked:
    """The only variables that a Loopback's data knows."""

    values: dict[str, str]

    def variable(self, name: str) -> str | None:
        return self.values.get(name)

    def function(self, name: str, args: str) -> str | None:
        return None


@dataclass(slots=True)
class Loopback:
    """Where it leads; `pattern` is what the dialled extension has to match besides ("" = none given)."""

    exten: str
    context: str
    priority: int
    pattern: str | None

    @classmethod
    def parse(cls, data: str, context: str, exten: str, priority: int) -> Loopback:
        """What is left out stays as asked.  As in Asterisk, `:priority` is read but has no effect on the priority."""
        asked = {"EXTEN": exten, "CONTEXT": context, "PRIORITY": str(priority)}
        text, slash, pattern = substitute(data, _Asked(asked)).partition("/")
        to_exten, _, to_context = text.partition("@")
        return cls(to_exten or exten, to_context or context, priority, pattern if slash else None)

    def allows(self, dialled: str) -> bool:
        """Whether what was dialled matches the extra pattern."""
        return self.pattern is None or matches(self.pattern, dialled)
