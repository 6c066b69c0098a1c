"""The documentation says what is there: settings, commands, links, and examples that work."""

import re
import shlex
import sqlite3
from dataclasses import fields
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from quizmail import settings
from quizmail.cli import main
from quizmail.demo import platform as demo
from quizmail.inspection import SHOWN, inspect
from quizmail.launch.stopping import PATIENCE
from quizmail.platform import Platform
from quizmail.settings import Settings
from tests.support.documentation import BLOCK, PROJECT, README, blocks, code, text_of

PAGES = [README, PROJECT / "CHANGELOG.md", *sorted((PROJECT / "docs").glob("*.md"))]

FIGURE = re.compile(r"\d+")

every_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)


def anchors(page):
    """Return the anchors of the page's headings, as GitHub makes them."""
    titles = re.findall(r"^#+ (.+)$", BLOCK.sub("", text_of(page)), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def documented_settings():
    rows = re.findall(
        r"^\| `([A-Z0-9_]+)` \| (.+?) \| .+ \|$", text_of(PROJECT / "docs/configuration.md"), re.MULTILINE
    )
    return [(name, default.strip("`")) for name, default in rows]


def test_every_setting_is_documented_once():
    assert sorted(name for name, _ in documented_settings()) == sorted(settings.names())


def test_the_documented_defaults_are_the_real_ones():
    options = (each.metadata["option"] for each in fields(Settings))
    words = {None: "needed", "": "none"}

    real = {option.name: words.get(option.default, option.default) for option in options}

    assert dict(documented_settings()) == real


def test_the_documented_time_to_stop_is_the_real_one():
    assert f"kill what has not ended after {PATIENCE} seconds" in text_of(PROJECT / "docs/configuration.md")


@every_page
def test_make_commands_exist(page):
    targets = re.findall(r"^([a-z]+):.*## ", text_of(PROJECT / "Makefile"), re.MULTILINE)
    named = {word for line in code(page) for word in re.findall(r"^make ([a-z]+)\b", line)}

    assert named - set(targets) == set()


@every_page
def test_commands_and_their_options_exist(page):
    lines = [match[1] for line in code(page) if (match := re.search(r"(?:-m |^)quizmail ([a-z].*)", line))]
    for line in lines:
        name, *arguments = shlex.split(re.split(r"[;)>|…]", line)[0])
        command = main.commands.get(name)
        assert command is not None, line
        below = getattr(command, "commands", {}).get(arguments[0]) if arguments else None
        known = {option for each in (below or command).params for option in each.opts}
        assert {each for each in arguments if each.startswith("--")} <= known, line


@every_page
def test_links_between_pages_lead_somewhere(page):
    for target in re.findall(r"\]\((?!https?://)([^)\s]+)\)", BLOCK.sub("", text_of(page))):
        name, _, anchor = target.partition("#")
        found = (page.parent / name).resolve() if name else page
        assert found.exists(), target
        assert not anchor or anchor in anchors(found), target


def test_the_example_of_a_source_file_works(tmp_path):
    page = PROJECT / "docs/sources.md"
    tables = next(block for block in blocks(page, "sql") if "CREATE TABLE members" in block)
    source, access = blocks(page, "toml")
    database, file = tmp_path / "school.db", tmp_path / "school.toml"
    connection = sqlite3.connect(database)
    connection.executescript(f"{tables} CREATE TABLE class_tests (member_no INTEGER, test_id INTEGER);")
    connection.close()

    for text in (source, f"{source}\n{access}"):
        file.write_text(text, encoding="utf-8")
        platform = Platform.open(f"sqlite:///{database}", str(file), ZoneInfo("UTC"))
        platform.close_all()


def test_the_sample_of_a_check_is_what_the_demo_gives(tmp_path):
    at = datetime(2026, 11, 24, 2, tzinfo=UTC)
    demo.ensure(tmp_path / "demo.db", at, "http://127.0.0.1:8025/quiz")
    platform = Platform.open(f"sqlite:///{tmp_path}/demo.db", "demo", ZoneInfo("UTC"))
    try:
        lines = inspect(platform, timedelta(days=2), at).lines()
    finally:
        platform.close_all()

    [sample] = [each for each in blocks(PROJECT / "docs/sources.md", "") if each.startswith("users: ")]
    *shown, more = sample.splitlines()

    # Without the figures: on another Python the demo's dice may fall otherwise.
    assert [FIGURE.sub("0", line) for line in shown] == [
        FIGURE.sub("0", line) for line in lines[: len(shown)]
    ]
    assert more == "  …"
    assert len(shown) > len(lines) - SHOWN


def test_the_statements_for_the_operator_name_real_columns(sqlite_database):
    statements = blocks(PROJECT / "docs/operations.md", "sql")

    assert statements
    for each in statements:
        sqlite_database.connection().executescript(each)
