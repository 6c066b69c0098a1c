"""What the ``quizmaster`` preset must find in the database of ``real_shapes.QUIZMASTER``."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from quizmail import activity
from quizmail.audience import Audience
from quizmail.platform import Platform
from quizmail.states import Kind

KOLKATA = ZoneInfo("Asia/Kolkata")

#: Midnight of the 24th in India: the day on which the first quiz may be taken.
OPENING = datetime(2026, 11, 23, 18, 30, tzinfo=UTC)


def assert_the_preset_fits(url):
    platform = Platform.open(url, "quizmaster", KOLKATA)
    try:
        _assert_the_users_are_found(platform)
        _assert_the_quizzes_are_found(platform)
        _assert_the_month_is_right(platform)
    finally:
        platform.close_all()


def _assert_the_users_are_found(platform):
    audience = Audience(platform)
    page = audience.page(Kind.REMINDER, OPENING, audience.zones(), None, audience.catalogue(OPENING))
    head, ada, bob, eve = page.members
    assert head.is_staff and not bob.active
    assert (ada.name, ada.address) == ("ada", "ada@example.org")
    assert ada.last_seen_at == ada.last_activity == datetime(2026, 11, 1, 10, tzinfo=UTC)
    assert (ada.opt_out, bob.opt_out, eve.opt_out) == ({Kind.REPORT}, set(Kind), set())
    assert eve.last_activity == datetime(2026, 10, 2, 10, tzinfo=UTC)
    assert eve.created_at == datetime(2026, 1, 1, 10, tzinfo=UTC)
    assert [quiz.title for quiz in eve.open_quizzes] == ["Halves", "Rhine"]
    assert audience.find("4", OPENING).last_activity == eve.last_activity


def _assert_the_quizzes_are_found(platform):
    halves, rhine = Audience(platform).catalogue(OPENING)
    assert (halves.category, halves.opens_at, halves.minutes) == ("Maths · Fractions", OPENING, 30)
    assert (rhine.category, rhine.opens_at, rhine.minutes) == ("Rivers", None, None)


def _assert_the_month_is_right(platform):
    assert activity.compute(platform, "2026-10", OPENING, "here")
    found = activity.figures("2026-10", ["1", "2", "3", "4"])
    assert {key: (each.taken, each.average, each.rank, each.of) for key, each in found.items()} == {
        "2": (1, 75.0, 1, 2),
        "4": (1, 50.0, 2, 2),
    }
