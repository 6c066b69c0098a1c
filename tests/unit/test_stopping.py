"""How everything is stopped, on a clock that goes on with every look of the supervisor."""

import signal

import pytest

from quizmail.launch.stopping import stopping
from quizmail.launch.supervisor import LOOK

#: Ctrl-C stops everything within this time, in seconds.
PROMISED = 5.0

#: How many looks the supervisor takes after a kill: it learns of the ends, hears last lines, then nothing.
LOOKS_AFTER = 3


class Household:
    """Processes that obey after some seconds, or never; it notes who was told what, and when."""

    def __init__(self, **obeying_after):
        self.now = 1000.0
        self.obeying_after = obeying_after
        self.ends = {}
        self.told = {}
        self.said = []

    def running(self):
        return {name for name in self.obeying_after if self.ends.get(name, self.now + 1) > self.now}

    def send(self, number, names):
        for name in names & self.running():
            self.told.setdefault((name, number), self.now)
            self.ends[name] = self.now + (0 if number == signal.SIGKILL else self.obeying_after[name])

    def say(self, text):
        self.said.append(text)

    def stop(self, *last):
        """Stop everything and return after how many seconds each was told what."""
        began, steps = self.now, stopping(self, frozenset(last), lambda: self.now)
        while self.running() and self.now < began + 100:
            next(steps)
            self.now += LOOK
        return {told: at - began for told, at in self.told.items()}


NEVER = float("inf")


def test_what_obeys_is_not_killed():
    household = Household(web=0.5, worker=3)
    assert household.stop() == {("web", signal.SIGTERM): 0, ("worker", signal.SIGTERM): 0}
    assert household.said == []


def test_what_does_not_obey_is_killed_early_enough_for_everything_to_end_in_time():
    household = Household(web=0.5, stubborn=NEVER)
    killed = household.stop()["stubborn", signal.SIGKILL]
    assert killed + LOOKS_AFTER * LOOK < PROMISED
    assert household.said == ["stubborn does not stop and is killed"]
    assert household.running() == set()


def test_what_does_not_obey_gets_as_long_as_there_is():
    killed = Household(stubborn=NEVER).stop()["stubborn", signal.SIGKILL]
    assert killed > PROMISED - 1


def test_what_the_others_need_is_told_to_stop_as_soon_as_they_have():
    told = Household(web=1, worker=2, redis=0).stop("redis")
    assert told["redis", signal.SIGTERM] == pytest.approx(2, abs=1.5 * LOOK)


def test_what_the_others_need_gets_time_of_its_own_when_they_do_not_obey():
    household = Household(stubborn=NEVER, redis=0.9)
    told = household.stop("redis")
    assert ("redis", signal.SIGTERM) in told
    assert ("redis", signal.SIGKILL) not in told
