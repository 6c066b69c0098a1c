"""A platform's users, decoded."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any, NamedTuple
from zoneinfo import available_timezones

from quizmail.platform.addresses import normalised
from quizmail.platform.columns import LONGEST_NAME, flag, line, line_or_none
from quizmail.platform.ids import key_of
from quizmail.platform.instants import InstantColumn
from quizmail.platform.opened import Platform
from quizmail.platform.quizzes import Quiz
from quizmail.states import Kind

#: What is selected of a user, in the order in which ``MemberReader`` expects it.
COLUMNS = (
    "id",
    "email",
    "name",
    "active",
    "is_staff",
    "last_seen_at",
    "created_at",
    "timezone",
    "locale",
    "opt_out",
    "opt_out_reminders",
    "opt_out_reports",
)

ZONE = COLUMNS.index("timezone")

_OPTED_OUT: Mapping[tuple[bool, bool], frozenset[Kind]] = {
    (True, True): frozenset(Kind),
    (True, False): frozenset({Kind.REMINDER}),
    (False, True): frozenset({Kind.REPORT}),
    (False, False): frozenset(),
}

#: Entries of the zone database that are no place.
_NO_PLACES = frozenset({"Factory", "localtime", "posixrules"})

_LONGEST_LOCALE = 35  # RFC 5646 section 4.4.1


@dataclass(frozen=True, slots=True)
class Member:
    """A user as a page or a check finds him. Instants are UTC-aware.

    ``address`` is None when it cannot be mailed. ``zone`` is the site's when the platform gives none, or one
    that is unknown (``zone_known`` False). ``last_activity``: the later of the last visit and
    ``last_finished``, the end of the last attempt on a known quiz; None for never; for reports the visit
    alone. ``open_quizzes``: newest first; not asked for reports and checks before sending.
    """

    user_id: str
    raw_address: str | None
    address: str | None
    name: str
    active: bool
    is_staff: bool
    opt_out: frozenset[Kind]
    zone: str
    zone_known: bool
    locale: str | None
    last_seen_at: datetime | None
    created_at: datetime | None
    last_activity: datetime | None = None
    open_quizzes: tuple[Quiz, ...] = ()
    last_finished: datetime | None = None


class Account(NamedTuple):
    """What a user's row says for the question whether a mail is due; ``row`` is all of it, not decoded yet.

    A page is read so far of everybody: most get no mail, and need not be read any further.
    """

    user_id: str
    active: bool
    is_staff: bool
    zone: str
    zone_known: bool
    last_seen_at: datetime | None
    created_at: datetime | None
    row: tuple[Any, ...]


class MemberReader:
    """Decodes rows of ``COLUMNS``, and counts in ``noted`` what is odd about them."""

    def __init__(self, platform: Platform) -> None:
        self.site_zone = platform.site_zone.key
        self.last_seen = platform.reader("users", "last_seen_at")
        self.created = platform.reader("users", "created_at")
        self.noted: Counter[str] = Counter()

    def read(
        self, row: tuple[Any, ...], last_finished: datetime | None, open_quizzes: tuple[Quiz, ...]
    ) -> Member:
        """Decode one row, and join what was found about its user."""
        account = self.account(key_of(row[0]), row, zone_of(row[ZONE], self.site_zone))
        return self.member(account, last_finished, open_quizzes)

    def account(self, key: str, row: tuple[Any, ...], zone: str | None) -> Account:
        """Decode of one row what decides; `zone` is what ``zone_of`` says of it."""
        _, _, _, active, staff, seen, created, *_ = row
        if zone is None:
            self.noted["unknown_zone"] += 1
        last_seen_at, created_at = self.last_seen.read(seen), self.created.read(created)
        if last_seen_at is None or created_at is None:
            self._note_unreadable((self.last_seen, seen), (self.created, created))
        return Account(
            key,
            # Nearly every row holds 1 and 0, as the driver gives them.
            active is None or active == 1 or flag(active, default=True),
            staff is not None and staff != 0 and flag(staff, default=False),
            zone or self.site_zone,
            zone is not None,
            last_seen_at,
            created_at,
            row,
        )

    def member(
        self, account: Account, last_finished: datetime | None, open_quizzes: tuple[Quiz, ...]
    ) -> Member:
        """Decode the rest of a row, and join what was found about its user."""
        _, email, name, _, _, _, _, _, locale, *opt_out = account.row
        address = normalised(email)
        raw_address = None if email is None else str(email)
        return Member(
            account.user_id,
            raw_address,
            address,
            line(name, LONGEST_NAME) or line((raw_address or "").partition("@")[0], LONGEST_NAME),
            account.active,
            account.is_staff,
            _opted_out(*opt_out),
            account.zone,
            account.zone_known,
            line_or_none(locale, _LONGEST_LOCALE),
            account.last_seen_at,
            account.created_at,
            later(account.last_seen_at, last_finished),
            open_quizzes,
            last_finished,
        )

    def _note_unreadable(self, *values: tuple[InstantColumn, Any]) -> None:
        unreadable = sum(column.is_unreadable(raw) for column, raw in values)
        if unreadable:
            self.noted["unreadable_instant"] += unreadable


def zone_of(raw: Any, site_zone: str) -> str | None:
    """Return the zone of a user: the site's when he has none, None when what he has is no zone."""
    if raw is None or raw == "":
        return site_zone
    return raw if isinstance(raw, str) and raw in _known_zones() else None


def without_duplicates(rows: Iterable[tuple[Any, ...]], noted: Counter[str]) -> dict[str, tuple[Any, ...]]:
    """Return rows by the keys of their users; of a duplicate id the first row counts, others are noted."""
    found: dict[str, tuple[Any, ...]] = {}
    for row in rows:
        if found.setdefault(key_of(row[0]), row) is not row:
            noted["duplicate_id"] += 1
    return found


@cache
def _known_zones() -> frozenset[str]:
    return frozenset(available_timezones() - _NO_PLACES)


def _opted_out(everything: Any, reminders: Any, reports: Any) -> frozenset[Kind]:
    if everything is None and reminders is None and reports is None:
        return _OPTED_OUT[False, False]
    all_of_it = flag(everything, default=False)
    return _OPTED_OUT[all_of_it or flag(reminders, default=False), all_of_it or flag(reports, default=False)]


def later(one: datetime | None, other: datetime | None) -> datetime | None:
    """Return the later of two instants, of which each may be unknown."""
    return max(one, other) if one and other else one or other
