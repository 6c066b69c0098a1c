"""One delivery's way: loaded, claimed, and given its outcome; every change is a test-and-set."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from peewee import fn

from quizmail.database import transaction
from quizmail.models import Attempt, Delivery, Hold, Recipient, Suppression
from quizmail.states import DeliveryState, Failure, Kind, NotDue, Preference, Scope, Skip


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
    planned_at: datetime
    recipient_id: int
    run_id: int | None
    facts: Mapping[str, Any]
    opted_out: bool
    paused_until: datetime | None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a try: the new state, why, and the server's reply if there was one.

    ``due_at`` is the next try's instant when the state is planned again.
    """

    state: DeliveryState
    reason: Failure | None = None
    due_at: datetime | None = None
    stage: str | None = None
    reply_code: int | None = None
    reply_text: str | None = None


def load(delivery_id: int) -> Work | None:
    """Return the delivery with its recipient's preferences; None when there is none. One query."""
    row = (
        Delivery.select(
            Delivery.id,
            Delivery.kind,
            Delivery.user_id,
            Delivery.period,
            Delivery.state,
            Delivery.attempts,
            Delivery.due_at,
            Delivery.expires_at,
            Delivery.planned_at,
            Delivery.recipient,
            Delivery.run,
            Delivery.facts,
            Recipient.reminder_preference,
            Recipient.report_preference,
            Recipient.paused_until,
        )
        .join(Recipient)
        .where(Delivery.id == delivery_id)
        .tuples()
        .first()
    )
    if row is None:
        return None
    (*columns, facts, reminder_preference, report_preference, paused_until) = row
    kind = Kind(columns[1])
    preference = reminder_preference if kind is Kind.REMINDER else report_preference
    work = dict(zip(Work.__slots__, [*columns, facts or {}], strict=False))
    work |= {"kind": kind, "state": DeliveryState(work["state"])}
    return Work(**work, opted_out=preference == Preference.OFF, paused_until=paused_until)


def find(kind: Kind, user_id: str, period: str) -> int | None:
    """Return the row id of the delivery of (kind, user, period); None when there is none."""
    row_id: int | None = (
        Delivery.select(Delivery.id)
        .where((Delivery.kind == kind) & (Delivery.user_id == user_id) & (Delivery.period == period))
        .scalar()
    )
    return row_id


def claim(work: Work, token: str, address: str, message_id: str, now: datetime) -> bool:
    """Take the right to send the body, in one committed statement; False when it is not ours to send.

    The statement itself refuses who has opted out, been suppressed or been held since the row was read.
    """
    domain = address.rpartition("@")[2].lower()
    unwanted = Recipient.select(Recipient.id).where(
        (Recipient.id == Delivery.recipient)
        & (
            (Recipient.preference_for(work.kind) == Preference.OFF)
            | (Recipient.paused_until.is_null(False) & (Recipient.paused_until > now))
        )
    )
    suppressed = Suppression.select(Suppression.address).where(Suppression.address == address.lower())
    held = Hold.select(Hold.id).where(
        Hold.in_force(now)
        & (
            (Hold.scope == Scope.ALL)
            | ((Hold.scope == Scope.KIND) & (Hold.subject == work.kind))
            | ((Hold.scope == Scope.RUN) & (Hold.subject == str(work.run_id)))
            | ((Hold.scope == Scope.DOMAIN) & (Hold.subject == domain))
        )
    )
    changed = Delivery.update(
        state=DeliveryState.SENDING,
        attempts=Delivery.attempts + 1,
        claimed_by=token,
        claimed_at=now,
        message_id=message_id,
    ).where(
        (Delivery.id == work.id)
        & (Delivery.state == DeliveryState.PLANNED)
        & (Delivery.attempts == work.attempts)
        & (Delivery.due_at <= now)
        & (Delivery.expires_at > now)
        & ~fn.EXISTS(unwanted)
        & ~fn.EXISTS(suppressed)
        & ~fn.EXISTS(held)
    )
    with transaction():
        return bool(changed.execute())


def record(work: Work, token: str, outcome: Outcome, now: datetime) -> bool:
    """Write what became of the claim `token`; False when the claim is not this one's any more.

    A late answer resolves its own claim's ``unknown``, nobody else's.
    """
    mine = (Delivery.claimed_by == token) & Delivery.state.in_([DeliveryState.SENDING, DeliveryState.UNKNOWN])
    return _finish(work, mine, {}, outcome, now)


def record_unclaimed(work: Work, outcome: Outcome, now: datetime) -> bool:
    """Write a reply that came before the claim: a try was made, and the body never began."""
    same = (Delivery.state == DeliveryState.PLANNED) & (Delivery.attempts == work.attempts)
    return _finish(work, same, {"attempts": Delivery.attempts + 1}, outcome, now)


def postpone(work: Work, reason: Failure, detail: str, due_at: datetime | None, now: datetime) -> bool:
    """Let the delivery wait until `due_at` (None: as long as what holds it) without using up a try."""
    values: dict[str, Any] = {"reason": reason, "released_at": None, "releases": 0, "reply_text": detail}
    if due_at is not None:
        values["due_at"] = due_at
    return _change(work, values)


def unrelease(work: Work) -> bool:
    """Take the release back: what holds the delivery will end, and the bell rings again then."""
    return _change(work, {"released_at": None, "releases": 0})


def skip(work: Work, reason: Skip | NotDue) -> bool:
    """Skip a planned delivery that is not wanted any more."""
    return _change(work, {"state": DeliveryState.SKIPPED, "reason": reason})


def expire(work: Work) -> bool:
    """End a planned delivery whose time has passed."""
    return _change(work, {"state": DeliveryState.EXPIRED})


def _change(work: Work, values: Mapping[str, Any]) -> bool:
    untouched = (Delivery.state == DeliveryState.PLANNED) & (Delivery.attempts == work.attempts)
    changed = Delivery.update(dict(values)).where((Delivery.id == work.id) & untouched)
    with transaction():
        return bool(changed.execute())


def _finish(work: Work, which: Any, values: Mapping[str, Any], outcome: Outcome, now: datetime) -> bool:
    row = {
        **values,
        "state": outcome.state,
        "reason": outcome.reason,
        "reply_code": outcome.reply_code,
        "reply_text": outcome.reply_text,
    }
    if outcome.state is DeliveryState.PLANNED:
        row |= {"due_at": outcome.due_at, "released_at": None, "releases": 0}
    if outcome.state is DeliveryState.SENT:
        row["sent_at"] = now
    with transaction():
        if not Delivery.update(row).where((Delivery.id == work.id) & which).execute():
            return False
        Attempt.insert(
            delivery=work.id,
            number=work.attempts + 1,
            at=now,
            outcome=outcome.state,
            stage=outcome.stage,
            reply_code=outcome.reply_code,
            reply_text=outcome.reply_text,
        ).execute()
        if outcome.state is DeliveryState.SENT and work.kind is Kind.REMINDER:
            Recipient.update(last_reminder_sent=now).where(Recipient.id == work.recipient_id).execute()
    return True
