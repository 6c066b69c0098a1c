"""Who on a page may be due, and for whom more is looked up."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quizmail.audience import Audience
from quizmail.planning import Planner, Question
from quizmail.platform.members import later
from quizmail.rules import Person, decide
from quizmail.sifting import FINAL
from quizmail.states import Kind, NotDue
from tests.support.platforms import NativePlatform

NOW = datetime(2026, 11, 26, 18, tzinfo=UTC)
DAY, LIMIT = timedelta(days=1), timedelta(days=2)

instants = st.none() | st.timedeltas(-DAY, 9 * DAY).map(lambda ago: NOW - ago)
persons = st.builds(
    Person,
    user_id=st.just("1"),
    address=st.none(),
    active=st.booleans(),
    is_staff=st.booleans(),
    created_at=instants,
    last_activity=instants,
    available=st.just(1),
    taken=st.integers(0, 1),
    forgotten=st.booleans(),
    opted_out=st.booleans(),
    suppressed=st.booleans(),
    paused_until=instants,
    weekly_after=st.none(),
    zone=st.just("UTC"),
)


@given(st.sampled_from(Kind), persons, instants, st.integers(0, 2))
def test_no_attempt_and_no_quiz_changes_a_final_verdict(kind, person, last_finished, available):
    verdict = decide(kind, person, NOW, LIMIT)
    last_activity = later(person.last_activity, last_finished)
    known = person._replace(last_activity=last_activity, available=available, address="ada@example.com")

    if verdict in FINAL:
        assert decide(kind, known, NOW, LIMIT) is verdict


@given(persons)
def test_nothing_else_is_needed_to_say_that_no_report_is_due(person):
    alike = {name: getattr(person, name) for name in ("active", "is_staff", "taken", "forgotten")}
    verdict = decide(Kind.REPORT, Person("", None, **alike), NOW, LIMIT)

    if isinstance(verdict, NotDue):
        assert verdict in FINAL
        assert decide(Kind.REPORT, person, NOW, LIMIT) is verdict
    else:
        assert not isinstance(decide(Kind.REPORT, person, NOW, LIMIT), NotDue)


@pytest.fixture
def site(tmp_path):
    with NativePlatform.in_folder(tmp_path) as site:
        yield site


@pytest.mark.usefixtures("sqlite_database")
def test_attempts_and_quizzes_are_looked_for_only_where_they_may_decide(site, monkeypatch):
    away, _, new, active = (
        site.user(last_seen_at=seen, created_at=NOW - days * DAY)
        for seen, days in ((NOW - 9 * DAY, 99), (NOW - DAY, 99), (None, 1), (NOW - 9 * DAY, 99))
    )
    for user in (new, active):
        site.attempt(user, site.quiz(), NOW - DAY)
    audience, asked = Audience(site.opened()), {}

    def noting(name, real):
        def ask(at, keys, *rest):
            asked[name] = keys
            return real(at, keys, *rest)

        monkeypatch.setattr(audience, name, ask)

    for name in ("last_finished", "available"):
        noting(name, getattr(audience, name))
    question = Question(Kind.REMINDER, "2026-11-26", NOW, audience.catalogue(NOW), NOW)
    plan = Planner(audience, LIMIT).page(question, {"UTC"}, None)

    assert asked == {"last_finished": [str(away), str(new), str(active)], "available": [str(away)]}
    assert [row.user_id for row in plan.rows] == [str(away)]
    assert plan.not_due == {NotDue.RECENTLY_ACTIVE: 3}
