"""Instants as platforms keep them: native datetimes, ISO 8601 text, bare dates, epoch seconds.

Inside there are UTC-aware datetimes only. A naive instant is in the zone that its column was declared
with, an explicit offset beats the declaration, and an ambiguous local time is the first of the two.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import MAXYEAR, UTC, date, datetime, time, timedelta
from decimal import Decimal
from functools import cached_property
from typing import Any
from zoneinfo import ZoneInfo

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

#: What an instant beyond the calendar becomes, such as PostgreSQL's infinity.
FAR_FUTURE = datetime(9999, 12, 31, tzinfo=UTC)

#: No zone is further from UTC than this, and no offset that we accept.
WIDEST_OFFSET = timedelta(hours=16)

_DAY, _MINUTE, _MICROSECOND = timedelta(days=1), timedelta(minutes=1), timedelta(microseconds=1)

#: The ISO 8601 text that we accept; the calendar itself is checked by parsing.
_TEXT = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
    r"(?:[T ][0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]+)?)?(?:Z|[+-][0-9]{2}(?::?[0-9]{2})?)?)?"
)

#: The lengths of "YYYY-MM-DD hh:mm", with seconds, and with microseconds.
_USUAL_LENGTHS = frozenset({16, 19, 26})

#: What stands in them before the month, the day, the hour, and so on: every third character.
_USUAL_SEPARATORS = frozenset(f"--{between}:{rest}" for between in " T" for rest in ("", ":", ":."))


@dataclass(frozen=True)
class InstantColumn:
    """Reads the instants of one column, whose naive values are in `zone`."""

    zone: ZoneInfo

    @cached_property
    def is_utc(self) -> bool:
        """Whether naive instants are in UTC, which needs no conversion."""
        return self.zone.key == "UTC"

    def read(self, raw: Any) -> datetime | None:
        """Return the UTC-aware instant; None means never, or that `raw` is no instant (``is_unreadable``)."""
        if raw is None:
            return None
        if self.is_utc and type(raw) is str and _is_usual(raw):
            try:
                return datetime.fromisoformat(raw + "+00:00")
            except ValueError:  # It has an offset already, or is no instant.
                return self._read(raw, self._midnight)
        return self._read(raw, self._midnight)

    def read_end(self, raw: Any) -> datetime | None:
        """Return the instant at which something ends: of a bare date, the midnight after it."""
        return self._read(raw, lambda day: self._midnight(day + _DAY))

    def is_unreadable(self, raw: Any) -> bool:
        """Say whether `raw` was meant as an instant but cannot be read as one."""
        return not _means_never(raw) and self.read(raw) is None

    def local_bound(self, at: datetime) -> datetime:
        """Return the smallest naive local time that is read as `at` or later.

        In the second pass of an ambiguous hour that is the end of the hour: its naive times are all
        read as the first pass.
        """
        local = at.astimezone(self.zone).replace(tzinfo=None, fold=0)
        while self._from_local(local) < at:
            local = local.replace(second=0, microsecond=0) + _MINUTE
        return local

    def _read(self, raw: Any, from_date: Callable[[date], datetime]) -> datetime | None:
        try:
            if type(raw) is str:
                return self._from_text(raw, from_date)
            if raw is None or isinstance(raw, bool):
                return None
            if isinstance(raw, datetime):
                return self._from_datetime(raw)
            if isinstance(raw, date):
                return from_date(raw)
            return _from_epoch(raw) if isinstance(raw, int | float | Decimal) else None
        except (ValueError, OverflowError):
            return None

    def _from_text(self, text: str, from_date: Callable[[date], datetime]) -> datetime | None:
        if not _TEXT.fullmatch(text):
            return None
        if len(text) == 10:
            return from_date(date.fromisoformat(text))
        return self._from_datetime(datetime.fromisoformat(text))

    def _from_datetime(self, instant: datetime) -> datetime | None:
        if instant.tzinfo is None:
            return FAR_FUTURE if instant.year == MAXYEAR else self._from_local(instant)
        offset = instant.utcoffset()
        if offset is None or abs(offset) >= WIDEST_OFFSET:
            return None
        return FAR_FUTURE if instant.year == MAXYEAR else instant.astimezone(UTC)

    def _from_local(self, local: datetime) -> datetime:
        if self.is_utc:
            return local.replace(tzinfo=UTC)
        return local.replace(tzinfo=self.zone).astimezone(UTC)

    def _midnight(self, day: date) -> datetime:
        return self._from_local(datetime.combine(day, time()))


def epoch_microseconds(instant: datetime) -> int:
    """Return the microseconds from 1970 to the UTC-aware `instant`."""
    return (instant - EPOCH) // _MICROSECOND


def from_epoch_microseconds(microseconds: int) -> datetime:
    """Return the UTC-aware instant that ``epoch_microseconds`` gave `microseconds` for."""
    return EPOCH + microseconds * _MICROSECOND


def earliest_date(at: datetime) -> str:
    """Return a date that the text of no instant at `at` or later is below, whatever its offset."""
    return (at - WIDEST_OFFSET).date().isoformat()


def latest_date(at: datetime) -> str:
    """Return a date that the text of every instant before `at` is below, whatever its offset."""
    return ((at + WIDEST_OFFSET).date() + _DAY).isoformat()


def _is_usual(text: str) -> bool:
    """Say whether `text` has the shape that nearly every database writes; its digits are not looked at."""
    return len(text) in _USUAL_LENGTHS and text[4:20:3] in _USUAL_SEPARATORS


def _from_epoch(seconds: float | Decimal) -> datetime | None:
    return None if seconds <= 0 else EPOCH + timedelta(seconds=float(seconds))


def _means_never(raw: Any) -> bool:
    if isinstance(raw, str):
        return not raw.strip() or raw.startswith("0000-00-00")
    return raw is None or raw == 0
