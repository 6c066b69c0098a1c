"""What we keep on the platform's users: preferences, the last reminder, suppressed addresses."""

import hashlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache

from peewee import fn

from quizmail.database import transaction
from quizmail.fields import decode_instant
from quizmail.models import Recipient, SoftHit, Suppression
from quizmail.prepared import Among, Parameter, Prepared
from quizmail.states import Kind, Preference
from quizmail.weekly import last_when_weekly

#: An address is suppressed when it was hit on so many different days within such a time.
HITS = 3
WITHIN = timedelta(days=14)

#: How the reason of a hit begins that came back after the relay had taken the mail.
REPORTED = "reported: "

#: The reason that outweighs all others: the reader called our mail unwanted.
COMPLAINT = "complaint"


@dataclass(frozen=True, slots=True)
class Standing:
    """What a user told us about one kind of mail."""

    opted_out: bool = False
    paused_until: datetime | None = None
    weekly_after: datetime | None = None  # see ``rules.Person``


#: Who never told us anything gets mail.
UNTOLD = Standing()


def standings(kind: Kind, user_ids: Collection[str]) -> Mapping[str, Standing]:
    """Return the standing of those of `user_ids` who have one. One query."""
    rows = (
        Recipient.select(
            Recipient.user_id, Recipient.preference_for(kind), Recipient.paused_until, last_when_weekly()
        )
        .where(Among(Recipient.user_id, user_ids))
        .tuples()
    )
    return {
        user_id: Standing(preference == Preference.OFF, paused_until, last and decode_instant(last))
        for user_id, preference, paused_until, last in rows
    }


def suppressed(addresses: Collection[str]) -> set[str]:
    """Return those of `addresses` that must not be mailed, in lower case. One query."""
    wanted = {form: address.lower() for address in addresses for form in (address.lower(), hashed(address))}
    rows = Suppression.select(Suppression.address).where(Among(Suppression.address, wanted)).tuples()
    return {wanted[form] for (form,) in rows}


def hashed(address: str) -> str:
    """Return what stands on the suppression list for the `address` of somebody whom we have forgotten."""
    return f"sha256:{hashlib.sha256(address.lower().encode()).hexdigest()}"


def set_preference(recipient_id: int, kind: Kind, preference: Preference) -> bool:
    """Set what the reader wants of `kind`; say whether there is such a recipient. Idempotent."""
    changed = Recipient.update({Recipient.preference_for(kind): preference}).where(
        Recipient.id == recipient_id
    )
    return bool(changed.execute())


def suppress(address: str, reason: str, code: str | None, now: datetime, evidence: str | None = None) -> None:
    """Put `address` on the suppression list, with what was said as one line of evidence.

    The first reason stays, but a complaint takes the place of any other. Of somebody whom we have forgotten
    nothing more is kept than that.
    """
    address = address.lower()
    if Suppression.select().where(Suppression.address == hashed(address)).exists():
        return
    told = {"reason": reason, "code": code, "evidence": evidence, "since": now}
    adding = Suppression.insert(address=address, **told)
    if reason == COMPLAINT:
        weaker = Suppression.reason != reason
        adding = adding.on_conflict(conflict_target=[Suppression.address], update=told, where=weaker)
    else:
        adding = adding.on_conflict_ignore()
    adding.execute()


def hit(
    address: str,
    reason: str,
    code: str | None,
    now: datetime,
    evidence: str | None = None,
    day: datetime | None = None,
) -> bool:
    """Note that `address` could not be mailed; suppress it and say True when that was once too often.

    Hits of one UTC day count once, and after two weeks they are forgotten. `day`: an instant of the day on
    which it was, when that is not `now`. A hit whose `reason` begins with ``REPORTED`` takes the place of
    another one of its day, because ``heal`` leaves it.
    """
    address, today = address.lower(), now.astimezone(UTC).date()
    that_day = (day or now).astimezone(UTC).date()
    row = {"address": address, "day": that_day.isoformat(), "reason": reason, "evidence": evidence}
    adding = SoftHit.insert(**row)
    same_day = (SoftHit.address, SoftHit.day)
    told = {"reason": reason, "evidence": evidence}
    with transaction():
        if reason.startswith(REPORTED):
            adding.on_conflict(conflict_target=same_day, update=told).execute()
        else:
            adding.on_conflict_ignore().execute()
        SoftHit.delete().where(SoftHit.day <= (today - WITHIN).isoformat()).execute()
        if SoftHit.select().where(SoftHit.address == address).count() < HITS:
            return False
        SoftHit.delete().where(SoftHit.address == address).execute()
        suppress(address, reason, code, now, evidence)
    return True


@cache
def _hits(number: int) -> Prepared:
    marks = [Parameter(str(each)) for each in range(number)]
    return Prepared(lambda: SoftHit.select(SoftHit.address).where(Among(SoftHit.address, marks)))


def hit_among(addresses: Collection[str]) -> set[str]:
    """Return, in lower case, those of a few `addresses` that could not be mailed of late. One query."""
    given = {str(each): address.lower() for each, address in enumerate(addresses)}
    return {address for (address,) in _hits(len(given)).rows(**given)} if given else set()


def heal(address: str) -> None:
    """Forget the hits on `address`: a mail went through.

    Those of reports stay: that the relay took another mail does not say that it arrived.
    """
    unproven = ~fn.COALESCE(SoftHit.reason, "").startswith(REPORTED)
    SoftHit.delete().where((SoftHit.address == address.lower()) & unproven).execute()
