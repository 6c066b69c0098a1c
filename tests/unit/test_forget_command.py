"""What an operator sees when somebody wants to be forgotten."""

from datetime import timedelta

import pytest

from quizmail import recipients
from quizmail.models import Delivery, Suppression
from quizmail.outbox import plan, tombstones
from quizmail.outbox.plan import PlannedRow
from quizmail.states import DeliveryState, Kind
from tests.support.platforms import NativePlatform


@pytest.fixture
def site(tmp_path):
    with NativePlatform.in_folder(tmp_path) as running:
        yield running


@pytest.fixture
def forget(command, site):
    def run(*arguments, typed=None, quiz_url=site.url):
        return command("forget", *arguments, typed=typed, QUIZ_DATABASE_URL=quiz_url)

    return run


def plan_reminder(now, state=DeliveryState.SENT):
    rows = [PlannedRow("7", now + timedelta(hours=6), {"name": "Ada"})]
    plan.insert_rows(Kind.REMINDER, "2026-11-23", None, now, now, rows)
    Delivery.update(state=state).execute()


def test_what_is_kept_is_shown_and_removed_when_confirmed(forget, site, now):
    site.user("Ada@example.com", id=7)
    recipients.suppress("ada@example.com", "complaint", None, now)
    plan_reminder(now)

    ran = forget("7", typed="y\n")

    assert "kept on this user: deliveries 1, recipients 1, suppressions 1" in ran.output
    assert "removed: deliveries 1" in ran.output
    assert Suppression.get().address == recipients.hashed("ada@example.com")
    assert "ada" not in ran.output.lower()


def test_without_a_yes_all_stays(forget, site, now):
    site.user("ada@example.com", id=7)
    plan_reminder(now)

    ran = forget("7", typed="n\n")

    assert ran.exit_code == 1
    assert Delivery.select().count() == 1


def test_who_is_gone_from_the_platform_is_forgotten_by_id_and_by_address(forget, now):
    recipients.suppress("ada@example.com", "complaint", None, now)
    plan_reminder(now)

    assert "name those they had with --address" in forget("7", "--yes").output
    assert Suppression.get().address == "ada@example.com"
    assert "removed: suppressions 1" in forget("7", "--yes", "--address", "Ada@Example.com").output
    assert "nothing is kept" in forget("7", "--yes", "--address", "ada@example.com").output


def test_who_has_no_traces_can_be_stopped_all_the_same(forget, site, now):
    site.user("ada@example.com", id=7)

    assert "removed: nothing" in forget("7", "--stop", "--yes").output
    assert tombstones.among(["7"], Kind.REPORT, "2026-10") == {"7"}


def test_a_mail_on_its_way_is_one_clear_line(forget, site, now):
    site.user("ada@example.com", id=7)
    plan_reminder(now, DeliveryState.SENDING)

    ran = forget("7", "--yes")

    assert ran.exit_code == 1
    assert "on its way: nothing was removed; run it again" in ran.output


def test_a_platform_that_does_not_answer_stops_it(forget, site, now):
    plan_reminder(now)

    ran = forget("7", "--yes", quiz_url=f"{site.url}.gone")

    assert ran.exit_code == 1
    assert Delivery.select().count() == 1
