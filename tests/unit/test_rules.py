from datetime import UTC, datetime, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quizmail.rules import DUE, Person, decide
from quizmail.slots import Calendar, between, expiry
from quizmail.states import Kind, NotDue, Skip

NOW = datetime(2026, 11, 23, 18, tzinfo=UTC)
LIMIT = timedelta(days=2)
QUIET = Person("1", "ada@example.com", last_activity=NOW - timedelta(days=5), available=3, taken=4)


@pytest.mark.parametrize("kind", Kind)
def test_who_is_quiet_and_took_part_gets_both_mails(kind):
    assert decide(kind, QUIET, NOW, LIMIT) == DUE


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"is_staff": True}, NotDue.STAFF),
        ({"active": False}, NotDue.ACCOUNT_DISABLED),
        ({"last_activity": NOW - timedelta(hours=1)}, NotDue.RECENTLY_ACTIVE),
        ({"last_activity": NOW - LIMIT}, NotDue.RECENTLY_ACTIVE),
        ({"last_activity": None, "created_at": NOW - timedelta(days=1)}, NotDue.ACCOUNT_TOO_NEW),
        ({"available": 0}, NotDue.NOTHING_AVAILABLE),
        ({"weekly_after": NOW}, NotDue.MAILED_THIS_WEEK),
        ({"address": None}, Skip.BAD_ADDRESS),
        ({"opted_out": True}, Skip.OPTED_OUT),
        ({"paused_until": NOW + timedelta(seconds=1)}, Skip.PAUSED),
        ({"suppressed": True}, Skip.SUPPRESSED),
    ],
)
def test_one_fact_decides_against_a_reminder(change, reason):
    assert decide(Kind.REMINDER, QUIET._replace(**change), NOW, LIMIT) == reason


@pytest.mark.parametrize(
    "change",
    [
        {"last_activity": NOW - LIMIT - timedelta(microseconds=1)},
        {"last_activity": None},
        {"last_activity": None, "created_at": NOW - timedelta(days=30)},
        {"paused_until": NOW},
    ],
)
def test_one_fact_leaves_the_reminder_due(change):
    assert decide(Kind.REMINDER, QUIET._replace(**change), NOW, LIMIT) == DUE


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"is_staff": True}, NotDue.STAFF),
        ({"active": False}, NotDue.ACCOUNT_DISABLED),
        ({"taken": 0}, NotDue.NO_ACTIVITY),
        ({"address": None}, Skip.BAD_ADDRESS),
        ({"opted_out": True}, Skip.OPTED_OUT),
    ],
)
def test_one_fact_decides_against_a_report(change, reason):
    assert decide(Kind.REPORT, QUIET._replace(**change), NOW, LIMIT) == reason


def test_a_report_does_not_ask_for_inactivity_or_open_quizzes():
    busy = QUIET._replace(last_activity=NOW, available=0)

    assert decide(Kind.REPORT, busy, NOW, LIMIT) == DUE


def test_who_is_not_due_is_counted_even_if_the_address_is_bad():
    away = QUIET._replace(address=None, last_activity=NOW)

    assert decide(Kind.REMINDER, away, NOW, LIMIT) == NotDue.RECENTLY_ACTIVE


def weekly(last, at, zone="Europe/Berlin"):
    """Return the verdict on somebody who wants one reminder a week and had one at `last` (local)."""
    local = ZoneInfo(zone)
    last, at = (each.replace(tzinfo=local).astimezone(UTC) for each in (last, at))
    person = QUIET._replace(last_activity=None, weekly_after=last, zone=zone)
    return decide(Kind.REMINDER, person, at, LIMIT)


@pytest.mark.parametrize(
    ("last", "at"),
    [
        (datetime(2026, 11, 16, 18), datetime(2026, 11, 23, 18)),
        (datetime(2026, 11, 16, 20, 59), datetime(2026, 11, 23, 18)),  # last week it was late
        (datetime(2026, 10, 19, 18), datetime(2026, 10, 26, 18)),  # the clocks went back
        (datetime(2026, 3, 23, 18), datetime(2026, 3, 30, 18)),  # the clocks went forward
        (datetime(2026, 11, 16, 23, 59, 59), datetime(2026, 11, 23, 0, 0)),
    ],
)
def test_a_weekly_reader_is_due_on_the_same_day_of_the_next_week(last, at):
    assert weekly(last, at) == DUE


@pytest.mark.parametrize(
    ("last", "at"),
    [
        (datetime(2026, 11, 16, 18), datetime(2026, 11, 17, 18)),
        (datetime(2026, 11, 16, 0), datetime(2026, 11, 22, 23, 59, 59)),
        (datetime(2026, 11, 23, 17), datetime(2026, 11, 23, 18)),
        (datetime(2026, 11, 24, 9), datetime(2026, 11, 23, 18)),  # judged at an earlier slot, by hand
    ],
)
def test_a_weekly_reader_gets_no_second_reminder_within_seven_days(last, at):
    assert weekly(last, at) == NotDue.MAILED_THIS_WEEK


def test_the_first_reminder_of_a_weekly_reader_is_due():
    assert decide(Kind.REMINDER, QUIET._replace(weekly_after=None), NOW, LIMIT) == DUE


def test_a_weekly_reader_gets_every_report():
    assert decide(Kind.REPORT, QUIET._replace(weekly_after=NOW), NOW, LIMIT) == DUE


def test_who_was_active_is_counted_as_such_even_if_mailed_this_week():
    person = QUIET._replace(last_activity=NOW, weekly_after=NOW)

    assert decide(Kind.REMINDER, person, NOW, LIMIT) == NotDue.RECENTLY_ACTIVE


@given(
    first=st.dates(datetime(2024, 1, 1).date(), datetime(2030, 1, 1).date()),
    zone=st.sampled_from(["UTC", "Europe/Berlin", "America/New_York", "Pacific/Apia", "Australia/Lord_Howe"]),
    hour=st.integers(0, 23),
    late=st.lists(st.integers(0, 179), min_size=30, max_size=30),
)
def test_a_weekly_reader_whom_we_ask_about_daily_is_mailed_every_seventh_day(first, zone, hour, late):
    """However late each mail leaves within its day, and whatever the clocks do."""
    calendar = Calendar(hour, 1, 9, ZoneInfo("UTC"), timedelta(hours=3), timedelta(days=3))
    start = datetime.combine(first, time(), UTC)
    slots = between(Kind.REMINDER, start, start + timedelta(days=30), [zone], calendar)
    last, mailed = None, []
    for slot, minutes in zip(slots, late, strict=False):
        person = QUIET._replace(last_activity=None, weekly_after=last, zone=zone)
        if decide(Kind.REMINDER, person, slot.at, LIMIT) == DUE:
            ends = expiry(Kind.REMINDER, slot.period, zone, slot.at) - timedelta(seconds=1)
            last = min(slot.at + timedelta(minutes=minutes), ends)
            mailed.append(datetime.fromisoformat(slot.period))
    assert {later - before for before, later in pairwise(mailed)} == {timedelta(days=7)}
