"""iaxprov.conf: templates with which IAX2 phones are provisioned."""

from __future__ import annotations

from collections.abc import Mapping

from pbx.channels.iax2.options import BadValue
from pbx.channels.iax2.provisioning import FLAGS, Template
from pbx.channels.iax2.settings_readers import tos
from pbx.channels.iax2.values import is_ip
from pbx.codecs.formats import BY_NAME
from pbx.conf import reader
from pbx.conf.diagnostics import Diagnostics
from pbx.conf.document import Document, Entry

DEFAULT = "default"


def load(path: str, diagnostics: Diagnostics) -> dict[str, Template]:
    """All templates but [general], the last of the file first as Asterisk lists them; no file: none."""
    return templates(reader.read(path, diagnostics=diagnostics, optional=True), diagnostics)


def templates(document: Document, diagnostics: Diagnostics) -> dict[str, Template]:
    """As `load`, of a file that was read."""
    found: dict[str, Template] = {}
    names = [section.name for section in document if section.name.lower() != "general"]
    # the default is what the others begin with, wherever it stands
    for name in sorted(names, key=lambda name: name != DEFAULT):
        found[name] = _template(document, name, found, diagnostics)
    return {name: found[name] for name in sorted(names, key=lambda name: name == DEFAULT)}


def _template(document: Document, name: str, known: Mapping[str, Template], diagnostics: Diagnostics) -> Template:
    section = document.section(name)
    assert section is not None
    template = Template(name)
    base = next((e.value for e in section if e.name.lower() in ("base", "template")), DEFAULT)
    if base in known and base != name:
        former = known[base]
        for each in (
            "user",
            "secret",
            "language",
            "port",
            "server",
            "serverport",
            "alternate",
            "flags",
            "format",
            "tos",
        ):
            setattr(template, each, getattr(former, each))
        template.base = base
    for entry in section:
        try:
            _set(template, entry)
        except (BadValue, ValueError, KeyError) as error:
            diagnostics.error(entry.value_place, f"{entry.name}: {error}", text=f"{entry.name} = ...", code="bad-value")
    return template


def _set(template: Template, entry: Entry) -> None:
    name, value = entry.name.lower(), entry.value
    match name:
        case "port" | "serverport":
            number = int(value)
            if not 0 < number < 65536:
                raise BadValue("there is no such port")
            setattr(template, name, number)
        case "server" | "altserver":
            if not is_ip(value):
                raise BadValue("it is no numeric address")
            setattr(template, "server" if name == "server" else "alternate", value)
        case "codec" | "format":
            if value not in BY_NAME:
                raise BadValue("there is no such format")
            template.format = value
        case "tos":
            template.tos = tos(value, 0)
        case "user":
            template.user = value
        case "pass" | "secret":
            template.secret = value
        case "lang" | "language":
            template.language = value
        case "flags":
            template.flags = _flags(template.flags, value)
        case "base" | "template":
            pass
        case _:
            raise BadValue("there is no such option")


def _flags(former: int, value: str) -> int:
    """Words with commas; `+` adds to what the base has, `-` takes away."""
    words = [word.strip() for word in value.split(",") if word.strip()]
    found = former if any(word[0] in "+-" for word in words) else 0
    for word in words:
        bit = FLAGS.get(word.lstrip("+-").lower())
        if bit is None:
            raise BadValue(f"there is no flag '{word}'")
        found = found & ~bit if word.startswith("-") else found | bit
    return found
