"""``quizmail start`` and ``stop``: everything in the background, with its output in a file."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from quizmail import settings
from quizmail.demo import setup
from quizmail.errors import ConfigurationError
from quizmail.launch.foreground import LOCK, is_demo
from quizmail.launch.lock import holder
from quizmail.launch.supervisor import STARTED

#: What the background processes print.
LOG = Path("var/quizmail.log")

_STOPPED_WITHIN = 30.0  # seconds


def start() -> None:
    """Run everything in the background and return when every process was started.

    Raises:
        ConfigurationError: when it already runs, or ended at once; its output says why.
    """
    if owner := holder(LOCK):
        raise ConfigurationError([f"Quizmail already runs in the background (process {owner})"])
    LOG.parent.mkdir(parents=True, exist_ok=True)
    with LOG.open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "quizmail", "run"],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    while STARTED not in LOG.read_text(errors="replace"):
        if process.poll() is not None:
            raise ConfigurationError(LOG.read_text(errors="replace").splitlines() or ["it ended at once"])
        time.sleep(0.1)
    print(f"Quizmail runs in the background (process {process.pid}) and writes to {LOG}.")
    if is_demo(settings.environment()):
        print(f"It is the demo, nothing leaves this machine: {setup.inbox_address()}")


def stop() -> None:
    """Stop what runs from this folder and return when no process of it is left.

    Raises:
        ConfigurationError: when it does not stop.
    """
    owner = holder(LOCK)
    if not owner:
        print("Quizmail does not run from this folder.")
        return
    os.kill(owner, signal.SIGTERM)
    ends = time.monotonic() + _STOPPED_WITHIN
    while holder(LOCK) is not None:
        if time.monotonic() > ends:
            raise ConfigurationError([f"process {owner} does not stop"])
        time.sleep(0.1)
    print("Stopped.")
