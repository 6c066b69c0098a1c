"""When a mail is tried again: waits that grow and differ, five tries over the life of the mail."""

from collections.abc import Callable
from datetime import datetime, timedelta

from quizmail.states import Kind

#: The waits between the five tries. RFC 5321 section 4.5.4.1 asks for thirty minutes at least; a reminder
#: lives for one evening, so its first wait is shorter: greylisting usually ends within ten minutes.
WAITS = {
    Kind.REMINDER: tuple(timedelta(minutes=m) for m in (10, 30, 60, 120)),
    Kind.REPORT: tuple(timedelta(minutes=m) for m in (30, 120, 480, 1440)),
}

#: How long a mail waits that could not be handed over through no fault of its own.
POSTPONEMENT = timedelta(minutes=1)

Jitter = Callable[[float, float], float]


def next_try(kind: Kind, tries: int, now: datetime, jitter: Jitter) -> datetime | None:
    """Return when to try again after `tries` refusals (from 1); None when there were enough.

    Args:
        jitter: draws a number between its two arguments, as ``random.uniform`` does.
    """
    waits = WAITS[kind]
    return now + waits[tries - 1] * jitter(0.8, 1.2) if tries <= len(waits) else None


def postponed(now: datetime, jitter: Jitter) -> datetime:
    """Return when to take up a mail again that was not tried at all."""
    return now + POSTPONEMENT * jitter(0.8, 1.2)
