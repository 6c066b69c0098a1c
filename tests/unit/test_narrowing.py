"""SQL only narrows: what it finds is what reading every row in Python finds, whatever the formats."""

from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from peewee import Select

from quizmail.audience import Audience
from quizmail.platform import Platform
from quizmail.platform.ids import key_of
from quizmail.platform.instants import InstantColumn
from quizmail.states import Kind
from tests.support.instants import NO_INSTANTS, ZONES, bounds, epochs, naive_texts, texts
from tests.support.platforms import NativePlatform

SOURCE = """
zone = "{zone}"
[users]
sql = "SELECT id, email, timezone FROM users"
[quizzes]
sql = "SELECT id, title FROM quizzes"
[attempts]
sql = "SELECT user_id, quiz_id, finished_at, 1 AS score, 1 AS max_score FROM quiz_attempts"
"""

QUIZ, UNKNOWN_QUIZ = 1, 2
EVERYTHING_AT = datetime(2030, 1, 1, tzinfo=UTC)

#: One format for a whole column, or every format in one column.
columns_of_instants = st.one_of(
    st.lists(naive_texts, max_size=12),
    st.lists(texts, max_size=12),
    st.lists(epochs, max_size=12),
    st.lists(st.one_of(texts, epochs, st.none(), st.just(0), st.sampled_from(NO_INSTANTS)), max_size=12),
)
raw_ids = st.one_of(
    st.integers(0, 20),
    st.integers(0, 20).map(str),
    st.sampled_from(["ada", "ada@example.com", "0042", "ff00", -7, 2**63 - 1, b"\xff\x00"]),
)


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    folder = tmp_path_factory.mktemp("narrowing")
    # Without a type a column keeps every value as it is.
    with NativePlatform.in_folder(folder, ids="BLOB", instants="BLOB") as site:
        site.quiz(id=QUIZ)
        for zone in ZONES:
            (folder / f"{zone.key.replace('/', '-')}.toml").write_text(SOURCE.format(zone=zone.key))
        site.folder = folder
        yield site


@contextmanager
def opened(site, zone):
    platform = Platform.open(
        site.url, str(site.folder / f"{zone.key.replace('/', '-')}.toml"), ZoneInfo("UTC")
    )
    try:
        yield platform
    finally:
        platform.close()


def fill(site, users=(), attempts=()):
    site.execute("DELETE FROM users")
    site.execute("DELETE FROM quiz_attempts")
    site.many("users", ["id", "timezone"], users)
    site.many("quiz_attempts", ["id", "user_id", "quiz_id", "finished_at"], attempts)


def ids_where(platform, condition):
    attempts = platform.rows(EVERYTHING_AT).attempts
    query = Select([attempts], [attempts.c.user_id]).where(condition(attempts.c.finished_at))
    return sorted(number for (number,) in platform.fetch(query))


@settings(deadline=None)
@given(columns_of_instants, bounds, st.sampled_from(ZONES))
def test_comparing_in_sql_is_reading_and_comparing(site, raws, at, zone):
    fill(site, attempts=[(0, number, QUIZ, raw) for number, raw in enumerate(raws)])
    read = dict(enumerate(map(InstantColumn(zone).read, raws)))

    with opened(site, zone) as platform:
        platform.profile()
        ends = platform.ends
        before = ids_where(platform, lambda column: ends.before(column, at))
        since = ids_where(platform, lambda column: ends.since(column, at))
        narrowed = ids_where(platform, lambda column: ends.narrow(column, at))
        readable = ids_where(platform, ends.readable)

    assert before == [number for number, instant in read.items() if instant and instant < at]
    assert since == [number for number, instant in read.items() if instant and instant >= at]
    assert set(before) <= set(narrowed)
    assert readable == [number for number, instant in read.items() if instant]


#: Nearly what databases usually write.
NEARLY_USUAL = (
    "2026-10-15 10:00:00", "2026-10-15T10:00:00.5", "2026-10-15T10:00:00.123456789Z", "2026-10-15 10:00:00Z",
    "2026-10-15 10:00:00+00:00", "2026-10-15 10:00:00.", "2026-10-15 10:00:00.5.5", "2026-10-15 10:00:00z",
    "2026-10-15 10:00:00 ", " 2026-10-15 10:00:00", "2026-10-15 10:00:00.5 Z", "2026-10-15  10:00:00",
    "2026-10-15\t10:00:00", "2026-10-15 10:00:00.999999", "2026-10-15 10:00", "2026-10-15", "10:00:00",
    "2026-10-15 24:00:00", "2026-10-15 10:00:60", "2026-09-31 10:00:00", "2026-10-15 1:00:00",
    "2026-10-15 10:00:00ZZ", "0000-01-01 10:00:00", "0001-01-01 00:00:00", "2026-W42-4T10:00:00",
    2026, 2461328.5, b"2026-10-15 10:00:00", "2023-02-29 10:00:00", "2024-02-29 10:00:00",
)  # fmt: skip


def test_what_is_nearly_an_instant_is_none_in_sql_either(site):
    fill(site, attempts=[(None, number, QUIZ, raw) for number, raw in enumerate(NEARLY_USUAL)])
    first, end = datetime(2026, 10, 1, tzinfo=UTC), datetime(2026, 11, 1, tzinfo=UTC)
    column = InstantColumn(ZoneInfo("Europe/Berlin"))
    read = {number: instant for number, raw in enumerate(NEARLY_USUAL) if (instant := column.read(raw))}

    with opened(site, column.zone) as platform:
        ends = platform.ends
        before = ids_where(platform, lambda each: ends.before(each, end))
        within = ids_where(platform, lambda each: ends.within(each, ends.encode(first), ends.encode(end)))

    assert before == [number for number, instant in read.items() if instant < end]
    assert within == [number for number, instant in read.items() if first <= instant < end]


@settings(deadline=None)
@given(
    columns_of_instants,
    st.lists(st.tuples(raw_ids, st.booleans()), min_size=12, max_size=12),
    bounds,
    st.sampled_from(ZONES),
)
def test_the_last_activity_is_the_latest_end_that_counts(site, raws, attempts, at, zone):
    # The check before sending counts whole minutes; a page is exact (see the test of the ends above).
    at = (at + timedelta(seconds=59, microseconds=999_999)).replace(second=0, microsecond=0)
    users = sorted({key_of(user): user for user, _ in attempts}.items())
    rows = [
        (0, user, QUIZ if known else UNKNOWN_QUIZ, raw)
        for raw, (user, known) in zip(raws, attempts, strict=False)
    ]
    fill(site, [(user, None) for _, user in users], rows)
    column = InstantColumn(zone)
    expected = {}
    for _, user, quiz, raw in rows:
        instant = column.read(raw)
        if quiz == QUIZ and instant and instant < at:
            expected[key_of(user)] = max(instant, expected.get(key_of(user), instant))

    with opened(site, zone) as platform:
        page = Audience(platform).page(Kind.REMINDER, at, {"UTC"}, None, [])
        checked = {key: Audience(platform).find(key, at).last_activity for key, _ in users}

    found = {member.user_id: member.last_activity for member in page.members}
    assert found == checked == {key: expected.get(key) for key, _ in users}


@settings(deadline=None)
@given(
    columns_of_instants,
    st.lists(st.tuples(raw_ids, st.booleans()), min_size=12, max_size=12),
    bounds,
    st.timedeltas(timedelta(0), timedelta(days=9)),
    st.sampled_from(ZONES),
)
def test_the_check_before_sending_finds_all_that_is_newer_than_the_limit(
    site, raws, attempts, at, limit, zone
):
    at = at.replace(second=0, microsecond=0)
    users = {key_of(user): user for user, _ in attempts}
    rows = [
        (0, user, QUIZ if known else UNKNOWN_QUIZ, raw)
        for raw, (user, known) in zip(raws, attempts, strict=False)
    ]
    fill(site, [(user, None) for user in users.values()], rows)
    column, since = InstantColumn(zone), at - limit
    newest: dict[str, datetime | None] = dict.fromkeys(users)
    for _, user, quiz, raw in rows:
        instant = column.read(raw)
        if quiz == QUIZ and instant and since <= instant < at:
            newest[key_of(user)] = max(instant, newest[key_of(user)] or instant)

    with opened(site, zone) as platform:
        found = Audience(platform).recheck_all(Kind.REMINDER, [*users, "nobody", "\ud800"], at, since)

    assert found.keys() == users.keys()
    # What is a little older than asked for may be found, too: whole minutes are compared.
    later = {key: member.last_activity for key, member in found.items()}
    assert {
        key: instant if instant and instant >= since else None for key, instant in later.items()
    } == newest


zones_as_kept = st.sampled_from([None, "", "UTC", "Asia/Kolkata", "Europe/Berlin", "asia/kolkata", "Mars"])


@settings(deadline=None)
@given(
    st.lists(st.tuples(raw_ids, zones_as_kept), unique_by=lambda user: key_of(user[0])),
    st.sets(st.sampled_from(["UTC", "Asia/Kolkata", "Europe/Berlin"]), min_size=1),
    st.integers(1, 7),
)
def test_the_pages_hold_everybody_of_the_zones_once(site, users, zones, limit):
    fill(site, users)
    known = {"Asia/Kolkata", "Europe/Berlin"}
    expected = {key_of(user) for user, zone in users if (zone if zone in known else "UTC") in zones}
    found, cursor = [], None

    with opened(site, ZoneInfo("UTC")) as platform:
        audience = Audience(platform)
        while True:
            page = audience.page(Kind.REPORT, EVERYTHING_AT, zones, cursor, [], limit)
            found += [member.user_id for member in page.members]
            if (cursor := page.cursor) is None:
                break

    assert sorted(found) == sorted(expected)
