"""What is open to the users of a page: published, opened, not closed, attempts left, accessible."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from peewee import Select

from quizmail.platform.ids import keys_of
from quizmail.platform.opened import Platform, Rows
from quizmail.platform.quizzes import Quiz

_NONE: frozenset[str] = frozenset()


class Availability:
    """Finds it with at most two queries, whoever the users are. Quizzes keep the order of the `catalogue`.

    Nearly everybody has the same quizzes open as others have: they share one tuple.
    """

    def __init__(
        self, platform: Platform, rows: Rows, at: datetime, keys: Sequence[str], catalogue: Sequence[Quiz]
    ) -> None:
        self.platform, self.rows, self.keys = platform, rows, keys
        self.open = tuple(quiz for quiz in catalogue if quiz.is_open(at))
        self.used_up = self._used_up(at)
        self.accessible = self._accessible()
        self._shared: dict[tuple[frozenset[str] | None, frozenset[str]], tuple[Quiz, ...]] = {}

    def to(self, key: str) -> tuple[Quiz, ...]:
        """Return the quizzes open to the user with this key."""
        used_up = self.used_up.get(key, _NONE)
        accessible = None if self.accessible is None else self.accessible.get(key, _NONE)
        if (accessible, used_up) not in self._shared:
            self._shared[accessible, used_up] = tuple(
                quiz
                for quiz in self.open
                if quiz.id not in used_up and (accessible is None or quiz.id in accessible)
            )
        return self._shared[accessible, used_up]

    def _used_up(self, at: datetime) -> Mapping[str, frozenset[str]]:
        """Return by user the quizzes of which every attempt is taken."""
        limits = {quiz.id: quiz.max_attempts for quiz in self.open if quiz.max_attempts}
        if not limits:
            return {}
        attempts, dialect = self.rows.attempts, self.platform.dialect
        whose, what, end = attempts.c.user_id, attempts.c.quiz_id, attempts.c.finished_at
        query = Select([attempts], [whose, what]).where(
            dialect.among(whose, self.keys), dialect.among(what, limits), self.platform.ends.before(end, at)
        )
        # Row by row, and counted here: a limited quiz has few attempts.
        taken = Counter(_pairs(self.platform.fetch(query)))
        return _by_user(pair for pair, count in taken.items() if count >= limits.get(pair[1], count + 1))

    def _accessible(self) -> Mapping[str, frozenset[str]] | None:
        """Return by user the quizzes that the access rows name; None when everything is accessible."""
        access = self.rows.access
        if access is None:
            return None
        query = Select([access], [access.c.user_id, access.c.quiz_id])
        query = query.where(self.platform.dialect.among(access.c.user_id, self.keys))
        return _by_user(_pairs(self.platform.fetch(query)))


def _pairs(rows: Sequence[tuple[Any, ...]]) -> Iterable[tuple[str, str]]:
    """Return the keys of rows of (user, quiz)."""
    users, quizzes = zip(*rows, strict=True) if rows else ((), ())
    return zip(keys_of(users), keys_of(quizzes), strict=True)


def _by_user(pairs: Iterable[tuple[str, str]]) -> Mapping[str, frozenset[str]]:
    found: dict[str, set[str]] = defaultdict(set)
    for user, quiz in pairs:
        found[user].add(quiz)
    return {user: frozenset(quizzes) for user, quizzes in found.items()}
