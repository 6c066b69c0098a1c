"""What is open to the users of a page: published, opened, not closed, attempts left, accessible."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from datetime import datetime
from typing import Any

from peewee import Select

from quizmail.platform.ids import key_of
from quizmail.platform.opened import Platform, Rows
from quizmail.platform.quizzes import Quiz

_NONE: frozenset[str] = frozenset()


class Availability:
    """Finds it with at most two queries, whoever the users are. Quizzes keep the order of the `catalogue`.

    Nearly everybody has the same quizzes open: they share one tuple.
    """

    def __init__(
        self, platform: Platform, rows: Rows, at: datetime, keys: Sequence[str], catalogue: Sequence[Quiz]
    ) -> None:
        self.platform, self.rows, self.keys = platform, rows, keys
        self.open = tuple(quiz for quiz in catalogue if quiz.is_open(at))
        self.used_up = self._used_up(at)
        self.accessible = self._accessible()
        self._shared: dict[frozenset[str], tuple[Quiz, ...]] = {}

    def to(self, key: str) -> tuple[Quiz, ...]:
        """Return the quizzes open to the user with this key."""
        used_up = self.used_up.get(key, _NONE)
        quizzes = self.open if self.accessible is None else self._among(self.accessible.get(key, _NONE))
        return tuple(quiz for quiz in quizzes if quiz.id not in used_up) if used_up else quizzes

    def _among(self, ids: frozenset[str]) -> tuple[Quiz, ...]:
        if ids not in self._shared:
            self._shared[ids] = tuple(quiz for quiz in self.open if quiz.id in ids)
        return self._shared[ids]

    def _used_up(self, at: datetime) -> Mapping[str, AbstractSet[str]]:
        """Return by user the quizzes of which every attempt is taken."""
        limits = {quiz.id: quiz.max_attempts for quiz in self.open if quiz.max_attempts}
        if not limits:
            return {}
        attempts, dialect = self.rows.attempts, self.platform.dialect
        whose, what = attempts.c.user_id, attempts.c.quiz_id
        # Row by row: a limited quiz has few attempts, and their ends are read as exactly as anywhere.
        end = attempts.c.finished_at
        query = Select([attempts], [whose, what, end]).where(
            dialect.among(whose, self.keys), dialect.among(what, limits), self.platform.ends.narrow(end, at)
        )
        read, taken = self.platform.finished_at.read, Counter[tuple[Any, Any]]()
        for user, quiz, finished_at in self.platform.fetch(query):
            instant = read(finished_at)
            if instant is not None and instant < at:
                taken[user, quiz] += 1
        return _exhausted(taken, limits)

    def _accessible(self) -> Mapping[str, frozenset[str]] | None:
        """Return by user the quizzes that the access rows name; None when everything is accessible."""
        access = self.rows.access
        if access is None:
            return None
        query = Select([access], [access.c.user_id, access.c.quiz_id])
        found: dict[str, set[str]] = defaultdict(set)
        query = query.where(self.platform.dialect.among(access.c.user_id, self.keys))
        for user, quiz in self.platform.fetch(query):
            found[key_of(user)].add(key_of(quiz))
        return {user: frozenset(ids) for user, ids in found.items()}


def _exhausted(
    taken: Mapping[tuple[Any, Any], int], limits: Mapping[str, int]
) -> Mapping[str, AbstractSet[str]]:
    """Return by user the quizzes that were taken as often as `limits` allow; ids are raw in `taken`."""
    counts: Counter[tuple[str, str]] = Counter()
    for (user, quiz), count in taken.items():
        counts[key_of(user), key_of(quiz)] += count
    used_up: dict[str, set[str]] = defaultdict(set)
    for (user, quiz), count in counts.items():
        if quiz in limits and count >= limits[quiz]:
            used_up[user].add(quiz)
    return used_up
