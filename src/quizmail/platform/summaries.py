"""What one user did in a month: his mean and best percent, quiz by quiz and category by category.

A month is summed up for everybody who took part, so what is kept of it is put together from texts: those of
the quizzes are encoded once.
"""

from collections.abc import Iterable, Mapping
from math import fsum
from typing import Any, NamedTuple

from quizmail.fields import Document, encode_document
from quizmail.platform.places import Places
from quizmail.platform.quizzes import Quiz

#: Means and bests are compared rounded to this many decimals: raw floating point breaks exact ties.
DECIMALS = 6


class MonthOfUser(NamedTuple):
    """What one user did: attempts taken, mean and best percent (None: nothing graded), quiz by quiz.

    ``quizzes``: a list of objects with id, title, category, taken, best, rank and of; the best first.
    ``categories``: one with name (null: quizzes without one), taken and average; the most taken first.
    """

    user_id: str
    taken: int
    average: float | None
    best: float | None
    quizzes: Document
    categories: Document


class _Words(NamedTuple):
    """What a quiz is called, and the beginning of what is kept of each result in it."""

    title: str
    category: str | None
    beginning: str


class _Attempts:
    """Some of a user's attempts: how many there were, how many of them were graded, and their percents."""

    __slots__ = ("graded", "taken", "totals")

    def __init__(self) -> None:
        self.taken = self.graded = 0
        self.totals: list[float] = []

    def add(self, taken: int, graded: int, total: float | None) -> None:
        self.taken += taken
        if total is not None:
            self.graded += graded
            self.totals.append(total)

    def average(self) -> float | None:
        """Return the mean over the graded attempts, not over the quizzes."""
        return round(fsum(self.totals) / self.graded, DECIMALS) if self.graded else None


class Summaries:
    """Sums up results in the `quizzes` of a platform."""

    def __init__(self, quizzes: Iterable[Quiz]) -> None:
        self._words = {quiz.id: _words(quiz.id, quiz.title, quiz.category) for quiz in quizzes}
        self._names: dict[str | None, str] = {}

    def of(self, user_id: str, results: Iterable[tuple[Any, ...]], places: Places) -> MonthOfUser:
        """Sum up one user's results: rows of (user, quiz, taken, graded, sum, best, score)."""
        everything, categories, texts = _Attempts(), dict[str | None, _Attempts](), []
        for _, quiz, taken, graded, total, best, score in results:
            words = self._words.get(quiz) or self._unknown(quiz)
            everything.add(taken, graded, total)
            category = categories.get(words.category)
            if category is None:
                category = categories[words.category] = _Attempts()
            category.add(taken, graded, total)
            if best is None:
                text = f'{words.beginning}"taken":{taken},"best":null,"rank":null,"of":null}}'
                texts.append((1, 0.0, words.title, quiz, text))
            else:
                rank, of = places.of(quiz, score)
                best = round(best, DECIMALS)
                text = f'{words.beginning}"taken":{taken},"best":{best!r},"rank":{rank},"of":{of}}}'
                texts.append((0, -best, words.title, quiz, text))
        texts.sort()
        return MonthOfUser(
            user_id,
            everything.taken,
            everything.average(),
            -texts[0][1] if everything.graded else None,
            Document(f"[{','.join([text for *_, text in texts])}]"),
            self._categories(categories),
        )

    def _categories(self, found: Mapping[str | None, _Attempts]) -> Document:
        texts = sorted(
            [
                (-each.taken, name is None, name or "", self._category(name, each))
                for name, each in found.items()
            ]
        )
        return Document(f"[{','.join([text for *_, text in texts])}]")

    def _category(self, name: str | None, attempts: _Attempts) -> str:
        if name not in self._names:
            self._names[name] = encode_document(name)
        average = attempts.average()
        mean = "null" if average is None else repr(average)
        return f'{{"name":{self._names[name]},"taken":{attempts.taken},"average":{mean}}}'

    def _unknown(self, quiz: str) -> _Words:
        """Return the words for a quiz that came after the quizzes were read."""
        self._words[quiz] = _words(quiz, quiz, None)
        return self._words[quiz]


def _words(quiz_id: str, title: str, category: str | None) -> _Words:
    beginning = encode_document({"id": quiz_id, "title": title, "category": category})
    return _Words(title, category, f"{beginning[:-1]},")
