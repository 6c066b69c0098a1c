"""Ticks on a small platform: which runs there are, who gets a row, and what is released."""

import threading
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from quizmail import database, dispatch, models
from quizmail.by_hand import ByHand
from quizmail.errors import QuizmailError, UnknownUser
from quizmail.models import Delivery, Moment, MonthFigure, Recipient, Run
from quizmail.outbox import plan, tombstones
from quizmail.outbox.valve import Pace
from quizmail.states import DeliveryState, Kind, NotDue, RunState, Skip
from tests.support.desk import Bells, Clock, an_engine
from tests.support.platforms import NativePlatform

#: A Monday, one minute past 18:00 in UTC.
EVENING = datetime(2026, 11, 23, 18, 1, tzinfo=UTC)
QUIET = EVENING - timedelta(days=10)
NO_PATIENCE = timedelta(0)


@pytest.fixture
def site(tmp_path):
    with NativePlatform.in_folder(tmp_path) as running:
        running.quiz("Capitals", id=1, created_at=QUIET - timedelta(days=90))
        yield running


def add_user(site, number, **columns):
    site.user(**{"email": f"user{number}@example.com", "id": number, **columns})


@pytest.fixture
def clock():
    return Clock(EVENING)


@pytest.fixture
def bells():
    return Bells()


@pytest.fixture
def dispatcher(tmp_path, site, clock, bells):
    opened = database.connect(f"sqlite:///{tmp_path}/quizmail.db")
    models.bind(opened)
    database.migrate(EVENING - timedelta(days=30))
    Moment.create(name="opened reminder", at=EVENING - timedelta(minutes=5))
    engine = an_engine(site, tmp_path, clock, bells)
    yield engine.dispatcher
    engine.platform.close()
    models.database.obj.close()
    opened.close()


def plan_user(dispatcher, kind, user_id, period=None):
    by_hand = ByHand(dispatcher)
    return by_hand.plan(by_hand.occasion(kind, user_id, None, period))


def states():
    return {row.user_id: (row.state, row.reason) for row in Delivery.select()}


def test_who_has_gone_quiet_is_planned_and_the_bell_is_rung(dispatcher, site, bells):
    add_user(site, 1, last_seen_at=QUIET)
    add_user(site, 2, last_seen_at=EVENING)

    dispatcher.tick(Kind.REMINDER, NO_PATIENCE)

    row = Delivery.get()
    assert (row.user_id, row.period, row.state) == ("1", "2026-11-23", DeliveryState.PLANNED)
    assert row.facts["quizzes"][0]["title"] == "Capitals"
    assert bells.rung == [row.id]
    assert Run.get().not_due == {"recently_active": 1}


def test_more_ticks_within_the_minute_change_nothing(dispatcher, site, bells, clock):
    add_user(site, 1, last_seen_at=QUIET)

    for _ in range(3):
        dispatcher.tick(Kind.REMINDER, NO_PATIENCE)
        clock.forward(seconds=40)

    assert (Run.select().count(), Delivery.select().count(), len(bells.rung)) == (1, 1, 1)


def test_every_reason_not_to_mail_is_counted_or_kept(dispatcher, site):
    add_user(site, 1, last_seen_at=QUIET, is_staff=1)
    add_user(site, 2, last_seen_at=QUIET, active=0)
    add_user(site, 3, last_seen_at=QUIET, email="no address")
    add_user(site, 4, last_seen_at=QUIET, opt_out=1)
    add_user(site, 5, created_at=EVENING - timedelta(hours=3))
    add_user(site, 6, last_seen_at=QUIET)

    dispatcher.tick(Kind.REMINDER, NO_PATIENCE)

    assert Run.get().not_due == {"staff": 1, "account_disabled": 1, "account_too_new": 1}
    assert states() == {
        "3": (DeliveryState.SKIPPED, Skip.BAD_ADDRESS),
        "4": (DeliveryState.SKIPPED, Skip.OPTED_OUT),
        "6": (DeliveryState.PLANNED, None),
    }


def test_a_tick_says_in_one_line_what_it_did_and_why_it_did_not(dispatcher, site, caplog):
    for number in (1, 2):
        add_user(site, number, last_seen_at=QUIET)
    add_user(site, 3, email="nobody", last_seen_at=QUIET)
    add_user(site, 4, last_seen_at=QUIET, opt_out=True)
    add_user(site, 5, last_seen_at=QUIET, is_staff=True)

    with caplog.at_level("INFO", logger="quizmail"):
        counts = dispatcher.tick(Kind.REMINDER, NO_PATIENCE)

    [line] = [record.message for record in caplog.records if record.message.startswith("dispatch ")]
    told = "not_due_staff=1 planned=2 released=2 skipped_bad_address=1 skipped_opted_out=1"
    assert line.rpartition(" ")[0] == f"dispatch kind=reminder {told}"
    assert counts["planned"] == 2


def test_a_run_by_hand_says_in_one_line_what_was_planned(dispatcher, site, caplog):
    add_user(site, 1, last_seen_at=QUIET)
    by_hand = ByHand(dispatcher)
    [slot] = by_hand.slots(Kind.REMINDER, EVENING)

    with caplog.at_level("INFO", logger="quizmail"):
        by_hand.run(slot)

    assert "dispatch kind=reminder period=2026-11-23 by hand planned=1 ms=" in caplog.text


def test_our_own_preferences_and_suppressions_count_too(dispatcher, site, clock):
    from quizmail import recipients

    for number in (1, 2, 3):
        add_user(site, number, last_seen_at=QUIET)
    Recipient.create(user_id="1", reminder_preference="off")
    Recipient.create(user_id="2", paused_until=EVENING + timedelta(days=1))
    recipients.suppress("user3@example.com", "complaint", None, EVENING)

    dispatcher.tick(Kind.REMINDER, NO_PATIENCE)

    assert {user: reason for user, (_, reason) in states().items()} == {
        "1": Skip.OPTED_OUT,
        "2": Skip.PAUSED,
        "3": Skip.SUPPRESSED,
    }


def test_with_nothing_open_nobody_is_reminded(dispatcher, site):
    site.quiz("Closed", id=2, closes_at=EVENING - timedelta(hours=1))
    site.execute("DELETE FROM quizzes WHERE id = 1")
    add_user(site, 1, last_seen_at=QUIET)

    dispatcher.tick(Kind.REMINDER, NO_PATIENCE)

    assert Run.get().not_due == {"nothing_available": 1}


def test_each_reader_has_her_own_evening(dispatcher, site, clock):
    add_user(site, 1, last_seen_at=QUIET, timezone="UTC")
    add_user(site, 2, last_seen_at=QUIET, timezone="America/New_York")
    add_user(site, 3, last_seen_at=QUIET, timezone="Mars/Olympus")

    dispatcher.tick(Kind.REMINDER, NO_PATIENCE)
    assert set(states()) == {"1", "3"}
    assert Run.get().noted == {"unknown_zone": 1}

    clock.forward(hours=5)
    dispatcher.tick(Kind.REMINDER, NO_PATIENCE)
    assert set(states()) == {"1", "2", "3"}
    assert Run.select().count() == 2


def test_a_scheduler_that_was_down_catches_up_until_the_deadline(dispatcher, site, clock):
    add_user(site, 1, last_seen_at=QUIET)
    clock.forward(hours=2, minutes=58)

    dispatcher.tick(Kind.REMINDER, NO_PATIENCE)

    assert states() == {"1": (DeliveryState.PLANNED, None)}


def test_after_the_deadline_the_run_is_missed_and_nothing_is_sent(dispatcher, site, clock, bells):
    add_user(site, 1, last_seen_at=QUIET)
    clock.forward(hours=3, minutes=1)

    counts = dispatcher.tick(Kind.REMINDER, NO_PATIENCE)

    assert counts["missed"] == 1
    assert Run.get().state == RunState.MISSED
    assert bells.rung == []
    dispatcher.tick(Kind.REMINDER, NO_PATIENCE)
    assert Run.select().count() == 1


def test_slots_before_the_first_migration_are_not_due(dispatcher, site, clock):
    add_user(site, 1, last_seen_at=QUIET)
    Moment.update(at=EVENING).where(Moment.name == database.INSTALLED).execute()

    dispatcher.tick(Kind.REMINDER, NO_PATIENCE)

    assert Run.select().count() == 0


def test_a_dispatcher_killed_in_mid_plan_goes_on_at_its_cursor(dispatcher, site, clock, monkeypatch):
    for number in range(1, 8):
        add_user(site, number, last_seen_at=QUIET)
    written = plan.write_page

    def die_after_one_page(run, *rest):
        new = written(run, *rest)
        raise KeyboardInterrupt
        return new

    small = dispatcher.planner.page
    monkeypatch.setattr(
        type(dispatcher.planner), "page", lambda self, q, zones, after, limit=3: small(q, zones, after, 3)
    )
    monkeypatch.setattr(plan, "write_page", die_after_one_page)
    with pytest.raises(KeyboardInterrupt):
        dispatcher.tick(Kind.REMINDER, NO_PATIENCE)
    assert len(states()) == 3

    monkeypatch.setattr(plan, "write_page", written)
    clock.forward(minutes=3)
    dispatcher.tick(Kind.REMINDER, NO_PATIENCE)

    assert len(states()) == 7
    assert Run.get().state == RunState.PLANNED


def test_two_dispatchers_at_once_plan_each_user_once(dispatcher, site, clock, tmp_path):
    for number in range(1, 301):
        add_user(site, number, last_seen_at=QUIET)
    other = an_engine(site, tmp_path, clock).dispatcher
    threads = [
        threading.Thread(target=_tick_and_close, args=(each,))
        for each in (dispatcher, other)
        for _ in range(2)
    ]

    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert Delivery.select().count() == 300
    assert Run.select().count() == 1
    assert sum(Run.get().not_due.values()) == 0


def _tick_and_close(dispatcher):
    dispatcher.tick(Kind.REMINDER, NO_PATIENCE)
    dispatcher.platform.close()
    models.database.obj.close()


def test_queries_for_a_page_do_not_depend_on_what_is_on_it(dispatcher, site, clock):
    site.quiz("Once only", id=2, max_attempts=1)
    numbers = {}
    for total, added in ((1, range(1, 2)), (10, range(2, 11)), (999, range(11, 1000))):
        for each in added:
            add_user(
                site, each, last_seen_at=QUIET, email="nobody" if each % 7 == 0 else f"u{each}@example.com"
            )
            site.attempt(each, 2, QUIET)
        Delivery.delete().execute()
        _plan_anew(dispatcher)  # What is learnt once about the columns is not asked again.
        numbers[total] = _count_statements(dispatcher)

    assert len(set(numbers.values())) == 1, numbers


def _plan_anew(dispatcher):
    [slot] = ByHand(dispatcher).slots(Kind.REMINDER, EVENING)
    ByHand(dispatcher).run(slot)


def _count_statements(dispatcher):
    """Count the statements of planning one page, on both databases, by SQLite's own trace."""
    statements = []
    connections = [models.database.obj.connection(), dispatcher.platform.database.connection()]
    for connection in connections:
        connection.set_trace_callback(statements.append)
    _plan_anew(dispatcher)
    for connection in connections:
        connection.set_trace_callback(None)
    return len(statements)


def test_a_full_queue_is_not_filled_further(dispatcher, site, bells):
    add_user(site, 1, last_seen_at=QUIET)
    bells.busy = dispatcher.max_waiting

    dispatcher.tick(Kind.REMINDER, NO_PATIENCE)

    assert bells.rung == []


def test_when_everything_is_released_nobody_waits_until_the_queue_is_shorter(dispatcher, site, bells):
    for number in range(1, 9):
        add_user(site, number, last_seen_at=QUIET)
    bells.waiting = lambda: len(bells.rung)  # no worker takes anything
    begun = time.monotonic()

    replace(dispatcher, max_waiting=10).tick(Kind.REMINDER, timedelta(seconds=20))

    assert len(bells.rung) == 8
    assert time.monotonic() - begun < 10


def test_what_waits_behind_a_full_queue_is_rung_for_in_rounds(dispatcher, site, bells):
    for number in range(1, 71):
        add_user(site, number, last_seen_at=QUIET)

    dispatcher.tick(Kind.REMINDER, NO_PATIENCE)

    assert {len(each) for each in bells.rounds} == {2}
    assert len(set(bells.rung)) == 70


def test_what_was_rung_for_in_vain_is_rung_for_alone(dispatcher, site, bells, clock):
    for number in range(1, 71):
        add_user(site, number, last_seen_at=QUIET)
    dispatcher.tick(Kind.REMINDER, NO_PATIENCE)
    bells.rounds.clear()
    clock.forward(minutes=11)

    dispatcher.tick(Kind.REMINDER, NO_PATIENCE)

    assert [len(each) for each in bells.rounds] == [1] * 70


def test_mails_with_send_instants_are_rung_for_one_by_one(dispatcher, site, bells):
    for number in range(1, 71):
        add_user(site, number, last_seen_at=QUIET)
    paced = replace(dispatcher, pace=Pace(timedelta(minutes=10), limit_per_day=1000))

    paced.tick(Kind.REMINDER, NO_PATIENCE)

    assert [len(each) for each in bells.rounds] == [1] * 70


def test_one_user_is_planned_by_hand_for_today(dispatcher, site):
    add_user(site, 1, last_seen_at=QUIET, timezone="Asia/Tokyo")
    add_user(site, 2, last_seen_at=EVENING)

    planned = plan_user(dispatcher, Kind.REMINDER, "1")

    assert Delivery.get_by_id(planned).period == "2026-11-24"
    assert plan_user(dispatcher, Kind.REMINDER, "1") == planned
    assert plan_user(dispatcher, Kind.REMINDER, "2") == NotDue.RECENTLY_ACTIVE
    with pytest.raises(UnknownUser):
        plan_user(dispatcher, Kind.REMINDER, "99")


@pytest.mark.parametrize(
    ("kind", "period"),
    [
        (Kind.REMINDER, "2026-10"),
        (Kind.REMINDER, "20261123"),
        (Kind.REPORT, "2026-10-01"),
        (Kind.REPORT, "yesterday"),
        (Kind.REPORT, "2026-11"),  # not over yet
    ],
)
def test_a_wrong_period_is_said_and_nothing_is_planned(dispatcher, site, kind, period):
    add_user(site, 1, last_seen_at=QUIET)

    with pytest.raises(QuizmailError, match=period):
        plan_user(dispatcher, kind, "1", period)
    assert Delivery.select().count() == 0


def test_a_mail_by_hand_lives_at_least_an_hour(dispatcher, site, clock):
    clock.now = datetime(2026, 11, 23, 23, 50, tzinfo=UTC)
    add_user(site, 1, last_seen_at=QUIET)

    plan_user(dispatcher, Kind.REMINDER, "1")

    assert Delivery.get().expires_at == clock.now + timedelta(hours=1)


def test_a_run_by_hand_ignores_the_deadline_and_repeats_nothing(dispatcher, site, clock):
    add_user(site, 1, last_seen_at=QUIET)
    clock.forward(days=1, hours=23)
    dispatcher.tick(Kind.REMINDER, NO_PATIENCE)
    assert Run.select().where(Run.state == RunState.MISSED).count() == 2

    [slot] = ByHand(dispatcher).slots(Kind.REMINDER, EVENING)
    for _ in range(2):
        ByHand(dispatcher).run(slot)

    assert [row.period for row in Delivery.select()] == ["2026-11-23"]
    assert Delivery.get().expires_at == clock.now + timedelta(hours=1)


def test_a_dry_run_writes_nothing(dispatcher, site):
    add_user(site, 1, last_seen_at=QUIET)
    add_user(site, 2, last_seen_at=EVENING)
    [slot] = ByHand(dispatcher).slots(Kind.REMINDER, EVENING)

    [page] = ByHand(dispatcher).dry_run(slot)

    assert len(page.rows) == 1
    assert page.not_due == {NotDue.RECENTLY_ACTIVE: 1}
    assert (Run.select().count(), Delivery.select().count()) == (0, 0)


def a_month_of_attempts(site):
    in_october = datetime(2026, 10, 10, tzinfo=UTC)
    for number, score in ((1, 9), (2, 7), (3, 7)):
        add_user(site, number, last_seen_at=QUIET)
        site.attempt(number, 1, in_october, score=score)
    add_user(site, 4, last_seen_at=QUIET)


def test_reports_state_the_months_figures_and_ranks(dispatcher, site, clock):
    a_month_of_attempts(site)
    clock.now = datetime(2026, 11, 1, 9, 1, tzinfo=UTC)

    dispatcher.tick(Kind.REPORT, NO_PATIENCE)

    facts = {row.user_id: row.facts for row in Delivery.select()}
    assert {user: (each["average"], each["rank"], each["of"]) for user, each in facts.items()} == {
        "1": (90.0, 1, 3),
        "2": (70.0, 2, 3),
        "3": (70.0, 2, 3),
    }
    assert Run.get().not_due == {"no_activity": 1}


def test_figures_are_not_recomputed_when_the_platform_changes(dispatcher, site, clock):
    a_month_of_attempts(site)
    clock.now = datetime(2026, 11, 1, 9, 1, tzinfo=UTC)
    dispatcher.tick(Kind.REPORT, NO_PATIENCE)
    site.execute("UPDATE quiz_attempts SET score = 0")

    [slot] = ByHand(dispatcher).slots(Kind.REPORT, clock.now)
    ByHand(dispatcher).run(slot)

    assert MonthFigure.get(MonthFigure.user_id == "1").average == 90.0


def test_a_dry_run_of_a_month_that_has_not_ended_counts_who_took_part_so_far(dispatcher, site):
    a_month_of_attempts(site)
    site.attempt(4, 1, EVENING - timedelta(days=1))
    [slot] = ByHand(dispatcher).slots(Kind.REPORT, datetime(2026, 12, 5, tzinfo=UTC))

    [page] = ByHand(dispatcher).dry_run(slot)

    assert [row.user_id for row in page.rows] == ["4"]
    assert page.not_due == {NotDue.NO_ACTIVITY: 3}
    assert MonthFigure.select().count() == 0


def test_a_platform_that_does_not_answer_loses_no_slot(dispatcher, site, clock, tmp_path):
    add_user(site, 1, last_seen_at=QUIET)
    file = Path(site.url.removeprefix("sqlite:///"))
    file.rename(tmp_path / "away.db")
    dispatcher.platform.close()

    assert dispatcher.tick(Kind.REMINDER, NO_PATIENCE)["platform_unavailable"] == 1
    clock.forward(hours=4)
    dispatcher.tick(Kind.REMINDER, NO_PATIENCE)
    assert Run.select().count() == 0

    (tmp_path / "away.db").rename(file)
    dispatcher.tick(Kind.REMINDER, NO_PATIENCE)
    assert [(run.period, run.state) for run in Run.select()] == [("2026-11-23", RunState.MISSED)]


def test_the_last_tick_is_remembered(dispatcher, clock):
    dispatcher.tick(Kind.REPORT, NO_PATIENCE)

    assert Moment.get_by_id(dispatch.tick_name(Kind.REPORT)).at == clock.now


def test_who_was_mailed_and_forgotten_is_counted_and_gets_no_row(dispatcher, site):
    for number in (1, 2):
        add_user(site, number, last_seen_at=QUIET)
    tombstones.bury("1", Kind.REMINDER, "2026-11-23", EVENING)

    dispatcher.tick(Kind.REMINDER, NO_PATIENCE)

    assert set(states()) == {"2"}
    assert Run.get().not_due == {"forgotten": 1}
    assert plan_user(dispatcher, Kind.REMINDER, "1") is NotDue.FORGOTTEN


def test_a_tick_deletes_what_is_older_than_its_setting(dispatcher, site, clock):
    add_user(site, 1, last_seen_at=QUIET)
    dispatcher.tick(Kind.REMINDER, NO_PATIENCE)
    Delivery.update(state=DeliveryState.SENT).execute()

    clock.forward(days=399)
    assert dispatcher.tick(Kind.REPORT, NO_PATIENCE)["aged_out"] == 0
    clock.forward(days=2)
    assert dispatcher.tick(Kind.REPORT, NO_PATIENCE)["aged_out"] == 1

    assert Recipient.select().count() == 1
