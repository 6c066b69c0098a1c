from datetime import timedelta

import pytest

from quizmail.models import Attempt, Delivery, Recipient
from quizmail.outbox import plan, release, resolve
from quizmail.outbox.plan import PlannedRow
from quizmail.slots import Slot
from quizmail.states import DeliveryState, Kind

HOUR = timedelta(hours=1)


@pytest.fixture(autouse=True)
def rows(our_database, now):
    """One delivery in each state, all of run 1."""
    plan.open_run(Slot(Kind.REMINDER, "2026-11-23", now, frozenset({"UTC"})), now)
    for state in DeliveryState:
        row = PlannedRow(state.value, now + timedelta(minutes=5), {"quizzes": []})
        plan.insert_rows(Kind.REMINDER, "2026-11-23", 1, now, now, [row])
        Delivery.update(state=state, attempts=2, claimed_at=now).where(
            Delivery.user_id == state.value
        ).execute()


def state_of(user_id):
    return Delivery.get(Delivery.user_id == user_id).state


def test_an_unknown_delivery_is_marked_sent_and_who_did_it_is_kept(now):
    assert resolve.mark_sent(resolve.unknown(1), "ada", now) == 1

    assert state_of("unknown") == DeliveryState.SENT
    kept = Attempt.get()
    assert (kept.by, kept.at, kept.outcome) == ("ada", now, DeliveryState.SENT)


def test_a_reminder_marked_sent_is_the_readers_last(now):
    resolve.mark_sent(resolve.unknown(1), "ada", now)

    assert Recipient.get(Recipient.user_id == "unknown").last_reminder_sent == now
    assert Recipient.get(Recipient.user_id == "rejected").last_reminder_sent is None


def test_what_was_unknown_once_may_have_arrived_and_has_not_failed(now):
    release.tidy(now + timedelta(minutes=2), lease=timedelta(minutes=1))
    resolve.resend_unknown(Kind.REMINDER, timedelta(minutes=1), 5, now + timedelta(minutes=3))
    release.tidy(now + HOUR, lease=HOUR)
    assert state_of("sending") == DeliveryState.EXPIRED

    resolve.plan_again(resolve.failed(1), "ada", now + HOUR)

    assert state_of("sending") == DeliveryState.EXPIRED
    assert state_of("expired") == DeliveryState.PLANNED


def test_only_what_failed_of_a_run_is_planned_again(now):
    assert resolve.plan_again(resolve.failed(1), "ada", now) == 2

    assert {user: state_of(user) for user in ("rejected", "expired", "sent", "skipped", "unknown")} == {
        "rejected": DeliveryState.PLANNED,
        "expired": DeliveryState.PLANNED,
        "sent": DeliveryState.SENT,
        "skipped": DeliveryState.SKIPPED,
        "unknown": DeliveryState.UNKNOWN,
    }
    again = Delivery.get(Delivery.user_id == "rejected")
    assert (again.attempts, again.expires_at) == (0, now + HOUR)
    assert len(release.release(now, 10, HOUR)) == 3


def test_an_operator_may_order_an_unknown_mail_again(now):
    which = resolve.ids([Delivery.get(Delivery.user_id == "unknown").id])

    assert resolve.plan_again(which, "ada", now) == 1
    assert state_of("unknown") == DeliveryState.PLANNED


@pytest.mark.parametrize("state", ["sent", "sending", "planned", "skipped"])
def test_what_was_sent_or_is_on_its_way_cannot_be_ordered_again(now, state):
    which = resolve.ids([Delivery.get(Delivery.user_id == state).id])

    assert resolve.plan_again(which, "ada", now) == 0
    assert resolve.mark_sent(which, "ada", now) == 0
    assert state_of(state) == state


def test_a_setting_may_resend_the_unknown_after_a_while_but_not_for_ever(now):
    later = now + timedelta(minutes=4)
    assert resolve.resend_unknown(Kind.REMINDER, timedelta(minutes=10), 5, later) == 0
    assert resolve.resend_unknown(Kind.REPORT, timedelta(minutes=1), 5, later) == 0
    assert resolve.resend_unknown(Kind.REMINDER, timedelta(minutes=1), 2, later) == 0
    assert resolve.resend_unknown(Kind.REMINDER, timedelta(minutes=1), 5, now + HOUR) == 0

    assert resolve.resend_unknown(Kind.REMINDER, timedelta(minutes=1), 5, later) == 1
