"""In what order everything is stopped, and when what does not obey is killed."""

import signal
import time
from collections.abc import Callable, Iterator
from typing import Protocol

#: How long processes may take to stop before they are killed, in seconds. Ctrl-C is to stop everything
#: within five: the rest is for the supervisor, which waits for what it killed and for their last lines.
PATIENCE = 4.5

#: What others need while they stop has to wait for them no longer than this, in seconds.
_OTHERS_FIRST = 3.5


class Processes(Protocol):
    """What is to be stopped."""

    def running(self) -> set[str]:
        """Return the names of the processes that have not ended."""

    def send(self, number: int, names: set[str]) -> None:
        """Send the signal `number` to those of `names` that have not ended."""

    def say(self, text: str) -> None:
        """Tell the operator."""


def stopping(
    processes: Processes, last: frozenset[str], clock: Callable[[], float] = time.monotonic
) -> Iterator[None]:
    """Stop `processes` step by step; yields whenever there is nothing to do but to wait, and never ends.

    Args:
        last: the names of what the others need until they have stopped.
    """
    began = clock()
    processes.send(signal.SIGTERM, processes.running() - last)
    while processes.running() - last and clock() < began + _OTHERS_FIRST:
        yield
    processes.send(signal.SIGTERM, processes.running() & last)
    while clock() < began + PATIENCE:
        yield
    for name in processes.running():
        processes.say(f"{name} does not stop and is killed")
    while True:
        processes.send(signal.SIGKILL, processes.running())
        yield
