from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from quizmail.rules import DUE, Person, decide
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
        ({"address": None}, Skip.BAD_ADDRESS),
        ({"opted_out": True}, Skip.OPTED_OUT),
        ({"paused_until": NOW + timedelta(seconds=1)}, Skip.PAUSED),
        ({"suppressed": True}, Skip.SUPPRESSED),
    ],
)
def test_one_fact_decides_against_a_reminder(change, reason):
    assert decide(Kind.REMINDER, replace(QUIET, **change), NOW, LIMIT) == reason


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
    assert decide(Kind.REMINDER, replace(QUIET, **change), NOW, LIMIT) == DUE


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
    assert decide(Kind.REPORT, replace(QUIET, **change), NOW, LIMIT) == reason


def test_a_report_does_not_ask_for_inactivity_or_open_quizzes():
    busy = replace(QUIET, last_activity=NOW, available=0)

    assert decide(Kind.REPORT, busy, NOW, LIMIT) == DUE


def test_who_is_not_due_is_counted_even_if_the_address_is_bad():
    away = replace(QUIET, address=None, last_activity=NOW)

    assert decide(Kind.REMINDER, away, NOW, LIMIT) == NotDue.RECENTLY_ACTIVE
