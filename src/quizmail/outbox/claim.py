"""The claim on one delivery, and its outcome; every change is a test-and-set."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from peewee import SQL, fn

from quizmail.database import transaction
from quizmail.fields import encode_instant
from quizmail.models import Attempt, Delivery, Hold, Recipient, Suppression
from quizmail.outbox.work import Work
from quizmail.prepared import Among, Parameter, Prepared
from quizmail.recipients import hashed
from quizmail.rules import week_began
from quizmail.states import DeliveryState, Failure, Kind, NotDue, Preference, Scope, Skip
from quizmail.together import together
from quizmail.weekly import last_when_weekly


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


class Entry(NamedTuple):
    """What ``record`` is given: the try that the claim `token` made of `work`, and what became of it."""

    work: Work
    token: str
    outcome: Outcome
    now: datetime


class Claim(NamedTuple):
    """What ``claim`` is given: the right to send `work` to `address` is to belong to `token`."""

    work: Work
    token: str
    address: str
    message_id: str
    now: datetime


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
    return together(_claiming(Claim(work, token, address, message_id, now)))


def record_and_claim(entry: Entry, wanted: Claim) -> tuple[bool, bool]:
    """Do what ``record`` does, and then what ``claim`` does, in one commit; return what both return.

    When it fails, neither is done.
    """
    recording, claiming = _recording(entry), _claiming(wanted)
    return together(lambda: (recording(), claiming()))


def _claiming(wanted: Claim) -> Callable[[], bool]:
    """Return what takes the claim, as a part of a transaction."""
    work, address = wanted.work, wanted.address
    values = {
        "id": work.id,
        "seen": work.attempts,
        "token": wanted.token,
        "message_id": wanted.message_id,
        "address": address.lower(),
        "hashed": hashed(address),
        "domain": address.rpartition("@")[2].lower(),
        "run": str(work.run_id),
        "week": week_began(wanted.now, work.zone),
        "now": encode_instant(wanted.now),
    }
    return lambda: bool(_CLAIMS[work.kind].changed(**values))


def _outcome_where(which: Callable[[], Any], columns: Sequence[str], **more: Any) -> Prepared:
    given = {name: Parameter(name) for name in columns}
    values = given | {"released_at": None, "releases": 0} | more
    return Prepared(lambda: Delivery.update(**values).where((Delivery.id == Parameter("id")) & which()))


def _claimed_by_token() -> Any:
    open_still = Delivery.state.in_([DeliveryState.SENDING, DeliveryState.UNKNOWN])
    return (Delivery.claimed_by == Parameter("token")) & open_still


_COLUMNS = ("state", "reason", "reply_code", "reply_text")
_SENT = _outcome_where(_claimed_by_token, (*_COLUMNS, "sent_at"))
_CLAIMED = _outcome_where(_claimed_by_token, (*_COLUMNS, "due_at"))
_UNCLAIMED = _outcome_where(
    lambda: (Delivery.state == DeliveryState.PLANNED) & (Delivery.attempts == Parameter("seen")),
    (*_COLUMNS, "due_at"),
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
    return together(_recording(Entry(work, token, outcome, now)), durable=False)


def _recording(entry: Entry) -> Callable[[], bool]:
    """Return what writes the outcome of a claim, as a part of a transaction."""
    update = _SENT if entry.outcome.state is DeliveryState.SENT else _CLAIMED
    return _finishing(update, {"token": entry.token}, entry.work, entry.outcome, entry.now)


def record_unclaimed(work: Work, outcome: Outcome, now: datetime) -> bool:
    """Write a reply that came before the claim: a try was made, and the body never began."""
    return together(_finishing(_UNCLAIMED, {"seen": work.attempts}, work, outcome, now), durable=False)


def postpone(work: Work, reason: Failure, detail: str, due_at: datetime) -> bool:
    """Let the delivery wait until `due_at` without using up a try."""
    waiting = {"released_at": None, "releases": 0, "due_at": due_at}
    return _change(work, {**waiting, "reason": reason, "reply_text": detail})


def unrelease(work: Work) -> bool:
    """Take the release back: what holds the delivery will end, and the bell rings again then."""
    return _change(work, {"released_at": None, "releases": 0})


def give_back(delivery_ids: Iterable[int]) -> None:
    """Take back the release of all that nobody has begun: whoever has time for them is told of them anew."""
    waiting = Among(Delivery.id, delivery_ids) & Delivery.stands(DeliveryState.PLANNED)
    with transaction(durable=False):
        Delivery.update(released_at=None, releases=0).where(waiting).execute()


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


def _finishing(
    update: Prepared, which: Mapping[str, Any], work: Work, outcome: Outcome, now: datetime
) -> Callable[[], bool]:
    """Return what writes an outcome, its attempt and the reader's last reminder."""
    at, number = encode_instant(now), work.attempts + 1
    reply = {"reply_code": outcome.reply_code, "reply_text": outcome.reply_text}
    is_sent = outcome.state is DeliveryState.SENT

    def write() -> bool:
        if not update.changed(
            id=work.id,
            state=outcome.state,
            reason=outcome.reason,
            due_at=outcome.due_at or work.due_at,
            sent_at=at,
            **reply,
            **which,
        ):
            return False
        stage = outcome.stage
        _ATTEMPT.changed(delivery=work.id, number=number, at=at, outcome=outcome.state, stage=stage, **reply)
        if is_sent and work.kind is Kind.REMINDER:
            _REMINDED.changed(id=work.recipient_id, at=at)
        return True

    return write
