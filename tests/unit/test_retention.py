"""What is old goes, a batch at a time, and never what still stops a second mail."""

from datetime import timedelta

import pytest

from quizmail import retention
from quizmail.models import (
    Alert,
    Attempt,
    Delivery,
    Month,
    MonthFigure,
    Recipient,
    Run,
    SoftHit,
    Suppression,
    Tombstone,
)
from quizmail.outbox import plan, tombstones
from quizmail.outbox.plan import PlannedRow
from quizmail.slots import Slot
from quizmail.states import FINAL_STATES, DeliveryState, Kind, RunState

KEEP = timedelta(days=100)
LONG_AGO = timedelta(days=101)


@pytest.fixture(autouse=True)
def ours(our_database):
    return our_database


def a_delivery(at, state=DeliveryState.SENT, user_id="1", run=None):
    row = PlannedRow(user_id, at + timedelta(hours=6), {})
    plan.insert_rows(Kind.REMINDER, at.date().isoformat(), run, at, at, [row])
    Delivery.update(state=state).where(
        Delivery.id == Delivery.select(Delivery.id).order_by(-Delivery.id).limit(1)
    ).execute()
    newest = Delivery.select().order_by(-Delivery.id).get()
    Attempt.create(delivery=newest, number=1, at=at, outcome=state)


def a_run(at, state=RunState.DONE):
    plan.open_run(Slot(Kind.REMINDER, at.date().isoformat(), at, frozenset({"UTC"})), at, state=state)
    return Run.select().order_by(-Run.id).get().id


def test_old_mails_go_with_their_attempts_and_their_run_and_young_ones_stay(now):
    for at in (now - LONG_AGO, now - timedelta(days=99)):
        a_delivery(at, run=a_run(at))

    assert retention.sweep(now, KEEP) == 1

    assert (Delivery.select().count(), Attempt.select().count(), Run.select().count()) == (1, 1, 1)
    assert retention.sweep(now, KEEP) == 0


@pytest.mark.parametrize("state", DeliveryState)
def test_only_what_has_come_to_its_end_goes(now, state):
    a_delivery(now - LONG_AGO, state)

    assert retention.sweep(now, KEEP) == (1 if state in FINAL_STATES else 0)


def test_a_mail_of_an_old_period_sent_by_hand_today_stays(now):
    row = PlannedRow("1", now + timedelta(hours=1), {})
    old = now - timedelta(days=500)
    plan.insert_rows(Kind.REMINDER, "2025-07-01", a_run(old, RunState.PLANNING), old, now, [row])
    Delivery.update(state=DeliveryState.SENT).execute()

    assert retention.sweep(now, KEEP) == 0


@pytest.mark.parametrize("keep", [timedelta(days=1), timedelta(days=70)])
def test_what_could_be_mailed_again_is_kept_however_short_the_setting(now, keep):
    """The report of October may be ordered by hand until the last evening of November."""
    a_delivery(now - timedelta(days=62))

    assert retention.sweep(now, keep) == 0


def test_a_slot_that_may_still_be_opened_keeps_its_run(now):
    a_run(now - timedelta(days=95))

    retention.sweep(now, timedelta(days=70), longest_deadline=timedelta(days=90))

    assert Run.select().count() == 1


def test_a_run_that_is_not_ended_stays(now):
    for days, state in enumerate(RunState):
        a_run(now - LONG_AGO - timedelta(days=days), state)

    retention.sweep(now, KEEP)

    assert {run.state for run in Run.select()} == {RunState.PLANNING, RunState.PLANNED}


def test_one_sweep_is_bounded(now, monkeypatch):
    monkeypatch.setattr(retention, "BATCH", 2)
    for user in range(5):
        a_delivery(now - LONG_AGO, user_id=str(user))

    assert [retention.sweep(now, KEEP) for _ in range(4)] == [2, 2, 1, 0]


def test_figures_and_small_things_age_out_and_opt_outs_and_suppressions_do_not(now):
    for period in ("2026-07", "2026-10"):
        Month.create(period=period, computed_at=now)
        MonthFigure.create(period=period, user_id="1", taken=1, quizzes=[])
    for at in (now - LONG_AGO, now):
        Alert.create(cause="x", day=at.date().isoformat(), at=at)
        SoftHit.create(address="ada@example.com", day=at.date().isoformat())
        tombstones.bury("1", Kind.REMINDER, at.date().isoformat(), at)
    tombstones.bury("1", Kind.REPORT, tombstones.EVERY, now - LONG_AGO)
    Suppression.create(address="ada@example.com", reason="complaint", since=now - LONG_AGO)
    Recipient.create(user_id="1", report_preference="off", last_reminder_sent=now - LONG_AGO)

    retention.sweep(now, KEEP)

    assert [row.period for row in MonthFigure.select()] == ["2026-10"]
    assert {table: table.select().count() for table in (Alert, SoftHit, Month, Suppression, Recipient)} == {
        Alert: 1,
        SoftHit: 1,
        Month: 2,
        Suppression: 1,
        Recipient: 1,
    }
    assert {stone.period for stone in Tombstone.select()} == {"2026-11-23", tombstones.EVERY}


def test_old_mails_are_found_by_the_index(ours, now):
    a_delivery(now)
    _, which = next(iter(retention._old(now)))
    sql, values = Delivery.select(Delivery.id).where(which).limit(10).sql()
    if "sqlite" not in type(ours).__name__.lower():
        ours.execute_sql("SET enable_seqscan = off")
    word = "EXPLAIN QUERY PLAN " if "sqlite" in type(ours).__name__.lower() else "EXPLAIN "

    steps = " ".join(str(step) for step in ours.execute_sql(word + sql, values).fetchall())

    assert "delivery_due_at" in steps
