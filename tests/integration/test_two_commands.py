"""`make run` on a machine where nothing is configured, from the first start to the second."""

import os
import re
import shutil
import signal
import socket
import sys
import urllib.request
from email import message_from_bytes
from pathlib import Path

import pytest

from quizmail import settings
from tests.support.processes import GENEROUS, alive, descendants, started

PROJECT = Path(__file__).parents[2]

SUMMARY = re.compile(r"Sent (\d+) reminders? and (\d+) reports?; skipped (\d+) \((.+)\)\.")
THE_END = "Ctrl-C"

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
def make_run(project, tmp_path):
    """Return a function that starts `make run` with the environment that runs this test."""
    ours = {*settings.names(), "MAKEFLAGS", "MAKELEVEL", "MFLAGS"}
    environment = {name: value for name, value in os.environ.items() if name not in ours}
    installed = f"--old-file={sys.prefix}/installed"

    def start(number):
        command = ["make", installed, f"VENV={sys.prefix}", "run"]
        return started(command, tmp_path / f"output-{number}", environment, project)

    return start


def mails(project):
    """Return {file name: message} of what the demo's inbox holds."""
    files = (project / "var" / "demo" / "inbox").glob("*.eml")
    return {file.name: message_from_bytes(file.read_bytes()) for file in files}


def fetch(url):
    with urllib.request.urlopen(url, timeout=60) as response:
        return response.read().decode()


def test_the_demo_sends_both_kinds_says_so_stops_on_ctrl_c_and_sends_nothing_twice(project, make_run):
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
        everyone = descendants(second.process.pid)
        second.press(signal.SIGINT)
        assert not any(map(alive, everyone))

    sent = mails(project)
    assert sent_first.keys() <= sent.keys()
    # Should an evening have come in between, its mails are new ones.
    identities = [mail["Message-ID"] for mail in sent.values()]
    assert len(set(identities)) == len(identities)
