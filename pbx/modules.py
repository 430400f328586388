"""modules.conf and `module ...`: Asterisk's module names, and the services that stand behind them here.

Most of what is a module in Asterisk is simply there.  A few are services that
can go down and come back (`chan_iax2`); applications and functions are theirs
who declare them; the rest is known by name only.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field

from pbx.channels.log import Log
from pbx.conf import reader
from pbx.conf.diagnostics import Diagnostics, Place
from pbx.conf.leftovers import other_sections
from pbx.conf.values import is_true

log = Log("loader")


class CannotLoad(Exception):
    """A service could not be started; the text says why."""


#: modules of Asterisk whose work pbx does without being asked: name -> why there is nothing to load
BUILT_IN: dict[str, str] = {
    "res_timing_timerfd": "Timing is built in",
    "res_timing_dahdi": "Timing is built in",
    "res_timing_pthread": "Timing is built in",
    "res_timing_kqueue": "Timing is built in",
    "codec_ulaw": "mu-Law Coder/Decoder",
    "codec_alaw": "A-law Coder/Decoder",
    "codec_gsm": "GSM Coder/Decoder",
    "codec_a_mu": "A-law and Mulaw direct Coder/Decoder",
    "codec_resample": "SLIN Resampling Codec",
    "format_pcm": "Raw/Sun uLaw/ALaw 8KHz (PCM,PCMA,AU), G.722 16KHz",
    "format_gsm": "Raw GSM data",
    "format_sln": "Raw Signed Linear Audio support (SLN) 8khz-192khz",
    "format_wav": "Microsoft WAV/WAV16 format (8kHz/16kHz Signed Linear)",
    "format_wav_gsm": "Microsoft WAV format (Proprietary GSM)",
    "bridge_simple": "Simple two channel bridging module",
    "bridge_softmix": "Multi-party software based channel mixing",
    "bridge_holding": "Holding bridge module",
    "bridge_builtin_features": "Built in bridging features",
    "pbx_loopback": "Loopback Switch",
    "codec_adpcm": "Adaptive Differential PCM Coder/Decoder",
    "chan_local": "Local channels",
    "res_clioriginate": "Call origination and redirection from the CLI",
    "res_clialiases": "CLI Aliases",
    "res_security_log": "Security Event Logging",
}


@dataclass
class Module:
    """One row of `module show`.  start, stop, reload: None when there is nothing to do."""

    name: str
    description: str
    start: Callable[[], Awaitable[None] | None] | None = None
    stop: Callable[[], Awaitable[None] | None] | None = None
    reload: Callable[[], Awaitable[None] | None] | None = None
    use_count: Callable[[], int] = lambda: 0
    running: bool = False
    support: str = "core"

    @property
    def service(self) -> bool:
        """Whether it can go down and come back."""
        return self.start is not None

    @property
    def status(self) -> str:
        return "Running" if self.running else "Not Running"


@dataclass
class ModulesConf:
    """modules.conf: what is loaded at start."""

    autoload: bool = True
    load: list[str] = field(default_factory=list)
    preload: list[str] = field(default_factory=list)
    noload: list[str] = field(default_factory=list)
    require: list[str] = field(default_factory=list)
    #: modules that are asked for by name, and where
    asked: list[tuple[str, Place]] = field(default_factory=list)

    def wants(self, name: str) -> bool:
        """Whether this module is to run."""
        if name in self.noload:
            return False
        return self.autoload or name in self.load or name in self.preload or name in self.require


def bare(name: str) -> str:
    """A module's name without `.so`."""
    return name.strip().removesuffix(".so")


def load_conf(path: str, diagnostics: Diagnostics, *, allow_exec: bool = False) -> ModulesConf:
    """Read modules.conf; without the file everything is loaded.  Unknown names are no error."""
    document = reader.read(path, diagnostics=diagnostics, allow_exec=allow_exec, optional=True)
    conf = ModulesConf()
    other_sections(document, ("modules",), diagnostics)
    section = document.section("modules")
    if section is None:
        return conf
    conf.autoload = is_true(section.get("autoload"))
    lists = {
        "load": conf.load,
        "preload": conf.preload,
        "noload": conf.noload,
        "require": conf.require,
        "preload-require": conf.require,
        "load-require": conf.require,
    }
    for entry in section:
        name = entry.name.lower()
        if name in lists:
            lists[name].append(bare(entry.value))
            if name != "noload":
                conf.asked.append((bare(entry.value), entry.place))
        elif name != "autoload":
            diagnostics.warning(entry.place, f"no such option: {entry.name}", text=entry.text, code="unknown-option")
    return conf


class Modules:
    """The table of modules."""

    def __init__(self) -> None:
        self._modules: dict[str, Module] = {}

    def add(self, module: Module) -> Module:
        self._modules[module.name] = module
        return module

    def get(self, name: str) -> Module | None:
        return self._modules.get(bare(name))

    def __iter__(self) -> Iterator[Module]:
        """By name."""
        return iter(sorted(self._modules.values(), key=lambda module: module.name.lower()))

    def names(self) -> list[str]:
        return [module.name + ".so" for module in self]

    def say_missing(self, conf: ModulesConf, diagnostics: Diagnostics) -> None:
        """One notice for the modules that modules.conf asks for and that are not here: no error, but no silence."""
        missing = [(name, place) for name, place in conf.asked if name not in self._modules]
        if missing:
            others = ", ".join(f"{name} in line {place.line}" for name, place in missing[1:])
            message = f"there is no module {missing[0][0]} here (yet)" + (f"; nor {others}" if others else "")
            diagnostics.notice(missing[0][1], message, code="no-effect")

    async def start(self, name: str) -> None:
        """Start a service.  Raises CannotLoad."""
        module = self.get(name)
        if module is None or module.running:
            return
        if module.start is not None:
            result = module.start()
            if result is not None:
                await result
        module.running = True

    async def stop(self, name: str) -> None:
        module = self.get(name)
        if module is None or not module.running:
            return
        if module.stop is not None:
            result = module.stop()
            if result is not None:
                await result
        module.running = False

    async def reload(self, name: str) -> bool:
        """False when it has nothing to reload."""
        module = self.get(name)
        if module is None or not module.running or module.reload is None:
            return False
        result = module.reload()
        if result is not None:
            await result
        return True
