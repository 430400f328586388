"""Reads Asterisk's .conf dialect into a `Document`, exactly as Asterisk 22 does.

Where Asterisk refuses a whole file (an entry before any section, a `[` without `]`, an unknown template, a missing
`#include`), the document says so (`refused`) and is read on all the same, so that every mistake is found in one go.
In an included file the same mistakes cost only the rest of that file.
"""

from __future__ import annotations

import codecs
import difflib
import os
from collections.abc import Generator, Iterator
from dataclasses import dataclass, field, replace

from pbx.conf import includes
from pbx.conf.comments import CommentStripper
from pbx.conf.diagnostics import Diagnostic, Diagnostics, Place, Severity, hide_secrets
from pbx.conf.document import Document, Entry, Operator, Section, fold
from pbx.conf.headers import FilterError, Header, choose, parse_header

LINES_A_STEP = 50
BYTES_A_STEP = 65_536
LONGEST_LINE = 8191  # bytes with the line feed: Asterisk skips longer ones
DEEPEST_INCLUDE = 10  # an eleventh level is left out
MOST_FILES = 100_000  # files read for one document: ends files that include each other many times over
MOST_INHERITED = 10_000_000  # entries taken over from templates: ends templates that double each other
LONGEST_JOINED = 65_536  # characters that `+=` may build up
LONGEST_NAME = 79  # bytes of a section's name, as in Asterisk
DIRECTIVES = ("include", "tryinclude", "exec")
BLANKS = "".join(map(chr, range(33)))  # what Asterisk strips from both ends


def read(
    path: str,
    *,
    root_dir: str | None = None,
    diagnostics: Diagnostics,
    allow_exec: bool = False,
    optional: bool = False,
) -> Document:
    """Read a file and what it includes.

    `path` and the paths of `#include` are taken relative to `root_dir` (astetcdir; default: the folder of `path`).
    `allow_exec` is asterisk.conf's execincludes. A missing file is an error unless `optional`; the document is then
    empty and `exists` is False. Never raises for what files hold: findings go to `diagnostics`.
    """
    return _finish(
        read_steps(path, root_dir=root_dir, diagnostics=diagnostics, allow_exec=allow_exec, optional=optional)
    )


def read_steps(
    path: str,
    *,
    root_dir: str | None = None,
    diagnostics: Diagnostics,
    allow_exec: bool = False,
    optional: bool = False,
) -> Generator[None, None, Document]:
    """As `read`, in steps of well under a millisecond for files of 100,000 lines too."""
    root_dir = os.path.dirname(path) if root_dir is None else root_dir
    path = os.path.join(root_dir, path)
    run = _Run(Document(path, root_dir), diagnostics, allow_exec)
    try:
        data = includes.file_bytes(path)
    except OSError as error:
        run.document.exists = False
        if not (optional and isinstance(error, FileNotFoundError)):
            reason = error.strerror or str(error)
            diagnostics.error(Place(path), f"the file cannot be read: {reason}", code="unreadable")
        return run.document
    yield from _File(run, path, data).parse()
    return run.document


def _finish(steps: Generator[None, None, Document]) -> Document:
    while True:
        try:
            next(steps)
        except StopIteration as done:
            document: Document = done.value
            return document


def read_text(
    data: bytes | str,
    path: str = "extensions.conf",
    *,
    root_dir: str | None = None,
    diagnostics: Diagnostics,
    allow_exec: bool = False,
) -> Document:
    """Read a document from memory; `path` is what places name. Otherwise as `read`."""
    root_dir = os.path.dirname(path) if root_dir is None else root_dir
    if isinstance(data, str):
        data = data.encode("utf-8", "surrogateescape")
    run = _Run(Document(path, root_dir), diagnostics, allow_exec)
    for _ in _File(run, path, data).parse():
        pass
    return run.document


@dataclass(slots=True)
class _Run:
    """What all files of a document share while it is read."""

    document: Document
    diagnostics: Diagnostics
    allow_exec: bool
    # The section that an included file goes on with: the last one begun or added to, in whichever file.
    current: Section | None = None
    inherited: int = 0
    by_name: dict[str, list[Section]] = field(default_factory=dict)
    # What `#include` named, as written -> how often it was included again.
    inclusions: dict[str, int] = field(default_factory=dict)
    # Where the last entry of each name stands, for sections in which a `+=` was seen.
    last_entries: dict[int, dict[str, int]] = field(default_factory=dict)

    def name_of_inclusion(self, written: str) -> str | None:
        """What Asterisk shows a file as that is included again: `name~~1`; None for the first time."""
        if written not in self.inclusions:
            self.inclusions[written] = 0
            return None
        while True:
            self.inclusions[written] += 1
            name = f"{written}~~{self.inclusions[written]}"
            if name not in self.inclusions:
                self.inclusions[name] = 0
                return name

    def named(self, name: str) -> list[Section]:
        """Sections of that name in order, templates too. An empty name means any, as in Asterisk."""
        return self.by_name.get(fold(name), []) if name else self.document.sections

    def begin(self, section: Section) -> None:
        """Add a new section to the document."""
        self.document.sections.append(section)
        self.by_name.setdefault(fold(section.name), []).append(section)

    def inherit(self, section: Section, base: Section) -> bool:
        """Copy a template's entries; False where that would never end."""
        self.inherited += len(base.entries)
        if self.inherited > MOST_INHERITED:
            return False
        section.entries.extend(base.entries)
        self.last_entries.pop(id(section), None)
        return True

    def join(self, section: Section, entry: Entry, addition: str) -> bool:
        """`+=`: lengthen the last entry of that name (capitals count). Blanks behind the `=` count, as in Asterisk.

        False where the value gets too long. Entries are shared between sections, so the longer one is a new object;
        it stays where the first part was written.
        """
        known = self.last_entries.get(id(section))
        if known is None:
            known = self.last_entries[id(section)] = {}
        # Entries since the last look are indexed first: each is looked at once.
        for index in range(known.get("", -1) + 1, len(section.entries)):
            known[section.entries[index].name] = index
        known[""] = len(section.entries) - 1
        index = known.get(entry.name, -1)
        if index < 0:
            section.entries.append(entry)
            return True
        former = section.entries[index]
        joined = former.value + addition
        if len(joined) > LONGEST_JOINED:
            return False
        section.entries[index] = Entry(
            former.name,
            joined,
            former.operator,
            former.file,
            former.line,
            former.column,
            former.value_column,
            former.origin,
        )
        return True


class _File:
    """One file on its way into the document."""

    __slots__ = (
        "before",
        "column",
        "comments",
        "data",
        "depth",
        "ended",
        "line",
        "name",
        "number",
        "orphans",
        "path",
        "run",
        "section",
    )

    def __init__(
        self,
        run: _Run,
        path: str,
        data: bytes,
        depth: int = 0,
        *,
        name: str | None = None,
        before: int = 0,
        comments: CommentStripper | None = None,
    ) -> None:
        self.run = run
        self.path = path
        # what Asterisk shows it as, and the lines of other files of the same `#include` that it counts before it
        self.name = name
        self.before = before
        # shared by the files of one `#include`: a block comment goes on in the next one
        self.comments = comments or CommentStripper()
        self.depth = depth
        self.data = data.removeprefix(codecs.BOM_UTF8)
        self.section = run.current
        self.line = ""
        self.number = 0
        self.column = 1
        self.ended = False
        self.orphans = False
        run.document.files.append(path)

    def parse(self) -> Generator[None, None, None]:
        """Read the file to its end, or to where Asterisk gives it up, some lines at a step."""
        comments = self.comments
        for number, line in enumerate(self._lines(), 1):
            if number % LINES_A_STEP == 0:
                yield
            if len(line) > LONGEST_LINE // 4 and self._too_long(line, number):
                continue
            if "\0" in line:
                line = line.partition("\0")[0]
            text = line
            if ";" in line:
                text = comments.strip(line, number)
            elif comments.depth:
                continue
            text = text.strip(BLANKS)
            if not text:
                continue
            self.line, self.number = line, number
            self.column = 1 if line[0] == text[0] else max(line.find(text[:16]), 0) + 1
            first = text[0]
            if first == "[":
                self._header(text)
            elif first == "#":
                yield from self._directive(text)
            else:
                self._entry(text, first)
            if self.ended:
                return
        self._end_of_comments(comments)

    def _lines(self) -> Iterator[str]:
        """The lines without their line feeds, decoded a piece at a time."""
        data, self.data = self.data, b""
        start, size = 0, len(data)
        while start < size:
            end = data.find(b"\n", min(start + BYTES_A_STEP, size - 1)) + 1 or size
            lines = data[start:end].decode("utf-8", "surrogateescape").split("\n")
            if not lines[-1]:
                lines.pop()
            yield from lines
            start = end

    # Findings

    def _place(self) -> Place:
        return Place(self.path, self.number, self.column)

    def _error(self, message: str, advice: str = "", code: str = "") -> None:
        self.run.diagnostics.error(self._place(), message, text=self.line.strip(BLANKS), advice=advice, code=code)

    def _warning(self, message: str, advice: str = "", code: str = "") -> None:
        self.run.diagnostics.warning(self._place(), message, text=self.line.strip(BLANKS), advice=advice, code=code)

    def _refuse(self, message: str, advice: str, code: str) -> None:
        """A mistake for which Asterisk stops reading: the file is refused, or the rest of an included one is lost."""
        if self.depth:
            self.ended = True
            message += "; the rest of this included file is not read"
        else:
            message += "; Asterisk refuses the whole file for this"
        text = hide_secrets(self.line.strip(BLANKS))
        found = Diagnostic(self._place(), Severity.ERROR, message, text, advice, code)
        if not self.depth and self.run.document.refused is None:
            self.run.document.refused = found
        self.run.diagnostics.add(found)

    def _too_long(self, line: str, number: int) -> bool:
        """Whether Asterisk skips the line for its length (in bytes, with the line feed; the last one may lack it)."""
        size = len(line.encode("utf-8", "surrogateescape")) + 1
        if size <= LONGEST_LINE:
            return False
        place = Place(self.path, number, 1)
        message = f"the line is too long ({size} bytes, Asterisk reads {LONGEST_LINE}) and is skipped"
        self.run.diagnostics.error(place, message, text=line[:30] + "...", advice="shorter lines", code="line-too-long")
        return True

    def _end_of_comments(self, comments: CommentStripper) -> None:
        place = Place(self.path, comments.opened_at, 1)
        if comments.depth > 0:
            message = "the comment that ';--' begins here never ends; all that follows is lost"
            self.run.diagnostics.error(place, message, advice="--; where it ends", code="open-comment")
        elif comments.depth < 0:
            message = "'--;' ends a comment that was never begun; Asterisk ignores all lines that follow"
            advice = "a plain comment without '--' before its ';'"
            self.run.diagnostics.error(place, message, advice=advice, code="stray-comment-end")
        if comments.too_deep:
            self.run.diagnostics.error(Place(self.path), "comments are nested too deep", code="deep-comment")

    # Entries

    def _entry(self, text: str, first: str) -> None:
        if self.section is None:
            return self._orphan()
        begin = 0
        if first == "\\":  # what follows is plain text, be it a [ or a #
            if len(text) < 2:
                return self._refuse("nothing follows the backslash", "the line without it", "bad-escape")
            if text[1] in BLANKS:
                return self._refuse("a blank follows the backslash", "the line without it", "bad-escape")
            text = text[1:]
            begin = 1
        at = text.find("=", begin)
        if at < 0:
            return self._error("there is no '=' in this line; it is ignored", "name = value", "no-equals")
        name, value = text[:at], text[at + 1 :]
        operator: Operator = "="
        offset = at + 1
        if at > begin and name.endswith("+"):
            operator = "+="
            name = name[:-1]
        elif value.startswith(">"):
            operator = "=>"
            value = value[1:]
            offset += 1
        name = name.strip(BLANKS)
        stripped = value.strip(BLANKS)
        if not name:
            return self._error("there is no name before the '='; the line is ignored", "name = value", "no-name")
        column = self.column + begin
        value_column = column + offset + (value.find(stripped) if stripped else 0)
        entry = Entry(name, stripped, operator, self.path, self.number, column, value_column)
        if self.name or self.before:
            entry.origin = f"{self.name or self.path}:{self.before + self.number}"
        if operator != "+=":
            self.section.entries.append(entry)
        elif not self.run.join(self.section, entry, value):
            self._error(f"'+=' makes a value of more than {LONGEST_JOINED} characters; ignored", code="value-too-long")
        return None

    def _orphan(self) -> None:
        """An entry before any section: told once a file."""
        if not self.orphans:
            self.orphans = True
            self._refuse("this line stands before any [section]", "a line [section] above it", "no-section")

    # Sections

    def _header(self, text: str) -> None:
        header = parse_header(text)
        if len(header.name) > LONGEST_NAME // 4 and len(header.name.encode("utf-8", "surrogateescape")) > LONGEST_NAME:
            name = header.name.encode("utf-8", "surrogateescape")[:LONGEST_NAME].decode("utf-8", "surrogateescape")
            advice = f"[{name}]"
            self._warning(
                f"a section's name has at most {LONGEST_NAME} bytes; the rest is cut off", advice, "long-name"
            )
            header = replace(header, name=name)
        section = new = Section(header.name, self._place())
        if header.problem:
            what = "[name]" if header.problem == "]" else f"[{header.name}](template)"
            self._refuse(f"the '{header.problem}' is missing", what, "unclosed-section")
        if not header.name:
            self._warning("the section has no name", "[name]", "no-section-name")
        self._trailing(header)
        for option in () if header.problem else header.options or ():
            if option == "!":
                section.is_template = True
            elif option.startswith("+"):
                found = self._addition(header.name, option[1:])
                if found is None:
                    break
                section = found
            else:
                self._inherit(section, option)
        if self.ended:
            return
        if section is new:
            self.run.begin(section)
        self.section = self.run.current = section

    def _trailing(self, header: Header) -> None:
        trailing = header.trailing.strip(BLANKS)
        if not trailing:
            return
        if header.options is None and trailing.startswith("("):
            advice = f"[{header.name}]{trailing}"
            self._warning("a blank stands before the '(', so that what follows is ignored", advice, "ignored-options")
        else:
            self._warning(f"'{trailing}' behind the section's name is ignored", code="trailing-text")

    def _addition(self, name: str, condition: str) -> Section | None:
        """`(+)`: the section to add to, or None."""
        advice = f"[{name}]"
        try:
            found = choose(self.run.named(name), condition)
        except FilterError as error:
            self._refuse(f"the filter of (+) is not understood: {error}", f"[{name}](+)", "bad-filter")
            return None
        if found is not None:
            found.additions.append(self._place())
            return found
        message = f"(+) adds to a section [{name}], and there is none above"
        if any(section.is_template for section in self.run.named(name)):
            message += " that is no template"
            advice = f"[{name}](+TEMPLATES=include)"
        self._refuse(message, advice, "no-such-section")
        return None

    def _inherit(self, section: Section, name: str) -> None:
        bases = self.run.named(name)
        if not bases:
            near = self._near(name)
            advice = f"[{section.name}]({near})" if near else f"[{name}](!) above this line"
            return self._refuse(f"the template [{name}] is not defined above this line", advice, "no-such-template")
        if not name:
            self._warning(f"an empty template name takes over [{bases[0].name}]", f"[{section.name}]", "empty-template")
        section.parents = (*section.parents, bases[0].name)
        if not self.run.inherit(section, bases[0]):
            return self._error("templates take each other over without end; this one is left out", code="too-many")
        return None

    def _near(self, name: str) -> str:
        for known in self.run.by_name:
            if known == fold(name.strip(BLANKS)):
                return self.run.by_name[known][0].name
        return ""

    # Directives

    def _directive(self, text: str) -> Generator[None, None, None]:
        word, _, argument = text[1:].replace("\t", " ", 1).partition(" ")
        argument = argument.strip(BLANKS)
        name = fold(word)
        if name not in DIRECTIVES:
            self._unknown_directive(word, name)
        elif name == "exec" and not self.run.allow_exec:
            advice = "execincludes = yes in [options] of asterisk.conf"
            self._error("#exec is not allowed; the line is ignored", advice, "exec-not-allowed")
        elif not argument:
            what = "command" if name == "exec" else "file"
            self._error(f"#{name} needs a {what}; the line is ignored", f'#{name} "{what}"', "no-argument")
        elif name == "exec":
            yield from self._exec(_unquoted(argument))
        else:
            yield from self._include(_unquoted(argument), optional=name == "tryinclude")

    def _unknown_directive(self, word: str, name: str) -> None:
        # app_rpt's own Asterisk has a word for #tryinclude
        near = ["tryinclude"] if name == "includeifexists" else difflib.get_close_matches(name[:20], DIRECTIVES, 1)
        if near:
            advice = f"#{near[0]} {self.line.strip(BLANKS)[len(word) + 1 :].strip(BLANKS)}"
            return self._error(f"there is no directive '#{word}'; the line is ignored", advice, "no-such-directive")
        advice = f"; {self.line.strip(BLANKS)[1:].strip(BLANKS)}"
        return self._warning("a comment begins with ';', not with '#'; the line is ignored", advice, "hash-comment")

    def _include(self, pattern: str, *, optional: bool) -> Generator[None, None, None]:
        """Read what the pattern means."""
        name = self.run.name_of_inclusion(pattern)
        if self.depth >= DEEPEST_INCLUDE:
            message = f"files include each other more than {DEEPEST_INCLUDE} levels deep; this one is left out"
            if optional:
                self._warning(message, code="deep-include")
            else:
                self._refuse(message, "no #include of a file that leads back here", "deep-include")
            return
        any_read = False
        before = 0
        comments = CommentStripper()
        for path in includes.matching(pattern, self.run.document.root_dir):
            if len(self.run.document.files) >= MOST_FILES:
                self._error(f"more than {MOST_FILES} files are included; the rest is left out", code="too-many")
                return
            try:
                data = includes.file_bytes(path)
            except FileNotFoundError:
                continue
            except OSError as error:
                self._warning(f"{path}: {error.strerror or error}", code="unreadable")
                continue
            any_read = True
            nested = _File(self.run, path, data, self.depth + 1, name=name, before=before, comments=comments)
            before += data.count(b"\n") + 1
            yield from nested.parse()
            if nested.ended:  # Asterisk gave it up, and reads no further file of the pattern
                break
        if not any_read and not optional:
            self._refuse(f"the file '{pattern}' does not exist", f'#tryinclude "{pattern}"', "no-such-file")

    def _exec(self, command: str) -> Generator[None, None, None]:
        try:
            data = includes.output_of(command, self.run.document.root_dir)
        except (OSError, ValueError) as error:
            self._error(f"the command cannot be run: {error}", code="exec-failed")
            return
        yield from _File(self.run, f"{self.path}:{self.number}:#exec", data, self.depth + 1).parse()


def _unquoted(argument: str) -> str:
    """`"file"` and `<file>` without their marks; one alone stays."""
    if len(argument) >= 2 and (argument[0], argument[-1]) in (('"', '"'), ("<", ">")):
        return argument[1:-1]
    return argument
