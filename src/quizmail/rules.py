"""The one judge: who gets which mail, and why the others do not.

The planner, the check before sending, dry runs and previews all ask ``decide``. SQL may narrow
the pages that are read, but it never drops anybody whom this judge would accept.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from quizmail.states import Kind, NotDue, Skip


class Person(NamedTuple):
    """What is known of one user at one instant. Instants are UTC-aware.

    ``address`` is None when the platform's address cannot be mailed. ``last_activity`` is the later
    of the last visit and the last finished attempt on a known quiz; None means never, or unknown.
    ``available`` counts the quizzes open to the user, ``taken`` the attempts finished in the report's
    month. ``opted_out`` joins the platform's word and our own preference for the kind in question.
    ``forgotten``: a tombstone says that the user must not get this mail.
    ``weekly_after`` is when the last reminder went to a reader who wants one a week at most; None for
    everybody else, and before the first. ``zone``: the reader's, an IANA name.
    """

    user_id: str
    address: str | None
    active: bool = True
    is_staff: bool = False
    opted_out: bool = False
    suppressed: bool = False
    paused_until: datetime | None = None
    created_at: datetime | None = None
    last_activity: datetime | None = None
    available: int = 0
    taken: int = 0
    forgotten: bool = False
    weekly_after: datetime | None = None
    zone: str = "UTC"


@dataclass(frozen=True, slots=True)
class Due:
    """The user gets the mail."""


DUE = Due()

Verdict = Due | Skip | NotDue


def decide(kind: Kind, person: Person, at: datetime, inactive_after: timedelta) -> Verdict:
    """Judge whether `person` is to get a mail of `kind` at the instant `at`.

    Returns:
        ``DUE``; a ``NotDue`` reason, which is only counted; or a ``Skip`` reason for somebody who is
        due but must not be mailed, which is kept on a row of its own.
    """
    return _not_due(kind, person, at, inactive_after) or _stopped(person, at) or DUE


def is_inactive(person: Person, at: datetime, inactive_after: timedelta) -> bool:
    """Say whether `person` has been quiet for longer than `inactive_after`; exactly that long is not."""
    last = person.last_activity or person.created_at
    return last is None or at - last > inactive_after


def week_began(at: datetime, zone: str) -> datetime:
    """Return the first instant of the seven days that end with the date of `at` on the clocks of `zone`.

    Who wants one reminder a week gets none at `at` if one was sent since then. Dates are counted and
    not hours, so that Monday's reader stays Monday's, whatever is late and whatever the clocks do.
    """
    local = ZoneInfo(zone)
    first = at.astimezone(local).date() - timedelta(days=6)
    return datetime.combine(first, time(), tzinfo=local).astimezone(UTC)


def _not_due(kind: Kind, person: Person, at: datetime, inactive_after: timedelta) -> NotDue | None:
    if person.is_staff:
        return NotDue.STAFF
    if not person.active:
        return NotDue.ACCOUNT_DISABLED
    if person.forgotten:
        return NotDue.FORGOTTEN
    if kind is Kind.REPORT:
        return None if person.taken else NotDue.NO_ACTIVITY
    if not is_inactive(person, at, inactive_after):
        return NotDue.RECENTLY_ACTIVE if person.last_activity else NotDue.ACCOUNT_TOO_NEW
    if not person.available:
        return NotDue.NOTHING_AVAILABLE
    last = person.weekly_after
    return NotDue.MAILED_THIS_WEEK if last and last >= week_began(at, person.zone) else None


def _stopped(person: Person, at: datetime) -> Skip | None:
    stops: Sequence[tuple[bool, Skip]] = (
        (person.address is None, Skip.BAD_ADDRESS),
        (person.opted_out, Skip.OPTED_OUT),
        (person.paused_until is not None and at < person.paused_until, Skip.PAUSED),
        (person.suppressed, Skip.SUPPRESSED),
    )
    return next((reason for stopped, reason in stops if stopped), None)
