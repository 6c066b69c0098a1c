"""An engine with a clock and a bell of the test's own."""

from contextlib import contextmanager
from datetime import timedelta

from quizmail import models, wiring
from quizmail.settings import load
from tests.support.configuration import environment
from tests.support.platforms import NativePlatform


class Bells:
    """A bell that remembers for which deliveries it was rung."""

    def __init__(self):
        self.rung = []
        self.rounds = []
        self.later = []
        self.busy = 0

    def ring(self, rounds):
        self.rounds += rounds
        self.rung += [delivery_id for each in rounds for delivery_id in each]

    def ring_later(self, delivery_id, wait):
        self.later.append((delivery_id, wait))

    def waiting(self):
        return self.busy


class Clock:
    """A clock that stands where it is put."""

    def __init__(self, now):
        self.now = now

    def __call__(self):
        return self.now

    def forward(self, **span):
        self.now += timedelta(**span)


def an_engine(site, tmp_path, clock, bell=None, **settings):
    """Return an engine on the platform `site` and on our tables in ``tmp_path/quizmail.db``."""
    chosen = load(
        environment(QUIZ_DATABASE_URL=site.url, DATABASE_URL=f"sqlite:///{tmp_path}/quizmail.db", **settings)
    )
    return wiring.build(chosen, bell=bell or Bells(), clock=clock)


@contextmanager
def an_engine_on_a_platform(tmp_path, clock, bell=None, **settings):
    """Yield a small platform and an engine on it; our tables are in ``tmp_path/quizmail.db``."""
    with NativePlatform.in_folder(tmp_path) as site:
        engine = an_engine(site, tmp_path, clock, bell, **settings)
        try:
            yield site, engine
        finally:
            engine.platform.close()
            models.database.obj.close()
