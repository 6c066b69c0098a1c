"""What a command shows on a real terminal while it works, and what it leaves for a pipe."""

import json
import os
import subprocess
import sys
from contextlib import contextmanager

import pytest

from tests.support.platforms import NativePlatform
from tests.support.stack import Stack, long_ago


@pytest.fixture
def stack(tmp_path):
    """Three quiet users on SQLite; no mail server."""
    with NativePlatform(f"sqlite:///{tmp_path}/quiz.db") as site:
        site.quiz("Capitals", created_at=long_ago())
        for number in range(3):
            site.user(f"user{number}@example.com", last_seen_at=long_ago())
        with Stack(tmp_path, site, 1, f"sqlite:///{tmp_path}/quizmail.db") as running:
            yield running


@contextmanager
def terminal():
    """Yield what a command takes for a terminal, and a function that returns what it then shows."""
    mine, theirs = os.openpty()
    os.set_blocking(mine, False)
    try:
        yield theirs, lambda: os.read(mine, 65536).decode()
    finally:
        os.close(theirs)
        os.close(mine)


def run(stack, *arguments, **streams):
    command = [sys.executable, "-m", "quizmail", *arguments]
    return subprocess.run(command, env=stack.environment, cwd=stack.folder, text=True, check=True, **streams)


def test_a_check_shows_on_standard_error_how_far_it_is_and_leaves_its_json_alone(stack):
    with terminal() as (stderr, shown):
        ran = run(stack, "check", "--json", stdout=subprocess.PIPE, stderr=stderr)

        assert json.loads(ran.stdout)["users"] == {"all": 3, "mailable": 3}
        assert shown().startswith("\rusers: 3 read")


def test_a_dry_run_shows_how_far_it_is_and_then_its_result(stack):
    with terminal() as (stdout, shown):
        run(stack, "dispatch", "reminders", "--dry-run", stdout=stdout)

        judged, result, *_ = shown().removeprefix("\r").split("\r")
        assert judged.endswith("): 3 judged")
        assert result.rstrip() == judged.replace("3 judged", "due 3")
