"""One at a time: a lock on the working folder, held by the process that runs everything."""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from quizmail.errors import ConfigurationError

#: How long the processes of a run that was killed may take to go, in seconds.
_LEFTOVERS = 20.0

_TAKEN = "Quizmail already runs from this folder (process {}): stop it there, or with `make stop`"


@contextmanager
def only_one(file: Path) -> Iterator[None]:
    """Hold the lock on `file` for the length of the block; the kernel frees it, however we end.

    Raises:
        ConfigurationError: when another process holds it.
    """
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("a+") as handle:
        ends = time.monotonic() + _LEFTOVERS
        while not _locked(handle.fileno()):
            owner = _owner(file)
            if _is_alive(owner) or time.monotonic() > ends:
                raise ConfigurationError([_TAKEN.format(owner)])
            time.sleep(0.1)
        handle.truncate(0)
        handle.write(str(os.getpid()))
        handle.flush()
        yield


def holder(file: Path) -> int | None:
    """Return the id of the process that holds the lock on `file`, None when nobody does."""
    if not file.exists():
        return None
    with file.open("a+") as handle:
        return None if _locked(handle.fileno()) else _owner(file)


def _locked(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _owner(file: Path) -> int:
    text = file.read_text().strip()
    return int(text) if text.isdecimal() else 0


def _is_alive(pid: int) -> bool:
    if pid <= 0:
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
