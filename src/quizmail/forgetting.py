"""Forgetting a person: everything that we keep goes, but for what stops mail and names nobody.

What stays: a tombstone for each mail that may have left and for each kind that was stopped, and the address's
suppression as a hash. All of it happens in one transaction; doing it again finds nothing more to do.
"""

from collections.abc import Collection, Iterable
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from peewee import IntegrityError, fn

from quizmail import recipients
from quizmail.database import transaction
from quizmail.errors import QuizmailError
from quizmail.models import (
    Attempt,
    Delivery,
    Hold,
    Month,
    MonthFigure,
    Recipient,
    Run,
    SoftHit,
    Suppression,
)
from quizmail.outbox import tombstones
from quizmail.states import DeliveryState, Kind, Preference, RunState

_BEING_MAILED = "a mail to this user is on its way: nothing was removed; run it again in a few minutes"


@dataclass(frozen=True)
class Traces:
    """How many rows name a user or his addresses, by what they are."""

    deliveries: int
    attempts: int
    recipients: int
    month_figures: int
    soft_hits: int
    suppressions: int
    holds: int

    def __bool__(self) -> bool:
        """Say whether there are any."""
        return any(asdict(self).values())


def look(user_ids: Collection[str], addresses: Collection[str]) -> Traces:
    """Count what is kept on the user known by `user_ids`, whose `addresses` may be any number."""
    wanted = _lower(addresses)
    deliveries = Delivery.select(Delivery.id).where(_deliveries(user_ids))
    return Traces(
        deliveries=deliveries.count(),
        attempts=Attempt.select().where(Attempt.delivery.in_(deliveries)).count(),
        recipients=Recipient.select().where(Recipient.user_id.in_(list(user_ids))).count(),
        month_figures=MonthFigure.select().where(_figures(user_ids)).count(),
        soft_hits=SoftHit.select().where(SoftHit.address.in_(wanted)).count(),
        suppressions=Suppression.select().where(Suppression.address.in_(wanted)).count(),
        holds=sum(Hold.select().where(_told_of(address)).count() for address in wanted),
    )


def forget(
    user_ids: Collection[str], addresses: Collection[str], now: datetime, *, stop: bool = False
) -> Traces:
    """Remove what is kept on a user and return what there was. Idempotent; all of it or nothing.

    Args:
        user_ids: the forms of his id: as the operator wrote it, and as the platform gives it.
        addresses: those he has, or had, at the platform; our rows name none but in what servers said.
        stop: have no mail of any kind sent to him from now on, whatever he had chosen.

    Raises:
        QuizmailError: a mail to him is being sent, or was planned meanwhile. Nothing was removed, since a
            claim without an outcome is the only proof that the mail may have left.
    """
    try:
        with transaction():
            tombstones.wait_for_each_other(forgetting=True)
            traces = look(user_ids, addresses)
            _forget_deliveries(user_ids, now)
            _forget_preferences(user_ids, now)
            for user_id in user_ids if stop else ():
                _stop(user_id, Kind, now)
            MonthFigure.delete().where(_figures(user_ids)).execute()
            for address in _lower(addresses):
                _forget_address(address)
            # Where a missed run had stopped; a planner that still reads needs its own.
            stopped = (Run.state != RunState.PLANNING) & Run.cursor.is_null(False)
            Run.update(cursor=None).where(stopped).execute()
    except IntegrityError:
        raise QuizmailError("a mail to this user was planned just now: run it again") from None
    return traces


def _forget_deliveries(user_ids: Collection[str], now: datetime) -> None:
    """Delete all rows that are not being sent, and fail when that leaves one.

    A worker's claim of a row that is deleted here waits for the end of this transaction and changes nothing.
    """
    deleted = (
        Delivery.delete()
        .where(_deliveries(user_ids) & (Delivery.state != DeliveryState.SENDING))
        .returning(
            Delivery.user_id,
            Delivery.kind,
            Delivery.period,
            Delivery.state,
            Delivery.claimed_at,
            Delivery.due_at,
        )
    )
    for row in list(deleted.execute()):
        # No body ever began without a claim.
        if row.claimed_at or row.state in {DeliveryState.SENT, DeliveryState.UNKNOWN}:
            for each in {*user_ids, row.user_id}:
                tombstones.bury(each, Kind(row.kind), row.period, row.claimed_at or row.due_at)
    if Delivery.select().where(_deliveries(user_ids)).exists():
        raise QuizmailError(_BEING_MAILED)


def _forget_preferences(user_ids: Collection[str], now: datetime) -> None:
    """Delete what the user told us, but not that he wants no mail of a kind."""
    for row in Recipient.select().where(Recipient.user_id.in_(list(user_ids))):
        off = [kind for kind in Kind if getattr(row, Recipient.preference_for(kind).name) == Preference.OFF]
        for each in {*user_ids, row.user_id}:
            _stop(each, off, now)
        row.delete_instance()


def _stop(user_id: str, kinds: Iterable[Kind], now: datetime) -> None:
    for kind in kinds:
        tombstones.bury(user_id, kind, tombstones.EVERY, now)


def _forget_address(address: str) -> None:
    SoftHit.delete().where(SoftHit.address == address).execute()
    Hold.update(detail=None).where(_told_of(address)).execute()
    row = Suppression.get_or_none(Suppression.address == address)
    if row is None:
        return
    kept = {"reason": row.reason, "code": row.code, "since": row.since}
    Suppression.insert(address=recipients.hashed(address), **kept).on_conflict_ignore().execute()
    Suppression.delete().where(Suppression.address == address).execute()


def _deliveries(user_ids: Collection[str]) -> Any:
    return Delivery.kind.in_(list(Kind)) & Delivery.user_id.in_(list(user_ids))


def _figures(user_ids: Collection[str]) -> Any:
    # By month, so that the unique key (period, user) serves.
    return MonthFigure.period.in_(Month.select(Month.period)) & MonthFigure.user_id.in_(list(user_ids))


def _told_of(address: str) -> Any:
    """Return the condition for holds whose last reply names the address, as servers like to do."""
    return fn.LOWER(Hold.detail).contains(address)


def _lower(addresses: Collection[str]) -> list[str]:
    return sorted({address.strip().lower() for address in addresses})
