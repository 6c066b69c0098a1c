"""From a page of the audience to what its mails say, with a fixed number of queries."""

from collections import Counter
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta

import pytest

from quizmail import activity, models
from quizmail.audience import Audience
from quizmail.facts import variant
from quizmail.fields import JSONField, decode_document
from quizmail.models import MonthFigure, Recipient
from quizmail.planning import Planner, Question
from quizmail.states import Kind, NotDue, Preference, Skip
from tests.support.platforms import NativePlatform

#: A Thursday, and the reports' instant in the month after.
EVENING = datetime(2026, 11, 26, 18, tzinfo=UTC)
FIRST = datetime(2026, 11, 1, 9, tzinfo=UTC)
OCTOBER = datetime(2026, 10, 15, tzinfo=UTC)
DAY, WEEK = timedelta(days=1), timedelta(weeks=1)

pytestmark = pytest.mark.usefixtures("sqlite_database")


@pytest.fixture
def site(tmp_path):
    with NativePlatform.in_folder(tmp_path) as site:
        yield site


def reminders(site):
    planner = Planner(Audience(site.opened()), 2 * DAY)
    question = Question(Kind.REMINDER, "2026-11-26", EVENING, planner.audience.catalogue(EVENING), EVENING)
    return planner, question


def reports(site):
    planner = Planner(Audience(site.opened()), 2 * DAY)
    for month in ("2026-09", "2026-10"):
        assert activity.compute(planner.audience.platform, month, FIRST, "here")
    return planner, Question(Kind.REPORT, "2026-10", FIRST, planner.audience.catalogue(FIRST), FIRST)


def facts_of(planned):
    planner, question = planned
    rows = planner.page(question, {"UTC"}, None).rows
    return {row.user_id: decode_document(JSONField().db_value(row.facts)) for row in rows}


def test_a_reminder_knows_the_run_at_risk_and_its_variant(site):
    steady, idle, quiz = site.user(), site.user(last_seen_at=EVENING - 9 * DAY), site.quiz()
    for ago in (1, 2, 3):
        site.attempt(steady, quiz, EVENING - ago * WEEK)
    facts = facts_of(reminders(site))

    assert [facts[str(user)]["streak"] for user in (steady, idle)] == [3, 0]
    assert facts[str(idle)]["variant"] == variant(str(idle), "2026-11-26")


def test_an_attempt_this_week_puts_no_run_at_risk_but_a_visit_does(site):
    active, visitor, quiz = site.user(), site.user(last_seen_at=EVENING - 3 * DAY), site.quiz()
    for user in (active, visitor):
        for ago in (1, 2):
            site.attempt(user, quiz, EVENING - ago * WEEK)
    site.attempt(active, quiz, EVENING - 3 * DAY)
    facts = facts_of(reminders(site))

    assert [facts[str(user)]["streak"] for user in (active, visitor)] == [0, 2]


def test_everybody_who_is_not_due_is_counted_by_the_first_reason_and_the_rest_have_rows(site):
    site.quiz("once", id=900, max_attempts=1)
    due, opted_out, weekly, _, done = (
        site.user(f"u{number}@example.com", last_seen_at=EVENING - seen * DAY)
        for number, seen in enumerate((9, 9, 9, 1, 9))
    )
    site.user("staff@example.com", is_staff=True)
    site.attempt(done, 900, EVENING - 20 * DAY)
    Recipient.create(user_id=str(opted_out), reminder_preference=Preference.OFF)
    Recipient.create(user_id=str(weekly), reminder_preference=Preference.WEEKLY)
    planner, question = reminders(site)
    plan = planner.page(question, {"UTC"}, None)

    assert {row.user_id: row.skip for row in plan.rows} == {
        str(due): None, str(opted_out): Skip.OPTED_OUT, str(weekly): None
    }  # fmt: skip
    assert plan.not_due == Counter({NotDue.RECENTLY_ACTIVE: 1, NotDue.STAFF: 1, NotDue.NOTHING_AVAILABLE: 1})


def test_a_report_knows_newcomers_percentiles_and_what_to_take_next(site):
    art, music = site.quiz(category="Art"), site.quiz(category="Music")
    once = site.quiz("once", category="Music", max_attempts=1, created_at=OCTOBER)
    site.quiz("closed", category="Music", closes_at=FIRST, created_at=OCTOBER)
    users = [site.user() for _ in range(5)]
    for user, score in zip(users, (9, 7, 7, 5, 3), strict=True):
        site.attempt(user, art, OCTOBER, score=score)
    new, returned, steady, _, _ = users
    site.attempt(new, once, OCTOBER, score=5)
    site.attempt(returned, art, OCTOBER - 90 * DAY)
    site.attempt(steady, art, OCTOBER - 30 * DAY, score=6)
    facts = [facts_of(reports(site))[str(user)] for user in users]

    assert [each["first"] for each in facts] == [True, False, False, True, True]
    assert [each["percentile"] for each in facts] == [50, 50, 50, 25, 0]
    assert (facts[0]["strongest"], facts[0]["weakest"]) == ("Art", "Music")
    assert [each["suggestion"]["id"] for each in facts[:2]] == [str(music), str(once)]
    assert facts[2]["categories"] == [{"name": "Art", "taken": 1, "average": 70.0, "before": 60.0}]


def test_months_from_before_the_migration_and_an_empty_catalogue_are_coped_with(site):
    user, quiz = site.user(), site.quiz(published=False)
    for at in (OCTOBER - 30 * DAY, OCTOBER):
        site.attempt(user, quiz, at)
    planned = reports(site)
    MonthFigure.update(categories=None, below=None).execute()
    facts = facts_of(planned)[str(user)]

    assert (facts["categories"], facts["percentile"], facts["suggestion"]) == ([], None, None)
    assert facts["previous"] == {"taken": 1, "average": 80.0}


@pytest.mark.parametrize("plan", [reminders, reports])
def test_the_number_of_queries_for_a_page_does_not_depend_on_what_is_on_it(tmp_path, plan):
    counts = set()
    for users in (1, 10, 1000):
        with NativePlatform.in_folder(tmp_path) as site:
            for model in (models.MonthFigure, models.Month):
                model.delete().execute()
            quiz = site.quiz("limited", max_attempts=99)
            site.many("users", ["id", "email"], ((user, f"u{user}@example.com") for user in range(users)))
            ends = [EVENING - WEEK, EVENING - 2 * WEEK, OCTOBER]
            rows = ((user, quiz, at) for user in range(users) for at in ends)
            site.many("quiz_attempts", ["user_id", "quiz_id", "finished_at"], rows)
            planner, question = plan(site)
            planner.audience.platform.profile()
            with queries_of(planner) as queries:
                assert len(planner.page(question, {"UTC"}, None, 1001).rows) == users
            counts.add(len(queries))

    assert counts == {{reminders: 7, reports: 8}[plan]}


@contextmanager
def queries_of(planner):
    statements = []
    with ExitStack() as stack:
        for database in (models.database.obj, planner.audience.platform.database):
            connection = database.connection()
            connection.set_trace_callback(statements.append)
            stack.callback(connection.set_trace_callback, None)
        yield statements
