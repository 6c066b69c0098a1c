"""Real processes in tests: start them, wait for them, and be sure that none is left."""

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

#: In seconds; far more than anything needs, so that a slow machine does not fail.
GENEROUS = 120.0


def wait_until(condition: Callable[[], object], what: str) -> None:
    """Return as soon as `condition` holds; fail with `what` was waited for when it never does."""
    ends = time.monotonic() + GENEROUS
    while not condition():
        assert time.monotonic() < ends, f"waited in vain for {what}"
        time.sleep(0.05)


def alive(pid: int) -> bool:
    """Say whether the process runs; one that has ended and was not yet asked how is not alive."""
    return pid in table()


def descendants(pid: int) -> set[int]:
    """Return the processes that `pid` and its children have started and that run now."""
    running, found, known = table(), {pid}, 0
    while len(found) > known:
        known = len(found)
        found |= {child for child, parent in running.items() if parent in found}
    return found - {pid}


def table() -> dict[int, int]:
    """Return {process: its parent} of all processes that run; ended ones are left out."""
    lines = _from_proc() if Path("/proc/self/stat").exists() else _from_ps()
    return {int(pid): int(parent) for pid, state, parent in lines if state[0] not in "ZX"}


def _from_proc() -> Iterator[tuple[str, str, str]]:
    for file in Path("/proc").glob("[0-9]*/stat"):
        # The name in the second field may hold anything, spaces and brackets too.
        with suppress(OSError):
            state, parent = file.read_text(errors="replace").rpartition(")")[2].split()[:2]
            yield file.parent.name, state, parent


def _from_ps() -> Iterator[tuple[str, str, str]]:
    shown = subprocess.run(["ps", "-A", "-o", "pid=,stat=,ppid="], capture_output=True, text=True, check=True)
    for line in shown.stdout.splitlines():
        pid, state, parent = line.split()
        yield pid, state, parent


class Running:
    """A process in a process group of its own, as a terminal starts one, whose output is kept in a file."""

    def __init__(self, process: subprocess.Popen[bytes], output: Path) -> None:
        self.process = process
        self._output = output

    @property
    def output(self) -> str:
        """What it has printed until now."""
        return self._output.read_text(errors="replace")

    def prints(self, text: str) -> None:
        """Wait until it has printed `text`; fail when it ends without."""

        def printed() -> bool:
            ended = self.process.poll() is not None
            if text in self.output:
                return True
            assert not ended, (
                f"it ended with {self.process.returncode} before it said {text!r}:\n{self.output}"
            )
            return False

        wait_until(printed, f"{text!r} in:\n{self.output}")

    def press(self, number: signal.Signals) -> int:
        """Send the signal to its process group, as Ctrl-C does, and return its exit code."""
        os.killpg(self.process.pid, number)
        return self.process.wait(GENEROUS)


@contextmanager
def started(
    command: Sequence[str],
    output: Path,
    environment: Mapping[str, str] | None = None,
    cwd: Path | None = None,
) -> Iterator[Running]:
    """Start `command` for the length of the block."""
    with output.open("wb") as file:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=subprocess.STDOUT,
            env=environment,
            cwd=cwd,
            process_group=0,
        )
    try:
        yield Running(process, output)
    finally:
        if process.poll() is None:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGTERM)
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()
        process.wait()
