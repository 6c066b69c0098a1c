"""The demo platform: the same on every build, up to the present day, and full of odd cases."""

import sqlite3
from collections import Counter
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from quizmail.demo import platform
from quizmail.demo.catalogue import DRILLS

TOO_OFTEN = (
    "SELECT user_id FROM quiz_attempts JOIN quizzes ON quizzes.id = quiz_id"
    " WHERE max_attempts IS NOT NULL GROUP BY user_id, quiz_id HAVING COUNT(*) > max_attempts"
)

NOW = datetime(2026, 11, 24, 10, 30, tzinfo=UTC)


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    path = tmp_path_factory.mktemp("demo") / "platform.db"
    platform.ensure(path, NOW, "http://127.0.0.1:8025/quiz")
    return path


@pytest.fixture
def ask(file):
    connection = sqlite3.connect(file)
    yield lambda sql, *values: connection.execute(sql, values).fetchall()
    connection.close()


def dump(path) -> list[str]:
    connection = sqlite3.connect(path)
    lines = list(connection.iterdump())
    connection.close()
    return lines


def asked(path, sql):
    connection = sqlite3.connect(path)
    rows = connection.execute(sql).fetchall()
    connection.close()
    return rows


def member(ask, name):
    """Return the row of the one whose name begins so, as a dict."""
    columns = ("id", "email", "active", "is_staff", "last_seen_at", "created_at", "timezone", "opt_out")
    (row,) = ask(f"SELECT {', '.join(columns)} FROM users WHERE name LIKE ? || '%'", name)
    return dict(zip(columns, row, strict=True))


def instant(text):
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def test_the_same_moment_gives_the_same_rows(tmp_path):
    for name in ("one.db", "two.db"):
        platform.build(tmp_path / name, NOW)
    assert dump(tmp_path / "one.db") == dump(tmp_path / "two.db")


def test_another_seed_gives_other_attempts(tmp_path, file):
    platform.build(tmp_path / "other.db", NOW, seed=21)
    assert dump(tmp_path / "other.db") != dump(file)


def test_a_platform_that_is_there_keeps_its_rows_and_its_links_follow_the_site(tmp_path):
    path = tmp_path / "platform.db"
    platform.ensure(path, NOW, "http://127.0.0.1:1/quiz")
    before = [line for line in dump(path) if "http:" not in line]
    platform.ensure(path, NOW, "http://127.0.0.1:2/quiz")
    assert [line for line in dump(path) if "http:" not in line] == before
    assert any("http://127.0.0.1:2/quiz/1'" in line for line in dump(path))
    assert not any("http://127.0.0.1:1/" in line for line in dump(path))


def test_days_later_it_has_lived_on_and_everybody_is_as_quiet_as_on_the_first_day(tmp_path):
    path = tmp_path / "platform.db"
    platform.ensure(path, NOW, "http://127.0.0.1/quiz")
    before = {line for line in dump(path) if '"quiz_attempts"' in line}
    platform.ensure(path, NOW + timedelta(days=9), "http://127.0.0.1/quiz")
    after = {line for line in dump(path) if '"quiz_attempts"' in line}
    assert before < after
    fresh = tmp_path / "fresh.db"
    platform.build(fresh, NOW + timedelta(days=9))
    visits = "SELECT id, last_seen_at FROM users"
    assert asked(path, visits) == asked(fresh, visits)
    assert asked(path, TOO_OFTEN) == []


def test_a_build_that_was_interrupted_leaves_no_platform_and_the_next_one_succeeds(tmp_path):
    (tmp_path / "platform.unfinished").write_bytes(b"half of it")
    platform.build(tmp_path / "platform.db", NOW)
    assert {path.name for path in tmp_path.iterdir()} == {"platform.db"}


def test_it_has_about_sixty_people_in_many_zones_and_thirty_public_quizzes(ask):
    ((people,),) = ask("SELECT COUNT(*) FROM users")
    zones = {zone for (zone,) in ask("SELECT DISTINCT timezone FROM users")}
    assert 55 <= people <= 65
    assert {
        "Asia/Kolkata",
        "America/New_York",
        "Europe/Berlin",
        "Asia/Tokyo",
        "Australia/Sydney",
        "Africa/Cairo",
        "Mars/Olympus",
        None,
    } <= zones
    assert ask("SELECT COUNT(*) FROM quizzes WHERE category IS NOT 'Drills'") == [(30,)]


def test_its_attempts_fill_a_year_up_to_the_present(ask):
    ((first, last),) = ask("SELECT MIN(finished_at), MAX(finished_at) FROM quiz_attempts WHERE user_id > 2")
    assert NOW - timedelta(days=365) <= instant(first) <= NOW - timedelta(days=355)
    assert NOW - timedelta(days=1) <= instant(last) <= NOW
    months = Counter(month for (month,) in ask("SELECT substr(finished_at, 1, 7) FROM quiz_attempts"))
    assert all(months[f"2026-{month:02}"] > 200 for month in range(1, 12))


@pytest.mark.parametrize(
    ("name", "quiet"),
    [
        ("Just Over", timedelta(days=2, hours=1)),
        ("Just Under", timedelta(days=1, hours=23)),
        ("Exactly", timedelta(days=2)),
    ],
)
def test_quiet_is_counted_back_from_the_latest_18_on_the_members_own_clock(ask, name, quiet):
    row = member(ask, name)
    zone = ZoneInfo(row["timezone"])
    evening = instant(row["last_seen_at"]) + quiet
    assert evening.astimezone(zone).hour == 18
    assert NOW - timedelta(days=1) < evening <= NOW
    assert (
        ask("SELECT MAX(finished_at) FROM quiz_attempts WHERE user_id = ?", row["id"])[0][0]
        < row["last_seen_at"]
    )


def test_it_has_who_was_never_there_and_who_has_just_joined(ask):
    old, new = member(ask, "Nadia"), member(ask, "Newton")
    assert old["last_seen_at"] is None
    assert new["last_seen_at"] is None
    assert instant(old["created_at"]) < NOW - timedelta(days=365)
    assert instant(new["created_at"]) > NOW - timedelta(days=2)
    assert ask("SELECT COUNT(*) FROM quiz_attempts WHERE user_id IN (?, ?)", old["id"], new["id"]) == [(0,)]


def test_it_has_staff_suspended_people_and_people_who_opted_out(ask):
    assert member(ask, "Stella")["is_staff"] == 1
    assert member(ask, "Simon")["active"] == 0
    assert member(ask, "Otto")["opt_out"] == 1


def test_it_has_addresses_that_cannot_be_mailed_and_two_accounts_with_one(ask):
    addresses = Counter(email for (email,) in ask("SELECT email FROM users"))
    assert addresses["family@example.org"] == 2
    assert {None, "karl.example.org", "dora@localhost", "space cadet@example.org", "jürgen@example.org"} <= (
        addresses.keys()
    )
    assert any("\r\n" in email for email in addresses if email)


def test_every_address_that_could_be_mailed_is_on_a_domain_that_is_reserved_for_examples(ask):
    domains = {email.strip().rpartition("@")[2] for (email,) in ask("SELECT email FROM users") if email}
    assert domains <= {"example.com", "example.org", "localhost", "karl.example.org"}


def test_it_has_names_with_accents_markup_quotes_line_ends_and_right_to_left_script(ask):
    names = " ".join(name for (name,) in ask("SELECT name FROM users") if name)
    for part in ("é", "ß", "ł", "<b>", "<script>", '"', "'", "\r\n", "نور", "נועה", "佐藤", "अर्जुन"):
        assert part in names
    assert ask("SELECT COUNT(*) FROM users WHERE name IS NULL") == [(1,)]
    assert ask("SELECT COUNT(*) FROM users WHERE length(name) > 200") == [(1,)]


def test_one_user_has_access_to_700_quizzes_that_nobody_else_has(ask):
    row = member(ask, "Collector")
    drills = ask(
        "SELECT user_id, COUNT(*) FROM enrolments JOIN quizzes ON quizzes.id = quiz_id"
        " WHERE category = 'Drills' GROUP BY user_id"
    )
    assert drills == [(row["id"], DRILLS)]
    assert DRILLS >= 700
    nothing = member(ask, "Nothing")
    assert ask("SELECT COUNT(*) FROM enrolments WHERE user_id = ?", nothing["id"]) == [(0,)]


def test_it_has_quizzes_that_are_not_open(ask):
    assert ask("SELECT COUNT(*) FROM quizzes WHERE NOT published") == [(1,)]
    assert ask("SELECT COUNT(*) FROM quizzes WHERE opens_at > ?", NOW.strftime("%F %T")) == [(1,)]
    assert ask("SELECT COUNT(*) FROM quizzes WHERE closes_at < ?", NOW.strftime("%F %T")) == [(1,)]


def test_nobody_takes_a_quiz_more_often_than_it_allows(ask):
    assert ask(TOO_OFTEN) == []


def test_it_has_attempts_without_grade_with_maximum_0_over_100_percent_and_below_0(ask):
    def scores(name):
        return ask("SELECT score, max_score FROM quiz_attempts WHERE user_id = ?", member(ask, name)["id"])

    assert {score for score, _ in scores("Essay")} == {None}
    assert {maximum for _, maximum in scores("Zero Maximum")} == {0}
    assert all(score > maximum for score, maximum in scores("Bonus"))
    assert any(score < 0 for score, _ in scores("Penalty"))


def test_the_twins_have_taken_the_same_quizzes_with_the_same_scores_so_that_they_tie(ask):
    castor, pollux = (
        ask(
            "SELECT quiz_id, score, finished_at FROM quiz_attempts WHERE user_id = ? ORDER BY finished_at",
            member(ask, f"Twin {name}")["id"],
        )
        for name in ("Castor", "Pollux")
    )
    assert castor == pollux
    assert any(finished_at.startswith("2026-10") for _, _, finished_at in castor)


def test_it_has_orphans_an_attempt_in_the_future_and_one_without_an_end(ask):
    assert ask("SELECT COUNT(*) FROM quiz_attempts WHERE user_id NOT IN (SELECT id FROM users)") == [(1,)]
    assert ask("SELECT COUNT(*) FROM quiz_attempts WHERE quiz_id NOT IN (SELECT id FROM quizzes)") == [(1,)]
    assert ask("SELECT COUNT(*) FROM quiz_attempts WHERE finished_at > ?", NOW.strftime("%F %T")) == [(1,)]
    assert ask("SELECT COUNT(*) FROM quiz_attempts WHERE finished_at IS NULL") == [(1,)]
