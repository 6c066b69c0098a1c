"""Somebody is forgotten while his row is being written, on PostgreSQL, where neither sees the other."""

import threading
from datetime import timedelta

import psycopg
import pytest

from quizmail import database, forgetting
from quizmail.database import transaction
from quizmail.models import Delivery, Recipient
from quizmail.outbox import plan
from quizmail.outbox.plan import PlannedRow
from quizmail.states import Kind
from tests.support.processes import wait_until

ADA, PERIOD = "ada-lovelace", "2026-11-23"


def write_row(now):
    row = PlannedRow(ADA, now + timedelta(hours=6), {"name": "Ada Lovelace"})
    return plan.insert_rows(Kind.REMINDER, PERIOD, None, now, now, [row]).total()


def a_thread_that(does):
    def run():
        try:
            does()
        finally:
            database.give_back(failed=True)

    return threading.Thread(target=run)


@pytest.fixture
def somebody_waits(postgresql_database, postgresql_url):
    with psycopg.connect(postgresql_url, autocommit=True) as witness:
        waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
        yield lambda: witness.execute(waiting).fetchone()[0]


def test_who_is_forgotten_while_his_row_is_written_is_left_with_none(somebody_waits, now):
    forgetter = a_thread_that(lambda: forgetting.forget([ADA], [], now, stop=True))

    with transaction():
        assert write_row(now) == 1
        forgetter.start()
        wait_until(lambda: somebody_waits() or not forgetter.is_alive(), "a lock")
    forgetter.join()

    assert (Delivery.select().count(), Recipient.select().count()) == (0, 0)


def test_a_row_that_is_written_while_somebody_is_being_forgotten_is_withdrawn(somebody_waits, now):
    written = []
    writer = a_thread_that(lambda: written.append(write_row(now)))

    with transaction():
        forgetting.forget([ADA], [], now, stop=True)
        writer.start()
        wait_until(lambda: somebody_waits() or not writer.is_alive(), "a lock")
    writer.join()

    assert written == [0]
    assert Delivery.select().count() == 0
