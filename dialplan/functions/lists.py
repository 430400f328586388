"""Functions on delimited lists and on hashes: CUT, FIELDQTY, SHIFT, PUSH, ARRAY, HASH ..."""

from __future__ import annotations

from pbx.dialplan import octets
from pbx.dialplan.arguments import fields, split
from pbx.dialplan.functions.common import c_float, c_int, encoded_char, value_of
from pbx.dialplan.registry import FunctionError, Result, application, function
from pbx.dialplan.scope import Scope, unmarked

_STRINGS = "func_strings"
#: names and values of ARRAY; the last of them has the rest in it
_MOST_ITEMS = 100
#: the variable that holds the keys for what is written to a whole hash
_COLUMNS = "~ODBCFIELDS~"


def _delimiter(text: str, default: str = ",") -> str:
    """The one byte that a delimiter argument means (as a character: lists are taken apart as `widened` texts)."""
    char, _ = encoded_char(octets.widened(text))
    return char or default


def _wide(scope: Scope, name: str) -> str:
    return octets.widened(value_of(scope, name))


# ---- fields by number ---------------------------------------------------------------------------------


@function(
    "CUT",
    syntax="CUT(varname,char-delim,range-spec)",
    synopsis="Some fields of a variable's value",
    arguments={"range-spec": "field numbers and ranges joined by &: 2, 2-4, -3, 3-, 1&3-4"},
    module="func_cut",
)
def cut(scope: Scope, args: str) -> str:
    name, char, ranges = fields(args, 3)
    if not name or not ranges:
        raise FunctionError("needs a variable, a delimiter and the fields")
    delimiter = _delimiter(char, "-" if not char else "")
    value = _wide(scope, name)
    parts = value.split(delimiter) if delimiter else [value]
    if not value:
        return ""
    out: list[str] = []
    position = 1
    for text in ranges.split("&"):
        first, last = _range(text)
        if first < 0:
            raise FunctionError(f"bad range '{text}'")
        if not 0 < first <= last or first < position:
            continue
        out.extend(parts[first - 1 : last])
        position = min(last, len(parts)) + 1
    return octets.narrowed(delimiter.join(out))


def _range(text: str) -> tuple[int, int]:
    """(first, last) of `3`, `2-4`, `-3`, `3-` (and `3-x`); (-1, 0) for what is none."""
    low, dash, high = text.partition("-")
    if not dash:
        number = c_int(low)
        return (number, number) if number is not None else (-1, 0)
    first = 1 if not low else c_int(low)
    last = c_int(high)
    last = 1 << 30 if last is None else last
    if first is None or (not low and not high):
        return -1, 0
    return first, last


@function(
    "FIELDQTY", syntax="FIELDQTY(varname,delim)", synopsis="How many fields a variable's value has", module=_STRINGS
)
def fieldqty(scope: Scope, args: str) -> str:
    parts = split(args, 2)
    if len(parts) < 2:
        return "1"
    value, delimiter = _wide(scope, parts[0]), _delimiter(parts[1], "")
    if not value:
        return "0"
    return str(value.count(delimiter) + 1) if delimiter else "1"


@function(
    "FIELDNUM",
    syntax="FIELDNUM(varname,delim,value)",
    synopsis="The number of the field that has a value, 0 if none has",
    module=_STRINGS,
)
def fieldnum(scope: Scope, args: str) -> str:
    parts = split(args, 3)
    if len(parts) < 3:
        raise FunctionError("needs a variable, a delimiter and a value")
    value, delimiter = _wide(scope, parts[0]), _delimiter(parts[1], "")
    found = value.split(delimiter) if delimiter else [value]
    wanted = octets.widened(parts[2]).lower()
    if found == [""]:
        return "0"
    return str(next((at for at, part in enumerate(found, 1) if part.lower() == wanted), 0))


@function(
    "LISTFILTER",
    syntax="LISTFILTER(varname,delim,value)",
    synopsis="A list without the items that have a value",
    module=_STRINGS,
)
def listfilter(scope: Scope, args: str) -> str:
    parts = split(args, 3)
    if len(parts) < 3:
        raise FunctionError("needs a variable, a delimiter and a value")
    delimiter = parts[1] or ","
    *items, last = value_of(scope, parts[0]).split(delimiter)
    left = [item for item in items if item != parts[2]]
    # an empty item at the end stays
    return delimiter.join([*left, last] if last != parts[2] or (items and not last) else left)


@function(
    "SORT",
    syntax="SORT(key1:val1[,key2:val2[,...]])",
    synopsis="The keys in the order of their values",
    module="func_cut",
)
def sort(scope: Scope, args: str) -> str:
    pairs = [item.partition(":") for item in args.split(",")]
    keys = [(c_float(value) or 0.0, key) for key, colon, value in pairs if colon]
    return ",".join(key for _, key in sorted(keys, key=lambda pair: pair[0]))


# ---- stacks -------------------------------------------------------------------------------------------


def _list(scope: Scope, args: str) -> tuple[str, str, str]:
    """(variable, delimiter, its value) of `varname[,delim]`; delimiter and value widened."""
    name, char = fields(args, 2)
    if not name:
        raise FunctionError("needs a variable")
    return name, _delimiter(char), _wide(scope, name)


@function(
    "SHIFT",
    syntax="SHIFT(varname[,delimiter])",
    synopsis="Takes the first item off a list and gives it",
    module=_STRINGS,
)
def shift(scope: Scope, args: str) -> str:
    name, delimiter, value = _list(scope, args)
    item, _, rest = value.partition(delimiter)
    if value:
        scope.set(name, octets.narrowed(rest))
    return octets.narrowed(item)


@function(
    "POP",
    syntax="POP(varname[,delimiter])",
    synopsis="Takes the last item off a list and gives it",
    module=_STRINGS,
)
def pop(scope: Scope, args: str) -> str:
    name, delimiter, value = _list(scope, args)
    rest, _, item = value.rpartition(delimiter)
    if value:
        scope.set(name, octets.narrowed(rest))
    return octets.narrowed(item)


def _grown(scope: Scope, args: str) -> tuple[str, str, str]:
    """As `_list`, of a list that is written: marks of inheritance are no part of the name by which it is read."""
    name, char = fields(args, 2)
    if not name:
        raise FunctionError("needs a variable")
    return name, octets.narrowed(_delimiter(char)), value_of(scope, unmarked(name)[0])


def _push_read(scope: Scope, args: str) -> str:
    raise FunctionError("can only be written")


@function(
    "PUSH",
    syntax="PUSH(varname[,delimiter])",
    synopsis="Written: adds items behind a list",
    module=_STRINGS,
)
def push(scope: Scope, args: str) -> str:
    return _push_read(scope, args)


@push.writer
def _push(scope: Scope, args: str, value: str) -> None:
    name, delimiter, old = _grown(scope, args)
    scope.set(name, f"{old}{delimiter}{value}" if old else value)


@function(
    "UNSHIFT",
    syntax="UNSHIFT(varname[,delimiter])",
    synopsis="Written: adds items before a list",
    module=_STRINGS,
)
def unshift(scope: Scope, args: str) -> str:
    return _push_read(scope, args)


@unshift.writer
def _unshift(scope: Scope, args: str, value: str) -> None:
    name, delimiter, old = _grown(scope, args)
    scope.set(name, f"{value}{delimiter}{old}" if old else value)


# ---- several variables ----------------------------------------------------------------------------------


@function(
    "ARRAY",
    syntax="ARRAY(var1[,var2[,...][,varN]])",
    synopsis="Written: sets several variables, each to one item of a list",
    module=_STRINGS,
)
def array(scope: Scope, args: str) -> str:
    return ""


@array.writer
def _array(scope: Scope, args: str, value: str) -> None:
    values = split(value, _MOST_ITEMS)
    for number, name in enumerate(split(args, _MOST_ITEMS)):
        scope.set(name, values[number] if number < len(values) else "")


def _element(name: str, key: str) -> str:
    return f"~HASH~{name}~{key}~"


def hash_keys(scope: Scope, name: str) -> list[str]:
    """The keys of a hash, newest first."""
    prefix = f"~HASH~{name}~"
    return [v[len(prefix) : -1] for v in reversed(scope.variables) if v.startswith(prefix) and len(v) > len(prefix) + 1]


@function(
    "HASH",
    syntax="HASH(hashname[,hashkey])",
    synopsis="An element of a hash, or all of them",
    module=_STRINGS,
)
def hash_(scope: Scope, args: str) -> str:
    parts = split(args, 2)
    if len(parts) == 2:
        return scope.get(_element(*parts)) or ""
    if not parts:
        return ""
    keys = ",".join(hash_keys(scope, parts[0]))
    scope.set(_COLUMNS, keys)
    values = [scope.get(_element(parts[0], key)) for key in split(keys)]
    # a key that does not come back as it was written (one with a comma) spoils them all
    return "" if None in values else ",".join(value or "" for value in values)


@hash_.writer
def _hash(scope: Scope, args: str, value: str) -> None:
    parts = split(args, 2)
    if not parts:
        return
    name, mark = unmarked(parts[0])
    if len(parts) == 2:
        scope.set("_" * mark + _element(name, parts[1]), value)
        return
    # the keys are those of the hash that was last read whole, or of the last answer of CURL
    elements = split(value)
    for number, key in enumerate(split(scope.get(_COLUMNS) or "")):
        scope.set("_" * mark + _element(name, key), elements[number] if number < len(elements) else "")


@function("HASHKEYS", syntax="HASHKEYS(hashname)", synopsis="The keys of a hash, newest first", module=_STRINGS)
def hashkeys(scope: Scope, args: str) -> str:
    return ",".join(hash_keys(scope, args)) if args else ""


@hashkeys.writer
def _hashkeys(scope: Scope, args: str, value: str) -> None:
    """Nothing: the keys are those that have values."""


@application("ClearHash", syntax="ClearHash(hashname)", synopsis="Takes all elements of a hash away", module=_STRINGS)
def clear_hash(run: object, data: str) -> Result:
    scope: Scope = run.scope  # type: ignore[attr-defined]
    for key in hash_keys(scope, data):
        scope.set(_element(data, key), None)
    return None
