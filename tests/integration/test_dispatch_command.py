"""What an operator orders with ``dispatch``: another instant, one user, the reports."""

from datetime import UTC, datetime, timedelta

import pytest

from quizmail.models import Delivery, Run
from tests.support.platforms import NativePlatform
from tests.support.smtp_server import SmtpServer
from tests.support.stack import Stack

NOW = datetime.now(UTC).replace(microsecond=0)

#: Half an hour after the evening's hour, three days ago.
EVENING = (NOW - timedelta(days=3)).replace(hour=18, minute=30, second=0)

#: The day after the reports of the month before the last one went out, and a day which they tell of.
REPORTS_OUT = (NOW.replace(day=1) - timedelta(days=1)).replace(day=2)
IN_THE_MONTH = (REPORTS_OUT.replace(day=1) - timedelta(days=1)).replace(day=9)


@pytest.fixture
def server():
    with SmtpServer() as running:
        yield running


@pytest.fixture
def stack(tmp_path, server):
    """Two quiet users who took a quiz some months ago, a teacher, and no Redis."""
    our_url = f"sqlite:///{tmp_path}/quizmail.db"
    with NativePlatform(f"sqlite:///{tmp_path}/quiz.db") as site:
        quiz = site.quiz("Capitals", created_at=NOW - timedelta(days=400))
        for number in (1, 2):
            user = site.user(f"user{number}@example.com", id=number, last_seen_at=NOW - timedelta(days=20))
            site.attempt(user, quiz, IN_THE_MONTH)
        site.user("teacher@example.com", id=3, is_staff=True)
        with Stack(tmp_path, site, server.port, our_url, LOG_LEVEL="WARNING") as running:
            yield running


def dispatched(stack, *arguments):
    ran = stack.run("dispatch", *arguments)
    assert ran.process.returncode == 0, ran.output
    return ran.output


def recipients(server):
    return sorted(mail.recipient for mail in server.inbox)


@pytest.mark.parametrize(("offset", "days_before"), [("", 0), ("+00:00", 0), ("+02:00", 1)])
def test_an_instant_chooses_the_latest_slot_before_it_and_without_an_offset_is_utc(
    stack, offset, days_before
):
    at = f"{EVENING:%Y-%m-%dT%H:%M}{offset}"

    output = dispatched(stack, "reminders", "--dry-run", "--at", at)

    day = EVENING - timedelta(days=days_before)
    assert output == f"reminders {day:%Y-%m-%d} ({day:%Y-%m-%d} 18:00 UTC): due 2, not due (staff) 1\n"


def test_a_run_of_an_earlier_evening_is_mailed_now(stack, server):
    dispatched(stack, "reminders", "--inline", "--at", EVENING.isoformat())

    assert {row.period for row in Delivery.select()} == {f"{EVENING:%Y-%m-%d}"}
    assert Run.get().slot == EVENING.replace(minute=0)
    assert recipients(server) == ["user1@example.com", "user2@example.com"]


def test_an_instant_in_the_future_can_be_tried_dry(stack):
    day = NOW + timedelta(days=30)

    output = dispatched(stack, "reminders", "--dry-run", "--at", f"{day:%Y-%m-%d}T18:00")

    assert output == f"reminders {day:%Y-%m-%d} ({day:%Y-%m-%d} 18:00 UTC): due 2, not due (staff) 1\n"


def test_one_user_is_mailed_alone_and_once(stack, server):
    chosen = ("reminders", "--inline", "--user", "2", "--at", EVENING.isoformat())

    assert dispatched(stack, *chosen) == "delivery 1: sent\n"
    assert dispatched(stack, *chosen) == "delivery 1: was sent\n"

    assert (Delivery.get().user_id, Delivery.get().period) == ("2", f"{EVENING:%Y-%m-%d}")
    assert recipients(server) == ["user2@example.com"]


def test_one_user_who_is_not_due_is_told_why_and_not_mailed(stack, server):
    for how in ("--inline", "--dry-run"):
        assert dispatched(stack, "reminders", how, "--user", "3") == "not due: staff\n"
    assert dispatched(stack, "reminders", "--dry-run", "--user", "1") == "due\n"

    assert (Delivery.select().count(), server.inbox) == (0, [])


def test_the_reports_of_an_earlier_month_are_mailed(stack, server):
    dispatched(stack, "reports", "--inline", "--at", REPORTS_OUT.isoformat())

    assert {(row.kind, row.period) for row in Delivery.select()} == {("report", f"{IN_THE_MONTH:%Y-%m}")}
    assert recipients(server) == ["user1@example.com", "user2@example.com"]


def test_the_report_of_one_user_is_mailed_alone(stack, server):
    dispatched(stack, "reports", "--inline", "--user", "1", "--at", REPORTS_OUT.isoformat())

    assert [(row.kind, row.user_id) for row in Delivery.select()] == [("report", "1")]
    assert recipients(server) == ["user1@example.com"]
