"""MP3Player: until the program ends, or a digit."""

from __future__ import annotations

from pathlib import Path

from twisted.internet.defer import Deferred

from pbx.dialplan.registry import Outcome
from tests.dialplan.stage import Stage


class Player:
    """A program that ends when the test says so."""

    def __init__(self, location: str) -> None:
        self.location = location
        self.stream = 7
        self.done: Deferred[None] = Deferred()

    def stop(self) -> None:
        if not self.done.called:
            self.done.callback(None)


def test_until_it_ends_or_a_digit_comes(tmp_path: Path) -> None:
    players: list[Player] = []

    def play(location: str) -> Player:
        players.append(Player(location))
        return players[-1]

    stage = Stage(tmp_path, play_mp3=play)
    channel = stage.channel()
    graph = stage.switch.graph
    ended = stage.start(channel, "MP3Player", "http://h/a,b.mp3")
    stage.seconds(1)
    assert ended == [] and [player.location for player in players] == ["http://h/a,b.mp3"]
    assert len(graph.sounds(channel)) == 1
    players[0].stop()
    stage.seconds(0.1)
    assert ended == [None] and not graph.sounds(channel)
    ended = stage.start(channel, "MP3Player", "x.mp3")
    stage.seconds(1)
    stage.type(channel, "5")
    stage.seconds(0.1)
    assert ended == [None] and players[1].done.called and not graph.sounds(channel)


def test_what_cannot_be_played_is_passed_over(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    channel = stage.channel()
    assert stage.start(channel, "MP3Player", "x.mp3") == [None]
    assert stage.start(channel, "MP3Player", "") == [Outcome.END]
