"""What is frozen on a row for a mail to say."""

from datetime import UTC, date, datetime, timedelta
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quizmail.activity import Figure
from quizmail.audience import Member, Quiz
from quizmail.facts import VARIANTS, reminder_facts, report_facts, variant
from quizmail.fields import Document, JSONField, decode_document, encode_document

NOW = datetime(2026, 11, 23, 18, tzinfo=UTC)
DAY = timedelta(days=1)
QUIZ = {"id": "7", "title": "Rivers", "category": "Geography", "taken": 1, "best": 80.0, "rank": 1, "of": 9}


def quiz(number, category=None, **changes):
    keys = ("url", "opens_at", "closes_at", "created_at", "max_attempts", "minutes")
    given = {"id": str(number), "title": f"Quiz {number}", "category": category, "published": True}
    return Quiz(**given | dict.fromkeys(keys) | changes)


def member(*quizzes, last=NOW - 6 * DAY):
    return Member(
        "42", None, None, "Ada", True, False, frozenset(), "UTC", True, None, None, None, last, quizzes
    )


def category(name, taken=1, average=None):
    return {"name": name, "taken": taken, "average": average}


def figure(*categories, **changes):
    given = {"period": "2026-10", "user_id": "1", "taken": 1, "average": 80.0, "best": 90.0, "rank": 2}
    given |= {"of": 5, "quizzes": [], "categories": list(categories), "below": 3} | changes
    return Figure(**given | {"quizzes": Document(encode_document(given["quizzes"]))})


def reported(now, before=None, first=False, open_quizzes=()):
    facts = report_facts(now, before, first, open_quizzes)
    return decode_document(JSONField().db_value(facts))


def test_the_facts_of_a_reminder():
    closing = quiz(7, "Art", url="https://x.example/7", minutes=5, closes_at=NOW + DAY, opens_at=NOW - DAY)
    assert reminder_facts(member(closing, quiz(8)), "2026-11-23", NOW, 3) == {
        "last_activity": "2026-11-17T18:00:00+00:00",
        "days_away": 6,
        "quizzes": [
            {
                "id": "7",
                "title": "Quiz 7",
                "category": "Art",
                "url": "https://x.example/7",
                "minutes": 5,
                "closes_at": "2026-11-24T18:00:00+00:00",
                "is_new": True,
            },
            {
                "id": "8",
                "title": "Quiz 8",
                "category": None,
                "url": None,
                "minutes": None,
                "closes_at": None,
                "is_new": False,
            },
        ],
        "more": 0,
        "fresh": 1,
        "streak": 3,
        "variant": variant("42", "2026-11-23"),
    }


def test_fresh_quizzes_are_counted_beyond_those_that_are_shown():
    quizzes = [quiz(number, created_at=NOW - number * DAY) for number in range(1, 10)]
    facts = reminder_facts(member(*quizzes, last=NOW - 8 * DAY), "2026-11-23", NOW, 0)

    assert (len(facts["quizzes"]), facts["more"], facts["fresh"]) == (5, 4, 7)


def test_for_who_was_never_active_nothing_is_fresh():
    facts = reminder_facts(member(quiz(1, created_at=NOW), last=None), "2026-11-23", NOW, 0)

    assert (facts["fresh"], facts["last_activity"], facts["days_away"]) == (0, None, None)


@given(st.text(), st.dates(date(2020, 1, 1), date(2100, 1, 1)))
def test_no_variant_comes_again_within_fifteen_days(user_id, day):
    seen = [variant(user_id, (day + number * DAY).isoformat()) for number in range(VARIANTS)]

    assert sorted(seen) == list(range(15))


def test_a_variant_is_told_by_the_user_and_the_date():
    first = int.from_bytes(sha256(b"42").digest()[:8], "big")

    assert variant("42", "2026-11-23") == (first + date(2026, 11, 23).toordinal()) % 15
    assert len({variant(str(number), "2026-11-23") for number in range(300)}) == 15


def test_the_facts_of_a_report():
    now = figure(category("Art", 3, 90.0), category("Music", 2, 70.0), quizzes=[QUIZ])
    before = figure(category("Art", 1, 60.0), period="2026-09", taken=4, average=70.0)
    suggested = quiz(9, "Music", url="https://x.example/9")

    assert reported(now, before, open_quizzes=[quiz(10, "Art"), suggested]) == {
        "month": "2026-10",
        "taken": 1,
        "average": 80.0,
        "best": 90.0,
        "rank": 2,
        "of": 5,
        "previous": {"taken": 4, "average": 70.0},
        "first": False,
        "quizzes": [QUIZ],
        "more": 0,
        "categories": [
            {"name": "Art", "taken": 3, "average": 90.0, "before": 60.0},
            {"name": "Music", "taken": 2, "average": 70.0, "before": None},
        ],
        "strongest": "Art",
        "weakest": "Music",
        "percentile": 75,
        "suggestion": {"id": "9", "title": "Quiz 9", "category": "Music", "url": "https://x.example/9"},
    }


def test_of_months_computed_before_categories_were_kept_none_are_told():
    facts = reported(figure(categories=None, below=None), figure(categories=None, below=None), first=True)

    assert (facts["categories"], facts["strongest"], facts["weakest"]) == ([], None, None)
    assert (facts["percentile"], facts["suggestion"], facts["first"]) == (None, None, True)


def test_without_anything_taken_the_month_before_is_not_compared():
    assert reported(figure())["previous"] is None


def test_a_report_names_twenty_quizzes_and_counts_the_others():
    facts = reported(figure(quizzes=[{"id": str(number)} for number in range(700)]))

    assert [each["id"] for each in facts["quizzes"]] == [str(number) for number in range(20)]
    assert facts["more"] == 680


def test_a_report_compares_six_categories():
    facts = reported(figure(*(category(str(number)) for number in range(9))))

    assert [each["name"] for each in facts["categories"]] == list("012345")


@pytest.mark.parametrize(
    ("categories", "extremes"),
    [
        ([], (None, None)),
        ([category("Art", 1, 50.0)], (None, None)),
        ([category("Art", 1, 50.0), category("Music")], (None, None)),
        ([category("Art", 1, 50.0), category("Music", 1, 50.0)], (None, None)),
        ([category("Art", 1, 50.0), category(None, 1, 90.0)], (None, None)),
        ([category("Art", 1, 50.0), category("Music", 1, 50.1)], ("Music", "Art")),
        ([category("A", 3, 9.0), category("B", 2, 9.0), category("C", 1, 5.0)], ("A", "C")),
    ],
)
def test_a_strongest_and_a_weakest_category_need_two_that_differ(categories, extremes):
    facts = reported(figure(*categories))

    assert (facts["strongest"], facts["weakest"]) == extremes


@pytest.mark.parametrize(
    ("below", "of", "percentile"),
    [(4, 5, 100), (0, 5, 0), (2, 4, None), (1, 7, 16), (None, None, None), (None, 9, None), (99, 101, 99)],
)
def test_a_percentile_is_of_the_others_rounded_down_and_none_among_few(below, of, percentile):
    assert reported(figure(below=below, of=of))["percentile"] == percentile


@pytest.mark.parametrize(
    ("open_quizzes", "suggested"),
    [
        ([], None),
        ([quiz(1), quiz(2, "Music"), quiz(3, "Music")], "2"),
        ([quiz(1), quiz(7, "Music"), quiz(3, "Music")], "3"),
        ([quiz(1), quiz(7, "Music")], "7"),
        ([quiz(7), quiz(5), quiz(4)], "5"),
        ([quiz(7)], None),
    ],
)
def test_the_weakest_category_is_suggested_first_then_what_was_not_taken(open_quizzes, suggested):
    now = figure(category("Art", 1, 90.0), category("Music", 1, 50.0), quizzes=[QUIZ])
    found = reported(now, open_quizzes=open_quizzes)["suggestion"]

    assert (found and found["id"]) == suggested


def test_what_was_taken_the_month_before_is_not_new():
    found = reported(figure(), figure(quizzes=[QUIZ]), open_quizzes=[quiz(7), quiz(1)])["suggestion"]

    assert found["id"] == "1"
