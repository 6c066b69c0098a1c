from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quizmail import slots
from quizmail.slots import Calendar
from quizmail.states import Kind

CALENDAR = Calendar(18, 1, 9, ZoneInfo("UTC"), timedelta(hours=3), timedelta(days=3))
ZONES = sorted(available_timezones())


def utc(*parts):
    return datetime(*parts, tzinfo=UTC)


def instants(kind, zone, after, until, calendar=CALENDAR):
    return [slot.at for slot in slots.between(kind, after, until, [zone], calendar)]


@pytest.mark.parametrize(
    ("zone", "day", "expected"),
    [
        ("Europe/Paris", date(2026, 3, 28), utc(2026, 3, 28, 17)),
        ("Europe/Paris", date(2026, 3, 29), utc(2026, 3, 29, 16)),  # the clocks went forward that night
        ("Europe/Paris", date(2026, 10, 25), utc(2026, 10, 25, 17)),  # and back that night
        ("America/New_York", date(2026, 11, 1), utc(2026, 11, 1, 23)),
        ("Pacific/Kiritimati", date(2026, 5, 1), utc(2026, 5, 1, 4)),  # UTC+14
        ("Etc/GMT+12", date(2026, 5, 1), utc(2026, 5, 2, 6)),  # UTC-12
    ],
)
def test_a_reminder_is_due_at_18_on_the_readers_own_clock(zone, day, expected):
    noon = datetime.combine(day, datetime.min.time(), tzinfo=ZoneInfo(zone))

    assert instants(Kind.REMINDER, zone, noon, noon + timedelta(hours=23)) == [expected]


@given(st.sampled_from(ZONES), st.datetimes(datetime(2020, 1, 1), datetime(2030, 1, 1)))
def test_every_local_day_has_exactly_one_reminder_slot(zone, start):
    start = start.replace(tzinfo=UTC)
    found = slots.between(Kind.REMINDER, start, start + timedelta(days=10), [zone], CALENDAR)

    days = [slot.at.astimezone(ZoneInfo(zone)).date().isoformat() for slot in found]
    assert days == [slot.period for slot in found]
    assert len(set(days)) == len(days)
    assert 9 <= len(days) <= 11


def test_an_hour_that_the_clocks_skip_is_read_after_the_gap():
    calendar = Calendar(2, 1, 9, ZoneInfo("UTC"), timedelta(hours=3), timedelta(days=3))

    found = instants(Kind.REMINDER, "Europe/Berlin", utc(2026, 3, 28, 12), utc(2026, 3, 29, 12), calendar)

    assert found == [utc(2026, 3, 29, 1)]  # 02:30 does not exist; the clocks then show 03:00
    assert found[0].astimezone(ZoneInfo("Europe/Berlin")).hour == 3


def test_an_hour_that_comes_twice_is_taken_the_first_time():
    calendar = Calendar(2, 1, 9, ZoneInfo("UTC"), timedelta(hours=3), timedelta(days=3))

    found = instants(Kind.REMINDER, "Europe/Berlin", utc(2026, 10, 24, 12), utc(2026, 10, 25, 12), calendar)

    assert found == [utc(2026, 10, 25, 0)]


def test_a_day_that_a_zone_skipped_has_no_slot():
    found = slots.between(
        Kind.REMINDER, utc(2011, 12, 29, 12), utc(2012, 1, 1, 12), ["Pacific/Apia"], CALENDAR
    )

    assert [slot.period for slot in found] == ["2011-12-29", "2011-12-31", "2012-01-01"]


def test_zones_that_share_an_instant_share_a_slot():
    zones = ["Europe/Paris", "Europe/Berlin", "Africa/Lagos", "Asia/Tokyo"]

    found = slots.between(Kind.REMINDER, utc(2026, 1, 5), utc(2026, 1, 6), zones, CALENDAR)

    assert [(slot.at.hour, sorted(slot.zones)) for slot in found] == [
        (9, ["Asia/Tokyo"]),
        (17, ["Africa/Lagos", "Europe/Berlin", "Europe/Paris"]),
    ]


def test_a_whole_day_of_the_world_has_at_most_some_forty_slots():
    found = slots.between(Kind.REMINDER, utc(2026, 6, 1), utc(2026, 6, 2), ZONES, CALENDAR)

    assert 24 <= len(found) <= 45


def test_a_report_is_due_at_9_on_the_readers_1st():
    found = slots.between(Kind.REPORT, utc(2026, 10, 20), utc(2026, 11, 20), ["America/New_York"], CALENDAR)

    assert [(slot.period, slot.at) for slot in found] == [("2026-10", utc(2026, 11, 1, 14))]


def test_a_report_waits_until_the_month_has_ended_in_the_sites_zone():
    calendar = Calendar(18, 1, 9, ZoneInfo("America/Los_Angeles"), timedelta(hours=3), timedelta(days=3))

    found = slots.between(Kind.REPORT, utc(2026, 10, 20), utc(2026, 11, 20), ["Asia/Tokyo"], calendar)

    assert [slot.at for slot in found] == [utc(2026, 11, 1, 7)]  # 00:00 in Los Angeles, 16:00 in Tokyo


def test_the_latest_slots_are_one_for_every_zone():
    now = utc(2026, 11, 24, 12)

    found = slots.latest(Kind.REMINDER, now, ["Asia/Tokyo", "Europe/Paris", "UTC"], CALENDAR)

    assert [(slot.period, slot.at, set(slot.zones)) for slot in found] == [
        ("2026-11-23", utc(2026, 11, 23, 17), {"Europe/Paris"}),
        ("2026-11-23", utc(2026, 11, 23, 18), {"UTC"}),
        ("2026-11-24", utc(2026, 11, 24, 9), {"Asia/Tokyo"}),
    ]


def test_the_period_of_a_mail_by_hand_is_the_readers_day_or_the_last_whole_month():
    now = utc(2026, 11, 30, 20)

    assert slots.current_period(Kind.REMINDER, now, "Asia/Tokyo", CALENDAR) == "2026-12-01"
    assert slots.current_period(Kind.REPORT, now, "Asia/Tokyo", CALENDAR) == "2026-10"


def test_a_reminder_expires_with_the_readers_day_and_a_report_after_three_days():
    at = utc(2026, 11, 23, 17)

    assert slots.expiry(Kind.REMINDER, "2026-11-23", "Europe/Paris", at) == utc(2026, 11, 23, 23)
    assert slots.expiry(Kind.REPORT, "2026-10", "Europe/Paris", at) == at + timedelta(days=3)
