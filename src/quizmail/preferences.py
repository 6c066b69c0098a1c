"""What one reader wants of us, as the preference page shows and changes it."""

import json
from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime, timedelta

from quizmail.models import Delivery, Recipient
from quizmail.states import Kind, Preference

#: How long a reader's pause lasts.
PAUSE = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Choices:
    """A reader's preference for each kind of mail, and the instant until which everything is paused."""

    reminder: Preference = Preference.ON
    report: Preference = Preference.ON
    paused_until: datetime | None = None

    def of(self, kind: Kind) -> Preference:
        """Return the preference for `kind`."""
        return self.reminder if kind is Kind.REMINDER else self.report

    def but(self, kind: Kind, preference: Preference) -> "Choices":
        """Return the same with another preference for `kind`.

        Reports come once a month, so a week more or less apart is the same to them.
        """
        if kind is Kind.REMINDER:
            return replace(self, reminder=preference)
        is_off = preference is Preference.OFF
        return replace(self, report=Preference.OFF if is_off else Preference.ON)

    def paused_at(self, now: datetime) -> bool:
        """Say whether mail is paused at `now`; the pause is half-open."""
        return self.paused_until is not None and now < self.paused_until


@dataclass(frozen=True, slots=True)
class Reader:
    """What the newest mail knew of its reader: a locale, None if unknown, and an IANA zone."""

    locale: str | None = None
    zone: str = "UTC"


_COLUMNS = {
    "reminder": Recipient.reminder_preference,
    "report": Recipient.report_preference,
    "paused_until": Recipient.paused_until,
}


def read(recipient_id: int) -> Choices | None:
    """Return what the recipient with our row id `recipient_id` wants; None when there is none."""
    row = Recipient.get_or_none(Recipient.id == recipient_id)
    if row is None:
        return None
    choices = Choices(Preference(row.reminder_preference), paused_until=row.paused_until)
    return choices.but(Kind.REPORT, Preference(row.report_preference))


def write(recipient_id: int, before: Choices, after: Choices) -> None:
    """Write what differs between `before` and `after`, and nothing else. The next claim obeys it."""
    names = [each.name for each in fields(Choices)]
    changed = {
        _COLUMNS[name]: getattr(after, name)
        for name in names
        if getattr(after, name) != getattr(before, name)
    }
    if changed:
        Recipient.update(changed).where(Recipient.id == recipient_id).execute()


def reader(recipient_id: int) -> Reader:
    """Return what the newest mail to the recipient knew of him."""
    user_id = Recipient.select(Recipient.user_id).where(Recipient.id == recipient_id)
    facts = (
        Delivery.select(Delivery.facts)
        .where(
            # Both kinds are named so that the index on (kind, user_id, period) is used.
            Delivery.kind.in_(list(Kind)) & (Delivery.user_id == user_id) & Delivery.facts.is_null(False)
        )
        .order_by(Delivery.planned_at.desc(), Delivery.id.desc())
        .limit(1)
        .scalar()
    )
    known = json.loads(facts) if isinstance(facts, str) else facts or {}
    return Reader(known.get("locale"), known.get("zone") or "UTC")


def parse_instant(text: str) -> datetime | None:
    """Read an instant as our own forms hold it: ISO 8601 with an offset, or nothing for none.

    Raises:
        ValueError: when it is anything else.
    """
    if not text:
        return None
    try:
        return datetime.fromisoformat(text).astimezone(UTC)
    except OverflowError as problem:
        raise ValueError(text) from problem
