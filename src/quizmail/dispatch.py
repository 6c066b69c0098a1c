"""One tick: which slots are due, who is due in them, and which deliveries may go now.

A tick does not ask whether a cron just fired. It asks which slots are due and not yet done, so a scheduler
that was down, ran twice or restarted within the minute changes nothing.
"""

import logging
import time
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol
from uuid import uuid4
from zoneinfo import available_timezones

from quizmail import activity, database, retention, slots
from quizmail.audience import Audience
from quizmail.errors import PlatformUnavailable, QuizmailError, SourceError
from quizmail.models import Moment, Run
from quizmail.outbox import plan as plans
from quizmail.outbox import release, resolve, valve
from quizmail.outbox.plan import LostLease
from quizmail.outbox.resolve import LEAST_LIFE_BY_HAND
from quizmail.outbox.rounds import share_out
from quizmail.outbox.valve import Pace
from quizmail.planning import Planner, Question
from quizmail.platform import Platform
from quizmail.retries import WAITS
from quizmail.slots import Calendar, Slot
from quizmail.states import Kind, RunState

log = logging.getLogger(__name__)

#: How far a tick looks back for slots that nobody used, when none was seen for longer than that.
LONGEST_LOOK_BACK = timedelta(days=92)

#: How many deliveries are released in one statement.
BATCH = 500

NEVER = timedelta(days=365)


class Bell(Protocol):
    """What tells the workers that deliveries are waiting."""

    def ring(self, rounds: Sequence[Sequence[int]]) -> None:
        """Have these deliveries worked on, those of a round by one worker."""

    def ring_later(self, delivery_id: int, wait: timedelta) -> None:
        """Have this delivery worked on when `wait` is over."""

    def waiting(self) -> int:
        """Return how many deliveries are waiting to be worked on."""


Progress = Callable[[Run, int], object]


def no_progress(run: Run, judged: int) -> None:
    """Show nothing."""


@dataclass(frozen=True)
class Dispatcher:
    """Plans and releases. ``lease``: how long a claim may wait for its outcome."""

    platform: Platform
    planner: Planner
    calendar: Calendar
    bell: Bell
    clock: Callable[[], datetime]
    max_waiting: int
    pace: Pace
    lease: timedelta
    keep: timedelta
    resend_unknown_after: Mapping[Kind, timedelta] = field(default_factory=dict)
    name: str = field(default_factory=lambda: uuid4().hex)

    @property
    def audience(self) -> Audience:
        """The platform's users and quizzes."""
        return self.planner.audience

    def tick(self, kind: Kind, patience: timedelta = timedelta(seconds=50)) -> Counter[str]:
        """Do what is due for `kind`: open runs, plan them, tidy up, and release for at most `patience`.

        Returns:
            What was done, by name; the same numbers are logged on one line.
        """
        started, now = time.monotonic(), self.clock()
        counts: Counter[str] = Counter()
        _remember(tick_name(kind), now)
        try:
            counts += self._open_runs(kind, now)
            for run in plans.unfinished_runs(kind):
                counts += self._plan_in_time(run)
        except (PlatformUnavailable, SourceError) as problem:
            counts["platform_unavailable"] += 1
            log.error("dispatch kind=%s the platform does not answer: %s", kind, problem)
        counts.update(release.tidy(self.clock(), self.lease)._asdict())
        counts["resent_unknown"] += self._resend_unknown(kind)
        counts["aged_out"] += retention.sweep(self.clock(), self.keep, max(map(self.calendar.deadline, Kind)))
        counts["released"] += self.pump(patience)
        _remember(tick_name(kind), self.clock())
        tell(f"kind={kind}", counts, started)
        return counts

    def pump(self, patience: timedelta) -> int:
        """Release what may go now, and keep the queue topped up for `patience`; return how many were."""
        until, released = time.monotonic() + patience.total_seconds(), 0
        # Wait for room for many: to release a few at a time costs more than to send them.
        enough = max(1, min(BATCH, self.max_waiting // 2))
        while True:
            has_room = self._room() >= enough
            if has_room:
                count = self._release()
                released += count
                is_done = count == 0
            else:
                is_done = not release.is_anything_ready(self.clock())
            if is_done or time.monotonic() >= until:
                return released
            if not has_room:
                time.sleep(0.2)

    def compute_figures(self, period: str) -> bool:
        """Have the figures of a month and of the one before it; False while another process computes them.

        Raises:
            QuizmailError: the month has not ended, so it has no figures yet.
        """
        now = self.clock()
        if not slots.has_ended(period, self.calendar.site_zone, now):
            raise QuizmailError(f"{period} has not ended: it has no figures yet")
        before = slots.previous_month(period)
        return all(activity.compute(self.platform, month, now, self.name) for month in (before, period))

    def question(self, kind: Kind, period: str, at: datetime, lives_at_least_until: datetime) -> Question:
        """Return what to ask the judge, with the quizzes of the instant `at`."""
        return Question(kind, period, at, self.audience.catalogue(at), lives_at_least_until)

    def _resend_unknown(self, kind: Kind) -> int:
        after, most_tries = self.resend_unknown_after.get(kind), len(WAITS[kind]) + 1
        return resolve.resend_unknown(kind, after, most_tries, self.clock()) if after else 0

    def _open_runs(self, kind: Kind, now: datetime) -> Counter[str]:
        counts: Counter[str] = Counter()
        in_use: set[str] | None = None
        for slot in self._unseen(kind, now):
            in_use = self.audience.zones() if in_use is None else in_use
            if not in_use & slot.zones:
                continue
            late = now - slot.at > self.calendar.deadline(kind)
            state = RunState.MISSED if late else RunState.PLANNING
            if plans.open_run(slot, now, state=state) and late:
                counts["missed"] += 1
                log.error("missed kind=%s period=%s slot=%s: nothing is sent", kind, slot.period, slot.at)
        _remember(f"opened {kind}", now)
        return counts

    def _unseen(self, kind: Kind, now: datetime) -> list[Slot]:
        """Return the slots up to `now` that have no run yet and that no earlier tick has judged."""
        opened = Moment.get_or_none(Moment.name == f"opened {kind}")
        installed = database.installed_at()
        judged_until = (opened.at if opened else installed) - self.calendar.deadline(kind)
        after = max(installed, judged_until, now - LONGEST_LOOK_BACK)
        found = slots.between(kind, after, now, self._zones(), self.calendar)
        known = set(Run.select(Run.period, Run.slot).where((Run.kind == kind) & (Run.slot > after)).tuples())
        return [slot for slot in found if (slot.period, slot.at) not in known]

    def _zones(self) -> Collection[str]:
        # The site's own may be a name that is not listed, such as one in another case on macOS.
        return {*available_timezones(), self.calendar.site_zone.key}

    def _plan_in_time(self, run: Run) -> Counter[str]:
        kind = Kind(run.kind)
        if not run.by_hand and self.clock() - run.slot > self.calendar.deadline(kind):
            Run.update(state=RunState.MISSED, done_at=self.clock()).where(
                (Run.id == run.id) & (Run.state == RunState.PLANNING)
            ).execute()
            log.error("missed kind=%s period=%s slot=%s: not planned in time", kind, run.period, run.slot)
            return Counter(missed=1)
        released: Counter[str] = Counter()
        # While planning goes on, so that the first mails do not wait for the last page.
        counts = self.plan_run(run, lambda _run, _judged: released.update(released=self._release()))
        return counts + released

    def plan_run(self, run: Run, progress: Progress = no_progress) -> Counter[str]:
        """Plan an open run from its cursor on, unless another process does; return what was counted."""
        holder = uuid4().hex
        if not plans.take_lease(run, holder, self.clock()):
            return Counter()
        try:
            return self._plan_pages(Run.get_by_id(run.id), holder, progress)
        except LostLease:
            log.info("dispatch kind=%s run=%d is planned by another process", run.kind, run.id)
            return Counter()
        finally:
            plans.end_lease(run, holder)

    def _plan_pages(self, run: Run, holder: str, progress: Progress) -> Counter[str]:
        kind = Kind(run.kind)
        if kind is Kind.REPORT and not self.compute_figures(run.period):
            return Counter()
        lives_at_least_until = self.clock() + LEAST_LIFE_BY_HAND if run.by_hand else run.slot
        question = self.question(kind, run.period, run.slot, lives_at_least_until)
        counts: Counter[str] = Counter()
        judged = 0
        while run.state == RunState.PLANNING:
            plan = self.planner.page(question, run.zones, run.cursor)
            tallies = (plan.not_due, plan.noted)
            new = plans.write_page(run, holder, self.clock(), plan.rows, tallies, plan.cursor)
            for reason, number in new.items():
                counts[f"skipped_{reason}" if reason else "planned"] += number
            counts.update({f"not_due_{reason}": number for reason, number in plan.not_due.items()})
            judged += len(plan.rows) + plan.not_due.total()
            if not run.by_hand:
                _remember(tick_name(kind), self.clock())
            progress(run, judged)
        return counts

    def _room(self) -> int:
        return release.room(self.clock(), self.max_waiting, self.bell.waiting())

    def _release(self) -> int:
        """Release as many deliveries as may wait, ring for each in time, and return how many there were."""
        now, in_queue = self.clock(), self.bell.waiting()
        # As many in the queue as are released: no message is lost, they only wait for a worker.
        again_after = self.pace.again_after if in_queue < release.released() else NEVER
        shares = valve.release_paced(
            now, BATCH, self.pace, again_after, lambda: release.room(now, self.max_waiting, in_queue)
        )
        soon = [share.id for share in shares if share.at <= now + valve.SOON]
        # Who has a send instant of his own waits for nobody else's mail.
        alone = release.never_tried(soon) if self.pace.is_free else soon
        self.bell.ring(share_out(soon, alone, in_queue))
        for share in shares:
            if share.at > now + valve.SOON:
                self.bell.ring_later(share.id, share.at - now - valve.SOON)
        return len(shares)


def tell(what: str, counts: Counter[str], started: float) -> None:
    """Log in one line what was done for `what` since `started`; hardly ever seen when that is nothing."""
    shown = " ".join(f"{name}={number}" for name, number in sorted(counts.items()) if number)
    level = logging.INFO if shown else logging.DEBUG
    log.log(level, "dispatch %s %s ms=%d", what, shown or "idle", (time.monotonic() - started) * 1000)


def tick_name(kind: Kind) -> str:
    """Return the name of the moment that remembers the last tick for `kind`."""
    return f"tick {kind}"


def _remember(name: str, now: datetime) -> None:
    Moment.insert(name=name, at=now).on_conflict(
        conflict_target=[Moment.name], update={Moment.at: now}
    ).execute()
