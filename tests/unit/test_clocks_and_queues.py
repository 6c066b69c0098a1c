"""Clocks that differ, workers that are away, and a platform that is slow or cannot be read."""

from dataclasses import replace
from datetime import timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import pytest

from quizmail import status
from quizmail.models import Delivery, Moment, Run
from quizmail.outbox import plan, release
from quizmail.outbox.plan import PlannedRow
from quizmail.slots import Slot
from quizmail.states import DeliveryState, Kind
from tests.support.delivering import Desk
from tests.support.desk import Bells, Clock, an_engine_on_a_platform
from tests.support.smtp_server import SmtpServer

pytestmark = pytest.mark.usefixtures("sqlite_database")

NO_PATIENCE = timedelta(0)

#: A name that loads and is not listed.
UNLISTED = "posix/UTC"


def loads(zone):
    try:
        ZoneInfo(zone)
    except ZoneInfoNotFoundError:
        return False
    return True


@pytest.fixture
def clock(now):
    return Clock(now + timedelta(minutes=1))


@pytest.fixture
def bells():
    return Bells()


@pytest.fixture
def run_until_now(now):
    """The scheduler ran until a moment ago, so only the slot at `now` is due."""
    Moment.create(name="opened reminder", at=now - timedelta(minutes=5))


@pytest.fixture
def site_and_engine(tmp_path, clock, bells, run_until_now):
    with an_engine_on_a_platform(tmp_path, clock, bells) as both:
        yield both


@pytest.fixture
def dispatcher(site_and_engine):
    return site_and_engine[1].dispatcher


def plan_reports(now, number=1):
    rows = [PlannedRow(str(user), now + timedelta(days=3), {}) for user in range(number)]
    plan.insert_rows(Kind.REPORT, "2026-10", None, now, now, rows)


def test_a_worker_whose_clock_is_behind_is_told_again_when_it_is_time(now):
    with SmtpServer() as server:
        desk = Desk(server, now)
        assert release.release(now, 10, timedelta(minutes=10)) == [desk.id]
        desk.now = now - timedelta(milliseconds=200)

        assert desk.deliver() == DeliveryState.PLANNED
        assert desk.later == [(desk.id, timedelta(milliseconds=200))]

        desk.now = now
        assert desk.deliver() == DeliveryState.SENT
        desk.mailer.close()


def tick_while_nobody_works(dispatcher, clock, bells, keeps_messages):
    for _ in range(8):
        dispatcher.tick(Kind.REPORT, NO_PATIENCE)
        bells.busy = len(bells.rung) if keeps_messages else 0
        clock.forward(minutes=11)


def test_workers_that_are_away_for_an_hour_lose_no_delivery(dispatcher, clock, bells, now):
    plan_reports(now, 3)

    tick_while_nobody_works(dispatcher, clock, bells, keeps_messages=True)

    assert [(row.state, row.reason) for row in Delivery.select()] == [(DeliveryState.PLANNED, None)] * 3
    assert len(bells.rung) == 3


def test_what_redis_has_lost_is_released_again(dispatcher, clock, bells, now):
    plan_reports(now)

    for _ in range(2):
        dispatcher.tick(Kind.REPORT, NO_PATIENCE)
        clock.forward(minutes=11)

    assert bells.rung == [1, 1]


def test_a_platform_that_cannot_be_read_does_not_hold_up_what_is_planned(site_and_engine, bells, now):
    site, engine = site_and_engine
    plan_reports(now)
    plan.open_run(Slot(Kind.REMINDER, "2026-11-23", now, frozenset({"UTC"})), now)
    site.execute("ALTER TABLE users RENAME COLUMN email TO mail")

    counts = engine.dispatcher.tick(Kind.REMINDER, NO_PATIENCE)

    assert counts["platform_unavailable"] == 1
    assert bells.rung == [1]


class SlowPlanner:
    """A planner that takes some minutes for a page, and notes who was silent before it."""

    def __init__(self, planner, clock):
        self.audience = planner.audience
        self.silent = []
        self._planner, self._clock = planner, clock

    def page(self, *question):
        self.silent.append(status.silent(self._clock.now))
        page = self._planner.page(*question)
        self._clock.forward(minutes=4)
        return page


def test_a_scheduler_that_plans_for_long_is_not_silent(site_and_engine, clock):
    site, engine = site_and_engine
    site.user("ada@example.com")
    slow = SlowPlanner(engine.planner, clock)

    replace(engine.dispatcher, planner=slow).tick(Kind.REMINDER, NO_PATIENCE)

    assert slow.silent == [[Kind.REPORT]]
    assert status.silent(clock.now) == [Kind.REPORT]


@pytest.mark.skipif(not loads(UNLISTED), reason="this system has no such name")
def test_a_site_zone_that_is_not_listed_has_its_slots_too(tmp_path, clock, run_until_now):
    with an_engine_on_a_platform(tmp_path, clock, SITE_TIMEZONE=UNLISTED) as (site, engine):
        site.user("ada@example.com")
        engine.dispatcher.tick(Kind.REMINDER, NO_PATIENCE)

    assert Run.get().period == "2026-11-23"
