"""Deliveries as a worker finds them: many are read as one."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

from quizmail.fields import decode_instant
from quizmail.models import Delivery, Recipient
from quizmail.prepared import Among, Parameter, Prepared
from quizmail.states import DeliveryState, Kind, Preference
from quizmail.weekly import last_when_weekly


@dataclass(frozen=True, slots=True)
class Work:
    """A delivery as a worker finds it. ``attempts`` is what the claim must find unchanged."""

    id: int
    kind: Kind
    user_id: str
    period: str
    state: DeliveryState
    attempts: int
    due_at: datetime
    expires_at: datetime
    recipient_id: int
    run_id: int | None
    facts: Mapping[str, Any]
    opted_out: bool
    paused_until: datetime | None
    weekly_after: datetime | None

    @property
    def zone(self) -> str:
        """The reader's zone, as it was when the delivery was planned."""
        return str(self.facts.get("zone") or "UTC")


@cache
def _load(number: int) -> Prepared:
    """Return the query of `number` deliveries."""
    return Prepared(
        lambda: (
            Delivery.select(
                Delivery.id,
                Delivery.kind,
                Delivery.user_id,
                Delivery.period,
                Delivery.state,
                Delivery.attempts,
                Delivery.due_at,
                Delivery.expires_at,
                Delivery.recipient,
                Delivery.run,
                Delivery.facts,
                Recipient.reminder_preference,
                Recipient.report_preference,
                Recipient.paused_until,
                last_when_weekly(),
            )
            .join(Recipient)
            .where(Among(Delivery.id, [Parameter(str(each)) for each in range(number)]))
        )
    )


def load(delivery_id: int) -> Work | None:
    """Return the delivery with its recipient's preferences; None when there is none. One query."""
    return next(iter(load_all([delivery_id])), None)


def load_all(delivery_ids: Sequence[int]) -> list[Work]:
    """Return those of the deliveries that there are, as ``load`` does, in the order given. One query."""
    given = {str(each): row_id for each, row_id in enumerate(delivery_ids)}
    works = {row[0]: _work(*row) for row in _load(len(given)).rows(**given)}
    return [works[row_id] for row_id in dict.fromkeys(delivery_ids) if row_id in works]


def _work(
    row_id: int,
    kind: str,
    user_id: str,
    period: str,
    state: str,
    attempts: int,
    due_at: str,
    expires_at: str,
    recipient_id: int,
    run_id: int | None,
    facts: str | None,
    *preferences: Any,
) -> Work:
    reminder_preference, report_preference, paused_until, weekly_after = preferences
    preference = reminder_preference if kind == Kind.REMINDER else report_preference
    return Work(
        id=row_id,
        kind=Kind(kind),
        user_id=user_id,
        period=period,
        state=DeliveryState(state),
        attempts=attempts,
        due_at=decode_instant(due_at),
        expires_at=decode_instant(expires_at),
        recipient_id=recipient_id,
        run_id=run_id,
        facts=json.loads(facts) if facts else {},
        opted_out=preference == Preference.OFF,
        paused_until=decode_instant(paused_until) if paused_until else None,
        weekly_after=decode_instant(weekly_after) if weekly_after else None,
    )


def find(kind: Kind, user_id: str, period: str) -> int | None:
    """Return the row id of the delivery of (kind, user, period); None when there is none."""
    row_id: int | None = (
        Delivery.select(Delivery.id)
        .where((Delivery.kind == kind) & (Delivery.user_id == user_id) & (Delivery.period == period))
        .scalar()
    )
    return row_id
