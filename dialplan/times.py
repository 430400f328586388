"""Times as GotoIfTime, IFTIME and `include => ctx,times` write them: `9:00-17:00,mon-fri,*,*[,zone]`."""

from __future__ import annotations


class Timing:
    """`times,weekdays,days,months[,zone]`, compiled to masks."""

    @classmethod
    def parse(cls, text: str) -> Timing | None:
        """None when the text holds no timing at all.  Senseless parts never match (and are in `problems`)."""
        raise NotImplementedError

    problems: list[str]

    def holds(self, now: float) -> bool:
        """Whether `now` (seconds since the epoch) is inside."""
        raise NotImplementedError
