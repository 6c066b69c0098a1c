"""Ringing the bell for what may go now, and tidying up what time has overtaken."""

from datetime import datetime, timedelta
from typing import Any, NamedTuple

from peewee import Case, fn

from quizmail.database import transaction
from quizmail.models import Attempt, Delivery, Hold, Run
from quizmail.states import DeliveryState, Failure, Kind, RunState, Scope

#: A delivery released this often without one try is set aside: it may kill every worker that takes it.
MOST_RELEASES = 5


class Tidied(NamedTuple):
    """How many rows were changed for which cause."""

    expired: int
    unknown: int
    set_aside: int
    runs_done: int


def release(now: datetime, limit: int, again_after: timedelta) -> list[int]:
    """Mark at most `limit` deliveries as released and return their row ids; oldest first, reports first.

    Rows released longer than `again_after` ago and still not worked on are released again: their
    messages are lost. The mark is a test-and-set, so two dispatchers never release one row together.
    """
    free = Delivery.released_at.is_null() | (Delivery.released_at < now - again_after)
    reports_first = Case(Delivery.kind, ((Kind.REPORT.value, 0),), 1)
    ready = (
        Delivery.select(Delivery.id)
        .where(
            (Delivery.state == DeliveryState.PLANNED)
            & (Delivery.due_at <= now)
            & (Delivery.expires_at > now)
            & free
            & ~fn.EXISTS(_holds_on_delivery(now))
        )
        .order_by(fn.SUBSTR(Delivery.due_at, 1, 10), reports_first, Delivery.due_at, Delivery.id)
        .limit(limit)
    )
    chosen = [row_id for (row_id,) in ready.tuples()]
    if not chosen:
        return []
    marked = (
        Delivery.update(released_at=now, releases=Delivery.releases + 1)
        .where(Delivery.id.in_(chosen) & (Delivery.state == DeliveryState.PLANNED) & free)
        .returning(Delivery.id)
    )
    taken = {row_id for (row_id,) in marked.tuples().execute()}
    return [row_id for row_id in chosen if row_id in taken]


def tidy(now: datetime, lease: timedelta) -> Tidied:
    """Expire what is too late, give up claims older than `lease`, set the poisonous aside, end runs."""
    planned = Delivery.state == DeliveryState.PLANNED
    overdue = (Delivery.state == DeliveryState.SENDING) & (Delivery.claimed_at < now - lease)
    poisonous = planned & (Delivery.releases > MOST_RELEASES)
    unfinished = Delivery.select(Delivery.id).where(
        (Delivery.run == Run.id) & Delivery.state.in_([DeliveryState.PLANNED, DeliveryState.SENDING])
    )
    ended = Run.update(state=RunState.DONE, done_at=now).where(
        (Run.state == RunState.PLANNED) & ~fn.EXISTS(unfinished)
    )
    return Tidied(
        expired=_change(planned & (Delivery.expires_at <= now), state=DeliveryState.EXPIRED),
        unknown=_give_up(overdue),
        set_aside=_change(poisonous, state=DeliveryState.REJECTED, reason=Failure.NEVER_FINISHED),
        runs_done=ended.execute(),
    )


def _give_up(overdue: Any) -> int:
    """Write claims without an outcome as unknown, each with its attempt.

    What died between the claim and the answer may have been delivered: it is never planned again by itself.
    """
    unknown = DeliveryState.UNKNOWN
    with transaction():
        given_up = (
            Delivery.update(state=unknown, reason=Failure.PROCESS_DIED)
            .where(overdue)
            .returning(Delivery.id, Delivery.attempts, Delivery.claimed_at)
        )
        rows = [
            {"delivery": row_id, "number": attempts, "at": at, "outcome": unknown}
            for row_id, attempts, at in given_up.tuples().execute()
        ]
        if rows:
            Attempt.insert_many(rows).execute()
    return len(rows)


def released() -> int:
    """Return how many planned deliveries are released: each should have its message."""
    planned = Delivery.state == DeliveryState.PLANNED
    count: int = Delivery.select().where(planned & Delivery.released_at.is_null(False)).count()
    return count


def _change(which: Any, **values: Any) -> int:
    changed: int = Delivery.update(**values).where(which).execute()
    return changed


def _holds_on_delivery(now: datetime) -> Any:
    """Return the holds on the delivery row at hand, but for those on a domain, not known here."""
    on = (
        (Hold.scope == Scope.ALL)
        | ((Hold.scope == Scope.KIND) & (Hold.subject == Delivery.kind))
        | ((Hold.scope == Scope.RUN) & (Hold.subject == Delivery.run.cast("TEXT")))
    )
    return Hold.select(Hold.id).where(Hold.in_force(now) & on)
