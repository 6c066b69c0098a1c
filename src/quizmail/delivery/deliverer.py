"""The door to sending: deliveries by their row ids, and the end of a process that sends."""

import random
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from peewee import PeeweeException

from quizmail import database, retries
from quizmail.audience import Audience
from quizmail.composing import Composer
from quizmail.delivery.round import Round
from quizmail.delivery.terms import Terms, Transport
from quizmail.outbox import claim, work
from quizmail.outbox.claim import Outcome
from quizmail.outbox.telling import log
from quizmail.outbox.work import Work
from quizmail.states import DeliveryState, Failure


@dataclass(frozen=True)
class Deliverer:
    """Delivers mails. Safe to share between threads; `transport` gives each thread its own.

    Attributes:
        in_flight: by the tokens of their claims, what waits for its answer, or for the commit that writes it.
        stopping: the process is about to end; no other mail is begun.
    """

    audience: Audience
    composer: Composer
    transport: Callable[[], Transport]
    terms: Terms
    clock: Callable[[], datetime]
    ring_later: Callable[[int, timedelta], None]
    jitter: retries.Jitter = random.uniform
    sleep: Callable[[float], None] = field(default=time.sleep)
    in_flight: dict[str, Work] = field(default_factory=dict)
    stopping: threading.Event = field(default_factory=threading.Event)

    def deliver(self, *delivery_ids: int) -> Mapping[int, DeliveryState]:
        """Send those of the deliveries that are planned, due and still wanted, one after the other.

        A doubled message, or one that comes late, finds the rows changed and does nothing. A row that cannot
        even be judged does not take the others along.

        Returns:
            By row id the state of each afterwards; an id without a row is left out.
        """
        works = work.load_all(delivery_ids)
        states = {each.id: each.state for each in works}
        planned = [each for each in works if each.state is DeliveryState.PLANNED]
        # With a limit each is a round of its own: together they would wait for each other's send instants,
        # and then leave in a burst.
        rounds = [planned] if self.terms.pace.is_free else [[each] for each in planned]
        for each in filter(None, rounds):
            states |= self._send_round(each)
        return states

    def _send_round(self, works: list[Work]) -> Mapping[int, DeliveryState]:
        try:
            return Round(self, works).run()
        except PeeweeException:
            raise
        except Exception:
            if len(works) == 1:
                raise
            log.exception("a round of %d deliveries broke off: each is tried alone", len(works))
            # Not given back: how often each was released would be forgotten, and the bad one never set aside.
            for each in works:
                self.ring_later(each.id, timedelta(0))
            return {}

    def stop(self) -> None:
        """Begin no other mail: what is left of every round is given back."""
        self.stopping.set()

    def give_up(self) -> int:
        """Write what still waits for its answer as unknown: the process ends. Return how many there were.

        An answer that comes all the same resolves its own claim.
        """
        database.give_back(failed=True)  # This thread's connection is as old as the process.
        outcome = Outcome(DeliveryState.UNKNOWN, Failure.SHUTDOWN)
        waiting = list(self.in_flight.items())
        return sum(claim.record(each, token, outcome, self.clock()) for token, each in waiting)
