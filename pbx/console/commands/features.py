"""features ...: what digits do in a call."""

from __future__ import annotations

from pbx.console.registry import Context, UsageShown, command
from pbx.dialplan.featuremap import CODES, SETTINGS

_NAMES = (
    ("Pickup", "pickupexten"),
    ("Blind Transfer", "blindxfer"),
    ("Attended Transfer", "atxfer"),
    ("Disconnect Call", "disconnect"),
    ("Park Call", "parkcall"),
    ("One Touch MixMonitor", "automixmon"),
)


def _row(*columns: str) -> str:
    return "{:<25} {:<7} {:<7}".format(*columns)


@command(
    "features show",
    "Lists configured features",
    "Usage: features show\n       Lists the digits of features, built-in and of features.conf.\n",
)
def show(context: Context, words: list[str]) -> None:
    if words:
        raise UsageShown
    services = context.pbx.dialplan.services
    context.line(_row("Builtin Feature", "Default", "Current"))
    context.line(_row("---------------", "-------", "-------"))
    for title, name in _NAMES:
        default = CODES.get(name, SETTINGS.get(name, ""))
        context.line(_row(title, default, services.features.get(name, default)))
    context.line("")
    context.line(_row("Dynamic Feature", "Default", "Current"))
    context.line(_row("---------------", "-------", "-------"))
    for name in sorted(services.dynamic_features):
        context.line(_row(name, "no def", services.dynamic_features[name].digits))
    if not services.dynamic_features:
        context.line("(none)")
    context.line("")
    context.line("Feature Groups:")
    context.line("---------------")
    for group, members in services.feature_groups.items():
        context.line(f"===> Group: {group}")
        for name, digits in members.items():
            context.line(f"===> --> {name} ({digits or services.dynamic_features[name].digits})")
    if not services.feature_groups:
        context.line("(none)")
    context.line("")


@command(
    "features reload",
    "Reloads configured features",
    "Usage: features reload\n       Reads features.conf again, for calls that are connected from now on.\n",
)
async def reload(context: Context, words: list[str]) -> None:
    if words:
        raise UsageShown
    await context.pbx.modules.reload("features")
