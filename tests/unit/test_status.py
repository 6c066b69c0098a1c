"""What ``status`` lists, and what it calls wrong."""

import logging
from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest

from quizmail import holds, status
from quizmail.models import Delivery, Moment, Run
from quizmail.outbox import plan
from quizmail.outbox.plan import PlannedRow
from quizmail.slots import Calendar
from quizmail.states import DeliveryState, Kind, RunState

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
CALENDAR = Calendar(18, 1, 9, ZoneInfo("UTC"), 3 * HOUR, 3 * DAY)


@pytest.fixture(autouse=True)
def ticks(our_database, now):
    """A scheduler that is heard of."""
    for kind in Kind:
        Moment.create(name=f"tick {kind}", at=now)


def open_runs(kind, slots, state=RunState.DONE, **columns):
    """Open a run at each of the instants `slots` and return their ids."""
    return [
        Run.create(
            kind=kind, period=f"{at:%Y-%m-%d}", slot=at, zones=[], state=state, started_at=at, **columns
        ).id
        for at in slots
    ]


def plan_reminders(now, users, run=None):
    rows = [PlannedRow(user, now + HOUR, {}) for user in users]
    plan.insert_rows(Kind.REMINDER, "2026-11-23", run, now, now, rows)


def gathered(now, zones=frozenset({"UTC"}), waiting=0):
    return status.gather(CALENDAR, zones, now, waiting)


def listed(now):
    return [run["id"] for run in gathered(now).runs]


def hours_ago(now, numbers):
    return [now - number * HOUR for number in numbers]


def test_the_newest_runs_of_each_kind_are_listed_newest_first(now):
    reports = open_runs(Kind.REPORT, hours_ago(now, range(706, 700, -1)))
    reminders = open_runs(Kind.REMINDER, hours_ago(now, range(30, 0, -1)))

    assert listed(now) == [*reversed(reminders[-5:]), *reversed(reports[-5:])]


@pytest.mark.parametrize("state", [RunState.PLANNING, RunState.PLANNED])
def test_a_run_that_is_not_finished_is_listed_however_old(now, state):
    [old] = open_runs(Kind.REMINDER, [now - 9 * DAY], state)
    open_runs(Kind.REMINDER, hours_ago(now, range(30)))

    assert old in listed(now)


@pytest.mark.parametrize(
    ("known", "is_listed"), [({}, False), ({"done_at": 2 * DAY}, False), ({"done_at": DAY / 2}, True)]
)
def test_a_missed_run_is_listed_for_as_long_as_it_is_called_wrong(now, known, is_listed):
    when = {name: now - ago for name, ago in known.items()}
    [missed] = open_runs(Kind.REMINDER, [now - 3 * DAY], RunState.MISSED, **when)
    open_runs(Kind.REMINDER, hours_ago(now, range(30)))

    assert (missed in listed(now)) == is_listed
    assert gathered(now).problems == (["runs missed in the last day: 1"] if is_listed else [])


def test_of_many_runs_that_are_not_finished_the_newest_are_listed_and_hide_no_missed_one(now):
    missed = open_runs(Kind.REMINDER, hours_ago(now, range(23, 0, -1)), RunState.MISSED)
    waiting = open_runs(
        Kind.REMINDER, hours_ago(now, (number / 60 for number in range(30))), RunState.PLANNED
    )

    assert listed(now) == [*waiting[:20], *reversed(missed[-20:])]


def test_the_deliveries_of_a_run_are_counted_by_state(now):
    first, second = open_runs(Kind.REMINDER, hours_ago(now, [2, 1]))
    plan_reminders(now, "abc", run=first)
    plan_reminders(now, "d", run=second)
    Delivery.update(state=DeliveryState.SENT).where(Delivery.user_id == "a").execute()

    counts = {run["id"]: run["deliveries"] for run in gathered(now).runs}

    assert counts == {first: {"sent": 1, "planned": 2}, second: {"planned": 1}}


def test_the_number_of_queries_does_not_depend_on_the_runs(now, caplog):
    def queries():
        caplog.clear()
        with caplog.at_level(logging.DEBUG, "peewee"):
            gathered(now)
        return len(caplog.records)

    without = queries()
    runs = open_runs(Kind.REMINDER, hours_ago(now, range(30)))
    plan_reminders(now, "abc", run=runs[-1])

    assert queries() == without


def test_when_nothing_is_wrong_there_are_no_problems(now):
    assert gathered(now).problems == []


def test_a_platform_that_does_not_answer_is_wrong(now):
    assert gathered(now, zones=None).problems == ["the quiz platform does not answer"]


def test_a_redis_that_does_not_answer_is_wrong(now):
    assert gathered(now, waiting=None).problems == ["Redis does not answer"]


@pytest.mark.parametrize("kind", list(Kind))
def test_a_kind_without_a_tick_for_minutes_is_wrong(now, kind):
    last = Moment.update(at=now - timedelta(minutes=3)).where(Moment.name == f"tick {kind}")
    last.execute()
    assert gathered(now).problems == []

    assert gathered(now + timedelta(seconds=1)).problems == [
        "no tick for more than 3 minutes: is the scheduler running?"
    ]


def test_a_hold_in_force_is_wrong_and_failures_that_are_only_counted_are_not(now):
    holds.strike(holds.ALL, "relay", "421 later", now, limit=3)
    assert gathered(now).problems == []

    holds.hold(holds.on_kind(Kind.REPORT), "the figures look odd", now, "ann")

    assert gathered(now).problems == ["something is held"]


@pytest.mark.parametrize(("ago", "is_wrong"), [(23 * HOUR, True), (25 * HOUR, False)])
def test_an_unknown_outcome_is_wrong_for_a_day(now, ago, is_wrong):
    plan_reminders(now, "ab")
    Delivery.update(state=DeliveryState.UNKNOWN, claimed_at=now - ago).where(
        Delivery.user_id == "a"
    ).execute()

    expected = ["deliveries of the last day with an unknown outcome: 1"] if is_wrong else []
    assert gathered(now).problems == expected


def test_deliveries_are_counted_for_a_week(now):
    plan_reminders(now - 8 * DAY, "a")
    plan_reminders(now - 6 * DAY, "bc")

    assert gathered(now).deliveries == [{"kind": "reminder", "state": "planned", "reason": None, "count": 2}]
