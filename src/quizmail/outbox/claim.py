"""The claim on one delivery, and its outcome; every change is a test-and-set."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from quizmail.database import transaction
from quizmail.fields import encode_instant
from quizmail.models import Delivery
from quizmail.outbox import statements
from quizmail.outbox.statements import NOT_RELEASED
from quizmail.outbox.work import Work
from quizmail.prepared import Among, Prepared
from quizmail.recipients import hashed
from quizmail.rules import week_began
from quizmail.states import DeliveryState, Failure, Kind, NotDue, Skip
from quizmail.together import Together

#: What a statement's parameters get, by their names.
_Values = Mapping[str, Any]


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


def claim(work: Work, token: str, address: str, message_id: str, now: datetime) -> bool:
    """Take the right to send the body, in one committed statement; False when it is not ours to send.

    The statement itself refuses who has opted out, been suppressed or been held since the row was read.
    """
    return _shared.write((None, _claim_values(Claim(work, token, address, message_id, now))))[1]


def record(work: Work, token: str, outcome: Outcome, now: datetime) -> bool:
    """Write what became of the claim `token`; False when the claim is not this one's any more.

    A late answer resolves its own claim's ``unknown``, nobody else's.
    """
    return _shared.write((_outcome_values(Entry(work, token, outcome, now)), None), durable=False)[0]


def record_and_claim(entry: Entry, wanted: Claim) -> tuple[bool, bool]:
    """Do what ``record`` does, and then what ``claim`` does, in one commit; return what both return.

    When it fails, neither is done.
    """
    return _shared.write((_outcome_values(entry), _claim_values(wanted)))


def record_unclaimed(work: Work, outcome: Outcome, now: datetime) -> bool:
    """Write a reply that came before the claim: a try was made, and the body never began."""
    with transaction(durable=False):
        return _finish(statements.OUTCOME_UNCLAIMED, [_outcome_values(Entry(work, "", outcome, now))])


class _OneWasRefused(Exception):
    """Of several rows, not all were as their writers had read them."""


def _write_all(steps: Sequence[tuple[_Values | None, _Values | None]]) -> Sequence[tuple[bool, bool]]:
    """Write the outcomes and take the claims of several threads, all by the same few statements.

    Raises:
        _OneWasRefused: which one it was is only known of a single step.
    """
    recorded = _write_outcomes([outcome for outcome, _ in steps if outcome])
    claimed = _write_claims([wanted for _, wanted in steps if wanted])
    if len(steps) > 1 and not (recorded and claimed):
        raise _OneWasRefused
    return [(recorded, claimed)] * len(steps)


_shared = Together(_write_all)


def _write_claims(claims: Sequence[_Values]) -> bool:
    """Take claims, and say whether all of them were."""
    won = 0
    for kind in Kind:
        won += statements.CLAIMS[kind].changed([each for each in claims if each["kind"] is kind])
    return won == len(claims)


def _claim_values(wanted: Claim) -> _Values:
    """Return the parameters of a claim. That is done while others write still."""
    work, address = wanted.work, wanted.address
    return {
        "kind": work.kind,
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


def _write_outcomes(outcomes: Sequence[_Values]) -> bool:
    """Write outcomes of claims, and say whether all of them were."""
    sent = [each for each in outcomes if each["state"] is DeliveryState.SENT]
    others = [each for each in outcomes if each["state"] is not DeliveryState.SENT]
    return _finish(statements.OUTCOME_SENT, sent) and _finish(statements.OUTCOME, others)


def _finish(update: Prepared, rows: Sequence[_Values]) -> bool:
    """Write outcomes, attempts and last reminders; False when a row is not as it was read."""
    if update.changed(rows) < len(rows):
        return False
    statements.ATTEMPT.changed(rows)
    statements.REMINDED.changed([row for row in rows if row["is_reminded"]])
    return True


def _outcome_values(entry: Entry) -> _Values:
    """Return the parameters of an outcome. That is done while others write still."""
    work, outcome = entry.work, entry.outcome
    return {
        "id": work.id,
        "seen": work.attempts,
        "token": entry.token,
        "state": outcome.state,
        "reason": outcome.reason,
        "due_at": outcome.due_at or work.due_at,
        "number": work.attempts + 1,
        "at": encode_instant(entry.now),
        "stage": outcome.stage,
        "reply_code": outcome.reply_code,
        "reply_text": outcome.reply_text,
        "recipient": work.recipient_id,
        "is_reminded": outcome.state is DeliveryState.SENT and work.kind is Kind.REMINDER,
    }


def postpone(work: Work, reason: Failure, detail: str, due_at: datetime) -> bool:
    """Let the delivery wait until `due_at` without using up a try."""
    waiting = {**NOT_RELEASED, "due_at": due_at}
    return _change(work, {**waiting, "reason": reason, "reply_text": detail})


def unrelease(work: Work) -> bool:
    """Take the release back: what holds the delivery will end, and the bell rings again then."""
    return _change(work, NOT_RELEASED)


def unrelease_all(delivery_ids: Iterable[int]) -> None:
    """Take back the release of all that nobody has begun: whoever has time for them is told of them anew."""
    waiting = Among(Delivery.id, delivery_ids) & Delivery.stands(DeliveryState.PLANNED)
    with transaction(durable=False):
        Delivery.update(dict(NOT_RELEASED)).where(waiting).execute()


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
