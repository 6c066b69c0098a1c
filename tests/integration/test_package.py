"""The package as `pip install` takes it: a wheel, built without a network, that holds all it needs."""

import os
import shutil
import subprocess
import sys
from importlib import metadata
from pathlib import Path
from zipfile import ZipFile

import pytest

from quizmail.cli import main

PROJECT = Path(__file__).parents[2]

#: One of each kind of file that the code reads beside itself.
READ_BY_THE_CODE = {
    "quizmail/_templates/style.css",
    "quizmail/_templates/reminder/subject.txt",
    "quizmail/_templates/report/body.html",
    "quizmail/demo/static/inbox.css",
    "quizmail/demo/templates/inbox/list.html",
    "quizmail/locales/de/LC_MESSAGES/quizmail.po",
    "quizmail/presets/quizmaster.toml",
    "quizmail/py.typed",
}


@pytest.fixture(scope="module")
def checkout(tmp_path_factory):
    """A copy of what a wheel is made of: building one leaves files behind."""
    folder = tmp_path_factory.mktemp("checkout")
    for name in ("pyproject.toml", "requirements.txt", "README.md", "LICENSE"):
        shutil.copy(PROJECT / name, folder)
    left_behind = shutil.ignore_patterns("__pycache__", "*.egg-info", ".*")
    for name in ("src", "templates"):
        shutil.copytree(PROJECT / name, folder / name, symlinks=True, ignore=left_behind)
    return folder


@pytest.fixture(scope="module")
def wheel(checkout, tmp_path_factory):
    folder = tmp_path_factory.mktemp("wheels")
    # The setuptools of requirements-dev.txt builds it; by itself pip would fetch one.
    alone = ("--no-index", "--no-deps", "--no-build-isolation", "--disable-pip-version-check")
    command = [sys.executable, "-m", "pip", "wheel", *alone, "--wheel-dir", str(folder), "."]
    built = subprocess.run(command, cwd=checkout, capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stdout + built.stderr
    (file,) = folder.glob("*.whl")
    return file


@pytest.fixture(scope="module")
def described(wheel):
    """What the wheel says of itself."""
    (distribution,) = metadata.distributions(path=[str(wheel)])
    return distribution


def files_below(folder):
    # The templates are reached by a link, which Path.rglob does not follow everywhere.
    for parent, _, names in os.walk(folder / "quizmail", followlinks=True):
        yield from (Path(parent, name).relative_to(folder).as_posix() for name in names)


def test_a_wheel_holds_every_file_of_the_package(checkout, wheel):
    with ZipFile(wheel) as opened:
        held = {name for name in opened.namelist() if name.startswith("quizmail/")}

    assert held == set(files_below(checkout / "src"))
    assert held >= READ_BY_THE_CODE


def test_a_wheel_installs_the_command(described):
    (entry,) = described.entry_points.select(group="console_scripts")

    assert entry.name == "quizmail"
    assert entry.load() is main


def test_a_wheel_requires_what_is_pinned(described):
    lines = (PROJECT / "requirements.txt").read_text().splitlines()
    pinned = {line for line in lines if not line.startswith("#")}

    assert all("==" in line for line in pinned)
    assert set(described.requires) == pinned
