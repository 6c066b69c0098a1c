"""What an operator sees and orders: resolve, status, sending inline, a test mail."""

import io
from dataclasses import replace
from datetime import timedelta

import pytest

from quizmail import status, testmail, wiring
from quizmail.errors import QuizmailError
from quizmail.models import Delivery, Run
from quizmail.outbox import plan, release
from quizmail.outbox.plan import PlannedRow
from quizmail.settings import load
from quizmail.slots import Slot
from quizmail.states import DeliveryState, Kind, RunState
from tests.support.configuration import environment
from tests.support.desk import Clock, an_engine_on_a_platform
from tests.support.smtp_server import SmtpServer


class Answer(io.BytesIO):
    """Types an answer, and has something happen just before."""

    def __init__(self, text, meanwhile):
        super().__init__(text)
        self._meanwhile = meanwhile

    def read1(self, size=-1):
        self._meanwhile()
        return super().read1(size)


def plan_reminders(now, number, run=None):
    rows = [PlannedRow(str(user), now + timedelta(hours=6), {}) for user in range(number)]
    plan.insert_rows(Kind.REMINDER, "2026-11-23", run, now, now, rows)


def make_unknown(delivery_id):
    Delivery.update(state=DeliveryState.UNKNOWN, attempts=1).where(Delivery.id == delivery_id).execute()


def test_only_what_was_shown_is_settled(command, now):
    plan.open_run(Slot(Kind.REMINDER, "2026-11-23", now, frozenset({"UTC"})), now)
    plan_reminders(now, 2, run=1)
    make_unknown(1)

    ran = command("resolve", "--run", "1", "--again", typed=Answer(b"y\n", lambda: make_unknown(2)))

    assert "settled: 1" in ran.output
    states = [row.state for row in Delivery.select().order_by(Delivery.id)]
    assert states == [DeliveryState.PLANNED, DeliveryState.UNKNOWN]


def test_a_run_given_up_after_days_of_planning_is_news(sqlite_database, tmp_path, now):
    begun = now - timedelta(days=3)
    plan.open_run(Slot(Kind.REPORT, "2026-10", begun - timedelta(minutes=1), frozenset({"UTC"})), begun)

    with an_engine_on_a_platform(tmp_path, Clock(now)) as (_, engine):
        engine.dispatcher.tick(Kind.REPORT, timedelta(0))
        alerts = engine.alarm.check(now)
        problems = status.gather(engine.calendar, {"UTC"}, now, 0).problems

    assert Run.get(Run.period == "2026-10", Run.kind == Kind.REPORT).state == RunState.MISSED
    assert alerts == 1
    assert "runs missed in the last day: 1" in problems


def test_sending_inline_goes_on_after_a_mail_that_must_wait(sqlite_database, tmp_path, now):
    clock, tried = Clock(now), []
    plan_reminders(now, 5)

    def greylist_the_first(delivery_id):
        tried.append(delivery_id)
        if len(tried) == 1:
            later = {"due_at": clock.now + timedelta(minutes=10), "released_at": None}
            Delivery.update(later).where(Delivery.id == delivery_id).execute()
            return {delivery_id: DeliveryState.PLANNED}
        Delivery.update(state=DeliveryState.SENT).where(Delivery.id == delivery_id).execute()
        return {delivery_id: DeliveryState.SENT}

    with an_engine_on_a_platform(tmp_path, clock, SEND_LIMIT_PER_DAY="500") as (_, engine):
        by_hand = replace(engine.by_hand, sleep=lambda seconds: clock.forward(seconds=seconds))
        done = by_hand.deliver_here(greylist_the_first, lambda sent: None)

    assert done == 4
    assert sorted(tried) == [1, 2, 3, 4, 5]


def test_sending_inline_may_be_interrupted_as_often_as_one_likes(sqlite_database, tmp_path, now):
    plan_reminders(now, 20)

    def interrupt(*delivery_ids):
        raise KeyboardInterrupt

    with an_engine_on_a_platform(tmp_path, Clock(now)) as (_, engine):
        for _ in range(release.MOST_RELEASES + 2):
            with pytest.raises(KeyboardInterrupt):
                engine.by_hand.deliver_here(interrupt, lambda sent: None)

    assert {row.state for row in Delivery.select()} == {DeliveryState.PLANNED}
    assert not release.released()


@pytest.mark.parametrize("address", ["ä@example.com", "a b@example.com", "nobody"])
def test_a_test_mail_to_what_is_no_address_is_a_clear_error(address, now):
    with SmtpServer() as server:
        settings = load(environment(MAIL_SERVER=server.host, MAIL_PORT=str(server.port)))

        with pytest.raises(QuizmailError):
            testmail.send(settings, wiring.composer_of(settings), address, now)
    assert server.inbox == []
