from datetime import timedelta

import pytest

from quizmail import holds
from quizmail.holds import ALL, Subject
from quizmail.models import Hold
from quizmail.states import Scope

REMINDERS = Subject(Scope.KIND, "reminder")


@pytest.fixture(autouse=True)
def ours(our_database):
    return our_database


def strike(now, times=1, subject=ALL):
    for _ in range(times):
        holds.strike(subject, "relay_unreachable", "connection refused", now, limit=3)


def test_failures_in_a_row_begin_a_hold(now):
    strike(now, times=2)
    assert not holds.board().held_until([], now)

    strike(now)
    assert [hold.cause for hold in holds.in_force(now)] == ["relay_unreachable"]


def test_a_success_in_between_begins_the_count_anew(now):
    strike(now, times=2)
    holds.relieve(ALL)
    strike(now, times=2)

    assert not holds.board().held_until([], now)


def test_a_hold_ends_by_itself_and_each_failure_after_it_makes_it_longer(now):
    strike(now, times=3)
    assert holds.board().held_until([], now + timedelta(seconds=59))

    later = now + timedelta(minutes=1)
    assert not holds.board().held_until([], later)
    strike(later)
    assert holds.board().held_until([], later + timedelta(seconds=119))
    assert not holds.board().held_until([], later + timedelta(minutes=2))


def test_failures_of_tries_under_way_do_not_lengthen_a_hold(now):
    strike(now, times=10)

    assert not holds.board().held_until([], now + timedelta(minutes=1))


def test_a_hold_is_never_longer_than_a_quarter_of_an_hour(now):
    for _ in range(12):
        strike(now, times=3)
        now += timedelta(minutes=15)

    assert not holds.board().held_until([], now)


def test_a_success_ends_a_hold_but_not_an_operators(now):
    strike(now, times=3)
    holds.hold(ALL, "maintenance", now, "ada")

    holds.relieve(ALL)

    assert [(hold.cause, hold.by) for hold in holds.in_force(now)] == [("maintenance", "ada")]
    assert holds.resume(ALL) == 1
    assert Hold.select().count() == 0


def test_an_operator_may_hold_for_a_cause_that_is_being_counted(now):
    strike(now)

    holds.hold(ALL, "relay_unreachable", now, "ada")

    assert [(hold.cause, hold.by) for hold in holds.in_force(now)] == [("relay_unreachable", "ada")]


def test_a_hold_on_one_kind_leaves_the_other_free(now):
    strike(now, times=3, subject=REMINDERS)

    assert holds.board().held_until([REMINDERS], now)
    assert not holds.board().held_until([Subject(Scope.KIND, "report")], now)
