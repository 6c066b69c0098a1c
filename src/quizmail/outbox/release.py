"""Marking what may go now as released, and tidying up what time has overtaken."""

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from peewee import SQL, fn

from quizmail.database import transaction
from quizmail.models import Attempt, Delivery, Hold, Run
from quizmail.outbox.telling import tell
from quizmail.prepared import Among
from quizmail.states import DeliveryState, Failure, RunState, Scope

#: A delivery released more often than this without one try is set aside: it may kill whoever takes it.
MOST_RELEASES = 5


_PLANNED = Delivery.stands(DeliveryState.PLANNED)
_RELEASED = _PLANNED & Delivery.released_at.is_null(False)
WAITING = _PLANNED & Delivery.released_at.is_null()
#: How many deliveries are ended in one statement, and what is told of each.
_AT_ONCE = 1000
_TOLD = (Delivery.kind, Delivery.id, Delivery.period, Delivery.attempts)

#: The day on which a delivery became due, spelt as in the index: with literals.
_DAY = SQL("substr(due_at, 1, 10)")


class Tidied(NamedTuple):
    """How many rows were changed for which cause."""

    expired: int
    unknown: int
    set_aside: int
    runs_done: int


def release(now: datetime, limit: int, again_after: timedelta) -> list[int]:
    """Mark at most `limit` deliveries as released and return their row ids; oldest first, reports first.

    Rows released longer than `again_after` ago and still not worked on come before all: their messages are
    lost. The mark is a test-and-set, so two dispatchers never release one row together.
    """
    lost = _RELEASED & (Delivery.released_at < now - again_after)
    chosen = [row_id for (row_id,) in ready(now, lost, limit)]
    if len(chosen) < limit:
        chosen += [row_id for (row_id,) in ready(now, WAITING, limit - len(chosen))]
    if not chosen:
        return []
    free = Delivery.released_at.is_null() | (Delivery.released_at < now - again_after)
    marked = (
        Delivery.update(released_at=now, releases=Delivery.releases + 1)
        .where(Among(Delivery.id, chosen) & (Delivery.state == DeliveryState.PLANNED) & free)
        .returning(Delivery.id)
    )
    taken = {row_id for (row_id,) in marked.tuples().execute()}
    return [row_id for row_id in chosen if row_id in taken]


def never_tried(delivery_ids: Collection[int]) -> set[int]:
    """Return those of the released deliveries that were released before, and no try came of it."""
    again = Among(Delivery.id, delivery_ids) & (Delivery.releases > 1)
    return {row_id for (row_id,) in Delivery.select(Delivery.id).where(again).tuples()}


def ready(now: datetime, which: Any, limit: int) -> Any:
    """Return the query of the ids of those that may go now, in their order; its partial index serves it."""
    return (
        Delivery.select(Delivery.id)
        .where(
            which
            & (Delivery.due_at <= now)
            & (Delivery.expires_at > now)
            & ~fn.EXISTS(_holds_on_delivery(now))
        )
        .order_by(_DAY, Delivery.kind.desc(), Delivery.due_at, Delivery.id)  # "report" > "reminder"
        .limit(limit)
        .tuples()
    )


def is_anything_ready(now: datetime) -> bool:
    """Say whether a delivery that is not released may go now."""
    return any(True for _ in ready(now, WAITING, 1))


def tidy(now: datetime, lease: timedelta) -> Tidied:
    """Expire what is too late, give up claims older than `lease`, set the poisonous aside, end runs.

    Each delivery that ends here gets its line of log, as those do that a worker ends.
    """
    overdue = Delivery.stands(DeliveryState.SENDING) & (Delivery.claimed_at < now - lease)
    poisonous = _RELEASED & (Delivery.releases > MOST_RELEASES)
    unfinished = Delivery.select(Delivery.id).where(
        (Delivery.run == Run.id) & Delivery.state.in_([DeliveryState.PLANNED, DeliveryState.SENDING])
    )
    ended = Run.update(state=RunState.DONE, done_at=now).where(
        (Run.state == RunState.PLANNED) & ~fn.EXISTS(unfinished)
    )
    return Tidied(
        expired=_end(_PLANNED & (Delivery.expires_at <= now), DeliveryState.EXPIRED),
        unknown=_give_up(overdue),
        set_aside=_end(poisonous, DeliveryState.REJECTED, Failure.NEVER_FINISHED),
        runs_done=ended.execute(),
    )


def _give_up(overdue: Any) -> int:
    """Write claims without an outcome as unknown, each with its attempt.

    What died between the claim and the answer may have been delivered, so this does not plan it again.
    """
    unknown = DeliveryState.UNKNOWN
    with transaction():
        given_up = (
            Delivery.update(state=unknown, reason=Failure.PROCESS_DIED)
            .where(overdue)
            .returning(*_TOLD, Delivery.claimed_at)
        )
        ended = list(given_up.tuples().execute())
        rows = [
            {"delivery": row_id, "number": attempts, "at": at, "outcome": unknown}
            for _, row_id, _, attempts, at in ended
        ]
        if rows:
            Attempt.insert_many(rows).execute()
    for kind, row_id, period, attempts, _ in ended:
        tell(kind, row_id, period, unknown, Failure.PROCESS_DIED, attempts)
    return len(rows)


def released() -> int:
    """Return how many planned deliveries are released: each should be named by a message."""
    count: int = Delivery.select().where(_RELEASED).count()
    return count


def room(now: datetime, most: int, in_queue: int) -> int:
    """Return how many more deliveries may be released, if `most` may wait in the queue; 0 or less for none.

    Args:
        in_queue: how many deliveries waited there a moment ago. Another dispatcher may ring meanwhile; what
            it has released in the last minute therefore counts, too. What was released longer ago and is not
            in the queue is lost, and must not keep the workers waiting.
    """
    recently = Delivery.released_at > now - timedelta(minutes=1)
    recent = Delivery.select().where(_RELEASED & recently).count()
    return most - max(in_queue, min(released(), in_queue + recent))


def _end(which: Any, state: DeliveryState, reason: Failure | None = None) -> int:
    """End planned deliveries and say so of each; return how many there were."""
    values = {"state": state} if reason is None else {"state": state, "reason": reason}
    some, count = Delivery.select(Delivery.id).where(which).limit(_AT_ONCE), 0
    while True:
        # Not by the ids alone: another dispatcher may end the same ones.
        ended = Delivery.update(values).where(Delivery.id.in_(some) & which).returning(*_TOLD)
        rows = list(ended.tuples().execute())
        for kind, row_id, period, attempts in rows:
            tell(kind, row_id, period, state, reason, attempts + 1)
        count += len(rows)
        if not rows:
            return count


def _holds_on_delivery(now: datetime) -> Any:
    """Return the holds on the delivery row at hand, but for those on a domain, not known here."""
    on = (
        (Hold.scope == Scope.ALL)
        | ((Hold.scope == Scope.KIND) & (Hold.subject == Delivery.kind))
        | ((Hold.scope == Scope.RUN) & (Hold.subject == Delivery.run.cast("TEXT")))
    )
    return Hold.select(Hold.id).where(Hold.in_force(now) & on)
