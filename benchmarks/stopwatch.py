"""Measures a worker process from within: loaded by ``dramatiq`` after the module with the actors.

In the folder that ``STOPWATCH`` names it leaves an empty file when the worker is ready, and when the worker
stops a ``Lap`` as JSON.
"""

import json
import os
import resource
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import dramatiq

FOLDER = "STOPWATCH"


class Lap(NamedTuple):
    """What a worker process did. ``first`` and ``last`` are seconds of the machine's monotonic clock.

    ``first``: the first message was taken up; ``last``: the last one was done with. ``peak_kib``: the most
    memory that was ever resident.
    """

    messages: int
    first: float
    last: float
    peak_kib: int


class Stopwatch(dramatiq.Middleware):
    """Times the first and the last message."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._messages = 0
        self._first = self._last = 0.0

    def after_worker_boot(self, broker: Any, worker: Any) -> None:
        """Say that the worker is ready."""
        (self._folder / f"{os.getpid()}.ready").touch()

    def before_process_message(self, broker: Any, message: Any) -> None:
        """Start at the first message."""
        self._first = self._first or time.monotonic()

    def after_process_message(
        self, broker: Any, message: Any, *, result: Any = None, exception: BaseException | None = None
    ) -> None:
        """Stop, until the next message stops again."""
        self._last = time.monotonic()
        self._messages += 1

    def before_worker_shutdown(self, broker: Any, worker: Any) -> None:
        """Write the lap."""
        lap = Lap(self._messages, self._first, self._last, peak_kib())
        (self._folder / f"{os.getpid()}.json").write_text(json.dumps(lap))


def peak_kib() -> int:
    """Return the most memory this process ever had resident, in KiB."""
    status = Path("/proc/self/status")
    if status.exists():
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1])
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak // 1024 if sys.platform == "darwin" else peak


def ready(folder: Path) -> int:
    """Return how many worker processes are ready."""
    return len(list(folder.glob("*.ready")))


def read(folder: Path) -> Sequence[Lap]:
    """Return the laps of the worker processes that did anything."""
    laps = [Lap(*json.loads(file.read_text())) for file in folder.glob("*.json")]
    return [lap for lap in laps if lap.messages]


def seconds(laps: Sequence[Lap]) -> float:
    """Return the time from the first message taken up to the last one done with."""
    return max(lap.last for lap in laps) - min(lap.first for lap in laps)


if FOLDER in os.environ:
    dramatiq.get_broker().add_middleware(Stopwatch(Path(os.environ[FOLDER])))
