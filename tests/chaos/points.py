"""The named points at which a process can be killed, and the counting of its passings."""

import os
import signal
import threading
from collections import Counter
from collections.abc import Sequence

from tests.chaos.history import Teller

#: In the order in which one mail passes them.
OF_WORKERS = (
    "taken_up",  # the row is read
    "announced",  # the 354 has come, nothing is claimed
    "half_written",  # a claim or an outcome is written, with others' perhaps, and not committed
    "claimed",  # the claim is committed, no byte of the body is out
    "half_body",  # half of the body is out
    "dotted",  # the final dot is out, the answer is still to come
    "answered",  # the 250 has come, the outcome is not committed
    "recorded",  # the outcome is committed, the message not acknowledged
)

#: In the order in which one tick passes them.
OF_DISPATCHERS = (
    "run_opened",
    "half_figures",  # the month is read under its lease, no figure is written
    "figures",
    "half_page",  # the page's rows are written, its transaction is not committed
    "page_planned",
    "half_tidied",
    "tidied",
    "unreleased",  # everything is planned, nothing of it is released
    "released",  # the release is marked, the bell has not rung
    "half_rung",
    "rung",
)

EVERYWHERE = (*OF_WORKERS, *OF_DISPATCHERS)


class Points:
    """Counts the passings of each point and kills the process at the ordered one: (point, passing)."""

    def __init__(self, orders: Sequence[tuple[str, int]], teller: Teller) -> None:
        self._orders = {(point, passing) for point, passing in orders}
        self._passings: Counter[str] = Counter()
        self._lock = threading.Lock()
        self._teller = teller

    def is_last(self, point: str) -> bool:
        """Count one passing and say whether it is the one at which to be killed."""
        with self._lock:
            self._passings[point] += 1
            return (point, self._passings[point]) in self._orders

    def die(self, point: str) -> None:
        self._teller.tell("killed at", point=point)
        os.kill(os.getpid(), signal.SIGKILL)

    def pass_by(self, point: str) -> None:
        if self.is_last(point):
            self.die(point)
