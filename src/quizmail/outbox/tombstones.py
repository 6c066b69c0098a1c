"""What is left of a mail to somebody whom we have forgotten: enough to send no second one.

A tombstone names nobody: it holds the SHA-256 of the user's id, the kind and the period. One for the period
``EVERY`` stops every mail of its kind; it stands for an opt-out, and never ages out.
"""

from collections import Counter
from collections.abc import Collection
from datetime import datetime
from hashlib import sha256

from quizmail import models
from quizmail.database import INSTALLED
from quizmail.models import Delivery, Moment, Tombstone
from quizmail.prepared import Among, Parameter, Prepared
from quizmail.states import Kind

#: The period of a tombstone that stops all mails of a kind.
EVERY = ""

_STONES = Prepared(
    lambda: Tombstone.select(Tombstone.hash).where(
        (Tombstone.kind == Parameter("kind")) & Among(Tombstone.period, [Parameter("period"), EVERY])
    )
)


def key(user_id: str) -> str:
    """Return what a tombstone knows a user by: 64 hexadecimal digits."""
    return sha256(user_id.encode()).hexdigest()


def bury(user_id: str, kind: Kind, period: str, at: datetime) -> None:
    """Have no mail of `kind` for `period` sent to this user any more. Idempotent."""
    Tombstone.insert(hash=key(user_id), kind=kind, period=period, at=at).on_conflict_ignore().execute()


def wait_for_each_other(*, forgetting: bool) -> None:
    """Let nobody be forgotten while rows are being written, nor the other way round.

    To be called at the beginning of the transaction of either. On PostgreSQL neither would see what the other
    has not committed: somebody forgotten would be left with a row. SQLite has one writer at a time anyway.
    """
    if models.database.obj.for_update:
        row = Moment.select(Moment.name).where(Moment.name == INSTALLED)
        row.for_update("FOR UPDATE" if forgetting else "FOR SHARE").execute()


def among(user_ids: Collection[str], kind: Kind, period: str) -> set[str]:
    """Return those of `user_ids` who must get no mail of `kind` for `period`. One query.

    The query reads the tombstones of the period, which are few or none, and no id is hashed without one.
    """
    hashes = {stone for (stone,) in _STONES.rows(kind=kind, period=period)}
    return {user_id for user_id in user_ids if key(user_id) in hashes} if hashes else set()


def withdraw(user_ids: Collection[str], kind: Kind, period: str) -> Counter[str | None]:
    """Take back rows just written for who was forgotten meanwhile; return how many, by their reasons.

    Asked after the rows are written and in their transaction: a row that was there kept a new one from being
    written, and one that has gone left its tombstone first. Asked before, both could be missed.
    """
    stopped = among(user_ids, kind, period)
    if not stopped:
        return Counter()
    new = (Delivery.kind == kind) & (Delivery.period == period) & Delivery.claimed_at.is_null()
    withdrawn = Delivery.delete().where(new & Delivery.user_id.in_(list(stopped))).returning(Delivery.reason)
    return Counter(reason for (reason,) in withdrawn.tuples().execute())
