"""PlayTones, Milliwatt, Zapateller, Morsecode, SendMF, SendSF: sounds made of tones."""

from __future__ import annotations

from pbx.channels.channel import Channel, State
from pbx.channels.sounds import Source
from pbx.dialplan.arguments import fields
from pbx.dialplan.functions.common import c_int
from pbx.dialplan.interpreter import Run
from pbx.dialplan.playing import tone_spec
from pbx.dialplan.registry import Outcome, Result, application, options
from pbx.dialplan.trunktones import MF_END_MS, MF_GAP_MS, MF_MS, MF_START_MS, play_through
from pbx.dialplan.trunktones import send_mf as send_mf_digits
from pbx.dialplan.trunktones import send_sf as send_sf_digits


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


def _target(run: Run, name: str) -> Channel | None:
    channel = run.services.switch.channel(name) if name else run.channel
    if channel is None:
        run.warn(f"No such channel: {name}")
    return channel


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
    channel = _target(run, name)
    if channel is None:
        return None
    lasting = (c_int(tone) or MF_MS, c_int(start) or MF_START_MS, c_int(end) or MF_END_MS)
    await send_mf_digits(run, channel, digits, c_int(gap) or MF_GAP_MS, lasting)
    return Outcome.END if run.over else None


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
    channel = _target(run, name)
    if channel is None:
        return None
    await send_sf_digits(run, channel, digits, tone)
    return Outcome.END if run.over else None
