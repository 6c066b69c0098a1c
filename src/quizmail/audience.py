"""Who is on the platform, and what is open to them: whole pages at a time, with a fixed number of queries."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from peewee import Select

from quizmail.errors import UnknownUser
from quizmail.platform import Member, Platform, Quiz, Rows, members, quizzes
from quizmail.platform.available import Availability
from quizmail.platform.few import FewUsers
from quizmail.platform.ids import key_of, to_cursor
from quizmail.platform.instants import EPOCH
from quizmail.platform.last_finished import last_finished
from quizmail.platform.members import Account
from quizmail.states import Kind

__all__ = ["Account", "Audience", "Member", "Page", "Quiz"]

#: How long the catalogue that was read for one mail serves for the next ones.
FRESH = timedelta(seconds=30)


@dataclass(frozen=True)
class Accounts:
    """A page of users in the order of the platform's ids, read so far as it takes to judge most of them.

    ``cursor`` None: it was the last page. ``noted`` counts oddities: ``unknown_zone``, ``duplicate_id``,
    ``unreadable_instant``.
    """

    found: list[Account]
    cursor: str | None
    noted: dict[str, int]


@dataclass(frozen=True)
class Page:
    """As ``Accounts``, with everything that is known of the users."""

    members: list[Member]
    cursor: str | None
    noted: dict[str, int] = field(default_factory=dict)


class Audience:
    """Reads users and quizzes of a `platform`. Everything is judged at the instant that is passed in.

    Every method raises PlatformUnavailable when the database does not answer now.
    """

    def __init__(self, platform: Platform) -> None:
        self.platform = platform
        self._few = FewUsers(platform)
        self._recent: tuple[datetime, dict[str, Quiz]] | None = None

    def zones(self, at: datetime = EPOCH) -> set[str]:
        """Return the zones in use, IANA names; who has none or an unknown one is in the site's."""
        users = self.platform.rows(at).users
        site_zone = self.platform.site_zone.key
        if "timezone" not in users.present:
            return {site_zone}
        found = self.platform.fetch(Select([users], [users.c.timezone]).distinct())
        return {members.zone_of(raw, site_zone) or site_zone for (raw,) in found}

    def catalogue(self, at: datetime) -> list[Quiz]:
        """Return every published quiz, the newest first, open or not."""
        known = quizzes.all_quizzes(self.platform, self.platform.rows(at))
        return quizzes.newest_first(quiz for quiz in known if quiz.published)

    def open_now(self, quiz_ids: Collection[str], at: datetime) -> dict[str, Quiz]:
        """Return by id those of a few quizzes that are published, opened and not closed at `at`.

        The catalogue is read again after half a minute, so the check before a mail costs no query of its own.
        """
        recent = self._recent
        if recent is None or not timedelta(0) <= at - recent[0] < FRESH:
            recent = self._recent = (at, {quiz.id: quiz for quiz in self.catalogue(at)})
        found = (recent[1].get(quiz_id) for quiz_id in quiz_ids)
        return {quiz.id: quiz for quiz in found if quiz and quiz.is_open(at)}

    def page(
        self,
        kind: Kind,
        at: datetime,
        zones: Collection[str],
        after: str | None,
        catalogue: Sequence[Quiz],
        limit: int = 1000,
    ) -> Page:
        """Read at most `limit` users after the cursor `after`, and keep those of `zones`.

        Args:
            catalogue: what ``catalogue`` returned for `at`; a report's members have no ``open_quizzes``.
        """
        accounts = self.accounts(at, zones, after, limit)
        found = accounts.found
        if kind is Kind.REPORT:
            return Page(self.members(found, {}), accounts.cursor, accounts.noted)
        keys = [account.user_id for account in found]
        finished = self.last_finished(at, keys)
        available = self.available(at, keys, catalogue)
        return Page(self.members(found, finished, available), accounts.cursor, accounts.noted)

    def accounts(self, at: datetime, zones: Collection[str], after: str | None, limit: int) -> Accounts:
        """Read at most `limit` users after the cursor `after`, and keep those of `zones`; one query."""
        reader = members.MemberReader(self.platform)
        raw_users = self.platform.fetch(self._users_after(self.platform.rows(at), zones, after, limit))
        cursor = to_cursor(raw_users[-1][0]) if len(raw_users) == limit else None
        found = []
        for key, row in members.without_duplicates(raw_users, reader.noted).items():
            zone = members.zone_of(row[members.ZONE], reader.site_zone)
            if (zone or reader.site_zone) in zones:
                found.append(reader.account(key, row, zone))
        return Accounts(found, cursor, dict(reader.noted))

    def last_finished(self, at: datetime, keys: Collection[str]) -> dict[str, datetime]:
        """Return by key when each user last finished an attempt on a known quiz before `at`; one query."""
        return last_finished(self.platform, self.platform.rows(at), keys, at)

    def members(
        self,
        accounts: Iterable[Account],
        finished: Mapping[str, datetime],
        available: Availability | None = None,
    ) -> list[Member]:
        """Decode the rest of what was read of users, and join what else was found."""
        reader = members.MemberReader(self.platform)
        return [
            reader.member(
                account, finished.get(account.user_id), available.to(account.user_id) if available else ()
            )
            for account in accounts
        ]

    def member(self, kind: Kind, at: datetime, user_id: str, catalogue: Sequence[Quiz]) -> Member:
        """Read one user as a page would.

        Raises:
            UnknownUser: nobody on the platform has this id.
        """
        row = self._user(self.platform.rows(at), user_id)
        reader = members.MemberReader(self.platform)
        if kind is Kind.REPORT:
            return reader.read(row, None, ())
        finished = self.last_finished(at, [user_id]).get(user_id)
        return reader.read(row, finished, self.available(at, [user_id], catalogue).to(user_id))

    def available(self, at: datetime, keys: Sequence[str], catalogue: Sequence[Quiz]) -> Availability:
        """Return what is open to the users with these keys; two queries at most."""
        return Availability(self.platform, self.platform.rows(at), at, keys, catalogue)

    def find(self, user_id: str, at: datetime) -> Member:
        """Read one user and his last activity: two queries, without what is open to him.

        Raises:
            UnknownUser: nobody on the platform has this id any more.
        """
        found = self._members([user_id], at, EPOCH)
        if user_id not in found:
            raise UnknownUser(f"nobody on the platform has the id {user_id[:80]!a}")
        return found[user_id]

    def recheck_all(
        self, kind: Kind, user_ids: Sequence[str], at: datetime, since: datetime
    ) -> dict[str, Member]:
        """Read a few users by their ids, those that there are, without what is open to them.

        Two queries, for a report one. As last activity counts, besides the last visit, an attempt that was
        finished `since` then; for a report none.
        """
        return self._members(user_ids, at, None if kind is Kind.REPORT else since)

    def _members(self, user_ids: Sequence[str], at: datetime, since: datetime | None) -> dict[str, Member]:
        rows, reader = self._few.rows(user_ids, at), members.MemberReader(self.platform)
        finished = self._few.last_finished(list(rows), at, since) if rows and since else {}
        return {key: reader.read(row, finished.get(key), ()) for key, row in rows.items()}

    def _users_after(self, rows: Rows, zones: Collection[str], after: str | None, limit: int) -> Select:
        users = rows.users
        query = Select([users], users.columns(*members.COLUMNS)).where(users.c.id.is_null(False))
        if after is not None:
            query = query.where(users.c.id > self.platform.dialect.from_cursor(users.c.id, after))
        if "timezone" in users.present and self.platform.site_zone.key not in zones:
            query = query.where(users.c.timezone.in_(sorted(zones)))
        return query.order_by(users.c.id).limit(limit)

    def _user(self, rows: Rows, user_id: str) -> tuple[Any, ...]:
        users, dialect = rows.users, self.platform.dialect
        dialect.check(users.c.id, user_id)
        query = Select([users], users.columns(*members.COLUMNS)).where(dialect.among(users.c.id, [user_id]))
        for row in self.platform.fetch(query):
            if key_of(row[0]) == user_id:
                return row
        raise UnknownUser(f"nobody on the platform has the id {user_id[:80]!a}")
