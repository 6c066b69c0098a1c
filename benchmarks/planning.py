"""Users planned per second: read, judged, and written to the outbox with what their mails will say.

Reports need the figures of their month and of the one before. Those of the month before were computed with
its own reports a month ago, so they are computed before the clock runs, and the figures of the reports' own
month while it does. A new installation computes both with its first reports: that is the second rate of
reports, for which the time of the month before is added. In the month before four times as many took part.
"""

import time
from pathlib import Path

from benchmarks.figures import Figure
from benchmarks.scene import Scene, scene
from benchmarks.servers import Failed, postgresql
from quizmail import activity, slots, wiring
from quizmail.models import Delivery
from quizmail.states import DeliveryState, Kind

#: One in so many users is due.
DUE_EVERY = 5

#: Users per second, on SQLite.
TARGET = 20_000


def on_sqlite(folder: Path, users: int) -> tuple[str, list[Figure]]:
    """Measure with both databases in SQLite files; return the database's description and the figures."""
    with scene(folder, users, DUE_EVERY) as made:
        return made.durability, _both_kinds(made, users, TARGET)


def on_postgresql(folder: Path, users: int) -> tuple[str, list[Figure]]:
    """Measure with both databases on one PostgreSQL server; return its description and the figures."""
    with postgresql(folder) as create, scene(folder, users, DUE_EVERY, create=create) as made:
        return made.durability, _both_kinds(made, users, None)


def _both_kinds(made: Scene, users: int, target: float | None) -> list[Figure]:
    reminders = _seconds(made, Kind.REMINDER, users)
    before = _seconds_of_the_month_before(made)
    reports = _seconds(made, Kind.REPORT, users)
    name = f"planning reports, {users} users"
    return [
        _rate(f"planning reminders, {users} users", users / reminders, target),
        _rate(f"{name}, with their month's figures", users / reports, target),
        _rate(f"{name}, the first time, with the figures of two months", users / (before + reports), None),
    ]


def _rate(name: str, value: float, target: float | None) -> Figure:
    return Figure(name, value, "users/s", at_least=target)


def _seconds_of_the_month_before(made: Scene) -> float:
    month = slots.previous_month(made.slots[Kind.REPORT].period)
    started = time.perf_counter()
    if not activity.compute(made.engine.platform, month, wiring.utc_now(), "benchmark"):
        raise Failed(f"the figures of {month} were not computed")
    return time.perf_counter() - started


def _seconds(made: Scene, kind: Kind, users: int) -> float:
    started = time.perf_counter()
    run = made.engine.by_hand.run(made.slots[kind])
    seconds = time.perf_counter() - started
    mine = (Delivery.run == run.id) & (Delivery.state == DeliveryState.PLANNED)
    planned = Delivery.select().where(mine).count()
    if planned != users // DUE_EVERY:
        raise Failed(f"{planned} {kind}s were planned, {users // DUE_EVERY} should be")
    return seconds
