"""What ``check`` reports about a platform."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from quizmail.inspection import inspect
from tests.support.platforms import WITH_ACCESS, NativePlatform

NOW = datetime(2026, 11, 23, 18, tzinfo=UTC)
DAY = timedelta(days=1)


@pytest.fixture
def site(tmp_path):
    with NativePlatform.in_folder(tmp_path) as site:
        yield site


def inspected(platform):
    return inspect(platform, 2 * DAY, NOW)


def test_users_are_counted_by_what_they_are(site):
    site.user("ada@example.com")
    site.user("ADA@example.com", is_staff=True)
    site.user("bob@example.com", active=False, opt_out=True, timezone="Mars/Olympus")
    for address in (None, "carl", "d d@example.com", "ëva@example.com"):
        site.user(address)
    found = inspected(site.opened())

    assert found.users == {
        "all": 7,
        "mailable": 3,
        "staff": 1,
        "disabled": 1,
        "opted_out_of_reminders": 1,
        "opted_out_of_reports": 1,
        "share_an_address": 2,
        "unknown_zone": 1,
    }
    assert found.not_mailable == {
        "missing": 1, "no_domain": 1, "malformed": 1, "local_part_not_ascii": 1
    }  # fmt: skip


def test_after_each_page_it_is_told_how_many_users_have_been_read(site):
    site.many("users", ["id", "email"], ((user, f"u{user}@example.com") for user in range(2001)))
    told = []

    inspect(site.opened(), 2 * DAY, NOW, told.append)

    assert told == [1000, 2000, 2001]


def test_ids_that_are_missing_or_doubled_are_counted(tmp_path):
    with NativePlatform.in_folder(tmp_path) as site:
        for table in ("users", "quizzes"):
            site.execute(f"DROP TABLE {table}")
        site.execute("CREATE TABLE users (id, email)")
        site.execute("CREATE TABLE quizzes (id, title)")
        for user in (1, 1, None):
            site.execute("INSERT INTO users VALUES (?, 'ada@example.com')", (user,))
        for quiz in (1, 1):
            site.execute("INSERT INTO quizzes VALUES (?, 'Fractions')", (quiz,))
        found = inspected(site.opened())

    assert found.users == {"all": 1, "mailable": 1, "duplicate_id": 1, "without_id": 1}
    assert found.quizzes == {"all": 1, "published": 1, "open_now": 1, "duplicate_id": 1}


def test_quizzes_that_never_open_are_counted(site):
    site.quiz()
    site.quiz(opens_at=NOW, closes_at=NOW)
    site.quiz(opens_at=NOW, closes_at=NOW - DAY)
    site.quiz(published=False)

    assert inspected(site.opened()).quizzes == {
        "all": 4, "published": 3, "not_published": 1, "open_now": 1, "never_open": 2
    }  # fmt: skip


def test_attempts_are_counted_by_what_is_wrong_with_them(site):
    user, quiz = site.user(), site.quiz()
    yesterday = NOW - DAY
    site.attempt(user, quiz, yesterday)
    site.attempt(user, quiz, yesterday, score=11)
    site.attempt(user, quiz, yesterday, score=-1)
    site.attempt(user, quiz, yesterday, score=None)
    site.attempt(user, quiz, yesterday, max_score=0)
    site.attempt(999, quiz, yesterday)
    site.attempt(None, quiz, yesterday)
    site.attempt(user, 999, yesterday)
    site.attempt(user, None, yesterday)
    site.attempt(user, quiz, NOW + DAY)
    for end in (None, "", "soon", "2026-02-30"):
        site.attempt(user, quiz, end)

    assert inspected(site.opened()).attempts == {
        "all": 14,
        "without_end": 2,
        "unreadable_end": 2,
        "in_the_future": 1,
        "of_no_user": 2,
        "of_no_quiz": 2,
        "ungraded": 2,
        "above_100_percent": 1,
        "below_0_percent": 1,
    }


def test_the_newest_instant_of_every_column_shows_a_wrong_zone(site):
    user, quiz = site.user(last_seen_at=NOW - DAY, created_at=NOW - 9 * DAY), site.quiz(closes_at=NOW + DAY)
    site.attempt(user, quiz, NOW + timedelta(hours=5.5))
    found = inspected(site.opened())

    assert found.newest == {
        "quizzes.opens_at": None,
        "quizzes.closes_at": NOW + DAY,
        "quizzes.created_at": None,
        "users.last_seen_at": NOW - DAY,
        "users.created_at": NOW - 9 * DAY,
        "attempts.finished_at": NOW + timedelta(hours=5.5),
    }
    doubted = [line for line in found.lines() if "is the zone of this column right?" in line]
    assert len(doubted) == 1 and doubted[0].startswith(
        "newest attempts.finished_at: 2026-11-23 23:30:00+00:00, 5.5 h"
    )


def test_who_would_be_mailed_is_shown_masked(site):
    site.quiz()
    for number in range(12):
        site.user(f"learner{number}@example.com")
    site.user("away@example.com", last_seen_at=NOW - DAY)
    site.user("bad")
    site.user("teacher@example.com", is_staff=True)
    found = inspected(site.opened())

    assert found.reminders == {"due": 12, "recently_active": 1, "bad_address": 1, "staff": 1}
    assert found.would_be_mailed == ["l…@e….com"] * 10
    assert "learner" not in "\n".join(found.lines()) + json.dumps(found.as_dict())


def test_it_can_be_said_as_json(site):
    site.user()
    site.attempt(site.user(), site.quiz(), NOW - DAY)
    found = inspected(site.opened()).as_dict()

    assert json.loads(json.dumps(found)) == found
    assert found["newest"]["attempts.finished_at"] == "2026-11-22T18:00:00+00:00"


def test_an_empty_platform_is_inspected_too(site, tmp_path):
    (tmp_path / "access.toml").write_text(WITH_ACCESS)
    found = inspected(site.opened(tmp_path / "access.toml"))

    assert found.users == found.quizzes == found.attempts == {"all": 0}
    assert "users: all 0" in found.lines()


def test_access_rows_are_counted(site, tmp_path):
    (tmp_path / "access.toml").write_text(WITH_ACCESS)
    site.enrol(site.user(), site.quiz())

    assert inspected(site.opened(tmp_path / "access.toml")).quizzes["access_rows"] == 1
