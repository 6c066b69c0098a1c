"""Runs of active weeks that this week may break, in every format in which SQLite keeps instants."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from quizmail.platform.active_weeks import LONGEST, streaks
from tests.support.platforms import NativePlatform
from tests.support.streaks import reckoned

#: A Thursday.
NOW = datetime(2026, 11, 26, 18, tzinfo=UTC)
WEEK = timedelta(weeks=1)
SECOND = timedelta(seconds=1)

FORMATS = {
    "text": lambda at: at.strftime("%Y-%m-%d %H:%M:%S"),
    "offsets": lambda at: at.astimezone(ZoneInfo("America/Lima")).isoformat(),
    "numbers": lambda at: at.timestamp(),
    "both": lambda at: at.timestamp() if at.day % 2 else at.isoformat(),
}


@pytest.fixture
def site(tmp_path):
    with NativePlatform.in_folder(tmp_path) as site:
        yield site


def streak_of(platform, user, last, at=NOW):
    return streaks(platform, {str(user): last}, at).get(str(user), 0)


@pytest.mark.parametrize(
    ("weeks", "streak"),
    [
        ([], 0),
        ([1], 0),
        ([1, 2], 2),
        ([1, 2, 3, 5, 6], 3),
        ([2, 3, 4], 0),
        ([0, 1, 2], 0),
        (range(1, 60), 59),
        (range(1, LONGEST + 9), LONGEST),
    ],
)
def test_a_run_of_active_weeks_ends_with_last_week_and_has_no_gap(site, weeks, streak):
    user, quiz = site.user(), site.quiz()
    for ago in weeks:
        site.attempt(user, quiz, NOW - ago * WEEK - SECOND)
    last = NOW - min(weeks) * WEEK - SECOND if weeks else None

    assert streak_of(site.opened(), user, last) == streak


def test_attempts_on_unknown_quizzes_keep_no_run_alive(site):
    user, quiz = site.user(), site.quiz()
    for ago, what in ((1, quiz), (2, 999), (3, quiz)):
        site.attempt(user, what, NOW - ago * WEEK)

    assert streak_of(site.opened(), user, NOW - WEEK) == 0


def test_weeks_are_those_of_the_sites_zone(site):
    user, quiz = site.user(), site.quiz()
    monday = datetime(2026, 11, 16, tzinfo=UTC)
    site.attempt(user, quiz, monday)
    site.attempt(user, quiz, monday - 2 * SECOND)

    assert streak_of(site.opened(), user, monday) == 2
    assert streak_of(site.opened(site_zone="Asia/Kolkata"), user, monday) == 0


def test_nobody_is_asked_for_whose_last_attempt_was_not_last_week(site):
    platform = site.opened()
    platform.fetch = None

    assert streaks(platform, {"1": None, "2": NOW - SECOND, "3": NOW - 2 * WEEK}, NOW) == {}


@pytest.mark.parametrize("written", FORMATS)
@settings(deadline=None, max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    days=st.lists(st.lists(st.integers(0, 100), max_size=40), min_size=1, max_size=5),
    zone=st.sampled_from(["UTC", "Europe/Berlin", "Pacific/Kiritimati"]),
    now=st.datetimes(datetime(2020, 1, 1), datetime(2026, 12, 31), timezones=st.just(UTC)),
)
def test_the_one_query_agrees_with_a_plain_reckoning(tmp_path, written, days, zone, now):
    with NativePlatform.in_folder(tmp_path, instants="BLOB") as site:
        quiz, finished = site.quiz(), {}
        now = now.replace(microsecond=0)
        for theirs in days:
            user = site.user()
            finished[str(user)] = [now - timedelta(days=number, hours=number % 24 + 1) for number in theirs]
            for at in finished[str(user)]:
                site.attempt(user, quiz, FORMATS[written](at))
        last = {user: max(theirs, default=None) for user, theirs in finished.items()}
        found = streaks(site.opened(site_zone=zone), last, now)

    assert found == reckoned(finished, now, ZoneInfo(zone))
