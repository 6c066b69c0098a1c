"""The supervisor: however it is told to stop, and whenever, no process is left behind."""

import os
import signal
import sys

import pytest

from tests.support.processes import alive, started, wait_until

# Whoever runs the tests by `nohup` has SIGHUP ignored, and so would the supervisor.
SUPERVISE = """
import os, signal, sys
signal.signal(signal.SIGHUP, signal.SIG_DFL)
from quizmail.launch.supervisor import supervise
sys.exit(supervise({}, os.environ, last=["needed"]))
"""

STUBBORN = "sh -c 'trap \"\" TERM; echo $$ >> pids; while :; do sleep 1; done'"
FAMILY = "sh -c 'sleep 600 & echo $! >> pids; echo $$ >> pids; wait'"


def commands(**each):
    return [sys.executable, "-c", SUPERVISE.format(each)]


def noting_its_end(name):
    """Return a command that writes its name into a file when it is told to stop."""
    return f"sh -c 'trap \"echo {name} >> ends; exit\" TERM; echo $$ >> pids; while :; do sleep 0.1; done'"


def pids(folder):
    file = folder / "pids"
    return [int(line) for line in file.read_text().split()] if file.exists() else []


@pytest.fixture
def supervised(tmp_path):
    def start(**each):
        return started(commands(**each), tmp_path / "output", cwd=tmp_path)

    return start


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_stops_every_process_and_its_children(supervised, tmp_path, number):
    with supervised(one=FAMILY, two=FAMILY) as running:
        wait_until(lambda: len(pids(tmp_path)) == 4, "four processes")
        assert all(map(alive, pids(tmp_path)))
        assert running.press(number) == 0
        assert not any(map(alive, pids(tmp_path)))


def test_a_signal_in_the_very_first_moment_is_not_lost(supervised, tmp_path):
    with supervised(one=FAMILY, two=FAMILY, three=FAMILY) as running:
        # One process has started, the others are on their way.
        wait_until(lambda: pids(tmp_path), "the first process")
        assert running.press(signal.SIGINT) == 0
        assert not any(map(alive, pids(tmp_path)))
        assert "Traceback" not in running.output


def test_when_one_process_ends_all_end_and_its_exit_code_is_passed_on(supervised, tmp_path):
    with supervised(
        steady=FAMILY, brief="sh -c 'while [ ! -s pids ]; do sleep 0.1; done; exit 7'"
    ) as running:
        assert running.process.wait(60) == 7
        assert "brief has ended (exit code 7)" in running.output
        assert not any(map(alive, pids(tmp_path)))


def test_a_process_that_ends_well_but_was_not_to_end_is_a_failure_too(supervised):
    with supervised(brief="true") as running:
        assert running.process.wait(60) == 1


def test_a_process_that_does_not_obey_is_killed(supervised, tmp_path):
    with supervised(stubborn=STUBBORN) as running:
        wait_until(lambda: pids(tmp_path), "the process")
        assert running.press(signal.SIGINT) == 0
        assert not any(map(alive, pids(tmp_path)))


def test_what_the_others_need_is_stopped_after_them(supervised, tmp_path):
    with supervised(
        needed=noting_its_end("needed"), one=noting_its_end("one"), two=noting_its_end("two")
    ) as running:
        wait_until(lambda: len(pids(tmp_path)) == 3, "three processes")
        assert running.press(signal.SIGINT) == 0
    ends = (tmp_path / "ends").read_text().split()
    assert sorted(ends[:2]) == ["one", "two"]
    assert ends[2:] == ["needed"]


def test_what_the_others_need_does_not_wait_for_ever(supervised, tmp_path):
    with supervised(needed=noting_its_end("needed"), stubborn=STUBBORN) as running:
        wait_until(lambda: len(pids(tmp_path)) == 2, "two processes")
        assert running.press(signal.SIGINT) == 0
        assert not any(map(alive, pids(tmp_path)))
    assert (tmp_path / "ends").read_text().split() == ["needed"]


def test_a_supervisor_that_is_killed_leaves_nothing_behind(supervised, tmp_path):
    with supervised(one=FAMILY, two=FAMILY) as running:
        wait_until(lambda: len(pids(tmp_path)) == 4, "four processes")
        os.kill(running.process.pid, signal.SIGKILL)
        wait_until(lambda: not any(map(alive, pids(tmp_path))), "the end of every process")


def test_what_processes_print_is_shown_under_their_names(supervised):
    with supervised(talker="sh -c 'echo Grüße; exec sleep 600'") as running:
        running.prints("talker | Grüße")
        running.press(signal.SIGINT)
