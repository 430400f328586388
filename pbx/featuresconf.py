"""features.conf: what digits do in a call."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from pbx.conf import reader
from pbx.conf.diagnostics import Diagnostics
from pbx.conf.document import Entry, Section
from pbx.dialplan.arguments import split
from pbx.dialplan.featuremap import CODES, SETTINGS, Dynamic, normal

if TYPE_CHECKING:
    from pbx.daemon import Daemon

#: options that moved to res_parking.conf with Asterisk 12
_PARKING = frozenset(
    "context parkext parkext_exclusive parkinghints parkedmusicclass parkingtime parkpos findslot parkedcalltransfers "
    "parkedcallreparking parkedcallhangup parkedcallrecording comebackcontext comebacktoorigin comebackdialtime "
    "parkeddynamic adsipark".split()
)


class FeaturesConf:
    """What the file says: `values` (settings and digits that are written), dynamic features, their groups."""

    def __init__(self) -> None:
        self.values: dict[str, str] = {}
        self.dynamic: dict[str, Dynamic] = {}
        self.groups: dict[str, dict[str, str]] = {}


def load(path: str, diagnostics: Diagnostics) -> FeaturesConf:
    """Read the file.  A line that is wrong is said and has no effect; the rest works (Asterisk drops the file)."""
    document = reader.read(path, diagnostics=diagnostics, optional=True)
    conf = FeaturesConf()
    groups: list[Section] = []
    for section in document:
        name = section.name.lower()
        if name == "general":
            _values(section, SETTINGS, conf.values, diagnostics)
        elif name == "featuremap":
            _values(section, CODES, conf.values, diagnostics)
        elif name == "applicationmap":
            for entry in section:
                item = _dynamic(entry, diagnostics)
                if item is not None:
                    conf.dynamic[item.name] = item
        elif name.startswith("parkinglot_"):
            diagnostics.notice(section.place, "parking lots are in res_parking.conf since Asterisk 12", code="moved")
        else:
            groups.append(section)
    for section in groups:
        conf.groups[section.name] = _group(section, conf.dynamic, diagnostics)
    return conf


def _values(section: Section, known: Mapping[str, str], found: dict[str, str], diagnostics: Diagnostics) -> None:
    for entry in section:
        name = entry.name.lower()
        value = normal(name, entry.value)
        if name in known and value is None:
            message = f"{name} is a number, not '{entry.value}'"
            diagnostics.warning(entry.value_place, message, text=entry.text, code="bad-value")
        elif name in known and value is not None:
            found[name] = value
        elif name in _PARKING:
            message = f"{name} is in res_parking.conf since Asterisk 12"
            diagnostics.notice(entry.place, message, text=entry.text, code="moved")
        elif name == "automon":
            message = "automon has no effect: it went with Monitor in Asterisk 21"
            advice = f"automixmon => {entry.value}"
            diagnostics.notice(entry.place, message, text=entry.text, advice=advice, code="gone")
        else:
            message = f"no such option: {entry.name}"
            diagnostics.warning(entry.place, message, text=entry.text, code="unknown-option")


_FORM = "name => digits,self|peer,application[(arguments)][,music class]"


def _dynamic(entry: Entry, diagnostics: Diagnostics) -> Dynamic | None:
    """A line of [applicationmap]; None when it is wrong (said)."""
    parts = split(entry.value, 5, raw=True)
    digits, where, application, *rest = [*(part.strip() for part in parts), "", "", ""][: max(5, len(parts))]
    if not (digits and where and application):
        diagnostics.warning(
            entry.value_place, f"feature {entry.name} lacks something", text=entry.text, advice=_FORM, code="bad-value"
        )
        return None
    side = where.partition("/")[0].lower()
    if side not in ("self", "peer", "caller", "callee"):
        message = f"feature {entry.name} runs on self or peer, not on '{where}'"
        diagnostics.warning(entry.value_place, message, text=entry.text, advice=_FORM, code="bad-value")
        return None
    data, music = [*rest, "", ""][:2]
    name, paren, inside = application.partition("(")
    if paren:
        data, music = inside.rpartition(")")[0] if ")" in inside else inside, data
    elif '"' in data:
        data = data.strip().strip('"')
    return Dynamic(entry.name, digits, side in ("peer", "callee"), name.strip(), data, music.strip())


def _group(section: Section, known: Mapping[str, Dynamic], diagnostics: Diagnostics) -> dict[str, str]:
    found: dict[str, str] = {}
    for entry in section:
        if entry.name in known:
            found[entry.name] = entry.value
        else:
            message = f"[applicationmap] has no feature {entry.name}"
            diagnostics.warning(entry.place, message, text=entry.text, code="unknown-option")
    return found


class FeaturesService:
    """Tells the dialplan what features.conf says."""

    def __init__(self, daemon: Daemon) -> None:
        self._daemon = daemon

    def start(self) -> None:
        """Read the file."""
        self.reload()

    def reload(self) -> None:
        """Read it again: for calls that are connected from now on."""
        findings = Diagnostics()
        conf = load(self._daemon.conf.etc("features.conf"), findings)
        services = self._daemon.dialplan.services
        services.features, services.dynamic_features, services.feature_groups = conf.values, conf.dynamic, conf.groups
        self._daemon.say(findings)
