"""JSON_DECODE: values out of a text in JSON."""

from __future__ import annotations

import json
from typing import Any

from pbx.dialplan.arguments import split
from pbx.dialplan.functions.common import value_of
from pbx.dialplan.registry import FunctionError, function
from pbx.dialplan.scope import Scope


def _shown(value: Any, options: str) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "1" if value else "0"
    if isinstance(value, str):
        return value
    if isinstance(value, (dict, list)):
        if "c" in options and isinstance(value, list):
            return str(len(value))
        return json.dumps(value, separators=(",", ":"), ensure_ascii=False)
    return f"{value:.17g}" if isinstance(value, float) else str(value)


@function(
    "JSON_DECODE",
    syntax="JSON_DECODE(varname,item[,separator[,options]])",
    synopsis="An item of a variable's value that is JSON",
    arguments={"item": "names joined by the separator (default: .)", "options": "c: how many items an array has"},
    module="func_json",
)
def json_decode(scope: Scope, args: str) -> str:
    parts = [*split(args, 4), "", "", "", ""][:4]
    name, item, separator, options = parts
    if not name or not item:
        raise FunctionError("needs a variable and an item")
    try:
        value: Any = json.loads(value_of(scope, name))
    except ValueError as error:
        raise FunctionError(f"no JSON: {error}") from None
    for step in item.split(separator or "."):
        if isinstance(value, list) and step.isdigit() and int(step) < len(value):
            value = value[int(step)]
        elif isinstance(value, dict) and step in value:
            value = value[step]
        elif isinstance(value, (dict, list)):
            return ""
        else:
            # what follows a plain value means nothing
            break
    return _shown(value, options)
