"""What users did in a month: figures and ranks, computed once when the month has ended, read ever after."""

from collections.abc import Collection, Iterable
from datetime import datetime, timedelta
from itertools import islice
from typing import Any, NamedTuple
from uuid import uuid4

from quizmail.database import insert_new, transaction
from quizmail.fields import Document
from quizmail.models import Month, MonthFigure, database
from quizmail.platform import Platform
from quizmail.platform.last_finished import finished_before
from quizmail.platform.month import month_of_users, taken_between
from quizmail.prepared import Among
from quizmail.ranking import ranked
from quizmail.slots import month_bounds

#: How long a computation may take before another process begins it anew.
LEASE = timedelta(minutes=10)

#: Rows of one insert: of ten thousand each would take twice as long.
_CHUNK = 1000

_COLUMNS = (
    "period",
    "user_id",
    "taken",
    "average",
    "best",
    "quizzes",
    "categories",
    "rank",
    "of",
    "below",
)


class Figure(NamedTuple):
    """What one user did in one month. Percents may be below 0 and above 100; ranks begin with 1.

    ``average``, ``best``, ``rank`` and ``of`` are None when nothing was graded. ``quizzes`` is left as it is
    kept, see ``summaries.MonthOfUser``. ``categories``: dicts with name, taken and average; the most taken
    first. ``below``: how many of those who are ranked have a lower average. Both are also None in months that
    were computed before they were kept.
    """

    period: str
    user_id: str
    taken: int
    average: float | None
    best: float | None
    rank: int | None
    of: int | None
    below: int | None
    quizzes: Document
    categories: list[dict[str, Any]] | None


def compute(platform: Platform, period: str, now: datetime, lease_by: str) -> bool:
    """Compute the figures of the month `period`, unless they are there: once, and by one process at a time.

    A process that died in the middle is taken over when its lease has ended: its rows are deleted.

    Returns:
        True when the figures are there, False while another process computes them.

    Raises:
        ValueError: the month has not ended in the site's zone.
        SourceError, PlatformUnavailable: the platform cannot be read; the lease is given back.
    """
    start, end = month_bounds(period, platform.site_zone)
    if now < end:
        raise ValueError(f"the month {period} has not ended at {now.isoformat()}")
    if _is_computed(period):
        return True
    # Two computations of one process must not take each other's lease for their own.
    lease = f"{lease_by} {uuid4().hex}"
    if not _take_lease(period, now, lease):
        return _is_computed(period)
    try:
        figures_of_month = month_of_users(platform, start, end)
        if not _store_all(period, lease, ranked(figures_of_month)):
            return False
        return _write(period, lease, computed_at=now, lease_until=None)
    except BaseException:
        _write(period, lease, lease_until=None)
        raise


def figures(period: str, user_ids: Collection[str]) -> dict[str, Figure]:
    """Return by user id the figures of those `user_ids` who did anything in `period`; one query."""
    columns = [getattr(MonthFigure, name) for name in Figure._fields]
    query = MonthFigure.select(*columns).where(
        MonthFigure.period == period, Among(MonthFigure.user_id, user_ids)
    )
    # As the driver gives them: of all columns only the last one needs to be decoded.
    rows, read = database.obj.execute(query).fetchall(), MonthFigure.categories.python_value
    return {row[1]: Figure._make((*row[:-2], Document(row[-2]), read(row[-1]))) for row in rows}


def so_far(platform: Platform, period: str, user_ids: Collection[str], now: datetime) -> dict[str, int]:
    """Return how many attempts users finished in a month that may not have ended; for dry runs. One query."""
    start, end = month_bounds(period, platform.site_zone)
    return taken_between(platform, user_ids, start, min(end, now))


def newcomers(platform: Platform, period: str, user_ids: Collection[str]) -> set[str]:
    """Return those of `user_ids` who had finished nothing before the month `period`; one query."""
    start, _ = month_bounds(period, platform.site_zone)
    return set(user_ids) - finished_before(platform, user_ids, start)


def _is_computed(period: str) -> bool:
    return Month.select().where(Month.period == period, Month.computed_at.is_null(False)).exists()


def _take_lease(period: str, now: datetime, lease: str) -> bool:
    """Take the month for ourselves and delete what an earlier holder of the lease left."""
    with transaction():
        Month.insert(period=period).on_conflict_ignore().execute()
        free = Month.lease_until.is_null() | (Month.lease_until <= now)
        taken = (
            Month.update(lease_by=lease, lease_until=now + LEASE)
            .where(Month.period == period, Month.computed_at.is_null(), free)
            .execute()
        )
        if taken:
            MonthFigure.delete().where(MonthFigure.period == period).execute()
    return bool(taken)


def _write(period: str, lease: str, **values: Any) -> bool:
    """Change the month's row if the lease is still ours; in a transaction it also guards what follows."""
    ours = (Month.period == period) & (Month.lease_by == lease) & Month.computed_at.is_null()
    return bool(Month.update(**values).where(ours).execute())


def _store_all(period: str, lease: str, rows: Iterable[tuple[Any, ...]]) -> bool:
    """Insert the figures in short transactions; False when the lease was lost on the way.

    Whoever takes over after a power cut deletes what is left of them: they need not be on the disk before
    the month is marked as computed.
    """
    remaining = iter(rows)
    while chunk := list(islice(remaining, _CHUNK)):
        with transaction(durable=False):
            if not _write(period, lease, lease_by=lease):
                return False
            insert_new(MonthFigure, _COLUMNS, [(period, *row) for row in chunk])
    return True
