"""cdr show status, cdr show active, cdr set debug, cdr submit."""

from __future__ import annotations

from collections.abc import Iterator

from pbx.cdr.chain import Chain
from pbx.cdr.record import Phase, Record, stamp
from pbx.cdr.settings import Settings
from pbx.console.registry import Context, UsageShown, command

ACTIVE = "{:<25.25} {:<25.25} {:<15.15} {:<8.8} {:<8.8} {:<8.8} {:<8.8} {:<8.8}"
ONE = "{:<10.10} {:<20.20} {:<25.25} {:<15.15} {:<15.15} {:<8.8} {:<8.8} {:<8.8} {:<8.8} {:<8.8}"


def _word(value: bool, yes: str = "Yes", no: str = "No") -> str:
    return yes if value else no


@command(
    "cdr show status",
    "Display the CDR status",
    "Usage: cdr show status\n       How call records are kept, and where.\n",
)
def show_status(context: Context, words: list[str]) -> None:
    if words:
        raise UsageShown
    context.lines(status_lines(context))


def status_lines(context: Context) -> Iterator[str]:
    service = context.pbx.cdr
    settings = service.settings
    yield ""
    yield "Call Detail Record (CDR) settings"
    yield "----------------------------------"
    yield f"  Logging:                    {_word(settings.enable, 'Enabled', 'Disabled')}"
    yield f"  Mode:                       {_word(settings.batch, 'Batch', 'Simple')}"
    if settings.enable:
        yield from _option_lines(settings)
        if settings.batch:
            yield "* Batch Mode Settings"
            yield "  -------------------"
            yield f"  Safe shutdown:              {_word(settings.safeshutdown, 'Enabled', 'Disabled')}"
            model = _word(settings.scheduleronly, "Scheduler only", "Scheduler plus separate threads")
            yield f"  Threading model:            {model}"
            yield f"  Current batch size:         {service.batched} record{_word(service.batched != 1, 's', '')}"
            yield f"  Maximum batch size:         {settings.size} record{_word(settings.size != 1, 's', '')}"
            yield f"  Maximum batch time:         {settings.time} second{_word(settings.time != 1, 's', '')}"
            left = service.until_batch
            yield f"  Next batch processing time: {left} second{_word(left != 1, 's', '')}"
            yield ""
        yield "* Registered Backends"
        yield "  -------------------"
        for backend in service.active:
            waiting = sum(len(writer) for writer in backend.writers())
            trouble = any(writer.failing for writer in backend.writers())
            note = f" (cannot write: {waiting} records wait)" if trouble else ""
            yield f"    {backend.title:<19.19}".rstrip() + note
        if not service.active:
            yield "    (none)"
        yield ""


def _option_lines(settings: Settings) -> Iterator[str]:
    yield f"  Log calls by default:       {_word(settings.channeldefaultenabled)}"
    yield f"  Log unanswered calls:       {_word(settings.unanswered)}"
    yield f"  Log congestion:             {_word(settings.congestion)}"
    yield ""
    yield f"  Ignore bridging changes:    {_word(settings.ignorestatechanges)}"
    yield ""
    yield f"  Ignore dial state changes:  {_word(settings.ignoredialchanges)}"
    yield ""
    yield f"  Cancel disposition enabled: {_word(settings.canceldispositionenabled)}"
    yield ""


def _names(context: Context, before: list[str], prefix: str) -> list[str]:
    return [channel.name for channel in context.pbx.switch.channels()]


@command(
    "cdr show active",
    "Display active CDRs for channels",
    "Usage: cdr show active [channel]\n"
    "       The call records that grow now, one line a channel; with a\n"
    "       channel, all records of this one.  What has been written\n"
    "       already is not shown.\n",
    complete=_names,
)
def show_active(context: Context, words: list[str]) -> None:
    if len(words) > 1:
        raise UsageShown
    engine = context.pbx.cdr.engine
    now = context.pbx.switch.wall()
    if not words:
        context.line("\nChannels with Call Detail Record (CDR) Information")
        context.line("-" * 50)
        context.line(
            ACTIVE.format(
                "Channel", "Dst. Channel", "LastApp", "Start", "Answer", "End", "Billsec", "Duration"
            ).rstrip()
        )
        for chain in engine:
            record = _shown(chain)
            if record is not None:
                context.line(ACTIVE.format(*_active_row(record, now)))
        return
    channel = context.pbx.switch.channel(words[0])
    found = engine.chain(channel) if channel is not None else None
    if channel is None or found is None:
        context.line(f"Unknown channel: {words[0]}")
        return
    context.line(f"\nCall Detail Record (CDR) Information for {channel.name}")
    context.line("-" * 50)
    context.line(
        ONE.format(
            "AccountCode",
            "CallerID",
            "Dst. Channel",
            "LastApp",
            "Data",
            "Start",
            "Answer",
            "End",
            "Billsec",
            "Duration",
        ).rstrip()
    )
    for record in found.records:
        row = _active_row(record, now)
        head = (record.party.accountcode, record.party.clid, row[1], row[2], record.data)
        context.line(ONE.format(*head, *row[3:]))


def _shown(chain: Chain) -> Record | None:
    """The record that stands for a channel: the newest that grows; none of a leg that was only called."""
    if chain.called and chain.last.b is None:
        return None
    return next((r for r in reversed(chain.records) if r.phase is not Phase.OVER), chain.last)


def _active_row(record: Record, now: float) -> tuple[str, ...]:
    cdr = record.public(now)
    clock = "%H:%M:%S"
    return (
        cdr.party.name,
        cdr.peer.name if cdr.peer else "<none>",
        record.application,
        stamp(cdr.start, form=clock),
        stamp(cdr.answer, form=clock),
        stamp(cdr.end or now, form=clock),
        f"{cdr.seconds_billed:08d}",
        f"{int(cdr.duration):08d}",
    )


@command(
    "cdr set debug",
    "Enable debugging in the CDR engine",
    "Usage: cdr set debug [on|off]\n       Says when call records begin and end, and which of them are written.\n",
    complete=lambda context, before, prefix: ["on", "off"],
)
def set_debug(context: Context, words: list[str]) -> None:
    engine = context.pbx.cdr.engine
    if len(words) != 1 or words[0].lower() not in ("on", "off"):
        raise UsageShown
    engine.debug = words[0].lower() == "on"
    context.line(f"CDR debugging {'enabled' if engine.debug else 'disabled'}")


@command(
    "cdr submit",
    "Posts all pending batched CDR data",
    "Usage: cdr submit\n       Writes the call records that wait for their batch.\n",
)
def submit(context: Context, words: list[str]) -> None:
    if words:
        raise UsageShown
    settings = context.pbx.cdr.settings
    if not settings.enable:
        context.line("Cannot submit CDR batch: CDR engine disabled.")
    elif not settings.batch:
        context.line("Cannot submit CDR batch: batch mode not enabled.")
    else:
        context.pbx.cdr.post_batch()
        context.line("Submitted CDRs to backend engines for processing.  This may take a while.")
