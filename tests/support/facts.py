"""Facts as they are frozen on a delivery: what a template may be given."""

from typing import Any


def a_quiz(**changes: Any) -> dict[str, Any]:
    return {
        "id": "7",
        "title": "Capitals of Africa",
        "category": "Geography",
        "url": "https://quiz.example.com/quizzes/7",
        "minutes": 10,
        "closes_at": "2026-11-24T17:00:00+00:00",
        "is_new": True,
        **changes,
    }


def reminder_facts(**changes: Any) -> dict[str, Any]:
    quizzes = [
        a_quiz(),
        a_quiz(
            id="8",
            title="Who painted this?",
            category="Art",
            url="https://quiz.example.com/quizzes/8",
            minutes=15,
            closes_at="2026-11-29T23:00:00+00:00",
        ),
        a_quiz(
            id="9",
            title="The periodic table, from hydrogen to oganesson",
            category="Science",
            url="https://quiz.example.com/quizzes/9",
            minutes=20,
            closes_at=None,
            is_new=False,
        ),
        a_quiz(
            id="10",
            title="One-hit wonders of the eighties",
            category="Music",
            url="https://quiz.example.com/quizzes/10",
            minutes=5,
            closes_at="2026-12-04T17:30:00+00:00",
            is_new=False,
        ),
        a_quiz(
            id="11",
            title="World Cup finals",
            category="Sport",
            url="https://quiz.example.com/quizzes/11",
            minutes=None,
            closes_at=None,
            is_new=False,
        ),
    ]
    return {
        "name": "Jörg Müller",
        "locale": "en-GB",
        "zone": "Europe/Berlin",
        "last_activity": "2026-11-17T16:20:00+00:00",
        "days_away": 6,
        "quizzes": quizzes,
        "more": 7,
        "fresh": 2,
        "streak": 0,
        "variant": 0,
        **changes,
    }


def a_result(**changes: Any) -> dict[str, Any]:
    return {
        "id": "7",
        "title": "Capitals of Africa",
        "category": "Geography",
        "taken": 1,
        "best": 100.0,
        "rank": 1,
        "of": 42,
        **changes,
    }


def report_facts(**changes: Any) -> dict[str, Any]:
    rows = [
        ("7", "Capitals of Africa", "Geography", 1, 100.0, 1, 42),
        ("8", "Who painted this?", "Art", 2, 95.0, 2, 38),
        ("9", "The periodic table, from hydrogen to oganesson", "Science", 3, 91.66666, 4, 51),
        ("10", "One-hit wonders of the eighties", "Music", 1, 88.0, 7, 29),
        ("11", "World Cup finals", "Sport", 2, 83.33333, 3, 33),
        ("12", "Rivers and lakes", "Geography", 1, 75.0, 12, 40),
        ("13", "The Renaissance", "History", 1, 62.5, 18, 27),
        ("14", "Essay: my favourite city", "Writing", 1, None, None, None),
    ]
    keys = ("id", "title", "category", "taken", "best", "rank", "of")
    return {
        "name": "Jörg Müller",
        "locale": "en-GB",
        "zone": "Europe/Berlin",
        "month": "2026-10",
        "taken": 14,
        "average": 83.333333,
        "best": 100.0,
        "rank": 3,
        "of": 57,
        "previous": {"taken": 11, "average": 79.125},
        "first": False,
        "quizzes": [dict(zip(keys, row, strict=True)) for row in rows],
        "more": 2,
        "categories": [
            {"name": "Geography", "taken": 3, "average": 87.5, "before": 80.0},
            {"name": "Art", "taken": 2, "average": 95.0, "before": None},
            {"name": "History", "taken": 1, "average": 62.5, "before": 70.0},
            {"name": "Writing", "taken": 1, "average": None, "before": None},
            {"name": None, "taken": 1, "average": 83.33333, "before": None},
        ],
        "strongest": "Art",
        "weakest": "History",
        "percentile": 96,
        "suggestion": {
            "id": "21",
            "title": "Great rivers",
            "category": "History",
            "url": "https://quiz.example.com/quizzes/21",
        },
        **changes,
    }
