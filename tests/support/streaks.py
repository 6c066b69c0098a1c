"""Runs of active weeks, reckoned plainly."""

from collections.abc import Iterable, Mapping
from datetime import date, datetime, timedelta
from itertools import count, takewhile
from zoneinfo import ZoneInfo


def reckoned(finished: Mapping[str, Iterable[datetime]], at: datetime, zone: ZoneInfo) -> dict[str, int]:
    """Return by user the runs of two weeks and more that end with the week before that of `at`."""
    lengths = {user: _length(instants, at, zone) for user, instants in finished.items()}
    return {user: length for user, length in lengths.items() if length >= 2}


def _length(instants: Iterable[datetime], at: datetime, zone: ZoneInfo) -> int:
    weeks = {_week(instant.astimezone(zone).date()) for instant in instants}
    today = at.astimezone(zone).date()
    if _week(today) in weeks:
        return 0
    return len(list(takewhile(lambda ago: _week(today - timedelta(weeks=ago)) in weeks, count(1))))


def _week(day: date) -> tuple[int, int]:
    return day.isocalendar()[:2]
