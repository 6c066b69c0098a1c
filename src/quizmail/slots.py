"""Calendar arithmetic: which slots there are, and until when each may still be used.

A slot is (kind, period, instant). All zones whose clocks show the hour of that date at that instant
share it; its audience is the users whose zone is among them. Everything here is a pure function of
its arguments.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from zoneinfo import ZoneInfo

from quizmail.states import Kind

_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Calendar:
    """When mails go out: local hours from 0 to 23, the report's day from 1 to 28, catch-up deadlines."""

    reminder_hour: int
    report_day: int
    report_hour: int
    site_zone: ZoneInfo
    reminder_deadline: timedelta
    report_deadline: timedelta

    def deadline(self, kind: Kind) -> timedelta:
        """Return how late a slot of `kind` may still be used."""
        return self.reminder_deadline if kind is Kind.REMINDER else self.report_deadline


@dataclass(frozen=True, slots=True)
class Slot:
    """One slot: its kind, its period (``2026-11-23`` or ``2026-10``), its UTC instant and its zones."""

    kind: Kind
    period: str
    at: datetime
    zones: frozenset[str]


def between(
    kind: Kind, after: datetime, until: datetime, zones: Collection[str], calendar: Calendar
) -> list[Slot]:
    """Return the slots of `zones` with ``after < slot.at <= until``, in the order of their instants."""
    shared: dict[tuple[datetime, str], set[str]] = defaultdict(set)
    for name in zones:
        for period, at in _slots_of(kind, name, after, until, calendar):
            if after < at <= until:
                shared[at, period].add(name)
    return [Slot(kind, period, at, frozenset(names)) for (at, period), names in sorted(shared.items())]


def latest(kind: Kind, at: datetime, zones: Collection[str], calendar: Calendar) -> list[Slot]:
    """Return the latest slot of every zone at or before `at`; zones that share one are one slot."""
    reach = timedelta(days=3) if kind is Kind.REMINDER else timedelta(days=64)
    newest: dict[str, Slot] = {}
    for slot in between(kind, at - reach, at, zones, calendar):
        newest.update(dict.fromkeys(slot.zones, slot))
    shared: dict[tuple[datetime, str], set[str]] = defaultdict(set)
    for name, slot in newest.items():
        shared[slot.at, slot.period].add(name)
    return [Slot(kind, period, when, frozenset(names)) for (when, period), names in sorted(shared.items())]


def upcoming(kind: Kind, now: datetime, zones: Collection[str], calendar: Calendar) -> Slot | None:
    """Return the first slot of `zones` after `now`; None when there are no zones."""
    reach = timedelta(days=3) if kind is Kind.REMINDER else timedelta(days=64)
    return next(iter(between(kind, now, now + reach, zones, calendar)), None)


def current_period(kind: Kind, at: datetime, zone: str, calendar: Calendar) -> str:
    """Return the period that a mail sent by hand at `at` belongs to.

    A reminder's is the reader's local date. A report's is the last month that has ended in the
    site's zone.
    """
    if kind is Kind.REMINDER:
        return at.astimezone(zone_info(zone)).date().isoformat()
    return _month_before(at.astimezone(calendar.site_zone).date()).strftime("%Y-%m")


def is_period(kind: Kind, text: str) -> bool:
    """Say whether `text` is a period of `kind`, written as we write it."""
    day = text if kind is Kind.REMINDER else f"{text}-01"
    try:
        return date.fromisoformat(day).isoformat() == day
    except ValueError:
        return False


def expiry(kind: Kind, period: str, zone: str, slot_at: datetime) -> datetime:
    """Return the instant from which the mail is of no use: the end of the reader's day, or three days."""
    if kind is Kind.REPORT:
        return slot_at + timedelta(days=3)
    return _instant(date.fromisoformat(period) + _DAY, 0, zone_info(zone))


def month_bounds(period: str, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """Return the first UTC instants of the month `period` (``2026-10``) and of the next one in `zone`."""
    first = date.fromisoformat(f"{period}-01")
    return _instant(first, 0, zone), _instant(_month_after(first), 0, zone)


def has_ended(period: str, zone: ZoneInfo, now: datetime) -> bool:
    """Say whether the month `period` is over in `zone`."""
    return month_bounds(period, zone)[1] <= now


def previous_month(period: str) -> str:
    """Return the month before `period`: ``2025-12`` for ``2026-01``."""
    return _month_before(date.fromisoformat(f"{period}-01")).strftime("%Y-%m")


@cache
def zone_info(name: str) -> ZoneInfo:
    """Return the zone of an IANA `name`. Zones are kept: finding one means reading a file."""
    return ZoneInfo(name)


def _slots_of(
    kind: Kind, zone: str, after: datetime, until: datetime, calendar: Calendar
) -> Iterator[tuple[str, datetime]]:
    if kind is Kind.REMINDER:
        return _reminder_slots(zone_info(zone), after, until, calendar)
    return _report_slots(zone_info(zone), after, until, calendar)


def _reminder_slots(
    zone: ZoneInfo, after: datetime, until: datetime, calendar: Calendar
) -> Iterator[tuple[str, datetime]]:
    for day in _days(after.date() - _DAY, until.date() + _DAY):
        at = _instant(day, calendar.reminder_hour, zone)
        # A zone that moved across the date line skipped a whole day, and nobody there lived that evening.
        if at.astimezone(zone).date() == day:
            yield day.isoformat(), at


def _report_slots(
    zone: ZoneInfo, after: datetime, until: datetime, calendar: Calendar
) -> Iterator[tuple[str, datetime]]:
    month = (after - timedelta(days=2)).date().replace(day=1)
    while month <= until.date() + _DAY:
        period = _month_before(month).strftime("%Y-%m")
        at = _instant(month.replace(day=calendar.report_day), calendar.report_hour, zone)
        # East of the site the 1st comes before the site's month has ended, and its figures are not known.
        yield period, max(at, _instant(month, 0, calendar.site_zone))
        month = _month_after(month)


def _instant(day: date, hour: int, zone: ZoneInfo) -> datetime:
    """Return the UTC instant of a local hour: the first of two, and after a gap the clock's later reading."""
    return datetime.combine(day, time(hour), tzinfo=zone).astimezone(UTC)


def _days(first: date, last: date) -> Iterable[date]:
    return (first + n * _DAY for n in range((last - first).days + 1))


def _month_before(day: date) -> date:
    return (day.replace(day=1) - _DAY).replace(day=1)


def _month_after(first: date) -> date:
    return (first + timedelta(days=31)).replace(day=1)
