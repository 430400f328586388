"""Makes `Settings` of iax.conf, and says what in it will not do what was meant."""

from __future__ import annotations

import difflib
import re
from collections.abc import Generator
from dataclasses import replace
from typing import Any

from pbx.channels.iax2 import settings_notes as notes
from pbx.channels.iax2.acl import AccessList, NamedLists, add_line, add_named_line
from pbx.channels.iax2.anonymous import AnonymousUsers
from pbx.channels.iax2.options import BadValue, Effect, Option, Options, Written
from pbx.channels.iax2.registrations import parse_registration
from pbx.channels.iax2.settings import CallNumberLimit, Settings
from pbx.channels.iax2.settings_general import General
from pbx.channels.iax2.settings_networks import network
from pbx.channels.iax2.settings_sections import Peer, User
from pbx.channels.iax2.values import PartlyBad, Transfer
from pbx.conf.diagnostics import Diagnostics, Place, Severity
from pbx.conf.document import Document, Entry, Section, fold
from pbx.conf.reader import read_text

KINDS = ("user", "peer", "friend")
SECTIONS_A_STEP = 10
USERS_A_STEP = 50


def load(document: Document, *, diagnostics: Diagnostics, named_lists: NamedLists | None = None) -> Settings:
    """Settings of a document (iax.conf as `pbx.conf.reader.read` read it); every mistake goes to `diagnostics`.

    `named_lists`: the lists of acl.conf (`acl.load_named`).
    """
    steps = load_steps(document, diagnostics=diagnostics, named_lists=named_lists)
    while True:
        try:
            next(steps)
        except StopIteration as done:
            settings: Settings = done.value
            return settings


def load_steps(
    document: Document, *, diagnostics: Diagnostics, named_lists: NamedLists | None = None
) -> Generator[None, None, Settings]:
    """As `load`, a little (well under a millisecond) at each step, so that calls go on meanwhile."""
    return _Loader(document, diagnostics, named_lists).steps()


def from_text(text: str, path: str = "iax.conf", named_lists: NamedLists | None = None) -> Settings:
    """Settings from a text, its diagnostics in them: for tests and tools."""
    diagnostics = Diagnostics()
    return load(read_text(text, path, diagnostics=diagnostics), diagnostics=diagnostics, named_lists=named_lists)


class _Loader:
    def __init__(self, document: Document, diagnostics: Diagnostics, named_lists: NamedLists | None) -> None:
        self.document = document
        self.found = diagnostics
        self.named_lists = named_lists
        first = document.section("general")
        self.general = General("general", first.place if first is not None else Place(document.path))
        self.settings = Settings(self.general, diagnostics=diagnostics, files=document.files)
        self.settings.refused = document.refused is not None
        self.near: dict[tuple[str, type[Options]], str] = {}
        self.told: set[str] = set()

    def steps(self) -> Generator[None, None, Settings]:
        """Read [general] first, wherever it stands, then all else in order."""
        self._general()
        yield
        seen: set[str] = {"general"}
        for number, section in enumerate(self.document):
            if number % SECTIONS_A_STEP == 0:
                yield
            folded = fold(section.name)
            if folded == "callnumberlimits" and folded not in seen:
                seen.add(folded)
                self._limits(section)
            elif folded not in ("general", "callnumberlimits"):
                self._section(section)
        index = AnonymousUsers()
        for number, user in enumerate(self.settings.users.values()):
            if number % USERS_A_STEP == 0:
                yield
            index.add(number, user)
        self.settings.anonymous = index
        return self.settings

    # [general]

    def _general(self) -> None:
        sections = self.document.sections_named("general")
        for second in sections[1:]:
            message = "a second [general] is not read"
            self.found.warning(second.place, message, text=f"[{second.name}]", advice="[general](+)", code="duplicate")
        for entry in sections[0] if sections else ():
            name = fold(entry.name)
            if name == "register":
                self._register(entry)
            else:
                self._option(self.general, name, entry)
        self._bind()
        self._intervals()

    def _register(self, entry: Entry) -> None:
        try:
            registration = parse_registration(entry.value, entry.place)
        except BadValue as error:
            self._bad(entry, f"{error}; the line is ignored", error.advice, text="register => ...")
            return
        if registration.options:
            message = f"what follows the '?' of a registration ('{registration.options}') means nothing, as in Asterisk"
            self.found.notice(entry.place, message, code="no-effect")
        self.settings.registrations.append(registration)

    def _bind(self) -> None:
        """Addresses without a port get bindport, but only where it stands above them, as in Asterisk."""
        addresses = self.general.written.get("bindaddr")
        port = self.general.written.get("bindport")
        if addresses is None:
            return
        late = port is not None and port.line > addresses.line and port.file == addresses.file
        counts = General.bindport.default if port is None or late else port.value
        if late and port is not None and port.value != counts and any(not address.port for address in addresses.value):
            message = f"bindport stands below bindaddr and does not count for it (port {counts} is used)"
            advice = f"bindport = {port.value} above bindaddr"
            self.found.warning(port.place, message, text=f"bindport = {port.value}", advice=advice, code="order")
        filled = tuple(address if address.port else replace(address, port=counts) for address in addresses.value)
        self.general.written["bindaddr"] = addresses._replace(value=filled)

    def _intervals(self) -> None:
        low, high = self.general.minregexpire, self.general.maxregexpire
        if low > high:
            place = self.general.place_of("minregexpire")
            message = f"minregexpire ({low}) is more than maxregexpire ({high}); {high} is used for both"
            self.found.warning(place, message, advice=f"maxregexpire = {low}", code="order")
            self.general.written["minregexpire"] = Written(high, place.file, place.line)

    def _limits(self, section: Section) -> None:
        for entry in section:
            try:
                where = network(entry.name)
            except BadValue as error:
                self._bad(entry, f"{error}; the line is ignored", error.advice)
                continue
            if re.fullmatch(r"[0-9]{1,5}", entry.value) is None or not 0 < int(entry.value) < 32768:
                self._bad(entry, "the limit is no number from 1 to 32767; the line is ignored", f"{entry.name} = 100")
                continue
            self.settings.limits.append(CallNumberLimit(where, int(entry.value), entry.place))

    # Users and peers

    def _section(self, section: Section) -> None:
        kind_entry = section.entry("type")
        if kind_entry is None:
            message = f"[{section.name}] says no type; the section is not used"
            self.found.warning(section.place, message, text=f"[{section.name}]", advice="type = friend", code="no-type")
            return
        kind = kind_entry.value.lower()
        if kind not in KINDS:
            near = difflib.get_close_matches(kind, KINDS, 1)
            message = f"there is no type '{kind_entry.value}'; [{section.name}] is not used"
            self._bad(kind_entry, message, f"type = {near[0] if near else 'friend'}")
            return
        user = self._begin(User, self.settings.users, section) if kind != "peer" else None
        peer = self._begin(Peer, self.settings.peers, section) if kind != "user" else None
        fresh = user is not None and peer is not None and not user.written and not peer.written
        for entry in section:
            name = fold(entry.name)
            if name == "type":
                continue
            if user is not None and (peer is None or name in User.table):
                self._option(user, name, entry)
            if peer is not None and (user is None or name in Peer.table):
                self._peer_option(peer, name, entry, user if fresh else None)
            if user is not None and peer is not None and name not in User.table and name not in Peer.table:
                self._unknown(peer, entry)
        if user is not None:
            user.is_friend = kind == "friend"
        if peer is not None:
            peer.is_friend = kind == "friend"
            self._check_host(peer, section)

    def _begin(self, kind: type[Any], known: dict[str, Any], section: Section) -> Any:
        """The user or peer of a section: a second section of the same name goes on with the first, as in Asterisk."""
        made = known.get(section.name)
        if made is None:
            made = known[section.name] = kind(section.name, section.place, self.general)
            return made
        message = f"[{section.name}] stands here a second time; both count together (first: {made.place.file_line})"
        self.found.warning(
            section.place, message, text=f"[{section.name}]", advice=f"[{section.name}](+)", code="duplicate"
        )
        made.written.pop("contexts", None)  # of contexts only those of the last section count
        return made

    def _peer_option(self, peer: Peer, name: str, entry: Entry, twin: User | None) -> None:
        option = Peer.table.get(name)
        if twin is not None and option is not None and User.table.get(name) is option:
            # The user of the same friend has read this line already, and told what is wrong with it.
            written = twin.written.get(option.name)
            if written is not None:
                peer.written[option.name] = written
            return
        self._option(peer, name, entry)
        if name == "host" and not peer.dynamic and (port := peer.written.pop("port", None)) is not None:
            message = "port stands above host and does not count (host sets it back to 4569)"
            advice = f"port = {port.value} below host"
            self.found.warning(port.place, message, text=f"port = {port.value}", advice=advice, code="order")

    def _check_host(self, peer: Peer, section: Section) -> None:
        if not peer.host and not peer.is_friend:
            message = f"[{section.name}] says no host; it can't be called"
            self.found.warning(
                section.place, message, text=f"[{section.name}]", advice="host = dynamic", code="no-host"
            )
            return
        host, bracket, port = peer.host.removeprefix("[").partition("]:" if "]" in peer.host else ":")
        if peer.host.startswith("[") or (bracket and ":" not in port):
            message = f"host takes neither a port nor brackets: '{peer.host}' is no host"
            advice = f"host = {host.removesuffix(']')}" + (f"\nport = {port}" if port else "")
            place = peer.place_of("host")
            self.found.error(place, message, text=f"host = {peer.host}", advice=advice, code="bad-value")

    # Options

    def _option(self, options: Options, name: str, entry: Entry) -> None:
        option = options.table.get(name)
        if option is None:
            self._unknown(options, entry)
            return
        former = getattr(options, option.name)
        value: object
        if name in ("permit", "deny", "acl"):
            value = self._access(former, name, entry)
        else:
            try:
                value = option.readers[name](entry.value, former)
            except PartlyBad as error:
                self._bad(entry, f"{entry.name}: {error}", self._advice(entry, error), severity=Severity.WARNING)
                value = error.value
            except BadValue as error:
                self._bad(entry, f"{entry.name}: {error}", self._advice(entry, error))
                return
        options.written[option.name] = Written(value, entry.file, entry.line)
        self._notes(option, options, name, entry, value)

    def _access(self, former: AccessList, name: str, entry: Entry) -> AccessList:
        if name == "acl":
            return add_named_line(former, entry, self.named_lists, self.found)
        return add_line(former, entry, self.found)

    def _notes(self, option: Option[Any], options: Options, name: str, entry: Entry, value: object) -> None:
        """What is understood but does something else than in Asterisk, or nothing yet; each option once."""
        if name == "inkey":
            message = (
                "inkey is read as inkeys, and an RSA login is demanded (stock Asterisk ignores it: anyone gets in)"
            )
            advice = f"inkeys = {entry.value}"
            self.found.warning(entry.place, message, text=entry.text, advice=advice, code="inkey")
        elif name == "notransfer":
            advice = f"transfer = {'no' if value is Transfer.NO else 'yes'}"
            message = "notransfer is an old spelling of transfer"
            self.found.notice(entry.place, message, text=entry.text, advice=advice, code="old-option")
        if option.effect is Effect.NOW or value == option.default or option.name in self.told:
            return
        self.told.add(option.name)
        code = "not-yet" if option.effect is Effect.LATER else "no-meaning"
        message = f"{entry.name} is {option.effect.value}"
        if option.effect is Effect.NEVER:
            message += f" ({option.help.removesuffix('.')})"
        self.found.notice(entry.place, message, text="" if option.secret else entry.text, code=code)

    def _unknown(self, options: Options, entry: Entry) -> None:
        """A name that is no option here: maybe one of the other kind of section, an old one, or a slip."""
        name = fold(entry.name)
        where = "[general]" if isinstance(options, General) else f"a section of type {type(options).__name__.lower()}"
        if name in notes.OLD_OPTIONS:
            if name not in self.told:
                self.told.add(name)
                message = f"{entry.name} is an option of older versions: {notes.OLD_OPTIONS[name]}"
                self.found.notice(entry.place, message, text=entry.text, code="old-option")
            return
        elsewhere = self._elsewhere(options, name)
        if elsewhere:
            message = f"{entry.name} has no effect in {where}"
            self.found.notice(entry.place, message, text=entry.text, advice=f"it {elsewhere}", code="wrong-section")
            return
        near = self._near(name, type(options))
        message = f"there is no option '{entry.name}' in {where}; it is ignored"
        advice = near and f"{near} {entry.operator} {entry.value}"
        text = entry.text
        if near and notes.is_secret(near):
            text, advice = f"{entry.name} = ...", f"{near} = ..."
        self.found.warning(entry.place, message, text=text, advice=advice, code="unknown-option")

    @staticmethod
    def _elsewhere(options: Options, name: str) -> str:
        if isinstance(options, General):
            return "belongs to users and peers" if name in User.table or name in Peer.table else ""
        if name in General.table or name == "register":
            return "belongs to [general]"
        if isinstance(options, User) and name in Peer.table:
            return "belongs to type = peer or friend"
        if isinstance(options, Peer) and name in User.table:
            return "belongs to type = user or friend"
        return ""

    def _near(self, name: str, kind: type[Options]) -> str:
        known = self.near.get((name, kind))
        if known is None:
            matches = difflib.get_close_matches(name[:40], kind.table, 1, 0.75)
            known = self.near[name, kind] = matches[0] if matches else ""
        return known

    # Findings

    def _bad(
        self, entry: Entry, message: str, advice: str, *, text: str = "", severity: Severity = Severity.ERROR
    ) -> None:
        tell = self.found.error if severity is Severity.ERROR else self.found.warning
        tell(entry.value_place, message, text=text or entry.text, advice=advice, code="bad-value")

    @staticmethod
    def _advice(entry: Entry, error: BadValue) -> str:
        return f"{entry.name} {entry.operator} {error.advice}" if error.advice else ""
