"""The astdb: DB, DB_EXISTS, DB_DELETE, DB_KEYS, DB_KEYCOUNT, and DBdeltree."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pbx.dialplan.registry import FunctionError, Result, application, function
from pbx.dialplan.scope import Scope

if TYPE_CHECKING:
    from pbx.dialplan.interpreter import Run

_MODULE = "func_db"


def _key(args: str) -> tuple[str, str]:
    """(family, key) of `family/key`."""
    family, slash, key = args.partition("/")
    if not slash or not family:
        raise FunctionError(f"'{args}' is not family/key")
    return family, key


def _found(scope: Scope, value: str) -> None:
    scope.set("DB_RESULT", value)


@function(
    "DB", syntax="DB(family/key)", synopsis="A value of the database", module=_MODULE, variables={"DB_RESULT": "it"}
)
def db(scope: Scope, args: str) -> str:
    value = scope.services.database.get(*_key(args))
    if value is None:
        return ""
    _found(scope, value)
    return value


@db.writer
def _db(scope: Scope, args: str, value: str) -> None:
    scope.services.database.put(*_key(args), value)


@function("DB_EXISTS", syntax="DB_EXISTS(family/key)", synopsis="1 if there is such a key, else 0", module=_MODULE)
def db_exists(scope: Scope, args: str) -> str:
    value = scope.services.database.get(*_key(args))
    if value is None:
        return "0"
    _found(scope, value)
    return "1"


@function(
    "DB_DELETE",
    syntax="DB_DELETE(family/key)",
    synopsis="Takes a value out of the database and gives it",
    dangerous="read",
    module=_MODULE,
)
def db_delete(scope: Scope, args: str) -> str:
    family, key = _key(args)
    value = scope.services.database.get(family, key)
    if value is None:
        return ""
    scope.services.database.delete(family, key)
    _found(scope, value)
    return value


@db_delete.writer
def _db_delete(scope: Scope, args: str, value: str) -> None:
    db_delete.read and db_delete.read(scope, args)


def _below(scope: Scope, args: str) -> list[str]:
    """The next part of each path below a prefix, in order, each once."""
    prefix = "/" + args.strip("/") if args.strip("/") else ""
    family, _, key = args.strip("/").partition("/")
    found: dict[str, None] = {}
    for path, _value in scope.services.database.tree(family, key):
        rest = path[len(prefix) + 1 :]
        if rest:
            found.setdefault(rest.partition("/")[0])
    return list(found)


@function("DB_KEYS", syntax="DB_KEYS([prefix])", synopsis="What stands below a prefix of the database", module=_MODULE)
def db_keys(scope: Scope, args: str) -> str:
    return ",".join(_below(scope, args))


@function("DB_KEYCOUNT", syntax="DB_KEYCOUNT([prefix])", synopsis="How many keys are below a prefix", module=_MODULE)
def db_keycount(scope: Scope, args: str) -> str:
    return str(len(_below(scope, args)))


@application(
    "DBdeltree", syntax="DBdeltree(family[/keytree])", synopsis="Deletes a tree of the database", module="app_db"
)
def db_deltree(run: Run, data: str) -> Result:
    family, _, key = data.partition("/")
    if family:
        run.services.database.delete_tree(family, key)
    return None
