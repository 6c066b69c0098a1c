"""What users did in a month, and their ranks."""

import random
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from quizmail import activity
from quizmail.activity import LEASE, Figure
from quizmail.errors import PlatformUnavailable
from quizmail.fields import decode_document
from quizmail.models import Month, MonthFigure
from quizmail.slots import month_bounds, previous_month
from tests.support.platforms import NativePlatform, queries_of

NOW = datetime(2026, 11, 23, 18, tzinfo=UTC)
IN_OCTOBER = datetime(2026, 10, 15, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)
PERIOD = "2026-10"

pytestmark = pytest.mark.usefixtures("sqlite_database")


@pytest.fixture
def site(tmp_path):
    with NativePlatform.in_folder(tmp_path) as site:
        yield site


def figures_of(platform, users, period=PERIOD):
    assert activity.compute(platform, period, NOW, "here")
    found = activity.figures(period, [str(user) for user in users])
    return [decoded(found[str(user)]) if str(user) in found else None for user in users]


def decoded(figure):
    return figure._replace(quizzes=decode_document(figure.quizzes))


@pytest.mark.parametrize(
    ("period", "zone", "start", "end"),
    [
        ("2026-10", "UTC", datetime(2026, 10, 1), datetime(2026, 11, 1)),
        ("2026-12", "Asia/Kolkata", datetime(2026, 11, 30, 18, 30), datetime(2026, 12, 31, 18, 30)),
        ("2026-03", "Europe/Berlin", datetime(2026, 2, 28, 23), datetime(2026, 3, 31, 22)),
        ("2024-02", "UTC", datetime(2024, 2, 1), datetime(2024, 3, 1)),
    ],
)
def test_a_month_is_the_calendar_month_in_its_zone(period, zone, start, end):
    assert month_bounds(period, ZoneInfo(zone)) == (start.replace(tzinfo=UTC), end.replace(tzinfo=UTC))


@pytest.mark.parametrize(("period", "before"), [("2026-10", "2026-09"), ("2026-01", "2025-12")])
def test_the_month_before(period, before):
    assert previous_month(period) == before


def test_the_month_is_half_open_in_the_sites_zone(site):
    user, quiz = site.user(), site.quiz()
    start, end = month_bounds(PERIOD, ZoneInfo("Asia/Kolkata"))
    for score, at in enumerate((start - SECOND, start, end - SECOND, end)):
        site.attempt(user, quiz, at, score=score, max_score=10)
    (figure,) = figures_of(site.opened(site_zone="Asia/Kolkata"), [user])

    assert (figure.taken, figure.average, figure.best) == (2, 15.0, 20.0)


def test_figures_of_a_user(site):
    user, one, two = site.user(), site.quiz("Fractions", category="Maths"), site.quiz("Rivers")
    for quiz, score in ((one, 5), (one, 8), (two, 10)):
        site.attempt(user, quiz, IN_OCTOBER, score=score, max_score=10)
    (figure,) = figures_of(site.opened(), [user])

    assert figure == Figure(
        period=PERIOD,
        user_id=str(user),
        taken=3,
        average=76.666667,
        best=100.0,
        rank=1,
        of=1,
        quizzes=[
            {
                "id": str(two),
                "title": "Rivers",
                "category": None,
                "taken": 1,
                "best": 100.0,
                "rank": 1,
                "of": 1,
            },
            {
                "id": str(one),
                "title": "Fractions",
                "category": "Maths",
                "taken": 2,
                "best": 80.0,
                "rank": 1,
                "of": 1,
            },
        ],
        categories=[
            {"name": "Maths", "taken": 2, "average": 65.0},
            {"name": None, "taken": 1, "average": 100.0},
        ],
        below=0,
    )


@pytest.mark.parametrize(
    ("columns", "percent"),
    [
        ({"score": 3, "max_score": 4}, 75.0),
        ({"score": 3, "max_score": 4, "percent": 50}, 50.0),
        ({"score": None, "max_score": None, "percent": 50}, 50.0),
        ({"score": 6, "max_score": 4}, 150.0),
        ({"score": -1, "max_score": 4}, -25.0),
        ({"score": 0, "max_score": 4}, 0.0),
        ({"score": "3", "max_score": "4"}, 75.0),
        ({"score": 1, "max_score": 3}, 33.333333),
        ({"score": 3, "max_score": 0}, None),
        ({"score": 3, "max_score": -4}, None),
        ({"score": 3, "max_score": None}, None),
        ({"score": None, "max_score": 4}, None),
        ({"score": 1e308, "max_score": 1e-308}, None),
    ],
)
def test_percent(site, columns, percent):
    user, quiz = site.user(), site.quiz()
    site.attempt(user, quiz, IN_OCTOBER, **columns)
    (figure,) = figures_of(site.opened(), [user])

    assert (figure.taken, figure.average, figure.best) == (1, percent, percent)
    assert (figure.rank is None) == (figure.quizzes[0]["rank"] is None) == (percent is None)


def test_ungraded_attempts_count_as_taken_and_stay_out_of_averages(site):
    user, only_ungraded, quiz = site.user(), site.user(), site.quiz()
    site.attempt(user, quiz, IN_OCTOBER, score=6)
    for each in (user, only_ungraded):
        site.attempt(each, quiz, IN_OCTOBER, score=None)
    graded, ungraded = figures_of(site.opened(), [user, only_ungraded])

    assert (graded.taken, graded.average, graded.rank, graded.of) == (2, 60.0, 1, 1)
    assert (ungraded.taken, ungraded.average, ungraded.best) == (1, None, None)
    assert (ungraded.rank, ungraded.of) == (None, None)
    assert ungraded.quizzes[0] | {"title": ""} == {
        "id": str(quiz), "title": "", "category": None, "taken": 1, "best": None, "rank": None, "of": None
    }  # fmt: skip


def test_ties_share_a_rank_and_the_next_is_skipped(site):
    quiz = site.quiz()
    users = [site.user() for _ in range(4)]
    for user, score in zip(users, (9, 7, 7, 5), strict=True):
        site.attempt(user, quiz, IN_OCTOBER, score=score)
    found = figures_of(site.opened(), users)

    assert [(figure.rank, figure.of) for figure in found] == [(1, 4), (2, 4), (2, 4), (4, 4)]
    assert [figure.quizzes[0]["rank"] for figure in found] == [1, 2, 2, 4]


def test_who_has_a_lower_average_is_below_and_ties_are_not(site):
    quiz = site.quiz()
    users = [site.user() for _ in range(5)]
    for user, score in zip(users, (9, 7, 7, 5, None), strict=True):
        site.attempt(user, quiz, IN_OCTOBER, score=score)

    assert [figure.below for figure in figures_of(site.opened(), users)] == [3, 1, 1, 0, None]


def test_a_categorys_average_is_the_mean_of_its_attempts_not_of_its_quizzes(site):
    user = site.user()
    one, two = (site.quiz(category="Maths") for _ in range(2))
    rivers, essay = site.quiz(category="Geography"), site.quiz(category="Writing")
    for quiz, score in ((one, 10), (one, 7), (one, None), (two, 1), (rivers, 5), (essay, None)):
        site.attempt(user, quiz, IN_OCTOBER, score=score)
    (figure,) = figures_of(site.opened(), [user])

    assert figure.categories == [
        {"name": "Maths", "taken": 4, "average": 60.0},
        {"name": "Geography", "taken": 1, "average": 50.0},
        {"name": "Writing", "taken": 1, "average": None},
    ]


def test_figures_of_a_month_computed_before_categories_were_kept_are_read(site):
    MonthFigure.create(period=PERIOD, user_id="1", taken=2, average=50.0, rank=1, of=9, quizzes=[])
    (figure,) = activity.figures(PERIOD, ["1"]).values()

    assert (figure.categories, figure.below) == (None, None)


def test_a_newcomer_had_finished_nothing_before_the_month(site):
    early, late, just_before, never = (site.user() for _ in range(4))
    quiz = site.quiz()
    start, _ = month_bounds(PERIOD, ZoneInfo("Asia/Kolkata"))
    site.attempt(early, quiz, start - timedelta(days=900), score=None)
    site.attempt(just_before, quiz, start - SECOND)
    site.attempt(late, quiz, start)
    site.attempt(never, 999, start - SECOND)
    site.attempt(never, quiz, None)
    ids = [*map(str, (early, late, just_before, never)), "\ud800"]
    found = activity.newcomers(site.opened(site_zone="Asia/Kolkata"), PERIOD, ids)

    assert found == {str(late), str(never), "\ud800"}


def test_means_that_differ_only_by_floating_point_are_tied(site):
    quiz = site.quiz()
    one, other = site.user(), site.user()
    for percent in (0.1, 0.2, 0.3):
        site.attempt(one, quiz, IN_OCTOBER, percent=percent)
    for percent in (0.3, 0.2, 0.1, 0.2):
        site.attempt(other, quiz, IN_OCTOBER, percent=percent)

    assert [figure.rank for figure in figures_of(site.opened(), [one, other])] == [1, 1]


def test_staff_have_no_figures_and_no_rank_but_disabled_accounts_do(site):
    quiz = site.quiz()
    teacher, gone, learner = site.user(is_staff=True), site.user(active=False), site.user()
    for user, score in ((teacher, 10), (gone, 9), (learner, 8)):
        site.attempt(user, quiz, IN_OCTOBER, score=score)
    of_teacher, of_gone, of_learner = figures_of(site.opened(), [teacher, gone, learner])

    assert of_teacher is None
    assert (of_gone.rank, of_learner.rank, of_learner.of) == (1, 2, 2)
    assert of_learner.quizzes[0]["of"] == 2


@pytest.mark.parametrize("value", [1, "t", "True", "YES", "admin", 2])
def test_staff_is_told_by_any_spelling_of_true(site, value):
    user, quiz = site.user(is_staff=value), site.quiz()
    site.attempt(user, quiz, IN_OCTOBER)

    assert figures_of(site.opened(), [user]) == [None]


@pytest.mark.parametrize("value", [0, None, "f", "False", " no ", "", "0"])
def test_learners_are_told_by_any_spelling_of_false(site, value):
    user, quiz = site.user(is_staff=value), site.quiz()
    site.attempt(user, quiz, IN_OCTOBER)

    assert figures_of(site.opened(), [user])[0].taken == 1


def test_orphans_and_attempts_without_an_end_are_dropped(site):
    user, quiz = site.user(), site.quiz(published=False)
    site.attempt(user, quiz, IN_OCTOBER)
    site.attempt(user, 999, IN_OCTOBER)
    site.attempt(999, quiz, IN_OCTOBER, score=10)
    site.attempt(None, quiz, IN_OCTOBER)
    site.attempt(user, None, IN_OCTOBER)
    for end in (None, "", 0, "2026-10-32", "2026-10-15 25:00"):
        site.attempt(user, quiz, end, score=0)
    (figure,) = figures_of(site.opened(), [user])

    assert (figure.taken, figure.average, figure.rank, figure.of) == (1, 80.0, 1, 1)
    assert MonthFigure.select().count() == 1


def test_a_duplicate_user_is_counted_once(tmp_path):
    with NativePlatform.in_folder(tmp_path) as site:
        quiz = site.quiz()
        site.execute("DROP TABLE users")
        site.execute("CREATE TABLE users (id, email)")
        for _ in range(2):
            site.execute("INSERT INTO users VALUES (7, 'ada@example.com')")
        site.attempt(7, quiz, IN_OCTOBER)
        (figure,) = figures_of(site.opened(), [7])

    assert figure.taken == 1


def test_the_attempts_of_a_month_are_read_by_one_query_however_many_took_part(site):
    numbers, quiz, platform = [], site.quiz(), site.opened()
    for more in (1, 9, 290):
        for user in [site.user() for _ in range(more)]:
            site.attempt(user, quiz, IN_OCTOBER, percent=50.0)
        Month.delete().execute()
        with queries_of(platform) as queries:
            activity.compute(platform, PERIOD, NOW, "here")
        reading = [query for query in queries if "EXISTS" not in query[:20]]  # How instants are written.
        numbers.append((len(reading), sum("quiz_attempts" in query for query in reading)))

    assert MonthFigure.select().count() == 300
    assert numbers == [(2, 1)] * 3  # The quizzes, and everything else.


@settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(0, 2**32))
def test_the_one_query_agrees_with_a_plain_reckoning(tmp_path, seed):
    chance = random.Random(seed)
    with NativePlatform.in_folder(tmp_path) as site:
        users = [site.user(is_staff=chance.random() < 0.2) for _ in range(8)]
        quizzes = [site.quiz() for _ in range(3)]
        staff = {row[0] for row in site.execute("SELECT id FROM users WHERE is_staff")}
        attempts = []
        for _ in range(30):
            user, quiz = chance.choice(users), chance.choice(quizzes)
            percent = chance.choice([None, 0.0, 33.3, 33.3, 50.0, 66.7, 100.0])
            at = IN_OCTOBER + timedelta(days=chance.choice([0, 1, 2, 40, -40]))
            site.attempt(user, quiz, at, score=None, percent=percent)
            if at.month == 10 and user not in staff:
                attempts.append((user, quiz, percent))
        Month.delete().execute()
        MonthFigure.delete().execute()
        found = figures_of(site.opened(), users)

    means = {}
    for user in users:
        graded = [percent for whose, _, percent in attempts if whose == user and percent is not None]
        if graded:
            means[user] = round(sum(graded) / len(graded), 6)
    for user, figure in zip(users, found, strict=True):
        taken = sum(whose == user for whose, _, _ in attempts)
        assert (figure.taken if figure else 0) == taken
        if figure:
            mean = means.get(user)
            better = sum(other > mean for other in means.values()) if mean is not None else None
            assert figure.average == pytest.approx(mean)
            assert (figure.rank, figure.of) == (
                (better + 1, len(means)) if mean is not None else (None, None)
            )
            for result in figure.quizzes:
                bests = best_by_user(attempts, int(result["id"]))
                mine = bests.get(user)
                expected = None if mine is None else 1 + sum(best > mine for best in bests.values())
                assert (result["best"], result["rank"]) == (mine, expected)
                assert result["of"] == (None if mine is None else len(bests))


def best_by_user(attempts, quiz_id):
    bests = {}
    for user, quiz, percent in attempts:
        if quiz == quiz_id and percent is not None:
            bests[user] = max(percent, bests.get(user, percent))
    return bests


def test_figures_are_computed_once_and_stay_the_same(site):
    user, quiz = site.user(), site.quiz()
    site.attempt(user, quiz, IN_OCTOBER)
    platform = site.opened()
    before = figures_of(platform, [user])
    site.attempt(user, quiz, IN_OCTOBER, score=0)

    assert figures_of(platform, [user]) == before


def test_a_month_that_has_not_ended_in_the_sites_zone_is_refused(site):
    end = datetime(2026, 10, 31, 18, 30, tzinfo=UTC)
    platform = site.opened(site_zone="Asia/Kolkata")

    with pytest.raises(ValueError, match="2026-10 has not ended"):
        activity.compute(platform, PERIOD, end - SECOND, "here")
    assert activity.compute(platform, PERIOD, end, "here")


def test_an_empty_month_is_computed_too(site):
    assert activity.compute(site.opened(), PERIOD, NOW, "here")
    assert activity.figures(PERIOD, ["1"]) == {}


def test_while_one_process_computes_another_waits(site):
    platform = site.opened()
    Month.create(period=PERIOD, lease_by="elsewhere", lease_until=NOW + SECOND)

    assert not activity.compute(platform, PERIOD, NOW, "here")


def test_an_expired_lease_is_taken_over_and_partial_rows_are_deleted(site):
    user, quiz = site.user(), site.quiz()
    site.attempt(user, quiz, IN_OCTOBER)
    Month.create(period=PERIOD, lease_by="elsewhere", lease_until=NOW)
    for partial in (str(user), "999"):
        MonthFigure.create(period=PERIOD, user_id=partial, taken=99, quizzes=[])
    other_month = MonthFigure.create(period="2026-09", user_id="1", taken=7, quizzes=[])
    (figure,) = figures_of(site.opened(), [user])

    assert figure.taken == 1
    assert MonthFigure.select().count() == 2
    assert MonthFigure.get_by_id(other_month.id).taken == 7


def test_a_process_that_lost_its_lease_stops_and_leaves_the_rest_to_the_other(site, monkeypatch):
    quiz = site.quiz()
    for _ in range(3):
        site.attempt(site.user(), quiz, IN_OCTOBER)
    platform = site.opened()
    monkeypatch.setattr(activity, "_CHUNK", 1)

    with losing_the_lease_after(2, monkeypatch):
        assert not activity.compute(platform, PERIOD, NOW, "here")
    assert Month.get_by_id(PERIOD).computed_at is None
    assert activity.compute(platform, PERIOD, NOW + LEASE, "here")
    assert MonthFigure.select().count() == 3


@contextmanager
def losing_the_lease_after(writes, monkeypatch):
    write, left = activity._write, [writes]

    def counted(*arguments, **values):
        left[0] -= 1
        if left[0] == 0:
            Month.update(lease_by="elsewhere", lease_until=NOW + LEASE).execute()
        return write(*arguments, **values)

    monkeypatch.setattr(activity, "_write", counted)
    yield
    monkeypatch.setattr(activity, "_write", write)


def test_a_platform_that_fails_gives_the_lease_back(site, monkeypatch):
    platform = site.opened()

    def broken(*_):
        raise PlatformUnavailable("gone")
        yield

    with monkeypatch.context() as patched:
        patched.setattr(activity, "month_of_users", broken)
        with pytest.raises(PlatformUnavailable):
            activity.compute(platform, PERIOD, NOW, "here")

    assert activity.compute(platform, PERIOD, NOW, "here")


def test_many_users_are_written_in_chunks(site, monkeypatch):
    monkeypatch.setattr(activity, "_CHUNK", 7)
    quiz = site.quiz()
    site.many("users", ["id", "email"], ((user, "x") for user in range(20)))
    rows = ((user, quiz, IN_OCTOBER, user, 20) for user in range(20))
    site.many("quiz_attempts", ["user_id", "quiz_id", "finished_at", "score", "max_score"], rows)
    found = figures_of(site.opened(), range(20))

    assert [figure.rank for figure in found] == list(range(20, 0, -1))


def test_what_was_taken_so_far(site):
    user, idle, quiz = site.user(), site.user(), site.quiz()
    start = datetime(2026, 11, 1, tzinfo=UTC)
    for at in (start - SECOND, start, NOW - SECOND, NOW):
        site.attempt(user, quiz, at)
    site.attempt(user, 999, start)

    assert activity.so_far(site.opened(), "2026-11", [str(user), str(idle), "\ud800"], NOW) == {str(user): 2}
