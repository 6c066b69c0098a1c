"""A year of attempts of the demo platform's members, the same on every build with the same seed."""

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from random import Random
from typing import NamedTuple

from quizmail.demo.catalogue import Entry
from quizmail.demo.people import Member

_YEAR = timedelta(days=365)
_DAY = timedelta(days=1)

#: Between the last answer and leaving the site.
_LINGER = timedelta(minutes=3)


class Attempt(NamedTuple):
    """One attempt; `quiz` is the quiz's id, `finished_at` naive UTC, a score of None was not graded."""

    quiz: int
    finished_at: datetime
    score: float | None
    max_score: float | None


def attempts_of(
    member: Member, last: datetime, now: datetime, catalogue: Sequence[Entry], seed: int
) -> Iterator[Attempt]:
    """Yield the attempts of `member`, newest first, up to the last visit at `last` (both naive UTC)."""
    dice = Random(f"{seed}/{member.twin_of or member.name or member.email}")  # noqa: S311
    taken: dict[int, int] = {}
    at = last - _LINGER
    while at > now - min(_YEAR, member.joined):
        quiz = _choose(catalogue, taken, at, now, dice)
        if quiz is not None:
            taken[quiz] = taken.get(quiz, 0) + 1
            yield Attempt(quiz, at, *_SCORING[member.scoring](_points(catalogue[quiz - 1], member, dice)))
        at = (at - dice.expovariate(member.weekly / 7) * _DAY).replace(microsecond=0)


def _choose(
    catalogue: Sequence[Entry], taken: dict[int, int], at: datetime, now: datetime, dice: Random
) -> int | None:
    """Return the id of a quiz that was open at `at` and has tries left, None when there is none."""
    open_then = [
        number
        for number, entry in enumerate(catalogue, start=1)
        if entry.public and _is_open(entry, at, now) and taken.get(number, 0) < (entry.max_attempts or 99)
    ]
    return dice.choice(open_then) if open_then else None


def _is_open(entry: Entry, at: datetime, now: datetime) -> bool:
    return (
        entry.published
        and now - entry.age <= at
        and (entry.opens is None or now + entry.opens <= at)
        and (entry.closes is None or at < now + entry.closes)
    )


def _points(entry: Entry, member: Member, dice: Random) -> tuple[float, float]:
    share = min(max(dice.gauss(member.skill, 0.15), 0.0), 1.0)
    return round(share * entry.points), entry.points


_Scored = tuple[float | None, float | None]

_SCORING: dict[str, Callable[[tuple[float, float]], _Scored]] = {
    "plain": lambda points: points,
    "ungraded": lambda points: (None, points[1]),
    "zero_max": lambda points: (points[0], 0),
    "bonus": lambda points: (points[1] * 1.1, points[1]),
    "penalty": lambda points: (points[0] - points[1], points[1]),
}
