"""Plays a world: does the faults at their times, heals it, and lets it come to rest.

Nobody waits for a clock: when nothing moves any more, the world's clock is put forward to the next
instant at which somebody would do something, such as the end of a lease or the next try of a mail.
"""

import sys
import time
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from quizmail import wiring
from quizmail.alerts import AGAIN
from quizmail.models import Alert, Attempt, Delivery, Hold, Month, Run
from quizmail.settings import load
from quizmail.states import DeliveryState, RunState
from tests.chaos import invariants
from tests.chaos.databases import Engine
from tests.chaos.deeds import Deeds
from tests.chaos.faults import Schedule
from tests.chaos.nursery import Nursery
from tests.chaos.people import EVENING, PERIODS
from tests.chaos.world import World

#: In seconds. A healed world comes to rest in a few; one that has not by then never will.
PATIENCE = 60.0

_TICK = 0.2
_STILL = 0.5

#: How far the clock is put forward at a time; twice as far each time that it has changed no row.
_LEAP = timedelta(minutes=20)


@dataclass(frozen=True)
class Played:
    """What became of a world: who broke a promise, and all that happened."""

    schedule: Schedule
    culprits: list[str]
    history: list[str]
    logs: list[str]
    counts: dict[str, int]
    points: set[str]
    misbehaviour: set[tuple[str, str]]
    most_waiting: int  # the most messages that were seen in the queue
    seconds: float


def play(schedule: Schedule, engine: Engine, nursery: Nursery) -> Played:
    """Play the schedule to its end and check every invariant."""
    began = time.monotonic()
    with World(schedule, engine, nursery) as world:
        played = _Play(world)
        played.run()
        world.stop()
        return Played(
            schedule,
            invariants.check(world),
            world.history.lines(),
            world.logs(),
            invariants.count(world),
            {event["point"] for event in world.history.of("killed at")},
            {(event["stage"], event["action"]) for event in world.history.of("misbehaved")},
            played.most_waiting,
            time.monotonic() - began,
        )


class _Play:
    def __init__(self, world: World) -> None:
        self.world = world
        self.deeds = Deeds(world)
        self.lease = wiring.lease_of(load(world.environment))
        self.ticked = 0.0
        self.most_waiting = 0
        self.moved: tuple[float, Any] = (0.0, None)
        self.leap, self.leapt_from = _LEAP, None

    def run(self) -> None:
        faults, began = list(self.world.schedule.faults), time.monotonic()
        while faults or self._is_ill(time.monotonic() - began):
            passed = time.monotonic() - began
            self.deeds.undo()
            while faults and faults[0][0] <= passed:
                self.deeds.do(*faults.pop(0)[1:])
            self._live()
        self.deeds.undo(all_of_it=True)
        self.world.tell_oracle("heal")
        self.world.history.tell("healed")
        until = time.monotonic() + PATIENCE
        while not self.world.forgiving(self._is_at_rest) and time.monotonic() < until:
            self._live()

    def _is_ill(self, passed: float) -> bool:
        """Say whether it is too early to heal the world."""
        schedule = self.world.schedule
        if passed < schedule.length:
            return True
        planned = sum(bool(action) for actions in schedule.smtp.values() for action in actions)
        return passed < schedule.stubborn and len(self.world.history.of("misbehaved")) < planned

    def _live(self) -> None:
        self.world.tend()
        if (waiting := self.world.queue.waiting()) < sys.maxsize:
            self.most_waiting = max(self.most_waiting, waiting)
        if time.monotonic() - self.ticked > _TICK:
            self.ticked = time.monotonic()
            self.world.tick()
            self.world.forgiving(self._leap_when_still)
        time.sleep(0.03)

    def _leap_when_still(self) -> None:
        seen = (
            len(self.world.history.events),
            sorted(Delivery.select(Delivery.state, Delivery.due_at).tuples()),
        )
        now = time.monotonic()
        if seen != self.moved[1]:
            self.moved = (now, seen)
        elif now - self.moved[0] > _STILL and (instants := self._instants()):
            self.moved = (now, None)
            self.leap = self.leap * 2 if seen[1] == self.leapt_from else _LEAP
            self.leapt_from = seen[1]
            leap = max(at for at in instants if at <= instants[0] + self.leap) - self.world.clock()
            self.world.history.tell("leap", seconds=round(leap.total_seconds(), 1))
            self.world.clock.move(leap.total_seconds() + 0.1)

    def _instants(self) -> list[datetime]:
        """Return the instants to come at which somebody would do something, in their order."""
        slowest = timedelta(seconds=max([0, *(-skew for skew in self.world.schedule.skews.values())]))
        planned = Delivery.state == DeliveryState.PLANNED
        again = timedelta(minutes=10)
        found = [at for (at,) in Delivery.select(Delivery.due_at).where(planned).tuples()]
        released = Delivery.select(Delivery.released_at).where(planned & Delivery.released_at.is_null(False))
        found += [at + again for (at,) in released.tuples()]
        claimed = Delivery.select(Delivery.claimed_at).where(Delivery.state == DeliveryState.SENDING)
        found += [at + self.lease for (at,) in claimed.tuples()]
        found += [at for (at,) in Hold.select(Hold.until).where(Hold.until.is_null(False)).tuples()]
        leased = Run.select(Run.lease_until).where(Run.state == RunState.PLANNING)
        found += [at for (at,) in leased.tuples() if at]
        figuring = Month.select(Month.lease_until).where(Month.computed_at.is_null())
        found += [at for (at,) in figuring.tuples() if at]
        found += [alert.at + AGAIN for alert in self._untold()]
        if "SEND_LIMIT_PER_DAY" in self.world.schedule.settings:
            found += [at + timedelta(days=1) for (at,) in Attempt.select(Attempt.at).tuples()]
            found += [at for (at,) in Delivery.select(Delivery.expires_at).where(planned).tuples()]
        found.append(EVENING)  # A clock put back far enough has the slots themselves to come.
        return sorted(at + slowest for at in found if at + slowest > self.world.clock())

    def _is_at_rest(self) -> bool:
        """Say whether every run and row is at its end, and no message waits."""
        runs = list(Run.select(Run.kind, Run.state).where(Run.period.in_(list(PERIODS.values()))).tuples())
        ended = all(state in {RunState.DONE, RunState.MISSED} for _, state in runs)
        everybody = invariants.expected_runs(self.world)
        open_states = [DeliveryState.PLANNED, DeliveryState.SENDING]
        if (
            not ended
            or len(runs) < everybody
            or Delivery.select().where(Delivery.state.in_(open_states)).count()
            or self._untold()
        ):
            return False
        return self.world.queue.waiting() == 0

    def _untold(self) -> list[Alert]:
        """Return the alerts that could not be mailed yet, if anybody is to be told."""
        if "ADMIN_EMAIL" not in self.world.schedule.settings:
            return []
        return list(Alert.select().where(Alert.mailed_at.is_null()))
