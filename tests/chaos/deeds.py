"""How each fault of a schedule is done to a world, and undone."""

import resource
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from quizmail import forgetting, holds, recipients
from quizmail.errors import QuizmailError
from quizmail.holds import Subject
from quizmail.models import Delivery, Recipient
from quizmail.outbox import resolve
from quizmail.states import DeliveryState, Kind, Preference, Scope
from tests.chaos.world import World

#: One byte: the kernel refuses whatever would make a file longer than that.
_FULL = 1


class Deeds:
    """Does the faults. What must be undone later waits in ``later``: (when, how)."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.later: list[tuple[float, Callable[[], None]]] = []

    def do(self, fault: str, given: Any) -> None:
        self.world.history.tell("fault", fault=fault, given=given)
        getattr(self, fault)(given)

    def undo(self, *, all_of_it: bool = False) -> None:
        """Undo what has lasted long enough."""
        due = [each for each in self.later if all_of_it or each[0] <= time.monotonic()]
        for each in due:
            self.later.remove(each)
            each[1]()

    def _after(self, seconds: float, how: Callable[[], None]) -> None:
        self.later.append((time.monotonic() + seconds, how))

    def kill(self, name: str) -> None:
        self.world.strike(name, signal.SIGKILL, group=False)

    def kill_group(self, name: str) -> None:
        self.world.strike(name, signal.SIGKILL)

    def term(self, name: str) -> None:
        self.world.strike(name, signal.SIGTERM)

    def redis_kill(self, seconds: float) -> None:
        self.world.queue.kill()
        self._after(seconds, self.world.queue.start)

    def redis_lose(self, seconds: float) -> None:
        """Kill it, and lose what it had written."""
        self.world.queue.kill()
        self.world.queue.forget()
        self._after(seconds, self.world.queue.start)

    def redis_flush(self, _: None) -> None:
        self.world.queue.flush()

    def redis_freeze(self, seconds: float) -> None:
        self.world.queue.freeze()
        self._after(seconds, self.world.queue.thaw)

    def refuse(self, seconds: float) -> None:
        self.world.tell_oracle(f"refuse {seconds}")

    def clock(self, seconds: float) -> None:
        self.world.clock.move(seconds)

    def database_kill(self, seconds: float) -> None:
        self.world.engine.kill()
        self._after(seconds, self.world.engine.revive)

    def disk_full(self, seconds: float) -> None:
        """Let no file of Quizmail's processes grow: SQLite's writes fail, and so does their log."""
        pids = [event["pid"] for event in self.world.history.of("born")]
        _limit(pids, _FULL)
        self._after(seconds, lambda: _limit(pids, resource.RLIM_INFINITY))

    def opt_out(self, number: int) -> None:
        person = self.world.people[number % len(self.world.people)]
        kind = (Kind.REMINDER, Kind.REPORT)[number % 2]
        if self.world.forgiving(lambda: _opt_out(person.id, kind)):
            self.world.history.tell("opted out", user=person.id, kind=kind)

    def hold(self, given: tuple[str, float]) -> None:
        """Stop something as an operator does, and resume it later."""
        what, seconds = given
        subject = holds.ALL if what == "all" else Subject(Scope.KIND, what)

        def hold() -> bool:
            holds.hold(subject, "a fault", self.world.clock(), "operator")
            return True

        if self.world.forgiving(hold):
            self.world.history.tell("held", subject=what)
        self._after(seconds, lambda: self._resume(what, subject))

    def _resume(self, what: str, subject: Subject) -> None:
        self.world.history.tell("resuming", subject=what)
        if self.world.forgiving(lambda: holds.resume(subject) + 1) is None:
            self._after(0.2, lambda: self._resume(what, subject))

    def forget(self, number: int) -> None:
        """Forget a user while the mail may be on its way; while it is, the command refuses."""
        person = self.world.people[number % len(self.world.people)]

        def forget() -> bool:
            forgetting.forget([person.id], [], self.world.clock(), stop=True)
            return True

        with suppress(QuizmailError):
            if self.world.forgiving(forget):
                self.world.history.tell("forgot", user=person.id)

    def settle(self, _: None) -> None:
        """Settle what is unknown as a careful operator does: by what the relay's own log says."""
        accepted = {(entry["kind"], entry["user"]) for entry in self.world.accepted()}
        unknown = list(Delivery.select().where(Delivery.state == DeliveryState.UNKNOWN))
        arrived = [row.id for row in unknown if (row.kind, row.user_id) in accepted]
        lost = [row.id for row in unknown if (row.kind, row.user_id) not in accepted]
        now = self.world.clock()
        sent = resolve.mark_sent(resolve.unknown(None) & resolve.ids(arrived), "operator", now)
        again = resolve.plan_again(resolve.unknown(None) & resolve.ids(lost), "operator", now)
        self.world.history.tell("settled", sent=sent, again=again)

    def by_hand(self, number: int) -> None:
        """Send one user's mail from elsewhere, twice, while the run may be at it."""
        person = self.world.people[number % len(self.world.people)]
        actor = ("send_daily_reminder", "send_monthly_report")[number % 2]
        for _ in range(2):
            self.world.queue.send("mail", actor, person.id)


def _opt_out(user_id: str, kind: Kind) -> bool:
    Recipient.insert(user_id=user_id).on_conflict_ignore().execute()
    return recipients.set_preference(Recipient.get(Recipient.user_id == user_id).id, kind, Preference.OFF)


def _limit(pids: list[int], size: int) -> None:
    for pid in pids:
        with suppress(ProcessLookupError):
            resource.prlimit(pid, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))
