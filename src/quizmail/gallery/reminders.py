"""The states of a reminder, as the facts that a delivery row would hold."""

from collections.abc import Mapping
from typing import Any

#: What somebody might type who wants to break a mail, or who just likes signs.
HOSTILE = "<b>\"Tom\"</b>\r\nBcc: x@example.net & 'Jerry' {{ 7*7 }} {% x %} %(y)s"
#: An Arabic name and an Arabic title.
ARABIC_NAME = "محمد بن سلمان"
ARABIC_TITLE = "ما هي عواصم أفريقيا؟"


def a_quiz(number: int = 7, title: str = "Capitals of Africa", **changes: Any) -> dict[str, Any]:
    """Return an open quiz as a reminder lists it."""
    return {
        "id": str(number),
        "title": title,
        "category": "Geography",
        "url": f"https://quiz.example.com/quizzes/{number}",
        "minutes": 10,
        "closes_at": None,
        "is_new": False,
        **changes,
    }


def facts(**changes: Any) -> dict[str, Any]:
    """Return the facts of the usual reminder with `changes`: six days away, five quizzes shown of twelve."""
    return {
        "name": "Jörg Müller",
        "locale": None,
        "zone": "Europe/Berlin",
        "last_activity": "2026-11-17T16:20:00+00:00",
        "days_away": 6,
        "quizzes": _FIVE,
        "more": 7,
        "fresh": 2,
        "streak": 0,
        "variant": 0,
        **changes,
    }


_FIVE = [
    a_quiz(closes_at="2026-11-27T17:00:00+00:00", is_new=True),
    a_quiz(
        8, "Who painted this?", category="Art", minutes=15, closes_at="2026-11-29T23:00:00+00:00", is_new=True
    ),
    a_quiz(9, "The periodic table, from hydrogen to oganesson", category="Science", minutes=20),
    a_quiz(
        10,
        "One-hit wonders of the eighties",
        category="Music",
        minutes=5,
        closes_at="2026-12-04T17:30:00+00:00",
    ),
    a_quiz(11, "World Cup finals", category="Sport", minutes=None),
]
_NEVER: dict[str, Any] = {"last_activity": None, "days_away": None, "fresh": 0}
_BARE: dict[str, Any] = {"category": None, "url": None, "minutes": None}
_LONG = "The longest title that anybody has ever given to a quiz about rivers " * 5

#: Name -> facts. `locale` is filled in by who renders them.
STATES: Mapping[str, Mapping[str, Any]] = {
    "usual": facts(),
    "never-active": facts(**_NEVER),
    "one-quiz": facts(quizzes=[a_quiz()], more=0, fresh=0, days_away=9, variant=1),
    "closing-soon": facts(
        quizzes=[a_quiz(closes_at="2026-11-23T22:30:00+00:00"), a_quiz(8, "Who painted this?")],
        more=0,
        fresh=0,
        variant=2,
    ),
    "new-quizzes": facts(
        fresh=4, quizzes=[{**quiz, "is_new": True} for quiz in _FIVE[:3]], more=1, variant=3
    ),
    "one-new-quiz": facts(fresh=1, quizzes=[a_quiz(is_new=True)], more=0, variant=4),
    "streak-at-risk": facts(streak=6, variant=5),
    "long-away": facts(days_away=1204, last_activity="2023-08-07T09:00:00+00:00", more=1, fresh=6, variant=6),
    "long-names": facts(
        name="Wolfeschlegelsteinhausenbergerdorff " * 4,
        quizzes=[a_quiz(n, _LONG, category="Rivers and lakes of the whole world " * 3) for n in range(7, 11)]
        + [a_quiz(11, "W" * 300)],
        more=695,
        variant=7,
    ),
    "hostile-names": facts(
        name=HOSTILE, quizzes=[a_quiz(title=HOSTILE, category=HOSTILE)], more=0, fresh=0, variant=8
    ),
    "right-to-left-names": facts(
        name=ARABIC_NAME, quizzes=[a_quiz(title=ARABIC_TITLE, category="جغرافيا"), *_FIVE[1:]], variant=9
    ),
    "bare": facts(
        **_NEVER | {"name": "", "quizzes": [a_quiz(**_BARE)], "more": 0, "zone": "UTC", "variant": 10}
    ),
    "planned-long-ago": {
        name: value for name, value in facts().items() if name not in {"fresh", "streak", "variant"}
    },
}
