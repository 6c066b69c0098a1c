"""Who is on the platform and what is open to them, page by page."""

from datetime import UTC, datetime, timedelta

import pytest

from quizmail.audience import Audience
from quizmail.errors import UnknownUser
from quizmail.states import Kind
from tests.support.platforms import WITH_ACCESS, NativePlatform, queries_of

NOW = datetime(2026, 11, 23, 18, tzinfo=UTC)
DAY = timedelta(days=1)
SECOND = timedelta(seconds=1)


@pytest.fixture
def site(tmp_path):
    with NativePlatform.in_folder(tmp_path) as site:
        yield site


@pytest.fixture
def with_access(tmp_path):
    path = tmp_path / "access.toml"
    path.write_text(WITH_ACCESS)
    return path


def page_of(platform, kind=Kind.REMINDER, at=NOW, zones=None, after=None, limit=1000):
    audience = Audience(platform)
    zones = audience.zones() if zones is None else zones
    return audience.page(kind, at, zones, after, audience.catalogue(at), limit)


def members_of(platform, **options):
    return {member.user_id: member for member in page_of(platform, **options).members}


def open_to(platform, user, at=NOW):
    audience = Audience(platform)
    member = audience.member(Kind.REMINDER, at, str(user), audience.catalogue(at))
    assert member == members_of(platform, at=at)[str(user)]
    return [quiz.title for quiz in member.open_quizzes]


def test_a_member_is_decoded(site):
    user = site.user(
        "  Ada@EXAMPLE.com ",
        name="Ada\nLovelace",
        last_seen_at=NOW - 9 * DAY,
        created_at=NOW - 90 * DAY,
        timezone="Asia/Kolkata",
        locale="en-IN",
        opt_out_reports=True,
    )
    member = members_of(site.opened())[str(user)]

    assert member.address == "Ada@example.com" and member.raw_address == "  Ada@EXAMPLE.com "
    assert member.name == "Ada Lovelace"
    assert member.active and not member.is_staff
    assert (member.zone, member.zone_known, member.locale) == ("Asia/Kolkata", True, "en-IN")
    assert member.last_seen_at == member.last_activity == NOW - 9 * DAY
    assert member.created_at == NOW - 90 * DAY
    assert member.opt_out == {Kind.REPORT}


@pytest.mark.parametrize(
    ("columns", "kinds"),
    [
        ({}, set()),
        ({"opt_out": False}, set()),
        ({"opt_out": True}, {Kind.REMINDER, Kind.REPORT}),
        ({"opt_out_reminders": True}, {Kind.REMINDER}),
        ({"opt_out_reminders": True, "opt_out_reports": True}, {Kind.REMINDER, Kind.REPORT}),
        ({"opt_out": False, "opt_out_reports": "yes"}, {Kind.REPORT}),
    ],
)
def test_opting_out_may_come_for_all_or_per_kind(site, columns, kinds):
    user = site.user(**columns)

    assert members_of(site.opened())[str(user)].opt_out == kinds


def test_a_bad_address_is_kept_on_a_member_without_one(site):
    site.user("user3@local", name=None)

    (member,) = members_of(site.opened()).values()
    assert (member.address, member.raw_address, member.name) == (None, "user3@local", "user3")


def test_nobody_without_anything_breaks_a_page(site):
    site.user(None, active=None, is_staff=None)

    (member,) = members_of(site.opened()).values()
    assert (member.address, member.raw_address, member.name) == (None, None, "")
    assert member.active and not member.is_staff and member.last_activity is None


def test_an_unknown_zone_is_the_sites_and_counted(site):
    site.user(timezone="Mars/Olympus")
    site.user(timezone="99")
    site.user(timezone="")
    site.user(timezone=None)
    page = page_of(site.opened(site_zone="Europe/Berlin"))

    assert [(each.zone, each.zone_known) for each in page.members] == [
        ("Europe/Berlin", False),
        ("Europe/Berlin", False),
        ("Europe/Berlin", True),
        ("Europe/Berlin", True),
    ]
    assert page.noted == {"unknown_zone": 2}


def test_the_zones_in_use_are_known_from_one_query(site):
    for zone in ("Asia/Kolkata", "Mars/Olympus", None, "Asia/Kolkata"):
        site.user(timezone=zone)
    platform = site.opened(site_zone="Europe/Berlin")

    with queries_of(platform) as queries:
        assert Audience(platform).zones() == {"Asia/Kolkata", "Europe/Berlin"}
    assert len(queries) == 1


def test_a_page_holds_the_users_of_its_zones(site):
    in_kolkata = str(site.user(timezone="Asia/Kolkata"))
    in_berlin = str(site.user(timezone="Europe/Berlin"))
    nowhere = str(site.user(timezone="Mars/Olympus"))
    platform = site.opened(site_zone="Europe/Berlin")

    assert members_of(platform, zones={"Asia/Kolkata"}).keys() == {in_kolkata}
    assert members_of(platform, zones={"Europe/Berlin"}).keys() == {in_berlin, nowhere}
    assert members_of(platform, zones={"America/Lima"}).keys() == set()


def test_pages_follow_each_other_by_their_cursor(site):
    users = [str(site.user()) for _ in range(5)]
    platform = site.opened()
    first = page_of(platform, limit=2)
    second = page_of(platform, after=first.cursor, limit=2)
    third = page_of(platform, after=second.cursor, limit=2)

    pages = [[member.user_id for member in page.members] for page in (first, second, third)]
    assert pages == [users[:2], users[2:4], users[4:]]
    assert third.cursor is None


def test_a_page_without_anybody_of_its_zones_is_not_the_last(site):
    for _ in range(3):
        site.user(timezone=None)
    site.user(timezone="Asia/Kolkata")
    platform = site.opened(site_zone="Asia/Kolkata")
    page = page_of(platform, zones={"UTC", "Asia/Kolkata"}, limit=2)

    assert page.cursor is not None


def test_a_duplicate_id_keeps_its_first_row_and_is_counted(tmp_path):
    with NativePlatform.in_folder(tmp_path, ids="BLOB") as site:
        site.execute("DROP TABLE users")
        site.execute("CREATE TABLE users (id, email)")
        for row in [
            (1, "first@example.com"),
            (1, "second@example.com"),
            ("1", "third@example.com"),
            (None, "x"),
        ]:
            site.execute("INSERT INTO users VALUES (?, ?)", row)
        page = page_of(site.opened())

    assert [(member.user_id, member.address) for member in page.members] == [("1", "first@example.com")]
    assert page.noted == {"duplicate_id": 2}


def test_an_unreadable_instant_is_never_and_counted(site):
    site.user(last_seen_at="soon", created_at="2026-02-30")
    page = page_of(site.opened())

    assert page.members[0].last_activity is None
    assert page.noted == {"unreadable_instant": 2}


def test_the_last_activity_is_the_later_of_visit_and_attempt(site):
    quiz = site.quiz()
    visitor, taker = site.user(last_seen_at=NOW - DAY), site.user(last_seen_at=NOW - 9 * DAY)
    for user in (visitor, taker):
        site.attempt(user, quiz, NOW - 2 * DAY)
        site.attempt(user, quiz, NOW - 3 * DAY)
    found = members_of(site.opened())

    assert found[str(visitor)].last_activity == NOW - DAY
    assert found[str(taker)].last_activity == NOW - 2 * DAY


def test_attempts_on_unknown_quizzes_without_end_or_after_the_instant_are_no_activity(site):
    quiz, user = site.quiz(published=False), site.user()
    site.attempt(user, 999, NOW - DAY)
    site.attempt(user, quiz, None)
    site.attempt(user, quiz, "never")
    site.attempt(user, quiz, NOW)
    assert members_of(site.opened())[str(user)].last_activity is None

    site.attempt(user, quiz, NOW - SECOND)
    assert members_of(site.opened())[str(user)].last_activity == NOW - SECOND


def test_the_catalogue_holds_published_quizzes_newest_first(site):
    site.quiz("old", created_at=NOW - 9 * DAY)
    site.quiz("draft", created_at=NOW, published=False)
    site.quiz("undated")
    site.quiz("new", created_at=NOW - DAY)
    site.quiz("as new, opened later", created_at=NOW - DAY, opens_at=NOW)
    site.quiz("undated, with the higher number", id=1000)

    assert [quiz.title for quiz in Audience(site.opened()).catalogue(NOW)] == [
        "as new, opened later",
        "new",
        "old",
        "undated, with the higher number",
        "undated",
    ]


def test_a_quiz_is_decoded(site):
    quiz = site.quiz(
        "Frac\ttions " + "x" * 10_000,
        category=" Maths ",
        url="https://quiz.example.com/1",
        opens_at="2026-11-01",
        closes_at="2026-11-30",
        created_at=NOW,
        max_attempts=0,
        minutes="00:45",
    )
    (found,) = Audience(site.opened(site_zone="Europe/Berlin")).catalogue(NOW)

    assert found.id == str(quiz)
    assert found.title.startswith("Frac tions xxx") and len(found.title) == 300
    assert (found.category, found.url, found.minutes) == ("Maths", "https://quiz.example.com/1", 45)
    assert found.opens_at == datetime(2026, 11, 1, tzinfo=UTC)
    assert found.closes_at == datetime(2026, 12, 1, tzinfo=UTC)
    assert found.max_attempts is None


def test_a_quiz_without_a_title_is_called_by_its_id(site):
    quiz = site.quiz(None)

    assert Audience(site.opened()).catalogue(NOW)[0].title == str(quiz)


def test_windows_are_half_open(site):
    user = site.user()
    site.quiz("opens now", opens_at=NOW)
    site.quiz("closes now", closes_at=NOW)
    site.quiz("opens in a second", opens_at=NOW + SECOND)
    site.quiz("closes in a second", closes_at=NOW + SECOND)
    site.quiz("zero means no limit", opens_at=0, closes_at=0)

    assert set(open_to(site.opened(), user)) == {"opens now", "closes in a second", "zero means no limit"}


def test_a_quiz_closes_after_the_day_it_names(site):
    user = site.user()
    site.quiz("until today", closes_at="2026-11-23")
    site.quiz("until yesterday", closes_at="2026-11-22")

    assert open_to(site.opened(), user) == ["until today"]


def test_a_quiz_with_no_attempts_left_is_not_open(site):
    user, other = site.user(), site.user()
    once, twice = site.quiz("once", max_attempts=1), site.quiz("twice", max_attempts=2)
    site.quiz("any time", max_attempts=None)
    site.attempt(user, once, NOW - DAY)
    site.attempt(user, twice, NOW - DAY)
    platform = site.opened()
    assert open_to(platform, user) == ["any time", "twice"]
    assert open_to(platform, other) == ["any time", "twice", "once"]

    site.attempt(user, twice, NOW - SECOND)
    assert open_to(platform, user) == ["any time"]


def test_attempts_without_an_end_or_after_the_instant_use_nothing_up(site):
    user, quiz = site.user(), site.quiz("once", max_attempts=1)
    for end in (None, "", "later", NOW):
        site.attempt(user, quiz, end)

    assert open_to(site.opened(), user) == ["once"]


def test_without_an_access_select_everything_is_accessible(site):
    user, quiz, other = site.user(), site.quiz("mine"), site.quiz("other")
    site.enrol(user, quiz)

    assert open_to(site.opened(), user) == ["other", "mine"]
    assert other


def test_with_an_access_select_only_what_it_returns_is_accessible(site, with_access):
    user, nobody, second = site.user(), site.user(), site.user()
    mine, closed = site.quiz("mine"), site.quiz("closed", closes_at=NOW)
    site.quiz("not mine")
    limited = site.quiz("used up", max_attempts=1)
    for quiz in (mine, closed, limited, 999):
        site.enrol(user, quiz)
    site.enrol(second, mine)
    site.attempt(user, limited, NOW - DAY)
    platform = site.opened(with_access)

    assert open_to(platform, user) == ["mine"]
    assert open_to(platform, second) == ["mine"]
    assert open_to(platform, nobody) == []


def test_an_access_select_that_returns_nothing_lets_nobody_in(site, with_access):
    user = site.user()
    site.quiz()

    assert open_to(site.opened(with_access), user) == []


def test_most_users_share_one_tuple_of_quizzes(site):
    site.user()
    site.user()
    site.quiz()
    one, other = page_of(site.opened()).members

    assert one.open_quizzes is other.open_quizzes


def test_users_who_have_used_up_the_same_quizzes_share_one_tuple_too(site):
    limited, _ = site.quiz("limited", max_attempts=1), site.quiz()
    users = [site.user() for _ in range(3)]
    for user in users[:2]:
        site.attempt(user, limited, NOW - DAY)
    one, other, third = (member.open_quizzes for member in page_of(site.opened()).members)

    assert one is other
    assert (len(one), len(third)) == (1, 2)


def test_a_report_asks_for_users_only(site):
    user, quiz = site.user(last_seen_at=NOW - DAY), site.quiz()
    site.attempt(user, quiz, NOW - SECOND)
    platform = site.opened()

    with queries_of(platform) as queries:
        page = Audience(platform).page(Kind.REPORT, NOW, {"UTC"}, None, [])
    assert len(queries) == 1
    assert page.members[0].open_quizzes == ()


@pytest.mark.parametrize("indexed", [True, False])
def test_the_number_of_queries_does_not_depend_on_the_page(tmp_path, with_access, indexed):
    counts = set()
    for users in (1, 10, 1000):
        with NativePlatform.in_folder(tmp_path, indexed=indexed) as site:
            limited = site.quiz("limited", max_attempts=1)
            site.quiz("unlimited")
            site.many("users", ["id", "email"], ((user, f"u{user}@example.com") for user in range(users)))
            attempts = ((user, limited, NOW - 9 * DAY) for user in range(0, users, 2))
            site.many("quiz_attempts", ["user_id", "quiz_id", "finished_at"], attempts)
            site.many("enrolments", ["user_id", "quiz_id"], ((user, limited) for user in range(users)))
            platform = site.opened(with_access)
            platform.profile()
            catalogue = Audience(platform).catalogue(NOW)
            with queries_of(platform) as queries:
                page = Audience(platform).page(Kind.REMINDER, NOW, {"UTC"}, None, catalogue)
            assert len(page.members) == users
            counts.add(len(queries))

    assert counts == {4}


def test_a_page_reads_attempts_along_their_indexes(site):
    site.quiz("limited", max_attempts=1)
    site.many("users", ["id", "email"], ((user, "x") for user in range(100)))
    site.many("quiz_attempts", ["user_id", "quiz_id", "finished_at"], ((1, 1, NOW) for _ in range(100)))
    platform = site.opened()
    platform.profile()
    with queries_of(platform) as queries:
        page_of(platform)
    plans = [
        step[3] for query in queries for step in platform.database.execute_sql(f"EXPLAIN QUERY PLAN {query}")
    ]

    assert any(step.startswith("SEARCH quiz_attempts") for step in plans)
    assert not [step for step in plans if step.startswith("SCAN quiz_attempts")]


@pytest.mark.parametrize(
    "user_id", [0, "0", "ada@example.com", "6f9619ff-8b86-4d01-b42d-00cf4fc964ff", "O'Brien"]
)
def test_any_id_is_found_again(tmp_path, user_id):
    with NativePlatform.in_folder(tmp_path, ids="TEXT" if isinstance(user_id, str) else "INTEGER") as site:
        quiz = site.quiz()
        site.user(id=user_id)
        site.attempt(user_id, quiz, NOW - DAY)
        audience = Audience(site.opened())

        assert audience.find(str(user_id), NOW).last_activity == NOW - DAY
        assert audience.member(Kind.REPORT, NOW, str(user_id), []).user_id == str(user_id)


def test_ids_match_across_columns_of_different_types(site):
    quiz = site.quiz("once", max_attempts=1)
    user = site.user()
    site.execute("DROP TABLE quiz_attempts")
    site.execute(
        "CREATE TABLE quiz_attempts (user_id TEXT, quiz_id TEXT, finished_at TEXT, score, max_score)"
    )
    site.execute("INSERT INTO quiz_attempts VALUES (?, ?, '2026-11-20 10:00', 1, 1)", (str(user), str(quiz)))
    platform = site.opened()

    assert open_to(platform, user) == []
    assert members_of(platform)[str(user)].last_activity == datetime(2026, 11, 20, 10, tzinfo=UTC)


@pytest.mark.parametrize(
    "user_id", ["999", "", "01", " 1", "1.0", "ada", "\ud800", "9" * 30, "x" * 10_000, "a\0b"]
)
def test_nobody_has_an_id_that_does_not_exist_or_cannot_be_encoded(site, user_id):
    site.user(id=1)
    audience = Audience(site.opened())

    for ask in (audience.find, lambda key, at: audience.member(Kind.REMINDER, at, key, [])):
        with pytest.raises(UnknownUser):
            ask(user_id, NOW)


def test_to_find_a_user_costs_two_queries_at_most(site):
    user, quiz = site.user(last_seen_at=NOW - 9 * DAY), site.quiz()
    site.attempt(user, quiz, NOW - DAY)
    platform = site.opened()

    with queries_of(platform) as queries:
        member = Audience(platform).find(str(user), NOW)
    assert len(queries) == 2
    assert (member.last_activity, member.open_quizzes) == (NOW - DAY, ())


def test_a_recheck_sees_the_first_attempt_that_there_is(tmp_path):
    with NativePlatform.in_folder(tmp_path, instants="INTEGER") as site:
        user, quiz = str(site.user()), site.quiz()
        audience, at = Audience(site.opened()), NOW + 30 * SECOND

        def last_activity():
            found = audience.recheck_all(Kind.REMINDER, [user], at, since=NOW - DAY)
            return found[user].last_activity

        assert last_activity() is None
        site.attempt(user, quiz, int(NOW.timestamp()))
        assert last_activity() == NOW


def test_a_few_quizzes_are_checked_in_one_query(site):
    opened = site.quiz("open")
    closed, draft = site.quiz("closed", closes_at=NOW), site.quiz("draft", published=False)
    site.quiz("not asked for")
    platform = site.opened()

    with queries_of(platform) as queries:
        found = Audience(platform).open_now([str(opened), str(closed), str(draft), "999", "\ud800"], NOW)
    assert [quiz.title for quiz in found.values()] == ["open"]
    assert found.keys() == {str(opened)}
    assert len(queries) == 1


def test_of_no_quizzes_none_is_open(site):
    assert Audience(site.opened()).open_now([], NOW) == {}
