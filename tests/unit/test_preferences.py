"""What one reader wants, on both databases."""

from datetime import timedelta

import pytest

from quizmail import preferences
from quizmail.models import Delivery, Recipient
from quizmail.preferences import Choices, Reader
from quizmail.states import Kind, Preference


@pytest.fixture
def recipient(our_database):
    return Recipient.create(user_id="7")


def a_delivery(recipient, kind, period, planned_at, facts):
    instants = dict.fromkeys(("due_at", "expires_at", "planned_at"), planned_at)
    user_id = recipient.user_id
    Delivery.create(kind=kind, user_id=user_id, period=period, recipient=recipient, facts=facts, **instants)


def test_what_is_written_is_read_back(recipient, now):
    wanted = Choices(Preference.WEEKLY, Preference.OFF, now + timedelta(days=30))

    preferences.write(recipient.id, Choices(), wanted)

    assert preferences.read(recipient.id) == wanted
    assert preferences.read(recipient.id + 1) is None


def test_only_what_has_changed_is_written(recipient):
    Recipient.update(report_preference=Preference.OFF).execute()

    preferences.write(recipient.id, Choices(), Choices(reminder=Preference.WEEKLY))

    assert preferences.read(recipient.id) == Choices(Preference.WEEKLY, Preference.OFF)


def test_a_weekly_report_is_a_monthly_one(recipient):
    Recipient.update(report_preference=Preference.WEEKLY).execute()

    assert preferences.read(recipient.id).report == Preference.ON


def test_a_pause_is_half_open(now):
    paused = Choices(paused_until=now)

    assert paused.paused_at(now - timedelta(microseconds=1))
    assert not paused.paused_at(now)


def test_the_newest_mail_of_either_kind_that_has_facts_knows_the_reader(recipient, now):
    day = timedelta(days=1)
    assert preferences.reader(recipient.id) == Reader(None, "UTC")

    a_delivery(recipient, Kind.REMINDER, "2026-11-20", now - 3 * day, {"locale": "en", "zone": "UTC"})
    a_delivery(recipient, Kind.REPORT, "2026-10", now - 2 * day, {"locale": "de", "zone": "Europe/Berlin"})
    a_delivery(recipient, Kind.REMINDER, "2026-11-22", now - day, None)
    other = Recipient.create(user_id="8")
    a_delivery(other, Kind.REMINDER, "2026-11-22", now, {"locale": "fr", "zone": "Europe/Paris"})

    assert preferences.reader(recipient.id) == Reader("de", "Europe/Berlin")
