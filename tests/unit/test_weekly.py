"""One reminder a week at most: what the rows say, what the planner counts, and what the claim refuses."""

from collections import Counter
from datetime import timedelta

import pytest

from quizmail import recipients
from quizmail.by_hand import ByHand
from quizmail.models import Delivery, Recipient, Run
from quizmail.outbox import claim
from quizmail.outbox.plan import PlannedRow, insert_rows
from quizmail.outbox.work import load
from quizmail.states import DeliveryState, Kind, NotDue, Preference
from tests.support.delivering import Desk
from tests.support.desk import Clock, an_engine_on_a_platform
from tests.support.smtp_server import SmtpServer

DAY = timedelta(days=1)
ADA = "ada@example.com"


def a_delivery(kind, period, at, state=DeliveryState.SENT, user_id="7"):
    """Write a delivery of `kind` whose body began to leave at `at`."""
    insert_rows(kind, period, None, at, at, [PlannedRow(user_id, at + DAY, {"zone": "UTC"})])
    Delivery.update(state=state, claimed_at=at).where(
        (Delivery.user_id == user_id) & (Delivery.period == period)
    ).execute()


def want_weekly(user_id="7"):
    recipient = Recipient.get(Recipient.user_id == user_id)
    recipients.set_preference(recipient.id, Kind.REMINDER, Preference.WEEKLY)


def weekly_after(user_id="7"):
    return recipients.standings(Kind.REMINDER, [user_id])[user_id].weekly_after


@pytest.mark.usefixtures("our_database")
@pytest.mark.parametrize("state", [DeliveryState.SENT, DeliveryState.SENDING, DeliveryState.UNKNOWN])
def test_what_has_arrived_or_may_have_counts(now, state):
    a_delivery(Kind.REMINDER, "2026-11-20", now - 3 * DAY)
    a_delivery(Kind.REMINDER, "2026-11-21", now - 2 * DAY, state)
    assert weekly_after() is None

    want_weekly()

    assert weekly_after() == now - 2 * DAY


@pytest.mark.usefixtures("our_database")
@pytest.mark.parametrize(
    "state", [DeliveryState.PLANNED, DeliveryState.REJECTED, DeliveryState.SKIPPED, DeliveryState.EXPIRED]
)
def test_what_has_not_left_does_not_count(now, state):
    a_delivery(Kind.REMINDER, "2026-11-21", now - 2 * DAY, state)
    want_weekly()

    assert weekly_after() is None


@pytest.mark.usefixtures("our_database")
def test_reports_and_other_peoples_reminders_do_not_count(now):
    a_delivery(Kind.REPORT, "2026-10", now - DAY)
    a_delivery(Kind.REMINDER, "2026-11-22", now - DAY, user_id="8")
    want_weekly()

    assert weekly_after() is None


@pytest.mark.usefixtures("our_database")
@pytest.mark.parametrize(("days", "claimed"), [(1, False), (6, False), (7, True)])
def test_the_claim_itself_refuses_who_turned_weekly_meanwhile(now, days, claimed):
    a_delivery(Kind.REMINDER, "2026-11-01", now - days * DAY)
    insert_rows(Kind.REMINDER, "2026-11-23", None, now, now, [PlannedRow("7", now + DAY, {"zone": "UTC"})])
    work = load(Delivery.get(Delivery.period == "2026-11-23").id)
    assert work.weekly_after is None

    want_weekly()

    assert claim.claim(work, "mine", ADA, "<1@example.com>", now) is claimed


@pytest.fixture
def server():
    with SmtpServer() as running:
        yield running


@pytest.fixture
def desk(sqlite_database, server, now):
    at = Desk(server, now)
    yield at
    at.mailer.close()


def test_a_queued_reminder_is_skipped_once_its_reader_wants_one_a_week(desk, server, now):
    a_delivery(Kind.REMINDER, "2026-11-20", now - 3 * DAY)
    want_weekly()

    assert desk.deliver() == DeliveryState.SKIPPED
    assert desk.row.reason == NotDue.MAILED_THIS_WEEK
    assert server.inbox == []


def test_a_choice_made_while_the_server_was_being_asked_is_obeyed(desk, server, now):
    """The claim refuses, and the next look at the row says why."""
    a_delivery(Kind.REMINDER, "2026-11-20", now - 3 * DAY)
    opened = desk.mailer.open
    desk.mailer.open = lambda envelope: (want_weekly(), opened(envelope))[1]

    assert desk.deliver() == DeliveryState.PLANNED
    assert desk.deliver() == DeliveryState.SKIPPED
    assert desk.row.reason == NotDue.MAILED_THIS_WEEK
    assert server.inbox == []


@pytest.mark.usefixtures("sqlite_database")
def test_run_dry_run_and_one_user_by_hand_agree(tmp_path, now):
    clock = Clock(now)
    with an_engine_on_a_platform(tmp_path, clock) as (site, engine):
        site.quiz("Capitals", id=1, created_at=now - 90 * DAY)
        for number in (7, 8):
            site.user(id=number, email=f"user{number}@example.com", last_seen_at=now - 20 * DAY)
        by_hand = ByHand(engine.dispatcher)
        a_delivery(Kind.REMINDER, "2026-11-20", now - 3 * DAY)
        a_delivery(Kind.REMINDER, "2026-11-16", now - 7 * DAY, user_id="8")
        want_weekly("7")
        want_weekly("8")

        [slot] = by_hand.slots(Kind.REMINDER, now)
        [plan] = by_hand.dry_run(slot)
        one = [by_hand.judge(by_hand.occasion(Kind.REMINDER, user_id, now)) for user_id in ("7", "8")]
        run = by_hand.run(slot)

        assert plan.not_due == Counter({NotDue.MAILED_THIS_WEEK: 1})
        assert [row.user_id for row in plan.rows] == ["8"]
        assert one[0] == NotDue.MAILED_THIS_WEEK
        assert one[1].user_id == "8"
        assert Run.get_by_id(run.id).not_due == {"mailed_this_week": 1}
        assert [row.user_id for row in Delivery.select().where(Delivery.run == run)] == ["8"]


@pytest.mark.usefixtures("sqlite_database")
def test_a_pages_standings_are_one_query(sqlite_database, now, monkeypatch):
    for number in range(20):
        a_delivery(Kind.REMINDER, "2026-11-21", now - 2 * DAY, user_id=str(number))
        want_weekly(str(number))
    asked, run = [], sqlite_database.execute_sql
    monkeypatch.setattr(
        sqlite_database, "execute_sql", lambda sql, *a, **k: asked.append(sql) or run(sql, *a, **k)
    )

    assert len(recipients.standings(Kind.REMINDER, [str(number) for number in range(20)])) == 20
    assert len(asked) == 1
