import threading
from collections import Counter
from datetime import timedelta

import pytest
from peewee import SqliteDatabase

from quizmail import database, holds, recipients
from quizmail.holds import Subject
from quizmail.models import Attempt, Delivery, Recipient, Run
from quizmail.outbox import claim, plan, release
from quizmail.outbox.claim import Outcome
from quizmail.outbox.plan import LostLease, PlannedRow
from quizmail.outbox.work import load
from quizmail.slots import Slot
from quizmail.states import DeliveryState, Failure, Kind, NotDue, Preference, RunState, Scope, Skip
from tests.support.processes import wait_until

ALL_DAY = timedelta(hours=6)
AGAIN = timedelta(minutes=10)


@pytest.fixture
def ours(our_database):
    return our_database


def a_run(now, kind=Kind.REMINDER):
    slot = Slot(kind, "2026-11-23", now, frozenset({"UTC"}))
    plan.open_run(slot, now)
    return Run.get()


def a_page(run, now, *user_ids, cursor=None, planner="me"):
    assert plan.take_lease(run, planner, now)
    rows = [PlannedRow(user_id, now + ALL_DAY, {"quizzes": []}) for user_id in user_ids]
    return plan.write_page(run, planner, now, rows, (Counter(), Counter()), cursor)


def planned(now, *user_ids):
    a_page(a_run(now), now, *user_ids)
    return [load(row.id) for row in Delivery.select().order_by(Delivery.id)]


def claimed(now, token="mine"):
    (work,) = planned(now, "1")
    assert claim.claim(work, token, "ada@example.com", "<1@example.com>", now)
    return work


def test_a_slot_has_one_run_however_often_it_is_opened(ours, now):
    slot = Slot(Kind.REMINDER, "2026-11-23", now, frozenset({"UTC"}))

    assert plan.open_run(slot, now)
    assert not plan.open_run(slot, now)
    assert Run.select().count() == 1


def test_a_user_is_planned_once_for_a_period_even_by_two_runs(ours, now):
    run = a_run(now)
    a_page(run, now, "1", "2")
    again = plan.reopen_by_hand(Slot(Kind.REMINDER, "2026-11-23", now, frozenset({"UTC"})), now)

    assert a_page(again, now, "2", "3") == {None: 1}
    assert sorted(row.user_id for row in Delivery.select()) == ["1", "2", "3"]


def test_a_page_and_the_cursor_are_written_together(ours, now):
    run = a_run(now)
    a_page(run, now, "1", cursor="after 1")

    kept = Run.get()
    assert (kept.cursor, kept.state) == ("after 1", RunState.PLANNING)
    a_page(kept, now, "2")
    assert Run.get().state == RunState.PLANNED


def test_a_planner_that_lost_its_lease_writes_nothing(ours, now):
    slow = a_run(now)
    plan.take_lease(slow, "slow", now)
    later = now + plan.LEASE + timedelta(seconds=1)
    a_page(Run.get(), later, "1", cursor="after 1", planner="fast")

    with pytest.raises(LostLease):
        plan.write_page(slow, "slow", later, [PlannedRow("9", later)], (Counter(), Counter()), None)
    assert [row.user_id for row in Delivery.select()] == ["1"]


def test_a_run_has_one_planner_until_its_lease_ends(ours, now):
    run = a_run(now)

    assert plan.take_lease(run, "first", now)
    assert not plan.take_lease(run, "second", now)
    assert plan.take_lease(run, "second", now + plan.LEASE + timedelta(seconds=1))


def test_counts_of_the_pages_add_up(ours, now):
    run = a_run(now)
    for cursor in ("after 1", None):
        plan.take_lease(run, "me", now)
        counts = (Counter({NotDue.STAFF: 2}), Counter({"unknown_zone": 1}))
        plan.write_page(run, "me", now, [], counts, cursor)

    assert Run.get().not_due == {"staff": 4}
    assert Run.get().noted == {"unknown_zone": 2}


def test_who_is_due_but_stopped_gets_a_skipped_row(ours, now):
    run = a_run(now)
    plan.take_lease(run, "me", now)
    rows = [PlannedRow("1", now + ALL_DAY, skip=Skip.BAD_ADDRESS)]
    plan.write_page(run, "me", now, rows, (Counter(), Counter()), None)

    row = Delivery.get()
    assert (row.state, row.reason) == (DeliveryState.SKIPPED, Skip.BAD_ADDRESS)


def test_a_delivery_is_released_once_and_again_when_its_message_is_lost(ours, now):
    planned(now, "1", "2")

    assert len(release.release(now, 10, AGAIN)) == 2
    assert release.release(now, 10, AGAIN) == []
    assert len(release.release(now + AGAIN + timedelta(seconds=1), 10, AGAIN)) == 2


def test_the_oldest_are_released_first_and_reports_before_reminders_of_the_day(ours, now):
    for kind, user_id, age in (("reminder", "1", 2), ("report", "2", 1), ("reminder", "3", 30)):
        row = PlannedRow(user_id, now + ALL_DAY, {})
        plan.insert_rows(Kind(kind), "x", None, now - timedelta(hours=age), now, [row])

    ids = release.release(now, 10, AGAIN)

    assert [Delivery.get_by_id(row_id).user_id for row_id in ids] == ["3", "2", "1"]


def test_the_room_in_the_queue_counts_what_another_dispatcher_has_released_and_not_rung_for_yet(ours, now):
    planned(now, *"12345")
    release.release(now, 3, AGAIN)

    assert release.room(now, 10, in_queue=3) == 7  # the three are in the queue
    assert release.room(now, 10, in_queue=0) == 7  # they will be in a moment
    assert release.room(now + timedelta(minutes=2), 10, in_queue=0) == 10  # they are lost
    assert release.room(now, 10, in_queue=12) == -2  # messages that nobody released are in the way


def test_the_next_to_go_are_found_without_sorting_the_backlog(ours, now):
    if not isinstance(ours, SqliteDatabase):
        pytest.skip("PostgreSQL reads small tables whole, whatever their indexes")
    text, values = ours.get_sql_context().sql(release.ready(now, release.WAITING, 10)).query()
    steps = [step for *_, step in ours.execute_sql(f"EXPLAIN QUERY PLAN {text}", values)]
    assert "SCAN t1 USING INDEX delivery_waiting" in steps
    assert not any("ORDER BY" in step for step in steps)


def test_what_is_not_due_yet_too_late_or_held_is_not_released(ours, now):
    planned(now, "1")
    assert release.release(now - timedelta(seconds=1), 10, AGAIN) == []
    assert release.release(now + ALL_DAY, 10, AGAIN) == []

    holds.hold(Subject(Scope.KIND, "reminder"), "test", now, "operator")
    assert release.release(now, 10, AGAIN) == []

    holds.resume(Subject(Scope.KIND, "reminder"))
    assert len(release.release(now, 10, AGAIN)) == 1


def test_only_one_of_two_claims_succeeds(ours, now):
    (work,) = planned(now, "1")

    assert claim.claim(work, "first", "ada@example.com", "<1@example.com>", now)
    assert not claim.claim(work, "second", "ada@example.com", "<1@example.com>", now)
    assert Delivery.get().claimed_by == "first"


@pytest.mark.parametrize(
    "stop",
    [
        lambda now: recipients.set_preference(Recipient.get().id, Kind.REMINDER, Preference.OFF),
        lambda now: recipients.suppress("ADA@example.com", "hard bounce", "5.1.1", now),
        lambda now: holds.hold(holds.ALL, "test", now, "operator"),
        lambda now: holds.hold(Subject(Scope.KIND, "reminder"), "test", now, "operator"),
        lambda now: holds.hold(Subject(Scope.RUN, str(Run.get().id)), "test", now, "operator"),
        lambda now: holds.hold(Subject(Scope.DOMAIN, "example.com"), "test", now, "operator"),
        lambda now: Recipient.update(paused_until=now + ALL_DAY).execute(),
        lambda now: Delivery.update(attempts=1).execute(),
        lambda now: Delivery.update(due_at=now + ALL_DAY).execute(),
        lambda now: Delivery.update(expires_at=now).execute(),
        lambda now: Delivery.update(state=DeliveryState.SKIPPED).execute(),
    ],
    ids=[
        "opted-out",
        "suppressed",
        "held",
        "kind-held",
        "run-held",
        "domain-held",
        "paused",
        "tried",
        "later",
        "expired",
        "skipped",
    ],
)
def test_the_claim_itself_refuses_what_was_stopped_meanwhile(ours, now, stop):
    (work,) = planned(now, "1")

    stop(now)

    assert not claim.claim(work, "mine", "ada@example.com", "<1@example.com>", now)
    assert Delivery.get().state != DeliveryState.SENDING


def test_an_opt_out_of_reports_does_not_stop_a_reminder(ours, now):
    (work,) = planned(now, "1")
    recipients.set_preference(Recipient.get().id, Kind.REPORT, Preference.OFF)

    assert claim.claim(work, "mine", "ada@example.com", "<1@example.com>", now)


def test_a_sent_reminder_is_remembered_with_its_outcome(ours, now):
    work = claimed(now)

    assert claim.record(work, "mine", Outcome(DeliveryState.SENT, reply_code=250, reply_text="ok"), now)

    row = Delivery.get()
    assert (row.state, row.attempts, row.reply_code, row.sent_at) == (DeliveryState.SENT, 1, 250, now)
    assert Recipient.get().last_reminder_sent == now
    assert Attempt.get().outcome == DeliveryState.SENT


def test_a_temporary_refusal_plans_the_delivery_again(ours, now):
    work = claimed(now)
    later = now + timedelta(minutes=10)
    outcome = Outcome(DeliveryState.PLANNED, Failure.TEMPORARY_REPLY, due_at=later, reply_code=451)

    assert claim.record(work, "mine", outcome, now)

    row = Delivery.get()
    assert (row.state, row.due_at, row.attempts) == (DeliveryState.PLANNED, later, 1)
    assert release.release(later, 10, AGAIN) == [row.id]


def test_a_claim_whose_process_died_becomes_unknown_and_is_not_sent_again(ours, now):
    claimed(now)
    lease = timedelta(minutes=14)

    assert release.tidy(now + lease, lease).unknown == 0
    assert release.tidy(now + lease + timedelta(seconds=1), lease).unknown == 1
    row = Delivery.get()
    assert (row.state, row.reason) == (DeliveryState.UNKNOWN, Failure.PROCESS_DIED)
    assert release.release(now + timedelta(hours=1), 10, AGAIN) == []


def test_a_late_answer_resolves_its_own_unknown_and_nobody_elses(ours, now):
    work = claimed(now)
    release.tidy(now + ALL_DAY, timedelta(0))
    sent = Outcome(DeliveryState.SENT, reply_code=250)

    assert not claim.record(work, "another", sent, now)
    assert Delivery.get().state == DeliveryState.UNKNOWN
    assert claim.record(work, "mine", sent, now)
    assert Delivery.get().state == DeliveryState.SENT


def test_a_reply_before_the_claim_uses_up_a_try_and_only_once(ours, now):
    (work,) = planned(now, "1")
    refused = Outcome(DeliveryState.REJECTED, Failure.PERMANENT_REPLY, stage="rcpt", reply_code=550)

    assert claim.record_unclaimed(work, refused, now)
    assert not claim.record_unclaimed(work, refused, now)
    row = Delivery.get()
    assert (row.state, row.attempts, row.reply_code) == (DeliveryState.REJECTED, 1, 550)


def test_an_unreachable_relay_uses_up_nothing(ours, now):
    (work,) = planned(now, "1")
    release.release(now, 10, AGAIN)
    later = now + timedelta(minutes=1)

    assert claim.postpone(work, Failure.RELAY_UNREACHABLE, "connection refused", later)

    row = Delivery.get()
    assert (row.state, row.attempts, row.releases, row.due_at) == (DeliveryState.PLANNED, 0, 0, later)
    assert release.release(later, 10, AGAIN) == [row.id]


def test_what_time_has_overtaken_expires_and_ends_its_run(ours, now):
    planned(now, "1")

    tidied = release.tidy(now + ALL_DAY, timedelta(minutes=14))

    assert (tidied.expired, tidied.runs_done) == (1, 1)
    assert Delivery.get().state == DeliveryState.EXPIRED
    assert Run.get().state == RunState.DONE


def test_a_delivery_that_nobody_survives_is_set_aside(ours, now):
    planned(now, "1")
    for tries in range(6):
        release.release(now + tries * timedelta(minutes=11), 10, AGAIN)

    assert release.tidy(now + timedelta(minutes=70), timedelta(minutes=14)).set_aside == 1
    assert Delivery.get().reason == Failure.NEVER_FINISHED


def test_each_delivery_that_a_tick_ends_gets_its_line_of_log(ours, now, caplog, monkeypatch):
    monkeypatch.setattr(release, "_AT_ONCE", 2)
    rows = [load(row.id) for row in planned(now, *"123456")]
    claim.claim(rows[0], "mine", "ada@example.com", "<1@example.com>", now)
    Delivery.update(releases=6, released_at=now).where(Delivery.id == rows[1].id).execute()

    with caplog.at_level("INFO", logger="quizmail"):
        release.tidy(now + timedelta(minutes=20), timedelta(minutes=14))
        tidied = release.tidy(now + ALL_DAY, timedelta(minutes=14))

    told = [record.message for record in caplog.records if record.name == "quizmail.delivery"]
    ends = ["unknown reason=process_died", "rejected reason=never_finished", *["expired reason=-"] * 4]
    assert tidied.expired == 4
    assert sorted(told) == [
        f"delivery kind=reminder id={row.id} period=2026-11-23 state={end} attempt=1 ms=0"
        for row, end in zip(rows, ends, strict=True)
    ]


def test_a_run_lives_until_its_last_delivery_is_finished(ours, now):
    work = claimed(now)
    assert release.tidy(now, timedelta(minutes=14)).runs_done == 0

    claim.record(work, "mine", Outcome(DeliveryState.SENT), now)
    assert release.tidy(now, timedelta(minutes=14)).runs_done == 1


def test_of_claims_that_are_written_together_each_has_its_own_answer(ours, now):
    if not isinstance(ours, SqliteDatabase):
        pytest.skip("PostgreSQL writes each by itself")
    works = planned(now, "1", "2", "3")
    Recipient.update(reminder_preference=Preference.OFF).where(Recipient.user_id == "2").execute()
    answers = {}

    def take(work):
        try:
            answers[work.user_id] = claim.claim(work, f"of {work.user_id}", "a@example.com", "<1@a>", now)
        finally:
            ours.close()

    threads = [threading.Thread(target=take, args=[work]) for work in works]
    with database.transaction():
        for thread in threads:
            thread.start()
        wait_until(lambda: len(claim._shared._waiting) == 3, "all three")
    for thread in threads:
        thread.join()

    assert answers == {"1": True, "2": False, "3": True}
    claims = Delivery.select(Delivery.user_id, Delivery.claimed_by).order_by(Delivery.id).tuples()
    assert list(claims) == [("1", "of 1"), ("2", None), ("3", "of 3")]
