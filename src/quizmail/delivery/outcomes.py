"""What an answer means for the mail."""

from datetime import datetime
from typing import Any

from quizmail import retries
from quizmail.mailer import NoAnswer, Reply
from quizmail.outbox.claim import Outcome
from quizmail.outbox.work import Work
from quizmail.replies import Consequence, Fate
from quizmail.states import DeliveryState, Failure


def unanswered(answer: NoAnswer) -> Outcome:
    """Return the outcome of a mail whose body was sent and never answered."""
    return Outcome(DeliveryState.UNKNOWN, Failure.NO_ANSWER, stage=answer.stage, reply_text=answer.cause)


def accepted(reply: Reply) -> Outcome:
    """Return the outcome of a mail that the server took."""
    return Outcome(DeliveryState.SENT, **_seen(reply))


def refused(
    work: Work, reply: Reply, consequence: Consequence, now: datetime, jitter: retries.Jitter
) -> Outcome:
    """Decide by the codes, never by the text (RFC 5321 section 4.2.1)."""
    seen = _seen(reply)
    if consequence.fate is Fate.REJECT:
        return Outcome(DeliveryState.REJECTED, Failure.PERMANENT_REPLY, **seen)
    again = retries.next_try(work.kind, work.attempts + 1, now, jitter)
    if again is None:
        return Outcome(DeliveryState.REJECTED, Failure.TRIES_EXHAUSTED, **seen)
    return Outcome(DeliveryState.PLANNED, Failure.TEMPORARY_REPLY, due_at=again, **seen)


def _seen(reply: Reply) -> dict[str, Any]:
    """Return what an outcome keeps of a reply."""
    return {"stage": reply.stage, "reply_code": reply.code, "reply_text": reply.text}
