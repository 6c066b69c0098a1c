"""What we keep on the platform's users: preferences, the last reminder, suppressed addresses."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from quizmail.database import transaction
from quizmail.models import Recipient, SoftHit, Suppression
from quizmail.prepared import Parameter, Prepared
from quizmail.states import Kind, Preference

#: An address is suppressed when it was hit on so many different days within such a time.
HITS = 3
WITHIN = timedelta(days=14)


@dataclass(frozen=True, slots=True)
class Standing:
    """What a user told us about one kind of mail."""

    opted_out: bool = False
    paused_until: datetime | None = None


#: Who never told us anything gets mail.
UNTOLD = Standing()


def standings(kind: Kind, user_ids: Collection[str]) -> Mapping[str, Standing]:
    """Return the standing of those of `user_ids` who have one. One query."""
    rows = (
        Recipient.select(Recipient.user_id, Recipient.preference_for(kind), Recipient.paused_until)
        .where(Recipient.user_id.in_(list(user_ids)))
        .tuples()
    )
    return {
        user_id: Standing(preference == Preference.OFF, paused_until)
        for user_id, preference, paused_until in rows
    }


def suppressed(addresses: Collection[str]) -> set[str]:
    """Return those of `addresses` that must not be mailed, in lower case. One query."""
    wanted = [address.lower() for address in addresses]
    rows = Suppression.select(Suppression.address).where(Suppression.address.in_(wanted)).tuples()
    return {address for (address,) in rows}


def set_preference(recipient_id: int, kind: Kind, preference: Preference) -> bool:
    """Set what the reader wants of `kind`; say whether there is such a recipient. Idempotent."""
    changed = Recipient.update({Recipient.preference_for(kind): preference}).where(
        Recipient.id == recipient_id
    )
    return bool(changed.execute())


def preference(recipient_id: int, kind: Kind) -> Preference | None:
    """Return what the reader wants of `kind`; None when there is no such recipient."""
    row = Recipient.get_or_none(Recipient.id == recipient_id)
    return None if row is None else Preference(getattr(row, Recipient.preference_for(kind).name))


def suppress(address: str, reason: str, code: str | None, now: datetime) -> None:
    """Put `address` on the suppression list; the first reason stays."""
    Suppression.insert(
        address=address.lower(), reason=reason, code=code, since=now
    ).on_conflict_ignore().execute()


def hit(address: str, reason: str, code: str | None, now: datetime) -> bool:
    """Note that `address` could not be mailed today; suppress it and say True when that was once too often.

    Hits of one UTC day count once, and after two weeks they are forgotten.
    """
    address, today = address.lower(), now.astimezone(UTC).date()
    with transaction():
        SoftHit.delete().where(SoftHit.day <= (today - WITHIN).isoformat()).execute()
        SoftHit.insert(address=address, day=today.isoformat()).on_conflict_ignore().execute()
        if SoftHit.select().where(SoftHit.address == address).count() < HITS:
            return False
        SoftHit.delete().where(SoftHit.address == address).execute()
        suppress(address, reason, code, now)
    return True


_HITS = Prepared(lambda: SoftHit.select(SoftHit.day).where(SoftHit.address == Parameter("address")).limit(1))


def heal(address: str) -> None:
    """Forget the hits on `address`: a mail went through. One SELECT when there are none."""
    if _HITS.rows(address=address.lower()):
        SoftHit.delete().where(SoftHit.address == address.lower()).execute()
