"""The contract on databases in the shapes that quiz applications really have."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from quizmail import activity
from quizmail.audience import Audience
from quizmail.platform import Platform
from quizmail.states import Kind
from tests.support import real_shapes
from tests.support.quizmaster import assert_the_preset_fits

KOLKATA = ZoneInfo("Asia/Kolkata")

pytestmark = pytest.mark.usefixtures("sqlite_database")


@pytest.fixture
def opened(tmp_path):
    platforms = []

    def opened(script, source, zone):
        url = f"sqlite:///{tmp_path}/platform.db"
        real_shapes.create(url, script)
        platforms.append(Platform.open(url, str(real_shapes.SOURCES / source), zone))
        return platforms[-1]

    yield opened
    for platform in platforms:
        platform.close()


@pytest.fixture
def results_in_local_time(opened):
    return opened(real_shapes.RESULTS_IN_LOCAL_TIME, "results_in_local_time.toml", KOLKATA)


@pytest.fixture
def address_in_username(opened):
    return opened(real_shapes.ADDRESS_IN_USERNAME, "address_in_username.toml", ZoneInfo("UTC"))


def figures(platform, period):
    now = datetime(2026, 11, 23, tzinfo=UTC)
    assert activity.compute(platform, period, now, "here")
    found = activity.figures(period, ["1", "2", "3"])
    return {key: (each.taken, each.average, each.best, each.rank, each.of) for key, each in found.items()}


def test_a_month_in_local_time(results_in_local_time):
    assert figures(results_in_local_time, "2025-01") == {
        "2": (2, 85.0, 100.0, 1, 2),
        "3": (3, 50.0, 75.0, 2, 2),
    }


def test_quizzes_that_close_and_may_be_taken_once(results_in_local_time):
    at = datetime(2025, 2, 10, 18, tzinfo=KOLKATA).astimezone(UTC)
    audience = Audience(results_in_local_time)
    page = audience.page(Kind.REMINDER, at, audience.zones(), None, audience.catalogue(at))
    head, ada, bob = page.members

    assert head.is_staff and not ada.is_staff
    assert [quiz.title for quiz in ada.open_quizzes] == ["Once more", "Once", "Also free", "Free"]
    assert [quiz.title for quiz in bob.open_quizzes] == ["Once more", "Also free", "Free"]
    assert {quiz.title: quiz.closes_at for quiz in ada.open_quizzes}["Once"] == datetime(
        2025, 2, 14, 19, 39, tzinfo=UTC
    )
    assert ada.open_quizzes[0].minutes == 10 and ada.open_quizzes[0].category == "Maths · Fractions"
    assert ada.last_activity == datetime(2025, 1, 31, 18, 30, tzinfo=UTC)


def test_addresses_in_user_names(address_in_username):
    page = Audience(address_in_username).page(
        Kind.REPORT, datetime(2026, 2, 1, tzinfo=UTC), {"UTC"}, None, []
    )

    assert [member.address for member in page.members] == [None, "ada@example.org", None]
    assert figures(address_in_username, "2025-07") == {"2": (3, 83.333333, 100.0, 1, 1)}
    assert figures(address_in_username, "2026-01") == {"3": (1, 100.0, 100.0, 1, 1)}


@pytest.mark.parametrize(
    ("column", "whose"),
    [("INTEGER", real_shapes.BY_ADDRESS), ("INTEGER", real_shapes.BY_ID)],
    ids=["address", "id"],
)
def test_the_course_application(tmp_path, column, whose):
    url = f"sqlite:///{tmp_path}/platform.db"
    real_shapes.create(url, real_shapes.QUIZMASTER.format(user_id=column, **whose))

    assert_the_preset_fits(url)
