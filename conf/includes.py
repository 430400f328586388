"""Finds and reads the files that `#include` names, and runs what `#exec` names."""

from __future__ import annotations

import glob
import os
import stat
import subprocess

EXEC_SECONDS = 60.0
MOST_ALTERNATIVES = 1000


class NotRegularError(OSError):
    """The path is a folder, a device or a pipe."""


def file_bytes(path: str) -> bytes:
    """The content of a regular file. Raises OSError (NotRegularError for what is no file)."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except ValueError as error:  # a NUL in the name
        raise FileNotFoundError(2, str(error), path) from error
    with os.fdopen(fd, "rb") as file:
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            raise NotRegularError(22, "not a regular file", path)
        return file.read()


def matching(pattern: str, root_dir: str) -> list[str]:
    """The paths an `#include` means, sorted, relative ones below `root_dir`; wildcards and `{a,b}` as in a shell.

    A pattern without wildcards is returned as it is, be the file there or not.
    """
    found: list[str] = []
    for alternative in _braces(os.path.join(root_dir, pattern)):
        if glob.has_magic(alternative):
            found.extend(sorted(glob.glob(alternative), key=os.fsencode))
        else:
            found.append(alternative)
    return found


def _braces(pattern: str) -> list[str]:
    """`a{b,c}d` as `abd`, `acd`; a brace without its partner is an ordinary character."""
    done: list[str] = []
    waiting = [pattern]
    while waiting:
        text = waiting.pop()
        parts = _split_braces(text)
        if parts is None or len(done) + len(waiting) > MOST_ALTERNATIVES:
            done.append(text)
            continue
        head, words, tail = parts
        waiting.extend(head + word + tail for word in reversed(words))
    return done


def _split_braces(text: str) -> tuple[str, list[str], str] | None:
    start = text.find("{")
    if start < 0:
        return None
    depth, words, begin = 0, [], start + 1
    for at in range(start, len(text)):
        char = text[at]
        if char == "{":
            depth += 1
        elif char == "," and depth == 1:
            words.append(text[begin:at])
            begin = at + 1
        elif char == "}":
            depth -= 1
            if depth == 0:
                words.append(text[begin:at])
                return text[:start], words, text[at + 1 :]
    return None


def output_of(command: str, root_dir: str) -> bytes:
    """What a shell command prints, on standard output and error. Raises OSError when it does not come to an end."""
    try:
        done = subprocess.run(
            ["/bin/sh", "-c", os.fsencode(command)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            cwd=root_dir or None,
            timeout=EXEC_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise TimeoutError(f"it did not end within {EXEC_SECONDS:.0f} s") from error
    return done.stdout
