"""PlayTones, Milliwatt, Zapateller, Morsecode, SendMF, SendSF: sounds made of tones."""

from __future__ import annotations

from collections.abc import Callable

from pbx.channels.channel import Channel, State
from pbx.channels.events import Control
from pbx.channels.interrupts import Interrupt
from pbx.channels.sounds import Source
from pbx.dialplan.arguments import fields
from pbx.dialplan.functions.common import c_int
from pbx.dialplan.interpreter import Run
from pbx.dialplan.playing import tone_spec
from pbx.dialplan.registry import Outcome, Result, application, options


async def play_through(run: Run, channel: Channel, spec: str) -> None:
    """Play a tone list that ends by itself, and wait for its end."""
    source = run.services.switch.graph.tone(channel, spec)
    try:
        await run.channel.wait(source.done)
    except Interrupt:
        source.stop()
        raise


@application(
    "Milliwatt",
    syntax="Milliwatt([options])",
    synopsis="A tone of 1004 Hz for measuring, until the caller hangs up",
    options=options({"m": "the tone of a milliwatt test (9 s tone, 1 s silence)", "o": "1000 Hz, as it was once"}),
    module="app_milliwatt",
)
async def milliwatt(run: Run, data: str) -> Result:
    channel = run.channel
    if not run.over:
        channel.answer()
    spec = "1004/9000,0/1000" if "m" in data else "1000" if "o" in data else "1004"
    source = run.services.switch.graph.tone(channel, spec)
    try:
        while not run.over and source.playing:
            await channel.next_event()
    finally:
        source.stop()
    return Outcome.END


@application(
    "PlayTones",
    module="app_playtones",
    syntax="PlayTones(arg)",
    synopsis="Plays a tone by name or list; goes on at once",
)
def play_tones(run: Run, data: str) -> Result:
    if not data:
        run.warn("PlayTones requires a tone")
        return Outcome.END
    spec = tone_spec(run, data)
    if spec.lstrip("!")[:1] not in "0123456789":
        run.warn(f"there is no tone '{data}'")
        return Outcome.END
    _stop_tones(run)
    if not run.over:
        run.scope.notes["tones"] = run.services.switch.graph.tone(run.channel, spec)
    return None


def _stop_tones(run: Run) -> None:
    source: Source | None = run.scope.notes.pop("tones", None)
    if source is not None and source.playing:
        source.stop()


@application("StopPlayTones", module="app_playtones", syntax="StopPlayTones()", synopsis="Ends PlayTones")
def stop_play_tones(run: Run, data: str) -> Result:
    _stop_tones(run)
    return None


@application(
    "Zapateller",
    syntax="Zapateller([options])",
    synopsis="The three tones of a number out of service, for machines that call",
    arguments={"options": "answer: answers first; nocallerid: only for callers without a number"},
    variables={"ZAPATELLERSTATUS": "NOTHING, ANSWERED or ZAPPED"},
    module="app_zapateller",
)
async def zapateller(run: Run, data: str) -> Result:
    words = {word.lower() for word in fields(data, 2)}
    channel, scope = run.channel, run.scope
    scope.set("ZAPATELLERSTATUS", "NOTHING")
    if channel.state is not State.UP:
        if "answer" in words and not run.over:
            channel.answer()
            scope.set("ZAPATELLERSTATUS", "ANSWERED")
        await channel.sleep(0.5)
    if "nocallerid" in words and channel.caller.number:
        return Outcome.END if run.over else None
    await play_through(run, channel, "!950/330,!1400/330,!1800/330,!0/1000")
    scope.set("ZAPATELLERSTATUS", "ZAPPED")
    return Outcome.END if run.over else None


# ---- Morse code ----------------------------------------------------------------------------------------------------

_LATIN = dict(
    zip(
        "ABCDEFGHIJKLMNOPQRSTUVWXYZ",
        ".- -... -.-. -.. . ..-. --. .... .. .--- -.- .-.. -- -. --- .--. --.- .-. ... - ..- ...- .-- -..- -.-- "
        "--..".split(),
        strict=True,
    )
)
_FIGURES = dict(zip("0123456789", "----- .---- ..--- ...-- ....- ..... -.... --... ---.. ----.".split(), strict=True))
_INTERNATIONAL = {
    **_LATIN, **_FIGURES, " ": " ", "!": ".-.-.-", '"': ".-..-.", "'": ".----.", "(": "-.--.-", ")": "-.--.-",
    ",": "--..--", "-": "-....-", ".": ".-.-.-", "/": "-..-.", ":": "---...", ";": "-.-.-.", "=": "-...-",
    "?": "..--..", "@": ".--.-.", "[": "-.--.-", "\\": "-..-.", "]": "-.--.-", "_": "..--.-", "`": ".----.",
    "{": "-.--.-", "}": "-.--.-", "~": "-..-.", "\x7f": ". . .",
}  # fmt: skip
_AMERICAN = {
    **_LATIN, "C": ".. .", "F": ".-.", "J": ".-.-", "L": "L", "O": ". .", "P": ".....", "Q": "..-.", "R": ". ..",
    "X": ".-..", "Y": ".. ..", "Z": "... .", "0": "0", "1": ".--.", "2": "..-..", "3": "...-.", "4": "....-",
    "5": "---", "6": "......", "7": "--..", "8": "-....", "9": "-..-", " ": "  ", "!": "---.", '"': "..-. -.",
    "$": "... .-..", "&": ". ...", "'": "..-. .-..", "(": "..... -.", ")": "..... .. ..", ",": ".-.-",
    "-": ".... .-..", ".": "..--..", "/": "..- -", ":": "-.- . .", ";": "... ..", "=": "-...-", "?": "-..-.",
    "@": ".--.-.", "[": "..... -.", "\\": "..- -", "]": "..... .. ..", "_": "..--.-", "`": ".----.",
    "{": "..... -.", "}": "..... .. ..", "~": "..- -", "\x7f": ". . .",
}  # fmt: skip
#: dots that a mark lasts: L and 0 are the long dashes of American Morse
_DOTS = {".": 1, "-": 3, "L": 6, "0": 9}


def morse(text: str, dot_ms: int, tone: int, space: int, *, american: bool = False) -> str:
    """The tone list of a text: `tone` Hz for marks, `space` Hz (0: silence) between them."""
    marks = _AMERICAN if american else _INTERNATIONAL
    parts: list[str] = []

    def add(pitch: int, dots: int) -> None:
        parts.append(f"!{pitch}/{dots * dot_ms}")

    for char in text:
        if not char.isascii():
            continue
        for mark in marks.get(char.upper(), ""):
            if mark in _DOTS:
                add(tone, _DOTS[mark])
            else:
                add(space, 3 if american else 2)
            add(space, 1)
        add(space, 3 if american else 2)
    return ",".join(parts)


@application(
    "Morsecode",
    syntax="Morsecode(string)",
    synopsis="Plays a text in Morse code",
    variables={
        "MORSEDITLEN": "read: ms of a dot (80)",
        "MORSETONE": "read: Hz of the tone (800)",
        "MORSESPACETONE": "read: Hz of the pauses (0: silence)",
        "MORSETYPE": "read: AMERICAN or INTERNATIONAL",
    },
    module="app_morsecode",
)
async def morsecode(run: Run, data: str) -> Result:
    if not data:
        run.warn("Morsecode requires a text")
        return None

    def setting(name: str, default: int) -> int:
        number = c_int(run.scope.get(name) or "")
        return default if number is None else number

    american = run.scope.get("MORSETYPE") == "AMERICAN"
    spec = morse(
        data, setting("MORSEDITLEN", 80), setting("MORSETONE", 800), setting("MORSESPACETONE", 0), american=american
    )
    if spec:
        await play_through(run, run.channel, spec)
    return Outcome.END if run.over else None


# ---- signalling of old trunks --------------------------------------------------------------------------------------

_MF = {
    "1": "700+900", "2": "700+1100", "3": "900+1100", "4": "700+1300", "5": "900+1300", "6": "1100+1300",
    "7": "700+1500", "8": "900+1500", "9": "1100+1500", "0": "1300+1500", "*": "1100+1700", "#": "1500+1700",
    "A": "900+1700", "B": "1300+1700", "C": "700+1700",
}  # fmt: skip
#: Letters of both that are no digits: tone lists, and signals to the far end.
_QUIET = "!0/100"
_LETTERS = {"w": "!0/500", "h": "!2600/250", "H": "!2600/250"}
_SIGNALS = {"f": Control.FLASH, "F": Control.FLASH, "W": Control.WINK}
_PULSES = {"0": 10, "*": 11, "#": 12, "D": 13, "C": 14, "B": 15, "A": 16}


def _target(run: Run, name: str) -> Channel | None:
    channel = run.services.switch.channel(name) if name else run.channel
    if channel is None:
        run.warn(f"No such channel: {name}")
    return channel


async def _send(run: Run, name: str, digits: str, encoded: Callable[[str], str], pause_ms: int) -> Result:
    """Play digits as tones, `pause_ms` between them; w, h, f and W as app_mf and app_sf have them."""
    channel = _target(run, name)
    if channel is None:
        return None
    parts = [_QUIET]
    for char in digits:
        if char in _LETTERS:
            parts.append(_LETTERS[char])
            continue
        if char in _SIGNALS:
            await play_through(run, channel, ",".join(parts))
            parts = []
            channel.indicate(_SIGNALS[char])
        else:
            tones = encoded(char.upper())
            if not tones:
                run.warn(f"'{char}' is no digit of this signalling")
                continue
            parts.append(tones)
        parts.append(f"!0/{pause_ms}")
    await play_through(run, channel, ",".join(parts))
    return Outcome.END if run.over else None


@application(
    "SendMF",
    syntax="SendMF(digits[,timeout_ms[,duration_ms[,duration_ms_kp[,duration_ms_st[,channel]]]]])",
    synopsis="Plays the tones of R1 MF digits",
    arguments={
        "digits": "0-9, * KP, # ST, A B C for ST with 1 to 3 primes, w half a second, h 2600 Hz for a quarter, "
        "f flash, W wink",
        "timeout_ms": "between two digits (50)",
        "duration_ms": "of a digit (55); of KP 120, of ST 65",
    },
    module="app_mf",
)
async def send_mf(run: Run, data: str) -> Result:
    digits, gap, tone, start, end, name = fields(data, 6)
    if not digits:
        run.warn("SendMF requires an argument")
        return None
    usual = c_int(tone) or 55
    lasting = {"*": c_int(start) or 120, **dict.fromkeys("#ABC", c_int(end) or 65)}

    def encoded(digit: str) -> str:
        return f"!{_MF[digit]}/{lasting.get(digit, usual)}" if digit in _MF else ""

    return await _send(run, name, digits, encoded, c_int(gap) or 50)


@application(
    "SendSF",
    syntax="SendSF(digits[,frequency[,channel]])",
    synopsis="Plays digits as pulses of one tone (2600 Hz)",
    arguments={"digits": "0-9, * # D C B A for 11 to 16 pulses, w half a second, h a quarter of 2600 Hz, f, W"},
    module="app_sf",
)
async def send_sf(run: Run, data: str) -> Result:
    digits, pitch, name = fields(data, 3)
    if not digits:
        run.warn("SendSF requires an argument")
        return None
    tone = c_int(pitch) if pitch else 2600
    if tone is None or not 0 < tone < 100_000:
        run.warn(f"SendSF: '{pitch}' is no frequency")
        return Outcome.END

    def encoded(digit: str) -> str:
        count = _PULSES.get(digit) or (int(digit) if digit in "123456789" else 0)
        return ",".join([f"!{tone}/67,!0/33"] * count)

    return await _send(run, name, digits, encoded, 600)
