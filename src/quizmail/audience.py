"""Who is on the platform, and what is open to them: whole pages at a time, with a fixed number of queries."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
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
from quizmail.states import Kind

__all__ = ["Audience", "Member", "Page", "Quiz"]

#: How long the catalogue that was read for one mail serves for the next ones.
FRESH = timedelta(seconds=30)

_ZONE = members.COLUMNS.index("timezone")


@dataclass(frozen=True)
class Page:
    """Users in the order of the platform's ids. ``cursor`` None: it was the last page.

    ``noted`` counts oddities: ``unknown_zone``, ``duplicate_id``, ``unreadable_instant``.
    """

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
        wanted: Callable[[Member], bool] | None = None,
    ) -> Page:
        """Read at most `limit` users after the cursor `after`, and keep those of `zones`.

        Args:
            catalogue: what ``catalogue`` returned for `at`; a report's members have no ``open_quizzes``.
            wanted: whose open quizzes are looked for, everybody's by default. It is asked of members whose
                ``open_quizzes`` are empty yet, and spares most of the work when few have been quiet.
        """
        rows = self.platform.rows(at)
        reader = members.MemberReader(self.platform)
        raw_users = self.platform.fetch(self._users_after(rows, zones, after, limit))
        cursor = to_cursor(raw_users[-1][0]) if len(raw_users) == limit else None
        users = members.without_duplicates(raw_users, reader.noted)
        users = {key: row for key, row in users.items() if self._zone_of(row) in zones}
        found = self._decode(kind, rows, at, users, catalogue, reader, wanted)
        return Page(found, cursor, dict(reader.noted))

    def member(self, kind: Kind, at: datetime, user_id: str, catalogue: Sequence[Quiz]) -> Member:
        """Read one user as a page would.

        Raises:
            UnknownUser: nobody on the platform has this id.
        """
        rows = self.platform.rows(at)
        reader = members.MemberReader(self.platform)
        return self._decode(kind, rows, at, {user_id: self._user(rows, user_id)}, catalogue, reader)[0]

    def available(self, at: datetime, keys: Sequence[str], catalogue: Sequence[Quiz]) -> Availability:
        """Return what is open to the users with these keys; two queries at most."""
        return Availability(self.platform, self.platform.rows(at), at, keys, catalogue)

    def recheck(self, user_id: str, at: datetime) -> Member:
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

    def _zone_of(self, row: tuple[Any, ...]) -> str:
        site_zone = self.platform.site_zone.key
        return members.zone_of(row[_ZONE], site_zone) or site_zone

    def _decode(
        self,
        kind: Kind,
        rows: Rows,
        at: datetime,
        users: Mapping[str, tuple[Any, ...]],
        catalogue: Sequence[Quiz],
        reader: members.MemberReader,
        wanted: Callable[[Member], bool] | None = None,
    ) -> list[Member]:
        if kind is Kind.REPORT:
            return [reader.read(row, None, ()) for row in users.values()]
        finished = last_finished(self.platform, rows, users, at)
        if wanted is None:
            available = Availability(self.platform, rows, at, list(users), catalogue)
            return [reader.read(row, finished.get(key), available.to(key)) for key, row in users.items()]
        found = [reader.read(row, finished.get(key), ()) for key, row in users.items()]
        asking = {member.user_id for member in found if wanted(member)}
        available = Availability(self.platform, rows, at, list(asking), catalogue)
        return [
            replace(member, open_quizzes=available.to(member.user_id)) if member.user_id in asking else member
            for member in found
        ]
