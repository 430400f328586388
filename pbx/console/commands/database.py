"""database ...: the astdb."""

from __future__ import annotations

import sqlite3

from pbx.console.registry import Context, UsageShown, command


def _split(words: list[str], least: int, most: int) -> list[str]:
    if not least <= len(words) <= most:
        raise UsageShown
    return words


def _row(path: str, value: str) -> str:
    return f"{path:<50}: {value:<25}"


def _families(context: Context, before: list[str], prefix: str) -> list[str]:
    """Families, and behind a family its keys."""
    paths = [path.split("/")[1:] for path, _ in context.pbx.database.items()]
    if len(before) == 2:
        return sorted({path[0] for path in paths})
    return sorted({"/".join(path[1:]) for path in paths if path[0] == before[2] and len(path) > 1})


@command(
    "database show",
    "Shows database contents",
    "Usage: database show [family [keytree]]\n   OR: database show [family[/keytree]]\n"
    "       The keys and values of the database, or of a part of it.\n",
    complete=_families,
)
def show(context: Context, words: list[str]) -> None:
    words = _split(words, 0, 2)
    family, _, key = "/".join(words).strip("/").partition("/")
    rows = context.pbx.database.tree(family, key)
    context.lines(_row(path, value) for path, value in rows)
    context.line(f"{len(rows)} results found.")


@command(
    "database showkey",
    "Shows database contents",
    "Usage: database showkey <keytree>\n       The entries with that key, in all families.\n",
)
def show_key(context: Context, words: list[str]) -> None:
    (wanted,) = _split(words, 1, 1)
    rows = [(path, value) for path, value in context.pbx.database.items() if path.endswith("/" + wanted)]
    context.lines(_row(path, value) for path, value in rows)
    context.line(f"{len(rows)} results found.")


@command(
    "database put",
    "Adds/updates database value",
    "Usage: database put <family> <key> <value>\n       Sets a value.\n",
    complete=_families,
)
def put(context: Context, words: list[str]) -> None:
    family, key, value = _split(words, 3, 3)
    context.pbx.database.put(family, key, value)
    context.line("Updated database successfully")


@command(
    "database get",
    "Gets database value",
    "Usage: database get <family> <key>\n       Shows a value.\n",
    complete=_families,
)
def get(context: Context, words: list[str]) -> None:
    family, key = _split(words, 2, 2)
    value = context.pbx.database.get(family, key)
    context.line("Database entry not found." if value is None else f"Value: {value}")


@command(
    "database del",
    "Removes database key/value",
    "Usage: database del <family> <key>\n       Removes an entry.\n",
    complete=_families,
)
def delete(context: Context, words: list[str]) -> None:
    family, key = _split(words, 2, 2)
    gone = context.pbx.database.delete(family, key)
    context.line("Database entry removed." if gone else "Database entry could not be removed.")


@command(
    "database deltree",
    "Removes database keytree/values",
    "Usage: database deltree <family> [keytree]\n   OR: database deltree <family>[/keytree]\n"
    "       Removes a family, or what begins with keytree in it.\n",
    complete=_families,
)
def delete_tree(context: Context, words: list[str]) -> None:
    words = _split(words, 1, 2)
    family, _, key = "/".join(words).strip("/").partition("/")
    count = context.pbx.database.delete_tree(family, key)
    context.line(f"{count} database entries removed." if count else "Database entries do not exist.")


@command(
    "database query",
    "Run a user-specified query on the astdb",
    'Usage: database query "<SQL Statement>"\n'
    "       Runs an SQL statement on the file of the database.  Take care: nothing asks back.\n",
)
async def query(context: Context, words: list[str]) -> None:
    (statement,) = _split(words, 1, 1)
    database = context.pbx.database
    try:
        rows, changed = await context.pbx.blocking(lambda: database.query(statement))
    except (sqlite3.Error, OSError) as error:
        context.line(f"{error}: {statement}")
        return
    database.adopt(changed)
    for row in rows:
        context.lines(f"{name:<5}: {value:<50}" for name, value in row)
        context.line()
