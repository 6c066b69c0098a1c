"""The states of a report, as the facts that a delivery row would hold."""

from collections.abc import Mapping
from typing import Any

from quizmail.gallery.reminders import ARABIC_NAME, ARABIC_TITLE, HOSTILE

_COLUMNS = ("id", "title", "category", "taken", "best", "rank", "of")
_ROWS = (
    ("7", "Capitals of Africa", "Geography", 1, 100.0, 1, 42),
    ("8", "Who painted this?", "Art", 2, 95.0, 2, 38),
    ("9", "The periodic table, from hydrogen to oganesson", "Science", 3, 91.66666, 4, 51),
    ("10", "One-hit wonders of the eighties", "Music", 1, 88.0, 7, 29),
    ("11", "World Cup finals", "Sport", 2, 83.33333, 3, 33),
    ("12", "Rivers and lakes", "Geography", 1, 75.0, 12, 40),
    ("14", "Essay: my favourite city", "Writing", 1, None, None, None),
)
_QUIZZES: list[dict[str, Any]] = [dict(zip(_COLUMNS, row, strict=True)) for row in _ROWS]
_CATEGORIES: list[dict[str, Any]] = [
    {"name": "Geography", "taken": 5, "average": 86.16666, "before": 80.0},
    {"name": "Science", "taken": 3, "average": 85.0, "before": 88.5},
    {"name": "Art", "taken": 2, "average": 92.5, "before": None},
    {"name": "Sport", "taken": 2, "average": 62.25, "before": 62.25},
    {"name": "Music", "taken": 1, "average": 88.0, "before": 71.0},
    {"name": "Writing", "taken": 1, "average": None, "before": None},
]
_SUGGESTION: dict[str, Any] = {
    "id": "21",
    "title": "Great comebacks",
    "category": "Sport",
    "url": "https://quiz.example.com/quizzes/21",
}
_NO_RANK: dict[str, Any] = {"best": None, "rank": None, "of": None}
_PLACE_OF_3: dict[str, Any] = {"rank": 2, "of": 3, "percentile": None}
_LATER = ("first", "categories", "strongest", "weakest", "percentile", "suggestion")


def a_result(**changes: Any) -> dict[str, Any]:
    """Return a quiz taken as a report lists it."""
    return {**_QUIZZES[0], **changes}


def facts(**changes: Any) -> dict[str, Any]:
    """Return the facts of the usual report with `changes`: a month somewhat better than the one before."""
    return {
        "name": "Jörg Müller",
        "locale": None,
        "zone": "Europe/Berlin",
        "month": "2026-10",
        "taken": 14,
        "average": 83.333333,
        "best": 100.0,
        "rank": 3,
        "of": 57,
        "previous": {"taken": 11, "average": 79.125},
        "first": False,
        "quizzes": _QUIZZES,
        "more": 2,
        "categories": _CATEGORIES,
        "strongest": "Art",
        "weakest": "Sport",
        "percentile": 96,
        "suggestion": _SUGGESTION,
        **changes,
    }


_NO_EXTREMES: dict[str, Any] = {"strongest": None, "weakest": None}
_UNGRADED: dict[str, Any] = dict.fromkeys(("average", "best", "rank", "of", "percentile"))
_LONG = "The longest title that anybody has ever given to a quiz about rivers " * 5


def _in_geography(taken: int, average: float | None, before: float | None = None) -> dict[str, Any]:
    """Return what changes when all quizzes of the month were of one category."""
    category = {"name": "Geography", "taken": taken, "average": average, "before": before}
    return {"taken": taken, "average": average, "categories": [category], "more": 0, **_NO_EXTREMES}


#: Name -> facts. `locale` is filled in by who renders them.
STATES: Mapping[str, Mapping[str, Any]] = {
    "usual": facts(),
    "first": facts(**_in_geography(1, 100.0), first=True, previous=None, quizzes=_QUIZZES[:1], rank=2),
    "one-quiz": facts(**_in_geography(1, 100.0, 60.0), quizzes=_QUIZZES[:1], rank=1, percentile=100),
    "after-empty-month": facts(previous=None, categories=[{**each, "before": None} for each in _CATEGORIES]),
    "worse-month": facts(average=61.0, previous={"taken": 20, "average": 88.8}, rank=44, percentile=23),
    "not-graded": facts(**_in_geography(1, None, 60.0) | _UNGRADED, quizzes=[a_result(**_NO_RANK)]),
    "graded-for-the-first-time": facts(previous={"taken": 3, "average": None}),
    "tie": facts(rank=1, of=12, percentile=81),
    "last-of-all": facts(
        **_in_geography(2, 12.5, 55.0),
        best=20.0,
        quizzes=[a_result(taken=2, best=20.0, rank=42)],
        rank=57,
        percentile=0,
    ),
    "small-group": facts(
        **_in_geography(1, 75.0), best=75.0, quizzes=[a_result(best=75.0, rank=2, of=2)], **_PLACE_OF_3
    ),
    "alone": facts(**_in_geography(1, 100.0), quizzes=[a_result(of=1)], rank=1, of=1, percentile=None),
    "without-a-category": facts(
        categories=[*_CATEGORIES[:3], {"name": None, "taken": 4, "average": 70.0, "before": 55.0}],
        strongest="Art",
        weakest=None,
    ),
    "no-suggestion": facts(suggestion=None, **_NO_EXTREMES),
    "many-quizzes": facts(
        taken=12_345,
        quizzes=[a_result(id=str(n), best=100.0 - 4 * n) for n in range(20)],
        more=1204,
        of=1_234_567,
    ),
    "long-names": facts(
        name="Wolfeschlegelsteinhausenbergerdorff " * 4,
        quizzes=[a_result(title=_LONG, category="Rivers of the whole world " * 3), a_result(title="W" * 300)],
        categories=[{**each, "name": "Rivers of the whole world " * 3} for each in _CATEGORIES],
        strongest="Rivers of the whole world " * 3,
        weakest="W" * 300,
        suggestion={**_SUGGESTION, "title": _LONG, "category": "W" * 300},
    ),
    "hostile-names": facts(
        name=HOSTILE,
        quizzes=[a_result(title=HOSTILE, category=HOSTILE)],
        categories=[{**each, "name": HOSTILE} for each in _CATEGORIES],
        strongest=HOSTILE,
        weakest=HOSTILE,
        suggestion={**_SUGGESTION, "title": HOSTILE, "category": HOSTILE, "url": "javascript:alert(1)"},
    ),
    "right-to-left-names": facts(
        name=ARABIC_NAME, quizzes=[a_result(title=ARABIC_TITLE, category="جغرافيا"), *_QUIZZES[1:]]
    ),
    "beyond-the-bounds": facts(
        average=-12.5, best=140.0, quizzes=[a_result(best=140.0), a_result(best=-3.0)], more=0
    ),
    "planned-long-ago": {name: value for name, value in facts().items() if name not in _LATER},
}
