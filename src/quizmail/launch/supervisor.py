"""honcho, made safe to stop: at any moment, from any signal, and even when it is killed itself.

honcho's own loop loses a Ctrl-C that comes while it starts, leaves every process behind when the
terminal is closed, and leaves them behind when it is killed. The loop here does not.
"""

import multiprocessing
import os
import queue
import signal
import threading
from collections.abc import Collection, Iterator, Mapping
from contextlib import suppress
from typing import Any

from honcho.manager import Manager
from honcho.printer import Message, Printer
from honcho.process import Process

from quizmail.launch.stopping import PATIENCE, stopping

#: How long a look at the processes waits for news of them, in seconds.
LOOK = 0.1

#: Said once, when every process was started.
STARTED = "every process was started"

_STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def supervise(commands: Mapping[str, str], environment: Mapping[str, str], last: Collection[str] = ()) -> int:
    """Run `commands` ({name: shell command}) until told to stop, or until one of them ends.

    Must be called in the main thread. When it returns, no process of any command is left.

    Args:
        last: the names of what the others need until they have stopped, such as their Redis.

    Returns:
        0 after SIGINT, SIGTERM or SIGHUP, else the exit code of the process that ended, 1 if that was 0.
    """
    manager = _Supervisor(frozenset(last))
    for name, command in commands.items():
        manager.add_process(name, command, env={**environment, "HONCHO_PROCESS_NAME": name})
    manager.loop()
    return manager.returncode or 0


class _Supervisor(Manager):
    """honcho's manager with a loop of our own."""

    returncode: int | None

    def __init__(self, last: frozenset[str]) -> None:
        super().__init__(_Printer())
        self._process_ctor = _Child
        self._asked = False
        self._last = last
        self._steps: Iterator[None] | None = None

    def loop(self) -> None:
        """Start everything, relay what it prints, and return when everything has stopped."""
        for number in _STOP_SIGNALS:
            # `nohup` ignores SIGHUP on purpose.
            if number != signal.SIGHUP or signal.getsignal(number) is not signal.SIG_IGN:
                signal.signal(number, self._ask)
        self._start()
        while not self._all_started():
            self._take_event(timeout=LOOK)
        self.say(STARTED)
        while not self._all_stopped():
            self._take_event(timeout=LOOK)
            self._stop_when_due()
        while self._take_event(timeout=LOOK):
            pass
        for process in self._processes.values():
            process["process"].join()

    def _ask(self, number: int, frame: object) -> None:
        # A signal can come in the middle of a print, so nothing is printed or stopped here.
        self._asked = True

    def _take_event(self, timeout: float) -> bool:
        try:
            event = self.events.get(timeout=timeout)
        except queue.Empty:
            return False
        if event.type == "line":
            self._printer.write(event)
        elif event.type == "start":
            self._processes[event.name]["pid"] = event.data["pid"]
        else:
            self._note_end(event.name, event.data["returncode"])
        return True

    def _note_end(self, name: str, code: int) -> None:
        self._processes[name]["returncode"] = code
        if self.returncode is None and not self._asked:
            self.say(f"{name} has ended (exit code {code}), so everything stops")
            self.returncode = code or 1

    def _stop_when_due(self) -> None:
        """Go on with stopping once it was asked for, or once a process has ended."""
        if self._steps is None and (self._asked or self._any_stopped()):
            self.returncode = 0 if self.returncode is None else self.returncode
            self.say("stopping")
            self._steps = stopping(self, self._last)
        if self._steps is not None:
            next(self._steps)

    def running(self) -> set[str]:
        """Return the names of the processes that have not ended."""
        return {name for name, process in self._processes.items() if "returncode" not in process}

    def send(self, number: int, names: set[str]) -> None:
        """Send the signal `number` to those of `names` that have not ended, and to their children."""
        for name in self.running() & names:
            _signal_group(self._processes[name]["pid"], number)

    def say(self, text: str) -> None:
        """Print a line of the supervisor's own."""
        self._system_print(f"{text}\n")


class _Child(Process):
    """honcho's process: the parent of one command, and the relay of what it prints."""

    def run(self, events: Any = None, ignore_signals: bool = False) -> None:
        """Run the command to its end, or until the supervisor is gone."""
        # A handler, not SIG_IGN: the command must not inherit it.
        signal.signal(signal.SIGHUP, lambda number, frame: None)
        threading.Thread(target=self._end_with_the_supervisor, daemon=True).start()
        super().run(events, ignore_signals)

    def _end_with_the_supervisor(self) -> None:
        supervisor = multiprocessing.parent_process()
        if supervisor is None:
            return
        supervisor.join()
        _signal_group(self._child.pid, signal.SIGTERM)
        with suppress(Exception):
            self._child.wait(PATIENCE)
        _signal_group(self._child.pid, signal.SIGKILL)
        os._exit(1)


class _Printer(Printer):
    """honcho's printer, which does not mind when the terminal is gone."""

    def write(self, message: Message) -> None:
        """Print the lines of `message` with the time and the name of the process."""
        with suppress(OSError, ValueError):
            super().write(message)


def _signal_group(pid: int, number: int) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, number)
