"""What an operator may order: settle an unknown outcome, or plan again what failed. Who and when is kept."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from peewee import Case

from quizmail.database import transaction
from quizmail.fields import encode_instant
from quizmail.models import Attempt, Delivery, Recipient, Run
from quizmail.outbox.statements import NOT_RELEASED
from quizmail.states import DeliveryState, Kind, RunState

#: What may be planned again: it was certainly not sent.
FAILED = (DeliveryState.REJECTED, DeliveryState.EXPIRED)

#: A mail that is planned by hand, or again, lives at least this long, whatever the hour of its slot.
LEAST_LIFE_BY_HAND = timedelta(hours=1)


def unknown(run_id: int | None = None) -> Any:
    """Return the condition for deliveries of unknown outcome, of one run or of all."""
    is_unknown = Delivery.stands(DeliveryState.UNKNOWN)
    return is_unknown if run_id is None else is_unknown & (Delivery.run == run_id)


def failed(run_id: int | None = None) -> Any:
    """Return the condition for deliveries that failed, of one run or of all.

    What was of unknown outcome once may have arrived and is not among them.
    """
    doubtful = Attempt.select(Attempt.delivery).where(Attempt.outcome == DeliveryState.UNKNOWN)
    has_failed = Delivery.state.in_(FAILED) & Delivery.id.not_in(doubtful)
    return has_failed if run_id is None else has_failed & (Delivery.run == run_id)


def mark_sent(which: Any, by: str, now: datetime) -> int:
    """Take unknown deliveries as sent and return how many there were."""
    return _settle(which & unknown(), DeliveryState.SENT, {"sent_at": now}, by, now)


def plan_again(which: Any, by: str, now: datetime) -> int:
    """Plan failed or unknown deliveries again, from now on and with all their tries; return how many.

    Of an unknown one a second copy may arrive: that is what the operator orders.
    """
    may_be = Delivery.state.in_([*FAILED, DeliveryState.UNKNOWN])
    life = now + LEAST_LIFE_BY_HAND
    stored = encode_instant(life)
    longer = Case(None, ((Delivery.expires_at < life, stored),), Delivery.expires_at)
    anew = {"attempts": 0, "expires_at": longer, **_waiting(now)}
    return _settle(which & may_be, DeliveryState.PLANNED, anew, by, now)


def resend_unknown(kind: Kind, after: timedelta, most_tries: int, now: datetime) -> int:
    """Plan unknown deliveries of `kind` again that were claimed longer than `after` ago and live still."""
    old = unknown() & (Delivery.kind == kind) & (Delivery.claimed_at < now - after)
    alive = (Delivery.expires_at > now) & (Delivery.attempts < most_tries)
    return _settle(old & alive, DeliveryState.PLANNED, _waiting(now), "resend setting", now)


def _waiting(now: datetime) -> dict[str, Any]:
    return {**NOT_RELEASED, "reason": None, "due_at": now}


def ids(row_ids: Sequence[int]) -> Any:
    """Return the condition for these row ids."""
    return Delivery.id.in_(list(row_ids))


def _settle(which: Any, state: DeliveryState, values: Mapping[str, Any], by: str, now: datetime) -> int:
    settled = 0
    fields = (Delivery.id, Delivery.state, Delivery.attempts, Delivery.kind, Delivery.recipient, Delivery.run)
    with transaction():
        rows = Delivery.select(*fields).where(which).tuples()
        for row_id, seen, attempts, kind, recipient_id, run_id in list(rows):
            same = (Delivery.id == row_id) & (Delivery.state == seen) & (Delivery.attempts == attempts)
            if not Delivery.update(state=state, **values).where(same).execute():
                continue
            settled += 1
            Attempt.insert(delivery=row_id, number=attempts, at=now, outcome=state, by=by).execute()
            if state is DeliveryState.PLANNED:
                reopened = (Run.id == run_id) & (Run.state == RunState.DONE)
                Run.update(state=RunState.PLANNED, done_at=None).where(reopened).execute()
            elif kind == Kind.REMINDER:
                Recipient.update(last_reminder_sent=now).where(Recipient.id == recipient_id).execute()
    return settled
