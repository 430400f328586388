"""Generators of what has to do with time: IFTIME and its kin, TIMEOUT, waiting, digits pressed into an extension."""

# ruff: noqa: E501

from __future__ import annotations

from random import Random

from tests.interop.differential.cases import pattern
from tests.interop.differential.pair import Case

CLOCKS = ["*", "", "9:00-17:00", "09:00", "9:00", "22:00-6:00", "00:00-23:59", "24:00", "0:00-24:00", "9-17", "9:00-", "-17:00", "9:0-9:5", " 9:00 - 17:00 ", "9:00-17:00&18:00-19:00",
          "9:00-9:00", "9:60", "9:00:00", "a", "12:00&13:00", "*&9:00", "9:00-17:00-18:00", "&", "9:00&", "&9:00", "009:00", "9:001", "9:00-17:00x", "x9:00", "9:00--17:00", "9:00-x17:00",
          "08:59-09:00", "+9:00", "-9:00", "9:00- 17:00", "12:30", "12:29-12:31", "23:59-00:00", "*-*", "**", " *", "* ", "9:00-17:00 & 18:00-19:00", "9:00 -17:00", "9:00 ", " 9:00"]  # fmt: skip
DAYS = ["*", "", "mon", "mon-fri", "fri-mon", "sun-sat", "Mon", "MON-FRI", "monday", "mon&wed", "mon-wed&fri", "1-5", "0", "0-6", "7", "1", "mo", "x", "mon-", "-fri", "wed-wed", "mon - fri", " mon", "mon ",
        "wed&", "*&mon", "wed-x", "x-wed", "3", "4", "wednesday-friday", "wed,", "8", "wed-3", "4-fri"]  # fmt: skip
DATES = [
    "*",
    "",
    "1",
    "1-15",
    "25-5",
    "31",
    "32",
    "0",
    "1-31",
    "10",
    "10-10",
    "1&10&20",
    "x",
    "01",
    "010",
    "1-",
    "-10",
    "10-x",
    " 10",
    "10 ",
    "10x",
    "1-10&20-31",
    "10-9",
    "9-10",
    "+10",
    "-1",
]
MONTHS = [
    "*",
    "",
    "jan",
    "jan-dec",
    "nov-feb",
    "jul",
    "JUL",
    "july",
    "1",
    "7",
    "1-7",
    "13",
    "0",
    "jun&jul",
    "jul-",
    "-jul",
    "x",
    "12-2",
    " jul",
    "jul ",
    "jul-jul",
    "aug-jun",
    "jul&",
    "7-aug",
    "jun-7",
]
ZONES = ["", "", "", "UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata", "Nowhere/City", "GMT", "EST5EDT", "CET", "Etc/GMT+5", "utc", "UTC-3", "Australia/Lord_Howe", "<+03>-3", "CET-1CEST",
         "EST5EDT,M3.2.0,M11.1.0", " UTC", "Pacific/Auckland", "posixrules", "", "Etc/UTC", "europe/berlin", "../UTC", "/UTC"]  # fmt: skip
MOMENTS = ["2024/07/10 12:30:00 UTC", "2024/07/10 08:59:59 UTC", "2024/07/10 09:00:00 UTC", "2024/01/01 00:00:00 UTC", "2024/12/31 23:59:59 UTC", "2024/02/29 06:00:00 UTC", "2024/07/12 17:00:59 UTC",
           "2024/07/14 22:00:00 UTC", "2024/03/31 01:30:00 UTC", "2024/11/03 05:30:00 UTC", "2024/07/08 17:01:00 UTC", "2023/10/29 01:00:00 UTC"]  # fmt: skip


def timing(rng: Random) -> str:
    mark = rng.choice([",", ",", ",", "|"])
    parts = [rng.choice(CLOCKS), rng.choice(DAYS), rng.choice(DATES), rng.choice(MONTHS)]
    for at in range(4):
        if rng.random() < 0.55:
            parts[at] = "*"
    text = mark.join(parts[: rng.choice([4, 4, 4, 4, 4, 3, 2, 1])])
    zone = rng.choice(ZONES)
    return text + (f"{rng.choice([',', ',', mark])}{zone}" if zone else "")


def times(rng: Random, name: str) -> Case:
    """IFTIME, GotoIfTime, ExecIfTime and includes at times of the test's own."""
    lines = [f"[{name}]", "exten => s,1,NoOp()"]
    for number in range(30):
        moment, text = rng.choice(MOMENTS), timing(rng)
        lines.append(f" same => n,Set(TESTTIME()={moment})")
        kind = rng.randrange(8)
        if kind == 0:
            lines.append(f" same => n,EMIT({number} ${{IFTIME({text}?in:out)}} {moment} {text})")
        elif kind > 1:
            lines.append(f" same => n,GotoIfTime({text}?in{number}:out{number})")
            lines.append(f" same => n(out{number}),EMIT({number} out {moment} {text})\n same => n,Goto(on{number})")
            lines.append(
                f" same => n(in{number}),EMIT({number} in {moment} {text})\n same => n(on{number}),NoOp({text})"
            )
        else:
            lines.append(
                f" same => n,Set(X=out)\n same => n,ExecIfTime({text}?Set(X=in))\n same => n,EMIT({number} ${{X}} {moment} {text})"
            )
    lines.append(" same => n,EMIT(end)\nexten => h,1,EMIT(h)")
    return Case(name, "\n".join(lines) + "\n", [f"s@{name}"])


FORMATS = ["%H:%M", "%Y-%m-%d %H:%M:%S", "%a %j", "%s", "%c", "%u%w", "%I%p", "%z"]


def clocks(rng: Random, name: str) -> Case:
    """STRFTIME and STRPTIME with zones; TIMEOUT written and read."""
    lines = [f"[{name}]", "exten => s,1,NoOp()"]
    for number in range(30):
        kind = rng.randrange(3)
        if kind == 0:
            seconds = rng.choice(
                [
                    "0",
                    "1700000000",
                    "1711843200",
                    "1720612800",
                    "-1",
                    "1.5",
                    "1700000000.123456",
                    "99999999999",
                    "2147483648",
                ]
            )
            lines.append(
                f" same => n,EMIT({number} ${{STRFTIME({seconds},{rng.choice(ZONES)},{rng.choice(FORMATS)})}})"
            )
        elif kind == 1:
            text = rng.choice(
                [
                    "2024-07-10 12:30:00",
                    "2024-01-10 12:30:00",
                    "2024-7-1 1:2:3",
                    "x",
                    "",
                    "2024-07-10",
                    "2024-02-30 00:00:00",
                    "2024-07-10 25:00:00",
                    "2024-03-31 02:30:00",
                ]
            )
            lines.append(
                f" same => n,EMIT({number} ${{STRPTIME({text},{rng.choice(ZONES)},{rng.choice(['%Y-%m-%d %H:%M:%S', '%Y-%m-%d', '%s', ''])})}})"
            )
        else:
            what = rng.choice(
                ["digit", "response", "absolute", "DIGIT", "Response", "x", "", "dig", "absolute ", "d", "r", "digits"]
            )
            value = rng.choice(
                ["5", "1.5", "0", "0.5", "-1", "x", "", "1e1", "99999", "0.001", "5x", " 5", "1000000", ".5", "5."]
            )
            if what.lower().startswith("absolute") or what == "":
                value = rng.choice(["0", "50", "", "x", "50.5", "99"])
            lines.append(f" same => n,Set(TIMEOUT({what})={value})")
            lines.append(f" same => n,EMIT({number} ${{TIMEOUT({what})}} ${{TIMEOUT(digit)}} ${{TIMEOUT(response)}})")
    lines.append(" same => n,EMIT(end)\nexten => h,1,EMIT(h)")
    return Case(name, "\n".join(lines) + "\n", [f"s@{name}"])


# ---- digits pressed ------------------------------------------------------------------------------------------------

WAITS = ["WaitExten()", "WaitExten(2)", "WaitExten(1.5)", "WaitExten(0)", "WaitExten(2,d)", "WaitExten(,m)", "Background(silence/1)", "Background(silence/5)", "Background(beep)", "Background(silence/5,s)",
         "Background(silence/5,n)", "Background(silence/5,m)", "Background(silence/5,,,@-b)", "Background(nosuch)", "Background(beep&silence/5)", "Read(R,silence/5,3)\n same => n,EMIT(read ${R} ${READSTATUS})",
         "Read(R,,2,,1,2)\n same => n,EMIT(read ${R} ${READSTATUS})", "ReadExten(R,silence/1)\n same => n,EMIT(re ${R} ${READEXTENSTATUS})", "ReadExten(R,,@-b)\n same => n,EMIT(re ${R} ${READEXTENSTATUS})",
         "ReadExten(R,,,i,1)\n same => n,EMIT(re ${R} ${READEXTENSTATUS})", "WaitExten(-1)", "WaitExten(x)", "Wait(2)", "WaitDigit(2,123)\n same => n,EMIT(wd ${WAITDIGITSTATUS} ${WAITDIGITRESULT})"]  # fmt: skip


def digits(rng: Random, name: str) -> Case:
    """Digits pressed while an application waits for them, or after the extension has ended (autofallthrough=no: not here)."""
    lines = [f"[{name}]", "exten => s,1,NoOp()"]
    lines.append(
        f" same => n,Set(TIMEOUT(digit)={rng.choice(['1', '1', '1.5', '2'])})\n same => n,Set(TIMEOUT(response)=2)"
    )
    if rng.random() < 0.9:
        lines.append(" same => n,Answer()")
    lines.append(f" same => n,{rng.choice(WAITS).replace('@', name)}")
    for _ in range(rng.randrange(0, 2)):
        lines.append(f" same => n,EMIT(after ${{EXTEN}})\n same => n,{rng.choice(WAITS).replace('@', name)}")
    lines.append(" same => n,EMIT(last)")
    for context in (name, f"{name}-b"):
        if context != name:
            lines.append(f"[{context}]")
        for _ in range(rng.randrange(0, 4)):
            lines.append(
                f"exten => {pattern(rng, 3)},1,EMIT({{${{EXTEN}}}} ${{CONTEXT}})\n same => n,{rng.choice(['NoOp()', 'Hangup()', 'WaitExten(1)', 'Incomplete()', 'Incomplete(n)', 'Goto(9999,1)'])}"
            )
        for exten in rng.sample(["i", "t", "e", "h", "T", "1", "12", "123"], rng.randrange(0, 6)):
            lines.append(f"exten => {exten},1,EMIT({exten} ${{CONTEXT}} ${{INVALID_EXTEN}} ${{EXCEPTION(reason)}})")
    if rng.random() < 0.3:
        lines.insert(1, f"include => {name}-b")
    pressed = "".join(rng.choice("1212345#*09a") for _ in range(rng.randrange(0, 5)))
    send = f"exten => {name},1,Wait(0.4)\n same => n,SendDTMF({pressed},{rng.choice(['150', '150', '300'])},100)\n same => n,Wait({rng.choice(['7', '7', '7', '0.5'])})\n"
    lines.append(f"[{name}-run]\n{send}")
    case = Case(name, "\n".join(lines) + "\n", [f"s@{name}"])
    case.answered = f"{name}@{name}-run"
    return case
