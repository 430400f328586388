"""Names are resolved one at a time, and a failure is an answer."""

from __future__ import annotations

from twisted.internet.defer import Deferred

from pbx.channels.iax2.resolver import Resolver


class Names:
    def __init__(self) -> None:
        self.asked: list[tuple[str, Deferred[list[str]]]] = []
        self.answers: list[tuple[str, list[str]]] = []
        self.resolver = Resolver(self.lookup, lambda name, found: self.answers.append((name, found)))

    def lookup(self, name: str) -> Deferred[list[str]]:
        if name == "bad..name":
            raise ValueError("no such name can be")
        self.asked.append((name, Deferred()))
        return self.asked[-1][1]


def test_one_question_at_a_time() -> None:
    names = Names()
    names.resolver.ask("a")
    names.resolver.ask("a")
    assert len(names.asked) == 1
    names.asked[0][1].callback(["127.0.0.1", "::1"])
    assert names.answers == [("a", ["127.0.0.1", "::1"])]
    names.resolver.ask("a")
    assert len(names.asked) == 2


def test_failures_are_answers() -> None:
    names = Names()
    names.resolver.ask("a")
    names.asked[0][1].errback(OSError("x"))
    names.resolver.ask("bad..name")
    assert names.answers == [("a", []), ("bad..name", [])]


def test_late_answers_are_dropped() -> None:
    names = Names()
    names.resolver.ask("a")
    names.resolver.stop()
    names.asked[0][1].callback(["127.0.0.1"])
    names.resolver.ask("b")
    assert (names.answers, len(names.asked)) == ([], 1)
