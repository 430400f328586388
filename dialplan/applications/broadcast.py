"""Broadcast: one voice to many calls, or many calls heard at once."""

from __future__ import annotations

from twisted.internet.defer import Deferred

from pbx.channels.channel import Channel
from pbx.dialplan.arguments import parse_options, split
from pbx.dialplan.interpreter import Run
from pbx.dialplan.registry import Outcome, Result, application, options
from pbx.dialplan.spying import Mode, Session


@application(
    "Broadcast",
    syntax="Broadcast(options,channel[,channel[...]])",
    synopsis="Says what this call says to other calls, and lets it hear them",
    description="Goes on when all of those calls are over.",
    arguments={"channel": "its whole name"},
    options=options(
        {
            "w": "those calls hear this one",
            "b": "whom they talk with hears it",
            "r": "only whom they talk with hears it",
            "s": "this one hears those calls",
            "o": "with s: only what their own far ends say",
            "l": "accepted: sound is not queued here",
        }
    ),
    module="app_broadcast",
)
async def broadcast(run: Run, data: str) -> Result:
    letters, *names = split(data) or [""]
    found, _ = parse_options(letters)
    if not any(names):
        run.warn("Broadcast requires options and at least one channel")
        return Outcome.END
    if not {"b", "s", "w"} & found.keys():
        run.warn(f"Broadcast requires one of the options b, s and w; '{letters}' has no effect")
        return Outcome.END
    targets = _targets(run, names)
    sessions = [
        Session(
            run.channel, target, _mode(found), deaf="s" not in found, only_said="o" in found, volume=0
        )
        for target in targets
    ]  # fmt: skip
    try:
        await _until_gone(run, targets)
    finally:
        for session in sessions:
            session.close()
    return Outcome.END if run.over else None


def _mode(found: dict[str, str | None]) -> Mode:
    if not {"b", "w"} & found.keys():
        return Mode.SPY
    if "r" in found or "w" not in found:
        return Mode.BEHIND
    return Mode.BARGE if "b" in found else Mode.WHISPER


def _targets(run: Run, names: list[str]) -> list[Channel]:
    found: dict[Channel, None] = {}
    for name in filter(None, names):
        target = run.services.switch.channel(name)
        if target is None or target.dead:
            run.warn(f"Broadcast: there is no channel '{name}'")
        elif target is run.channel:
            run.warn("Broadcast: a call does not speak to itself")
        else:
            found[target] = None
    return list(found)


async def _until_gone(run: Run, targets: list[Channel]) -> None:
    """Until all of them have ended."""
    left = set(targets)
    gone: Deferred[None] = Deferred(lambda _: None)

    def ended(channel: Channel) -> None:
        left.discard(channel)
        if not left and not gone.called:
            gone.callback(None)

    for target in targets:
        target.on_end(ended)
    try:
        while left and not run.over:
            await run.channel.wait(gone)
    finally:
        for target in left:
            target.not_on_end(ended)
