"""`make run` where nothing is configured, from the first start to the second, and what is typed beside it."""

import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import urllib.request
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from zoneinfo import ZoneInfo

import pytest

from quizmail import settings
from quizmail.demo import setup
from tests.support.documentation import PROJECT, README, blocks, code
from tests.support.processes import GENEROUS, alive, descendants, started, wait_until

SUMMARY = re.compile(r"Sent (\d+) reminders? and (\d+) reports?; skipped (\d+) \((.+)\)\.")
THE_END = "Ctrl-C"

MAKE = ["make", f"--old-file={sys.prefix}/installed", f"VENV={sys.prefix}"]
QUIZMAIL = ".venv/bin/python -m quizmail"

#: Takes the place of the README's user 42, who has no address in the demo: quiet for days, and can be mailed.
READER, READERS_ZONE = "3", ZoneInfo("Europe/Copenhagen")

#: What an operator types beside the demo, the exit code, and what the answer says.
SESSION = (
    (f"{QUIZMAIL} check", 0, "a reminder now: due "),
    (f"{QUIZMAIL} migrate", 0, "the tables are up to date"),
    (f"{QUIZMAIL} preview reminder --user 42", 0, "var/preview/reminder-"),
    (f"{QUIZMAIL} dispatch reminders --dry-run", 0, "skipped (bad_address) "),
    (f"{QUIZMAIL} test-mail you@example.com", 0, "accepted: 250 "),
    (f"{QUIZMAIL} doctor", 1, "this is the demo: its mails reach nobody"),
    (f"{QUIZMAIL} deliveries --user 42", 0, "Stored as"),
    ("make remind", 0, "released to the workers: "),
    ("make report USER=42", 0, ": was sent"),
    (f"{QUIZMAIL} hold reminders", 0, "held: reminders"),
    ("make status", 2, "WRONG: something is held"),
    (f"{QUIZMAIL} resume reminders", 0, "holds ended: 1"),
    (f"{QUIZMAIL} resolve 123 --sent", 0, "settled: 0"),
    (f"{QUIZMAIL} suppressions list", 0, "address"),
    (f"{QUIZMAIL} forget 42", 0, "removed: "),
)

pytestmark = pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")


@pytest.fixture
def project(tmp_path):
    """A folder with what a checkout has and nothing that a run leaves, and three ports of its own."""
    folder = tmp_path / "a check-out"
    folder.mkdir()
    for name in ("Makefile", "Procfile", "Procfile.local", "requirements.txt", "pyproject.toml"):
        shutil.copy(PROJECT / name, folder)
    demo = folder / "var" / "demo"
    demo.mkdir(parents=True)
    numbers = ", ".join(f'"{name}": {free_port()}' for name in ("web", "smtp", "redis"))
    (demo / "ports.json").write_text(f"{{{numbers}}}")
    return folder


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture
def environment():
    """The environment that runs this test, without what would configure Quizmail or make."""
    ours = {*settings.names(), "MAKEFLAGS", "MAKELEVEL", "MFLAGS"}
    return {name: value for name, value in os.environ.items() if name not in ours}


@pytest.fixture
def make_run(project, environment, tmp_path):
    """Return a function that starts `make run`."""
    return lambda number: started([*MAKE, "run"], tmp_path / f"output-{number}", environment, project)


@pytest.fixture
def typed(project, environment, monkeypatch):
    """Return a function that runs a command beside the running demo, with `y` for its questions."""
    monkeypatch.chdir(project)

    def run(*command):
        # `make` finds the demo by itself; any other process must be told its settings.
        demo = setup.prepare(environment, datetime.now(UTC), running=True)
        return subprocess.run(
            command,
            input="y\n",
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env=environment if command[0] == "make" else demo,
            check=False,
        )

    return run


def command_of(line):
    """Return a line of the README as a command of these tests' interpreter, about READER."""
    words = shlex.split(re.sub(r"\b42\b", READER, line.removeprefix(QUIZMAIL)))
    return [*MAKE, *words[1:]] if words[0] == "make" else [sys.executable, "-m", "quizmail", *words]


def mails(project):
    """Return {file name: message} of what the demo's inbox holds."""
    files = (project / "var" / "demo" / "inbox").glob("*.eml")
    return {file.name: message_from_bytes(file.read_bytes()) for file in files}


def periods(project, kind):
    """Return the periods of the mails of this kind that READER got, as the Message-IDs name them."""
    theirs = [mail["Message-ID"] for mail in mails(project).values() if "soren@example.com" in mail["To"]]
    return {name.split(".")[1] for name in theirs if name.startswith(f"<{kind}.")}


def month_before_the_last():
    """Return the month whose reports the demo has not sent: it begins with those of the last one."""
    first = datetime.now(UTC).replace(day=1)
    for _ in range(2):
        first = (first - timedelta(days=1)).replace(day=1)
    return f"{first:%Y-%m}"


def fetch(url):
    with urllib.request.urlopen(url, timeout=60) as response:
        return response.read().decode()


def test_every_command_of_the_readme_is_typed_by_these_tests_or_by_the_ci():
    named = {line for line in code(README) if line.startswith((QUIZMAIL, "make "))}
    by_the_ci = set((PROJECT / ".ci/run").read_text().splitlines())
    # The other test types the first; the others take as long as one likes.
    elsewhere = {"make run", "make chaos", "make bench"}

    assert named - by_the_ci - elsewhere == {line for line, _, _ in SESSION} - by_the_ci


def test_the_demo_sends_both_kinds_answers_every_command_stops_on_ctrl_c_and_sends_nothing_twice(
    project, make_run, typed
):
    with make_run(1) as first:
        first.prints(THE_END)
        reminders, reports, skipped, reasons = SUMMARY.search(first.output).groups()
        assert int(reminders) >= 10
        assert int(reports) >= 10
        assert int(skipped) >= 5
        assert "bad_address" in reasons
        assert "opted_out" in reasons
        assert "demo mode: nothing leaves this machine" in first.output
        assert ".env.example" in first.output

        address = re.search(r"http://127\.0\.0\.1:\d+/inbox", first.output)[0]
        listing = fetch(address)
        assert f"<b>{int(reminders) + int(reports)}</b>" in listing
        mail = re.search(r'href="/inbox/([0-9-]+)"', listing)[1]
        assert "<iframe" in fetch(f"{address}/{mail}")
        assert "Traceback" not in first.output

        with make_run("beside") as beside:
            assert beside.process.wait(GENEROUS) != 0
            assert "already runs from this folder" in beside.output

        everyone = descendants(first.process.pid)
        assert len(everyone) >= 7
        first.press(signal.SIGINT)
        assert not any(map(alive, everyone))
        assert "is killed" not in first.output

    sent_first = mails(project)
    assert len(sent_first) == int(reminders) + int(reports)

    with make_run(2) as second:
        second.prints(THE_END)
        assert address in second.output
        assert "nothing is sent twice" in second.output

        today, month = f"{datetime.now(READERS_ZONE):%Y-%m-%d}", month_before_the_last()
        (lines,) = blocks(README, "python")
        lines = lines.replace("42", READER).replace("2026-10", month)
        assert typed(sys.executable, "-c", lines).returncode == 0
        # After midnight the reminder is the next day's.
        wait_until(lambda: max(periods(project, "reminder"), default="") >= today, "the reminder from Python")
        wait_until(lambda: month in periods(project, "report"), "the report from Python")

        for line, exit_code, answer in SESSION:
            ended = typed(*command_of(line))
            assert (ended.returncode, answer in ended.stdout) == (exit_code, True), f"{line}\n{ended.stdout}"

        everyone = descendants(second.process.pid)
        second.press(signal.SIGINT)
        assert not any(map(alive, everyone))

    sent = mails(project)
    assert sent_first.keys() <= sent.keys()
    # Should an evening have come in between, its mails are new ones.
    identities = [mail["Message-ID"] for mail in sent.values()]
    assert len(set(identities)) == len(identities)
