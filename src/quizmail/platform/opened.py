"""The platform's database, opened read only, with its row sets to select from."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

from peewee import SQL, Database, NodeList, Select, fn

from quizmail import sources
from quizmail.errors import QuizmailError
from quizmail.platform import databases
from quizmail.platform.dialects import Dialect, PostgresqlDialect, SqliteDialect, postgresql_ends
from quizmail.platform.ends import Ends, NumberEnds
from quizmail.platform.ids import key_of
from quizmail.platform.instants import EPOCH, InstantColumn, epoch_microseconds
from quizmail.platform.queries import Queries
from quizmail.platform.rowsets import RowSet
from quizmail.platform.sqlite_ends import SqliteEnds
from quizmail.sources import CONTRACT, Source


@dataclass(frozen=True, slots=True)
class Rows:
    """The row sets at one instant, to select from. ``access`` None: everything is accessible."""

    users: RowSet
    quizzes: RowSet
    attempts: RowSet
    access: RowSet | None


@dataclass(frozen=True, slots=True)
class Profile:
    """What a look at all attempts of an SQLite platform found, where a column may hold any type."""

    holds_text: bool
    holds_numbers: bool
    integer_keys: bool
    other_keys: bool
    indexed: bool

    @property
    def can_look_up(self) -> bool:
        """Whether a user's last attempt can be found along an index, in the order of the texts."""
        return self.indexed and self.holds_text and not self.holds_numbers


class Platform(Queries):
    """A quiz platform's database, which nothing is written to, and the row sets that a source file gives."""

    def __init__(self, database: Database, source: Source, site_zone: ZoneInfo) -> None:
        super().__init__(database, source)
        self.site_zone = site_zone
        self.zone = source.zone or site_zone
        self.uses_now = any(select.uses_now for select in source.selects.values())
        self.session_zone = self.zone.key if self.uses_now else None
        self.finished_at = self.reader("attempts", "finished_at")
        self.dialect: Dialect = SqliteDialect() if self.is_sqlite else PostgresqlDialect({})
        self.ends: Ends = SqliteEnds()
        self._present: dict[str, list[str]] = {}
        self._profile: Profile | None = None

    @classmethod
    def open(cls, url: str, source: str, site_zone: ZoneInfo) -> "Platform":
        """Open the database at `url` as the source file `source` describes it, and check what it gives.

        Args:
            source: the name of a preset or the path of a TOML file.
            site_zone: the zone of users without one, and of columns declared as ``site``.

        Raises:
            SourceError: the file, a row set or a column is missing or cannot be used.
            PlatformUnavailable: the database is not there, locked, or does not answer.
        """
        platform = cls(databases.connect(url), sources.load(source), site_zone)
        try:
            platform._discover()
        except QuizmailError:
            platform.close_all()
            raise
        return platform

    @staticmethod
    def user_key(raw: Any) -> str:
        """Return the text by which our tables know the user with this id."""
        return key_of(raw)

    def reader(self, row_set: str, column: str) -> InstantColumn:
        """Return what reads the instants of a column."""
        return InstantColumn(self.source.zone_of(row_set, column, self.site_zone))

    def rows(self, at: datetime) -> Rows:
        """Return the row sets as they are judged at the instant `at`."""
        now = self.dialect.now(at, self.zone) if self.uses_now else None
        made = {
            name: RowSet(name, select.pieces, self._present.get(name, ()), now)
            for name, select in self.source.selects.items()
        }
        return Rows(made["users"], made["quizzes"], made["attempts"], made.get("access"))

    def is_known(self, attempts: RowSet, quizzes: RowSet) -> Any:
        """Return the condition that an attempt is of a quiz that exists."""
        quiz_id, known = self.dialect.matching(attempts.c.quiz_id, quizzes.c.id)
        return quiz_id.in_(Select([quizzes], [known]))

    def profile(self) -> Profile:
        """Return what types the attempts of an SQLite platform hold; remembered once there are any.

        SQLite sorts numbers before texts, and texts before bytes: an index answers at once.
        """
        if self._profile:
            return self._profile
        attempts = self.rows(EPOCH).attempts
        end, user = attempts.c.finished_at, attempts.c.user_id
        seen = ((end >= "") & (end < b""), end < "", user < "", user >= "")
        exist = [fn.EXISTS(Select([attempts], [SQL("1")]).where(condition).limit(1)) for condition in seen]
        ((*found,),) = self.fetch(Select([SQL("(SELECT 1)")], exist))
        text, numbers, integers, others = map(bool, found)
        profile = Profile(text, numbers, integers, others, self._is_indexed(attempts))
        if text or numbers:
            self._profile = profile
            only_numbers = numbers and not text
            self.ends = NumberEnds(self.finished_at, float) if only_numbers else SqliteEnds(not numbers)
        return profile

    def _is_indexed(self, attempts: RowSet) -> bool:
        query = Select([attempts], [SQL("1")]).where(attempts.c.user_id == 0)
        plan = self.fetch(NodeList((SQL("EXPLAIN QUERY PLAN"), query)))
        return not any(str(step[-1]).startswith("SCAN") for step in plan)

    def _discover(self) -> None:
        if self.is_sqlite:
            instant = _instant_function(self.finished_at)
            self.database.register_function(instant, "quizmail_instant", 1, deterministic=True)
        oids: dict[tuple[str, str], int] = {}
        now = self.dialect.now(EPOCH, self.zone)
        for name, select in self.source.selects.items():
            found = self._columns_of(RowSet(name, select.pieces, (), now))
            self._refuse_missing(name, found)
            self._present[name] = list(found)
            oids |= {(name, column): oid for column, oid in found.items()}
        if not self.is_sqlite:
            self.dialect = PostgresqlDialect(oids)
            ends = postgresql_ends(self.finished_at, oids["attempts", "finished_at"])
            if ends is None:
                raise self.source.error("its type is no kind of instant", "attempts", "finished_at")
            self.ends = ends

    def _columns_of(self, row_set: RowSet) -> Mapping[str, int]:
        with self.running(Select([row_set], [SQL("*")]).limit(0), row_set.__name__) as cursor:
            return {
                column[0].lower() if self.is_sqlite else column[0]: column[1] for column in cursor.description
            }

    def _refuse_missing(self, name: str, found: Mapping[str, int]) -> None:
        for column in CONTRACT[name].required:
            if column not in found:
                raise self.source.error("the SELECT does not give it, and it is required", name, column)
        if name == "attempts" and not found.keys() & {"max_score", "percent"}:
            raise self.source.error("the SELECT gives neither it nor percent", name, "max_score")


def _instant_function(column: InstantColumn) -> Callable[[Any], int | None]:
    """Return the decoder of `column` for SQLite: epoch microseconds, NULL for what is no instant.

    A query asks for the same instant more than once, to compare it and to return it: it is remembered.
    """

    @lru_cache(maxsize=256)
    def microseconds(raw: Any) -> int | None:
        instant = column.read(raw)
        return None if instant is None else epoch_microseconds(instant)

    return microseconds
