"""Files and the machine: FILE, STAT, BASENAME, ENV, SYSINFO, AST_CONFIG, SHELL."""

from __future__ import annotations

import os
import platform
import stat as stats
import time
from collections.abc import Callable

from pbx.dialplan import octets
from pbx.dialplan.arguments import fields
from pbx.dialplan.functions.common import c_int
from pbx.dialplan.registry import FunctionError, Suspend, function
from pbx.dialplan.scope import Scope

_ENV = "func_env"
_ENDS = {"u": b"\n", "m": b"\r", "d": b"\r\n"}


@function("ENV", syntax="ENV(varname)", synopsis="A variable of the environment", dangerous="write", module=_ENV)
def env(scope: Scope, args: str) -> str:
    return os.environ.get(args, "")


@env.writer
def _env(scope: Scope, args: str, value: str) -> None:
    if not args or "=" in args:
        raise FunctionError(f"'{args}' is no name")
    if value:
        os.environ[args] = value
    else:
        os.environ.pop(args, None)


@function("BASENAME", syntax="BASENAME(filename)", synopsis="The last part of a path", module=_ENV)
def basename(scope: Scope, args: str) -> str:
    stripped = args.rstrip("/")
    if not stripped:
        return "/" if args else "."
    return stripped.rpartition("/")[2]


@function("DIRNAME", syntax="DIRNAME(filename)", synopsis="A path without its last part", module=_ENV)
def dirname(scope: Scope, args: str) -> str:
    stripped = args.rstrip("/")
    if not stripped:
        return "/" if args else "."
    folder, slash, _ = stripped.rpartition("/")
    return folder.rstrip("/") or "/" if slash else "."


@function(
    "STAT",
    syntax="STAT(flag,filename)",
    synopsis="What is known of a file",
    arguments={"flag": "d folder? e exists? f plain file? m mode, s size, A C M times of access, status, content"},
    dangerous="read",
    module=_ENV,
)
def stat(scope: Scope, args: str) -> str:
    flag, name = fields(args, 2)
    try:
        found = os.stat(name)
    except (OSError, ValueError):
        return "0"
    match flag[:1]:
        case "e":
            return "1"
        case "s":
            return str(found.st_size)
        case "f":
            return str(int(stats.S_ISREG(found.st_mode)))
        case "d":
            return str(int(stats.S_ISDIR(found.st_mode)))
        case "M":
            return str(int(found.st_mtime))
        case "A":
            return str(int(found.st_atime))
        case "C":
            return str(int(found.st_ctime))
        case "m":
            return f"{found.st_mode & 0xFFFFFFFF:o}"
    return "0"


# ---- FILE -------------------------------------------------------------------------------------------------


def _read(name: str) -> bytes:
    try:
        with open(name, "rb") as file:
            return file.read()
    except (OSError, ValueError) as error:
        raise FunctionError(f"cannot read '{name}': {error}") from None


def _line_end(data: bytes, kind: str) -> bytes:
    """The line end that a letter means, else the one that the data has."""
    if kind in _ENDS:
        return _ENDS[kind]
    at = min((i for i in (data.find(b"\n"), data.find(b"\r")) if i >= 0), default=-1)
    if at >= 0 and data[at : at + 1] == b"\r":
        return b"\r\n" if data[at + 1 : at + 2] == b"\n" else b"\r"
    return b"\n"


def _lines(data: bytes, end: bytes) -> list[bytes]:
    """The lines, each with its end."""
    parts = data.split(end)
    lines = [part + end for part in parts[:-1]]
    return [*lines, parts[-1]] if parts[-1] else lines


def _start(offset: int, total: int) -> int:
    """Where an offset is (negative: from the end); FunctionError before the beginning."""
    if offset < -total:
        raise FunctionError("the offset is before the beginning of the file")
    return total + offset if offset < 0 else min(offset, total)


def _span(offset: int, length: int | None, total: int) -> tuple[int, int]:
    """(from, to) of an offset and a length (negative: so many before the end) in so many lines.

    A negative length that leads before the beginning means nothing, as in Asterisk.
    """
    start = _start(offset, total)
    if length is None or length < -total:
        return start, total
    return start, min(total, start + length) if length >= 0 else total + length


@function(
    "FILE",
    syntax="FILE(filename[,offset[,length[,options[,format]]]])",
    synopsis="Reads or writes a text file",
    arguments={
        "offset": "bytes (or lines, with option l) from the beginning, or from the end if negative",
        "options": "l: count lines; a: append; d: without a line end",
        "format": "line ends: u (LF), d (CR LF), m (CR)",
    },
    dangerous="both",
    module=_ENV,
)
def file(scope: Scope, args: str) -> str:
    name, offset, length, options, form = fields(args, 5)
    data = _read(name)
    first = c_int(offset) or 0
    count = c_int(length) if length else None
    if "l" not in options:
        total = len(data)
        start = max(0, total + first) if first < 0 else first
        if count is not None and count < 0:
            # as many bytes as lie before that end of the whole file, from wherever the reading begins
            count = total + count if count >= -total else total
            if count < start:
                return ""
        return octets.from_bytes(data[start : None if count is None else start + count])
    line_end = _line_end(data, form)
    lines = _lines(data, line_end)
    start, end = _span(first, count, len(lines))
    return octets.from_bytes(b"".join(lines[start:end]))


@file.writer
def _file(scope: Scope, args: str, value: str) -> None:
    name, offset, length, options, form = fields(args, 5)
    content = octets.to_bytes(value)
    first, count = c_int(offset) or 0, c_int(length) if length else None
    whole = first == 0 and count is None
    there = os.path.exists(name)
    if "l" not in options:
        if "a" in options:
            _append(name, content)
        elif whole:
            _write(name, content)
        else:
            data = _read(name)
            start = _start(first, len(data)) if first < 0 else first
            size = len(data) - start + count if count is not None and count < 0 else count
            if size is not None and size < 0:
                raise FunctionError("the length exceeds that of the file")
            _write(name, data[:start].ljust(start, b"\0") + content + (b"" if size is None else data[start + size :]))
        return
    data = _read(name) if there else b""
    if form not in _ENDS and b"\n" not in data and b"\r" not in data:
        raise FunctionError(f"the line ends of '{name}' are not known; say which (u, d or m)")
    line_end = _line_end(data, form)
    content += b"" if "d" in options else line_end
    if "a" in options:
        _append(name, content)
    elif whole:
        _write(name, content)
    else:
        if not there:
            raise FunctionError(f"there is no file '{name}'")
        lines = _lines(data, line_end)
        start, end = _span(first, count, len(lines))
        _write(name, b"".join([*lines[:start], content, *lines[max(start, end) :]]))


def _append(name: str, content: bytes) -> None:
    try:
        with open(name, "ab") as target:
            target.write(content)
    except (OSError, ValueError) as error:
        raise FunctionError(f"cannot write '{name}': {error}") from None


def _write(name: str, content: bytes) -> None:
    try:
        with open(name, "wb") as target:
            target.write(content)
    except (OSError, ValueError) as error:
        raise FunctionError(f"cannot write '{name}': {error}") from None


@function(
    "FILE_COUNT_LINE",
    syntax="FILE_COUNT_LINE(filename[,format])",
    synopsis="How many lines a text file has",
    dangerous="read",
    module=_ENV,
)
def file_count_line(scope: Scope, args: str) -> str:
    name, form = fields(args, 2)
    try:
        data = _read(name)
    except FunctionError:
        return "-1"
    return str(data.count(_line_end(data, form)))


@function(
    "FILE_FORMAT",
    syntax="FILE_FORMAT(filename)",
    synopsis="The line ends of a text file: u, d, m, x (none)",
    dangerous="read",
    module=_ENV,
)
def file_format(scope: Scope, args: str) -> str:
    try:
        data = _read(args)
    except FunctionError:
        return "x"
    if b"\n" not in data and b"\r" not in data:
        return "x"
    return {b"\n": "u", b"\r\n": "d", b"\r": "m"}[_line_end(data, "")]


# ---- configuration files, the shell, the machine ---------------------------------------------------------------


@function(
    "AST_CONFIG",
    syntax="AST_CONFIG(config_file,category,variable_name[,index])",
    synopsis="A value of a configuration file",
    module="func_config",
)
def ast_config(scope: Scope, args: str) -> str:
    name, category, variable, index = fields(args, 4)
    if not name or not category or not variable:
        raise FunctionError("needs a file, a section and a name")
    document = scope.services.read_config(name)
    if document is None:
        raise FunctionError(f"cannot read '{name}'")
    number = c_int(index) or 0
    for section in document:
        if section.name.lower() == category.lower():
            values = [entry.value for entry in section.entries if entry.name.lower() == variable.lower()]
            if values and -1 <= number < len(values):
                return values[number]
    raise FunctionError(f"'{variable}' not found at [{category}] of '{name}'")


@function(
    "SHELL",
    syntax="SHELL(command)",
    synopsis="What a command of the system's shell prints",
    dangerous="read",
    module="func_shell",
)
def shell(scope: Scope, args: str) -> str:
    if not args:
        raise FunctionError("needs a command")
    capture = scope.services.shell_output

    async def run() -> str:
        return octets.from_bytes(await capture(args))

    raise Suspend(run)


@function("SYSINFO", syntax="SYSINFO(parameter)", synopsis="What is known of the machine", module="func_sysinfo")
def sysinfo(scope: Scope, args: str) -> str:
    page = os.sysconf("SC_PAGE_SIZE")
    match args:
        case "loadavg":
            return f"{os.getloadavg()[0]:.6f}"
        case "numcalls":
            return str(sum(1 for _ in scope.services.switch.channels()))
        case "numcpus":
            return str(os.cpu_count() or 1)
        case "totalram":
            return str(os.sysconf("SC_PHYS_PAGES") * page // 1024)
        case "freeram":
            return str(os.sysconf("SC_AVPHYS_PAGES") * page // 1024)
        case "uptime":
            with open("/proc/uptime", encoding="ascii") as uptime:
                return str(int(float(uptime.read().split()[0]) // 3600))
    raise FunctionError(f"unknown parameter '{args}'")


#: items of VERSION on the build: nothing is compiled here, so where it runs stands for where it was built
_BUILD: dict[str, Callable[[], str]] = {
    "BUILD_OS": platform.system,
    "BUILD_MACHINE": platform.machine,
    "BUILD_KERNEL": platform.release,
    "BUILD_HOSTNAME": platform.node,
    "BUILD_USER": lambda: "nobody",
    "BUILD_DATE": lambda: time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(os.stat(__file__).st_mtime)),
}


@function(
    "VERSION", syntax="VERSION([info])", synopsis="The version of Asterisk that is stood in for", module="func_version"
)
def version(scope: Scope, args: str) -> str:
    item = args.upper()
    if item == "ASTERISK_VERSION_NUM":
        return "221001"
    if item in _BUILD:
        return _BUILD[item]()
    return str(scope.services.shared.get("version", "22.10.1"))
