"""The statements that every mail needs: the claim, its outcome, the attempt, the reader's last reminder."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from peewee import SQL, fn

from quizmail.models import Attempt, Delivery, Hold, Recipient, Suppression
from quizmail.prepared import Parameter, Prepared
from quizmail.states import DeliveryState, Kind, Preference, Scope
from quizmail.weekly import last_when_weekly


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


#: What is written when nobody is to work on a delivery until it is released again.
NOT_RELEASED: Mapping[str, Any] = {"released_at": None, "releases": 0}

CLAIMS = {kind: _claim_of(kind) for kind in Kind}


def _outcome_where(which: Callable[[], Any], columns: Sequence[str], **more: Any) -> Prepared:
    given = {name: Parameter(name) for name in columns}
    values = {**given, **NOT_RELEASED, **more}
    return Prepared(lambda: Delivery.update(**values).where((Delivery.id == Parameter("id")) & which()))


def _claimed_by_token() -> Any:
    open_still = Delivery.state.in_([DeliveryState.SENDING, DeliveryState.UNKNOWN])
    return (Delivery.claimed_by == Parameter("token")) & open_still


_COLUMNS = ("state", "reason", "reply_code", "reply_text")
OUTCOME_SENT = _outcome_where(_claimed_by_token, _COLUMNS, sent_at=Parameter("at"))
OUTCOME = _outcome_where(_claimed_by_token, (*_COLUMNS, "due_at"))
OUTCOME_UNCLAIMED = _outcome_where(
    lambda: (Delivery.state == DeliveryState.PLANNED) & (Delivery.attempts == Parameter("seen")),
    (*_COLUMNS, "due_at"),
    attempts=Delivery.attempts + 1,
)
ATTEMPT = Prepared(
    lambda: Attempt.insert(
        delivery=Parameter("id"),
        number=Parameter("number"),
        at=Parameter("at"),
        outcome=Parameter("state"),
        stage=Parameter("stage"),
        reply_code=Parameter("reply_code"),
        reply_text=Parameter("reply_text"),
    )
)
REMINDED = Prepared(
    lambda: Recipient.update(last_reminder_sent=Parameter("at")).where(Recipient.id == Parameter("recipient"))
)
