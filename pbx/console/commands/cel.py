"""cel show status."""

from __future__ import annotations

from collections.abc import Iterator

from pbx.cel.service import CelService
from pbx.cel.settings import EVENTS
from pbx.console.registry import Context, UsageShown, command


@command(
    "cel show status",
    "Display the CEL status",
    "Usage: cel show status\n       Whether channel events are written, which ones, and where.\n",
)
def show_status(context: Context, words: list[str]) -> None:
    if words:
        raise UsageShown
    context.lines(status_lines(context.pbx.cel))


def status_lines(service: CelService) -> Iterator[str]:
    settings = service.settings
    yield f"CEL Logging: {'Enabled' if settings.enable else 'Disabled'}"
    if settings.enable:
        yield from (f"CEL Tracking Event: {name}" for name in EVENTS if settings.wants(name))
        yield from (f"CEL Tracking Application: {name}" for name in sorted(settings.apps))
        yield from (f"CEL Event Subscriber: {backend.title}" for backend in service.active)
