"""Opening a platform: read only, checked, and every fault one clear line."""

import sqlite3
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import peewee
import pytest
from peewee import SQL, Select

from quizmail.audience import Audience
from quizmail.errors import PlatformUnavailable, SourceError
from quizmail.platform import Platform
from quizmail.states import Kind
from tests.support.platforms import NativePlatform

UTC_ZONE = ZoneInfo("UTC")
NOW = datetime(2026, 11, 23, 18, tzinfo=UTC)

SOURCE = """
zone = "{zone}"
[users]
sql = '''{users}'''
[quizzes]
sql = '''{quizzes}'''
[attempts]
sql = '''{attempts}'''
"""


@pytest.fixture
def site(tmp_path):
    with NativePlatform.in_folder(tmp_path) as site:
        yield site


@pytest.fixture
def source(tmp_path):
    def write(**changed):
        given = {
            "zone": "UTC",
            "users": "SELECT * FROM users",
            "quizzes": "SELECT * FROM quizzes",
            "attempts": "SELECT * FROM quiz_attempts",
        }
        path = tmp_path / "school.toml"
        path.write_text(SOURCE.format(**given | changed))
        return str(path)

    return write


def problem_of(url, source="native"):
    with pytest.raises((SourceError, PlatformUnavailable)) as caught:
        Platform.open(str(url), source, UTC_ZONE)
    message = str(caught.value)
    assert "\n" not in message
    return type(caught.value), message


def titles(platform, at=NOW):
    return [quiz.title for quiz in Audience(platform).catalogue(at)]


@pytest.mark.parametrize(
    "sql", ["DELETE FROM users", "INSERT INTO users (id) VALUES (7)", "CREATE TABLE x (y)"]
)
def test_nothing_can_be_written(site, sql):
    site.user()
    platform = site.opened()

    with pytest.raises(peewee.OperationalError, match="readonly"):
        platform.database.execute_sql(sql)
    assert site.execute("SELECT COUNT(*) FROM users") == [(1,)]


def test_the_query_only_switch_is_on_as_well(site):
    assert site.opened().database.pragma("query_only") == 1


def test_a_missing_file_is_unavailable(tmp_path):
    kind, message = problem_of(f"sqlite:///{tmp_path}/nowhere.db")

    assert kind is PlatformUnavailable
    assert message == "the platform's database does not answer: unable to open database file"
    assert not (tmp_path / "nowhere.db").exists()


@pytest.mark.parametrize("url", ["sqlite:///", "sqlite://", "sqlite:///:memory:", "sqlite://quiz.db"])
def test_a_url_without_a_file_says_what_it_should_be(url):
    assert problem_of(url) == (
        PlatformUnavailable,
        "QUIZ_DATABASE_URL names no file; it should be like sqlite:///quiz.db",
    )


def test_a_file_that_is_no_database_is_unavailable(tmp_path):
    (tmp_path / "notes.db").write_text("Dear diary, " * 100)

    assert problem_of(f"sqlite:///{tmp_path}/notes.db")[0] is PlatformUnavailable


def test_a_file_name_may_hold_any_sign(tmp_path):
    with NativePlatform(f"sqlite:///{tmp_path}/a b.db") as site:
        site.quiz("Fractions")
        url = site.url.replace("a b", "a%20b")
        platform = Platform.open(url, "native", UTC_ZONE)
        assert titles(platform) == ["Fractions"]
        platform.close()


def test_an_exclusive_lock_is_unavailable_and_passes(site, monkeypatch):
    monkeypatch.setattr("quizmail.platform.databases.BUSY_TIMEOUT", 0.05)
    site.quiz("Fractions")
    platform = site.opened()
    with closing(sqlite3.connect(site.url.removeprefix("sqlite:///"), isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        assert problem_of(site.url) == (
            PlatformUnavailable,
            "the platform's database does not answer: database is locked",
        )
        with pytest.raises(PlatformUnavailable):
            titles(platform)
        other.execute("ROLLBACK")

    assert titles(platform) == ["Fractions"]


def test_an_empty_database_names_the_row_set(tmp_path):
    (tmp_path / "empty.db").touch()

    assert problem_of(f"sqlite:///{tmp_path}/empty.db") == (
        SourceError,
        "native.toml, row set users: no such table: users",
    )


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"users": "SELECT id, name FROM users"}, "row set users, column email: the SELECT does not give it"),
        ({"quizzes": "SELECT title FROM quizzes"}, "row set quizzes, column id: the SELECT does not give it"),
        (
            {"attempts": "SELECT user_id, quiz_id, score, max_score FROM quiz_attempts"},
            "row set attempts, column finished_at: the SELECT does not give it",
        ),
        (
            {"attempts": "SELECT user_id, quiz_id, finished_at, score FROM quiz_attempts"},
            "row set attempts, column max_score: the SELECT gives neither it nor percent",
        ),
        ({"users": "SELECT id, mail FROM users"}, "row set users: no such column: mail"),
        ({"users": "SELEKT id FROM users"}, 'row set users: near "FROM": syntax error'),
        ({"users": "SELECT id, email FROM users)"}, 'row set users: near ")": syntax error'),
        ({"users": "DELETE FROM users"}, "row set users: near"),
        ({"users": "SELECT 1; SELECT 2"}, "row set users: near"),
        ({"users": "SELECT :other AS id, 1 AS email"}, "row set users: "),
        ({"users": "SELECT no_such_function(id) AS id, email FROM users"}, "no such function"),
    ],
)
def test_a_select_that_does_not_work_is_named(site, source, changed, message):
    kind, said = problem_of(site.url, source(**changed))

    assert kind is SourceError
    assert said.startswith("school.toml, row set ") and message in said


def test_optional_columns_may_be_missing(site, source):
    site.user("ada@example.com")
    quiz = site.quiz("Fractions")
    platform = site.opened(
        source(
            users="SELECT id, email FROM users",
            quizzes="SELECT id, title FROM quizzes",
            attempts="SELECT user_id, quiz_id, finished_at, score, percent FROM quiz_attempts",
        )
    )
    audience = Audience(platform)
    page = audience.page(Kind.REMINDER, NOW, audience.zones(), None, audience.catalogue(NOW))

    assert audience.zones() == {"UTC"}
    assert [(each.name, each.active, each.is_staff) for each in page.members] == [("ada", True, False)]
    assert [each.id for each in page.members[0].open_quizzes] == [str(quiz)]


def test_a_semicolon_a_comment_and_a_percent_sign_do_no_harm(site, source):
    site.quiz("100% Fractions")
    site.quiz("Decimals")
    path = source(quizzes="SELECT * FROM quizzes WHERE title LIKE '%Frac%' -- only these; :now\n;")

    assert titles(site.opened(path)) == ["100% Fractions"]


def test_a_select_may_ask_for_the_instant_it_is_judged_at(site, source):
    site.quiz("Fractions", opens_at=NOW)
    path = source(
        zone="Asia/Kolkata",
        quizzes="SELECT id, title FROM quizzes WHERE datetime(opens_at, '+330 minutes') <= :now",
    )
    platform = site.opened(path)

    assert titles(platform, NOW) == ["Fractions"]
    assert titles(platform, NOW - timedelta(seconds=1)) == []


def test_a_fault_that_shows_only_on_a_row_names_the_file(site, source):
    platform = site.opened(source(quizzes="SELECT id, json(title) AS title FROM quizzes"))
    assert titles(platform) == []
    site.quiz("no JSON")

    with pytest.raises(SourceError, match=r"^school\.toml: malformed JSON$"):
        titles(platform)


def test_many_threads_read_at_once(site):
    for number in range(20):
        site.quiz(f"Quiz {number}")
    platform = site.opened()

    def read(_):
        platform.connect()
        try:
            return len(titles(platform))
        finally:
            platform.close()

    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(read, range(64))) == {20}


def test_connecting_and_closing_twice_is_harmless(site):
    platform = site.opened()
    for step in (platform.connect, platform.connect, platform.close, platform.close, platform.close_all):
        step()

    assert titles(platform) == []


def test_rows_are_streamed(site):
    site.many("users", ["id", "email"], ((number, "x") for number in range(5000)))
    platform = site.opened()
    users = platform.rows(NOW).users
    rows = platform.stream(Select([users], [users.c.id]).order_by(SQL("1")))

    assert next(rows) == (0,)
    assert sum(1 for _ in rows) == 4999


def test_the_key_of_a_user_is_the_text_of_the_id():
    assert Platform.user_key(42) == Platform.user_key("42") == "42"
