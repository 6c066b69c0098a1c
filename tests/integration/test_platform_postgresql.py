"""A platform on a real PostgreSQL server: every type of column, read only, and its faults."""

import random
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

import peewee
import psycopg
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from peewee import Select

from quizmail import activity
from quizmail.audience import Audience
from quizmail.errors import PlatformUnavailable, SourceError, UnknownUser
from quizmail.inspection import inspect
from quizmail.platform import Platform
from quizmail.platform.active_weeks import streaks
from quizmail.platform.instants import InstantColumn
from quizmail.states import Kind
from tests.support import real_shapes
from tests.support.instants import ZONES, bounds, epochs, exists_in, naive, naive_texts, texts
from tests.support.platforms import WITH_ACCESS, NativePlatform
from tests.support.quizmaster import assert_the_preset_fits
from tests.support.streaks import reckoned

NOW = datetime(2026, 11, 23, 18, tzinfo=UTC)
DAY = timedelta(days=1)
UTC_ZONE = ZoneInfo("UTC")
UUIDS = [UUID(int=number) for number in (7, 300, 2)]


@pytest.fixture
def site(postgresql_url):
    with NativePlatform(postgresql_url) as site:
        yield site


def members_of(platform, at=NOW, limit=1000):
    audience, found, cursor = Audience(platform), [], None
    catalogue = audience.catalogue(at)
    while True:
        page = audience.page(Kind.REMINDER, at, audience.zones(), cursor, catalogue, limit)
        found += page.members
        if (cursor := page.cursor) is None:
            return found


def problem_of(url, source="native"):
    with pytest.raises((SourceError, PlatformUnavailable)) as caught:
        Platform.open(url, str(source), UTC_ZONE)
    assert "\n" not in str(caught.value)
    return caught.value


@pytest.mark.parametrize(
    "sql", ["DELETE FROM users", "CREATE TABLE x (y INTEGER)", "CREATE TEMP TABLE x AS SELECT nextval('s')"]
)
def test_nothing_can_be_written(site, sql):
    site.user()
    site.execute("CREATE SEQUENCE s")
    platform = site.opened()

    with pytest.raises(peewee.InternalError, match="read-only transaction"):
        platform.database.execute_sql(sql)
    platform.close()
    assert site.execute("SELECT COUNT(*) FROM users") == [(1,)]


@pytest.mark.parametrize("instants", ["TIMESTAMP", "TIMESTAMPTZ", "TEXT"])
def test_a_page_a_month_and_an_inspection(site, postgresql_url, sqlite_database, instants, tmp_path):
    site.execute("DROP TABLE users, quizzes, quiz_attempts, enrolments")
    (tmp_path / "access.toml").write_text(WITH_ACCESS)
    with NativePlatform(postgresql_url, instants=instants) as site:
        away = site.user(last_seen_at=NOW - 9 * DAY, timezone="Asia/Kolkata")
        site.user("teacher@example.com", is_staff=True)
        quiz, once = site.quiz("Fractions", closes_at=NOW + DAY), site.quiz("100% once", max_attempts=1)
        site.attempt(away, once, NOW - 30 * DAY, score=9)
        site.attempt(away, quiz, NOW - 5 * DAY)
        site.attempt(away, quiz, None)
        for each in (quiz, once):
            site.enrol(away, each)
        platform = site.opened(tmp_path / "access.toml")
        member, teacher = members_of(platform)

        assert (member.last_seen_at, member.last_activity) == (NOW - 9 * DAY, NOW - 5 * DAY)
        assert [each.title for each in member.open_quizzes] == ["Fractions"]
        assert member.open_quizzes[0].closes_at == NOW + DAY
        assert teacher.is_staff and teacher.open_quizzes == ()
        assert Audience(platform).zones() == {"Asia/Kolkata", "UTC"}
        assert Audience(platform).find(str(away), NOW).last_activity == NOW - 5 * DAY
        assert Audience(platform).open_now([str(quiz), "x"], NOW).keys() == {str(quiz)}
        assert activity.compute(platform, "2026-10", NOW, "here")
        (figure,) = activity.figures("2026-10", [str(away)]).values()
        assert (figure.taken, figure.average, figure.rank, figure.of) == (1, 90.0, 1, 1)
        assert (figure.below, figure.categories) == (0, [{"name": None, "taken": 1, "average": 90.0}])
        assert activity.so_far(platform, "2026-11", [str(away)], NOW) == {str(away): 1}
        assert activity.newcomers(platform, "2026-10", [str(away), "x"]) == {str(away), "x"}
        assert activity.newcomers(platform, "2026-11", [str(away), "x"]) == {"x"}
        found = inspect(platform, 2 * DAY, NOW)
        assert found.attempts == {"all": 3, "without_end": 1}
        assert found.newest["attempts.finished_at"] == NOW - 5 * DAY
        assert found.reminders == {"due": 1, "staff": 1}


@pytest.mark.parametrize(
    ("ids", "users"),
    [
        ("INTEGER", [0, -7, 2**31 - 1]),
        ("BIGINT", [0, 2**63 - 1]),
        ("SMALLINT", [1, 2, 3]),
        ("UUID", UUIDS),
        ("TEXT", ["10", "9", "ada@example.com", "O'Brien", "%s"]),
        ("VARCHAR(40)", ["b", "B", "a", "ä"]),
        ("NUMERIC", [1, 2]),
        ("BYTEA", [b"\x00\xff", b"\x01"]),
    ],
)
def test_every_type_of_id_pages_and_is_found_again(postgresql_url, sqlite_database, ids, users):
    with NativePlatform(postgresql_url, ids=ids) as site:
        site.quiz(id=users[0])
        for user in users:
            site.user(id=user)
            site.attempt(user, users[0], datetime(2026, 10, 3, tzinfo=UTC), id=1)
        platform = site.opened()
        found = members_of(platform, limit=1)
        keys = [member.user_id for member in found]

        assert len(set(keys)) == len(keys) == len(users)
        assert {member.last_activity for member in found} == {datetime(2026, 10, 3, tzinfo=UTC)}
        for key in keys:
            assert Audience(platform).find(key, NOW).user_id == key
        for nobody in ("nobody", "", "9" * 30, "\ud800", "a\0b", "042"):
            with pytest.raises(UnknownUser):
                Audience(platform).find(nobody, NOW)
        assert activity.compute(platform, "2026-10", NOW, "here")
        assert activity.figures("2026-10", keys).keys() == set(keys)


def test_ids_match_across_columns_of_different_types(site, sqlite_database):
    user, quiz = site.user(), site.quiz("once", max_attempts=1)
    site.execute("ALTER TABLE quiz_attempts ALTER COLUMN user_id TYPE TEXT, ALTER COLUMN quiz_id TYPE BIGINT")
    site.attempt(str(user), quiz, datetime(2026, 10, 3, tzinfo=UTC))
    site.attempt("ada", quiz, datetime(2026, 10, 3, tzinfo=UTC))
    platform = site.opened()
    (member,) = members_of(platform)

    assert member.last_activity == datetime(2026, 10, 3, tzinfo=UTC) and member.open_quizzes == ()
    assert activity.compute(platform, "2026-10", NOW, "here")
    assert activity.figures("2026-10", [str(user), "ada"]).keys() == {str(user)}


COLUMNS = {
    "as_timestamp TIMESTAMP": naive,
    "as_zoned TIMESTAMPTZ": naive.map(lambda moment: moment.replace(tzinfo=UTC)),
    "as_date DATE": naive.map(datetime.date),
    "as_text TEXT": texts,
    "as_naive_text VARCHAR(40)": naive_texts,
    "as_integer INTEGER": st.one_of(epochs, st.just(0)),
    "as_double DOUBLE PRECISION": epochs.map(lambda seconds: seconds + 0.5),
    "as_numeric NUMERIC": st.one_of(epochs, st.just(0)),
}


@pytest.mark.parametrize("column", COLUMNS)
@settings(
    deadline=None,
    max_examples=40,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(data=st.data(), at=bounds, zone=st.sampled_from(ZONES))
def test_comparing_in_sql_is_reading_and_comparing(postgresql_url, tmp_path, column, data, at, zone):
    raws = data.draw(st.lists(st.one_of(COLUMNS[column], st.none()), max_size=12))
    for raw in raws:
        local = raw if isinstance(raw, datetime) else naive_time_of(raw)
        assume(local is None or exists_in(zone)(local))
    source = tmp_path / "school.toml"
    source.write_text(SOURCE.format(zone=zone.key, column=column.split()[0]))
    fill(postgresql_url, column, raws)
    platform = Platform.open(postgresql_url, str(source), UTC_ZONE)
    read = list(map(InstantColumn(zone).read, raws))
    try:
        attempts, ends = platform.rows(at).attempts, platform.ends

        def numbers_where(condition):
            query = Select([attempts], [attempts.c.score]).where(condition(attempts.c.finished_at))
            return sorted(number for (number,) in platform.fetch(query))

        before = numbers_where(lambda each: ends.before(each, at))
        since = numbers_where(lambda each: ends.since(each, at))
        first, end = ends.encode(at), ends.encode(at + 30 * DAY)
        within = numbers_where(lambda each: ends.within(each, first, end))
        narrowed = numbers_where(lambda each: ends.narrow(each, at))
        readable = numbers_where(ends.readable)
        (latest,) = platform.fetch(Select([attempts], ends.latest(attempts.c.finished_at)))
    finally:
        platform.close_all()

    assert before == [number for number, instant in enumerate(read) if instant and instant < at]
    assert since == [number for number, instant in enumerate(read) if instant and instant >= at]
    assert within == [
        number for number, instant in enumerate(read) if instant and at <= instant < at + 30 * DAY
    ]
    assert set(before) <= set(narrowed)
    assert readable == [number for number, instant in enumerate(read) if instant]
    assert ends.read_latest(latest) == max(filter(None, read), default=None)


#: How a moment is written into each type of column, and whether the type keeps the time of day.
WRITTEN = {
    "TIMESTAMP": lambda at: at,
    "TIMESTAMPTZ": lambda at: at.isoformat(),
    "TEXT": lambda at: at.isoformat() if at.day % 2 else at.strftime("%Y-%m-%d %H:%M"),
    "BIGINT": lambda at: int(at.timestamp()),
    "NUMERIC": lambda at: at.timestamp(),
    "DOUBLE PRECISION": lambda at: at.timestamp(),
}


@pytest.mark.parametrize("column", WRITTEN)
@pytest.mark.parametrize("ids", ["INTEGER", "UUID", "VARCHAR(40)"])
def test_runs_of_active_weeks_are_reckoned_in_every_type_of_column(postgresql_url, column, ids):
    zone, chance = ZoneInfo("Europe/Berlin"), random.Random(f"{column} {ids}")
    keys = {"UUID": [UUID(int=number) for number in range(20)]}.get(ids, list(range(20)))
    finished = {}
    with NativePlatform(postgresql_url, ids=ids, instants=column) as site:
        site.quiz(id=keys[0])
        for key in keys:
            days = chance.sample(range(4, 90), chance.randint(0, 60))
            finished[str(key)] = [NOW - timedelta(days=day, hours=day % 24) for day in days]
            for at in finished[str(key)]:
                site.attempt(key, keys[0], WRITTEN[column](at))
        last = {key: max(instants, default=None) for key, instants in finished.items()}
        found = streaks(site.opened(site_zone=zone.key), last, NOW)

    assert found == reckoned(finished, NOW, zone)
    assert found


SOURCE = """
zone = "{zone}"
[users]
sql = "SELECT 1 AS id, 'x' AS email"
[quizzes]
sql = "SELECT 1 AS id, 'x' AS title"
[attempts]
sql = "SELECT 1 AS user_id, 1 AS quiz_id, {column} AS finished_at, number AS score, 1 AS max_score FROM kept"
"""


def naive_time_of(raw):
    text = raw if isinstance(raw, str) else ""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return found if found.tzinfo is None else None


def fill(url, column, raws):
    with closing(psycopg.connect(url, autocommit=True)) as connection:
        connection.execute(
            "SET TIME ZONE 'America/Lima'; SET client_min_messages TO warning; DROP TABLE IF EXISTS kept"
        )
        connection.execute(f"CREATE TABLE kept (number INTEGER, {column})")
        with connection.cursor() as cursor:
            cursor.executemany("INSERT INTO kept VALUES (%s, %s)", list(enumerate(raws)))


def test_a_select_may_ask_for_the_instant_it_is_judged_at(site, tmp_path):
    site.execute("ALTER TABLE quizzes ADD COLUMN since TIMESTAMPTZ")
    site.quiz("in both", opens_at="2026-11-23 23:30:00", since=NOW)
    site.quiz("an hour later", opens_at="2026-11-24 00:30:00", since=NOW + timedelta(hours=1))
    path = tmp_path / "now.toml"
    for condition in ("opens_at <= :now", "since <= :now", "opens_at::text LIKE '%-%' AND opens_at <= :now"):
        path.write_text(
            'zone = "Asia/Kolkata"\n[users]\nsql = "SELECT * FROM users"\n[quizzes]\n'
            f'sql = "SELECT id, title FROM quizzes WHERE {condition}"\n'
            '[attempts]\nsql = "SELECT * FROM quiz_attempts"\n'
        )
        audience = Audience(site.opened(path))
        assert [quiz.title for quiz in audience.catalogue(NOW)] == ["in both"]
        assert audience.catalogue(NOW - timedelta(seconds=1)) == []


def test_infinity_breaks_nothing(site):
    quiz = site.quiz("for ever", closes_at="infinity", opens_at="-infinity", created_at="0044-03-15 BC")
    site.quiz("not yet", opens_at="infinity")
    user = site.user(last_seen_at="-infinity", created_at="20000-01-01")
    site.attempt(user, quiz, "infinity")
    (member,) = members_of(site.opened())

    assert [each.title for each in member.open_quizzes] == ["for ever"]
    assert member.open_quizzes[0].closes_at is None and member.last_activity is None


def test_a_fault_of_the_source_file_is_one_line(site, tmp_path):
    path = tmp_path / "school.toml"

    def said(sql):
        path.write_text(WITH_ACCESS.replace("SELECT * FROM quiz_attempts", sql))
        problem = problem_of(site.url, path)
        assert isinstance(problem, SourceError)
        return str(problem)

    assert 'row set attempts: relation "nowhere" does not exist' in said("SELECT * FROM nowhere")
    assert 'row set attempts: column "fin" does not exist' in said("SELECT fin FROM quiz_attempts")
    assert "row set attempts: syntax error" in said("SELEKT 1")
    assert "column finished_at: the SELECT does not give it" in said(
        "SELECT user_id, quiz_id, score FROM quiz_attempts"
    )
    assert "row set attempts, column finished_at: its type is no kind of instant" in said(
        "SELECT user_id, quiz_id, score, max_score, TRUE AS finished_at FROM quiz_attempts"
    )


def test_a_fault_that_shows_only_on_a_row_leaves_the_connection_usable(site, tmp_path):
    (tmp_path / "school.toml").write_text(
        WITH_ACCESS.replace(
            "SELECT * FROM quizzes", "SELECT id, CAST(title AS INTEGER) AS title FROM quizzes"
        )
    )
    platform = site.opened(tmp_path / "school.toml")
    site.quiz("no number")

    with pytest.raises(SourceError, match="invalid input syntax for type integer"):
        Audience(platform).catalogue(NOW)
    assert Audience(platform).zones() == {"UTC"} or site.execute("SELECT COUNT(*) FROM users") == [(0,)]


def test_a_server_that_is_away_is_unavailable(tmp_path):
    problem = problem_of(f"postgresql://quiz:secret@/quiz?host={tmp_path}")

    assert isinstance(problem, PlatformUnavailable)
    assert "secret" not in str(problem)


def test_a_missing_database_is_unavailable(site):
    assert isinstance(problem_of(site.url.replace("/quizmail_", "/nowhere_")), PlatformUnavailable)


def test_a_connection_that_the_server_closed_is_opened_again(site):
    site.quiz("Fractions")
    platform = site.opened()
    site.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )

    assert [quiz.title for quiz in Audience(platform).catalogue(NOW)] == ["Fractions"]


def test_many_threads_share_the_pool_and_leave_no_transaction_open(site):
    for number in range(20):
        site.quiz(f"Quiz {number}")
    platform = site.opened()

    def read(_):
        platform.connect()
        try:
            return len(Audience(platform).catalogue(NOW))
        finally:
            platform.close()

    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(read, range(64))) == {20}
    states = (
        "SELECT DISTINCT state FROM pg_stat_activity"
        " WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )
    assert site.execute(states) == [("idle",)]


def test_herokus_scheme_is_accepted(site):
    site.quiz("Fractions")
    platform = Platform.open(site.url.replace("postgresql://", "postgres://"), "native", UTC_ZONE)

    assert len(Audience(platform).catalogue(NOW)) == 1
    platform.close_all()


def test_a_read_only_account_is_enough(site):
    site.user()
    site.execute("CREATE ROLE reader LOGIN")
    try:
        site.execute("GRANT SELECT ON users, quizzes, quiz_attempts TO reader")
        platform = Platform.open(site.url.replace("postgres@", "reader@"), "native", UTC_ZONE)
        assert len(members_of(platform)) == 1
        platform.close_all()
    finally:
        site.execute("DROP OWNED BY reader")
        site.execute("DROP ROLE reader")


@pytest.mark.parametrize(
    ("column", "whose"),
    [("VARCHAR(120)", real_shapes.BY_ADDRESS), ("INTEGER", real_shapes.BY_ID)],
    ids=["address", "id"],
)
def test_the_course_application(postgresql_url, sqlite_database, column, whose):
    real_shapes.create(postgresql_url, real_shapes.QUIZMASTER.format(user_id=column, **whose))

    assert_the_preset_fits(postgresql_url)


def test_figures_are_kept_in_our_own_database_on_postgresql(our_database, tmp_path):
    with NativePlatform.in_folder(tmp_path) as site:
        user, quiz = site.user(), site.quiz()
        site.attempt(user, quiz, datetime(2026, 10, 3, tzinfo=UTC))
        platform = site.opened()
        assert activity.compute(platform, "2026-10", NOW, "here")
        assert activity.compute(platform, "2026-10", NOW, "here")

    (figure,) = activity.figures("2026-10", [str(user)]).values()
    assert (figure.taken, figure.average, figure.rank, figure.of) == (1, 80.0, 1, 1)
