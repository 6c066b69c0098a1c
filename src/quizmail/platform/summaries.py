"""What one user did in a month: his mean and best percent, quiz by quiz and category by category.

A month is summed up for everybody who took part, so what is kept of it is put together from texts: those of
the quizzes are encoded once.
"""

import re
from collections.abc import Collection, Iterable, Mapping
from math import fsum
from typing import Any, NamedTuple

from quizmail.fields import decode_document, encode_document
from quizmail.platform.places import Places
from quizmail.platform.quizzes import Quiz

#: Means and bests are compared rounded to this many decimals: raw floating point breaks exact ties.
DECIMALS = 6

#: Where an object begins with its id: inside a text nothing looks so, since there a quote is escaped.
_ID = re.compile(r'\{"id":\s*("(?:[^"\\]|\\.)*")')


class MonthOfUser(NamedTuple):
    """What one user did: attempts taken, mean and best percent (None: nothing graded), quiz by quiz.

    ``quizzes``: JSON, a list of objects with id, title, category, taken, best, rank and of; the best first.
    ``categories``: one with name (null: quizzes without one), taken and average; the most taken first.
    """

    user_id: str
    taken: int
    average: float | None
    best: float | None
    quizzes: str
    categories: str


def quiz_ids(quizzes: str) -> list[str]:
    """Return the ids in a document as ``MonthOfUser.quizzes``, in their order, without decoding all of it."""
    found = _ID.findall(quizzes)
    return [decode_document(each) if "\\" in each else each[1:-1] for each in found]


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

    def add(self, taken: int, graded: int, totals: Iterable[float]) -> None:
        """Count some more of them."""
        self.taken += taken
        self.graded += graded
        self.totals += totals

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
        found: dict[str | None, _Attempts] = {}
        texts = []
        for _, quiz, taken, graded, total, best, score in results:
            title, category, beginning = self._words.get(quiz) or self._unknown(quiz)
            if category not in found:
                found[category] = _Attempts()
            if best is None:
                found[category].add(taken, 0, ())
                text = f'{beginning}"taken":{taken},"best":null,"rank":null,"of":null}}'
                texts.append((True, 0.0, title, quiz, text))
            else:
                found[category].add(taken, graded, (total,))
                rank, of = places.of(quiz, score)
                best = round(best, DECIMALS)
                text = f'{beginning}"taken":{taken},"best":{best!r},"rank":{rank},"of":{of}}}'
                texts.append((False, -best, title, quiz, text))
        texts.sort()
        everything = _together(found.values())
        average, best = everything.average(), -texts[0][1] if everything.graded else None
        categories = self._categories(found, everything, average)
        return MonthOfUser(user_id, everything.taken, average, best, _document(texts), categories)

    def _categories(
        self, found: Mapping[str | None, _Attempts], everything: _Attempts, average: float | None
    ) -> str:
        texts = [
            (
                -each.taken,
                name is None,
                name or "",
                # Most users keep to one category, and its mean is the user's.
                self._category(name, each.taken, average if each is everything else each.average()),
            )
            for name, each in found.items()
        ]
        texts.sort()
        return _document(texts)

    def _category(self, name: str | None, taken: int, average: float | None) -> str:
        if name not in self._names:
            self._names[name] = encode_document(name)
        mean = "null" if average is None else repr(average)
        return f'{{"name":{self._names[name]},"taken":{taken},"average":{mean}}}'

    def _unknown(self, quiz: str) -> _Words:
        """Return the words for a quiz that came after the quizzes were read."""
        self._words[quiz] = _words(quiz, quiz, None)
        return self._words[quiz]


def _words(quiz_id: str, title: str, category: str | None) -> _Words:
    beginning = encode_document({"id": quiz_id, "title": title, "category": category})
    return _Words(title, category, f"{beginning[:-1]},")


def _together(several: Collection[_Attempts]) -> _Attempts:
    if len(several) == 1:
        return next(iter(several))
    together = _Attempts()
    for each in several:
        together.add(each.taken, each.graded, each.totals)
    return together


def _document(sorted_texts: Iterable[tuple[Any, ...]]) -> str:
    """Return the JSON list of what comes last in each of the tuples."""
    return f"[{','.join([text for *_, text in sorted_texts])}]"
