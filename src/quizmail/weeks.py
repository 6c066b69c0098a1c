"""ISO 8601 weeks: Monday to Sunday, in one zone, without regard to months, years and clock changes."""

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo


def week_starts(at: datetime, zone: ZoneInfo, count: int) -> list[datetime]:
    """Return the first instants in `zone` of the week of `at` and of the `count` weeks before it, as UTC.

    The latest comes first. A week runs from its own first instant until before the next week's.
    """
    today = at.astimezone(zone).date()
    monday = today - timedelta(days=today.weekday())
    days = (monday - timedelta(weeks=weeks) for weeks in range(count + 1))
    return [datetime.combine(day, time(), tzinfo=zone).astimezone(UTC) for day in days]
