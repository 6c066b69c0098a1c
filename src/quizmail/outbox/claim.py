"""One delivery's way: loaded, claimed, and given its outcome; every change is a test-and-set."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from peewee import SQL, fn

from quizmail.database import together, transaction
from quizmail.fields import decode_instant
from quizmail.models import Attempt, Delivery, Hold, Recipient, Suppression
from quizmail.prepared import Parameter, Prepared
from quizmail.recipients import hashed
from quizmail.rules import week_began
from quizmail.states import DeliveryState, Failure, Kind, NotDue, Preference, Scope, Skip
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


_LOAD = Prepared(
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
        .where(Delivery.id == Parameter("id"))
    )
)


def load(delivery_id: int) -> Work | None:
    """Return the delivery with its recipient's preferences; None when there is none. One query."""
    for row in _LOAD.rows(id=delivery_id):
        (row_id, kind, user_id, period, state, attempts, due_at, expires_at, recipient_id, run_id, *rest) = (
            row
        )
        facts, reminder_preference, report_preference, paused_until, weekly_after = rest
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
    return None


def find(kind: Kind, user_id: str, period: str) -> int | None:
    """Return the row id of the delivery of (kind, user, period); None when there is none."""
    row_id: int | None = (
        Delivery.select(Delivery.id)
        .where((Delivery.kind == kind) & (Delivery.user_id == user_id) & (Delivery.period == period))
        .scalar()
    )
    return row_id


def _claim_of(kind: Kind) -> Prepared:
    def build() -> Any:
        now, domain = Parameter("now"), Parameter("domain")
        had_enough: Any = (last_when_weekly() >= Parameter("week")) if kind is Kind.REMINDER else SQL("FALSE")
        unwanted = Recipient.select(Recipient.id).where(
            (Recipient.id == Delivery.recipient)
            & (
                (Recipient.preference_for(kind) == Preference.OFF)
                | (Recipient.paused_until.is_null(False) & (Recipient.paused_until > now))
                | had_enough
            )
        )
        suppressed = Suppression.select(Suppression.address).where(
            Suppression.address.in_([Parameter("address"), Parameter("hashed")])
        )
        held = Hold.select(Hold.id).where(
            Hold.in_force(now)
            & (
                (Hold.scope == Scope.ALL)
                | ((Hold.scope == Scope.KIND) & (Hold.subject == kind))
                | ((Hold.scope == Scope.RUN) & (Hold.subject == Parameter("run")))
                | ((Hold.scope == Scope.DOMAIN) & (Hold.subject == domain))
            )
        )
        return Delivery.update(
            state=DeliveryState.SENDING,
            attempts=Delivery.attempts + 1,
            claimed_by=Parameter("token"),
            claimed_at=now,
            message_id=Parameter("message_id"),
        ).where(
            (Delivery.id == Parameter("id"))
            & (Delivery.state == DeliveryState.PLANNED)
            & (Delivery.attempts == Parameter("seen"))
            & (Delivery.due_at <= now)
            & (Delivery.expires_at > now)
            & ~fn.EXISTS(unwanted)
            & ~fn.EXISTS(suppressed)
            & ~fn.EXISTS(held)
        )

    return Prepared(build)


_CLAIMS = {kind: _claim_of(kind) for kind in Kind}


def claim(work: Work, token: str, address: str, message_id: str, now: datetime) -> bool:
    """Take the right to send the body, in one committed statement; False when it is not ours to send.

    The statement itself refuses who has opted out, been suppressed or been held since the row was read.
    """
    values = {
        "id": work.id,
        "seen": work.attempts,
        "token": token,
        "message_id": message_id,
        "address": address.lower(),
        "hashed": hashed(address),
        "domain": address.rpartition("@")[2].lower(),
        "run": str(work.run_id),
        "week": week_began(now, work.zone),
        "now": now,
    }
    return bool(together(lambda: _CLAIMS[work.kind].changed(**values)))


def _outcome_where(which: Callable[[], Any], **more: Any) -> Prepared:
    columns = ("state", "reason", "reply_code", "reply_text", "due_at", "sent_at")
    given = {name: Parameter(name) for name in columns}
    values = given | {"released_at": None, "releases": 0} | more
    return Prepared(lambda: Delivery.update(**values).where((Delivery.id == Parameter("id")) & which()))


_CLAIMED = _outcome_where(
    lambda: (
        (Delivery.claimed_by == Parameter("token"))
        & Delivery.state.in_([DeliveryState.SENDING, DeliveryState.UNKNOWN])
    )
)
_UNCLAIMED = _outcome_where(
    lambda: (Delivery.state == DeliveryState.PLANNED) & (Delivery.attempts == Parameter("seen")),
    attempts=Delivery.attempts + 1,
)
_ATTEMPT = Prepared(
    lambda: Attempt.insert(
        delivery=Parameter("delivery"),
        number=Parameter("number"),
        at=Parameter("at"),
        outcome=Parameter("outcome"),
        stage=Parameter("stage"),
        reply_code=Parameter("reply_code"),
        reply_text=Parameter("reply_text"),
    )
)
_REMINDED = Prepared(
    lambda: Recipient.update(last_reminder_sent=Parameter("at")).where(Recipient.id == Parameter("id"))
)


def record(work: Work, token: str, outcome: Outcome, now: datetime) -> bool:
    """Write what became of the claim `token`; False when the claim is not this one's any more.

    A late answer resolves its own claim's ``unknown``, nobody else's.
    """
    return _finish(_CLAIMED, {"token": token}, work, outcome, now)


def record_unclaimed(work: Work, outcome: Outcome, now: datetime) -> bool:
    """Write a reply that came before the claim: a try was made, and the body never began."""
    return _finish(_UNCLAIMED, {"seen": work.attempts}, work, outcome, now)


def postpone(work: Work, reason: Failure, detail: str, due_at: datetime) -> bool:
    """Let the delivery wait until `due_at` without using up a try."""
    waiting = {"released_at": None, "releases": 0, "due_at": due_at}
    return _change(work, {**waiting, "reason": reason, "reply_text": detail})


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
    with transaction(durable=False):
        return bool(changed.execute())


def _finish(update: Prepared, which: Mapping[str, Any], work: Work, outcome: Outcome, now: datetime) -> bool:
    reply = {"reply_code": outcome.reply_code, "reply_text": outcome.reply_text}
    is_sent = outcome.state is DeliveryState.SENT

    def write() -> bool:
        if not update.changed(
            id=work.id,
            state=outcome.state,
            reason=outcome.reason,
            due_at=outcome.due_at or work.due_at,
            sent_at=now if is_sent else None,
            **reply,
            **which,
        ):
            return False
        number, stage = work.attempts + 1, outcome.stage
        _ATTEMPT.changed(delivery=work.id, number=number, at=now, outcome=outcome.state, stage=stage, **reply)
        if is_sent and work.kind is Kind.REMINDER:
            _REMINDED.changed(id=work.recipient_id, at=now)
        return True

    return together(write, durable=False)
