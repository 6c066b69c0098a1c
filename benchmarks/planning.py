"""Users planned per second: read, judged, and written to the outbox with what their mails will say."""

import time
from pathlib import Path

from benchmarks.figures import Figure
from benchmarks.scene import Scene, scene
from benchmarks.servers import Failed, postgresql
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
    return [
        Figure(f"planning {kind}s, {users} users", _rate(made, kind, users), "users/s", at_least=target)
        for kind in Kind
    ]


def _rate(made: Scene, kind: Kind, users: int) -> float:
    started = time.perf_counter()
    run = made.engine.by_hand.run(made.slots[kind])
    seconds = time.perf_counter() - started
    mine = (Delivery.run == run.id) & (Delivery.state == DeliveryState.PLANNED)
    planned = Delivery.select().where(mine).count()
    if planned != users // DUE_EVERY:
        raise Failed(f"{planned} {kind}s were planned, {users // DUE_EVERY} should be")
    return users / seconds
