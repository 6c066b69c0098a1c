"""The command `preview`: one user's mail as files, of any slot, due or not."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from quizmail.models import Delivery, Recipient
from quizmail.outbox import plan
from quizmail.outbox.plan import PlannedRow
from quizmail.states import Kind, Skip
from tests.support.mails import FACTS, body, read
from tests.support.platforms import NativePlatform

DAY = timedelta(days=1)
#: The command asks the machine's clock, by which this is long ago: a month has figures when it has ended.
EVENING = datetime(2024, 11, 23, 18, tzinfo=UTC)
OCTOBER = datetime(2024, 10, 20, 12, tzinfo=UTC)
AT = ("--at", EVENING.isoformat())
PERIODS = {Kind.REMINDER: "2024-11-23", Kind.REPORT: "2024-10"}
#: A quiz in the frozen facts, and the one on the platform.
FROZEN, CURRENT = "Capitals of Africa", "Fractions"

each_kind = pytest.mark.parametrize("kind", Kind)


@pytest.fixture
def site(tmp_path):
    """A platform with one user, who took its one quiz in October and may take it again."""
    with NativePlatform.in_folder(tmp_path) as site:
        site.user("ada@example.com", id=7, name="Ada")
        site.quiz(CURRENT, id=1)
        site.attempt(7, 1, OCTOBER)
        yield site


@pytest.fixture
def preview(command, site, tmp_path):
    """Run the command on the test's databases; its files go to a folder of the test."""

    def run(kind, *at):
        words = ("preview", str(kind), "--user", "7", *at, "--out", str(tmp_path / "out"))
        return command(*words, QUIZ_DATABASE_URL=site.url)

    return run


def files(ran):
    """What was written, by its suffix; the command names every file on a line of its own."""
    paths = [Path(line) for line in ran.output.split()]
    assert len({path.stem for path in paths}) == 1, ran.output
    assert {path.parent for path in paths} == {paths[0].parent}
    assert set(paths) == set(paths[0].parent.iterdir())
    return {path.suffix: path.read_text("utf-8") for path in paths} | {"name": paths[0].stem}


def freeze(kind, period=None, user_id="7"):
    row = PlannedRow(user_id, EVENING, FACTS[kind]())
    plan.insert_rows(kind, period or PERIODS[kind], None, EVENING, EVENING, [row])


def test_a_report_states_the_month_before_the_instant_and_nothing_is_planned(preview):
    written = files(preview("report", *AT))

    assert written["name"] == "report-2024-10"
    assert "Your October: 1 quiz taken, 80% on average" in written[".eml"]
    for part in (written[".txt"], written[".html"]):
        assert "Your October in quizzes" in part and CURRENT in part and "80%" in part
    assert (Delivery.select().count(), Recipient.select().count()) == (0, 0)


def test_a_report_without_an_instant_is_of_the_last_month_that_has_ended(preview, site):
    today = datetime.now(UTC)
    for ago in range(1, 100, 10):
        site.attempt(7, 1, today - ago * DAY)

    written = files(preview("report"))

    assert written["name"] == f"report-{today.replace(day=1) - DAY:%Y-%m}"
    assert CURRENT in written[".txt"]


@pytest.mark.parametrize(
    ("kind", "at", "period"),
    [
        ("reminder", "2024-11-23T17:59", "2024-11-22"),
        ("reminder", "2024-11-23T18:00", "2024-11-23"),
        ("reminder", "2024-11-23T18:59+01:00", "2024-11-22"),
        ("report", "2024-12-01T08:59", "2024-10"),
        ("report", "2024-11-01T09:00", "2024-10"),
    ],
)
def test_an_instant_chooses_the_latest_slot_at_or_before_it(preview, kind, at, period):
    assert files(preview(kind, "--at", at))["name"] == f"{kind}-{period}"


def test_a_slot_is_one_of_the_readers_own_clock(preview, site):
    site.execute("UPDATE users SET timezone = 'Asia/Tokyo'")

    assert files(preview("reminder", "--at", "2024-11-23T09:00"))["name"] == "reminder-2024-11-23"


def test_a_reminder_names_what_was_open_at_its_slot_and_counts_the_days_until_then(preview, site):
    site.quiz("Closed long since", closes_at=EVENING + DAY)
    site.quiz("Closed by then", closes_at=EVENING)
    site.quiz("Opened later", opens_at=EVENING + timedelta(minutes=1))

    text = files(preview("reminder", "--at", "2024-11-23T20:00"))[".txt"]

    assert CURRENT in text and "Closed long since" in text
    assert "Closed by then" not in text and "Opened later" not in text
    assert "It has been 34 days since your last visit." in text


@each_kind
def test_facts_that_were_frozen_for_the_period_are_shown_again(preview, kind):
    freeze(kind)

    written = files(preview(kind, *AT))

    message = read(written[".eml"].encode())
    for part in (written[".txt"], written[".html"], body(message, "plain"), body(message, "html")):
        assert FROZEN in part and CURRENT not in part


@pytest.mark.parametrize(
    ("kind", "frozen"),
    [
        (Kind.REMINDER, {"kind": Kind.REMINDER, "user_id": "8"}),
        (Kind.REMINDER, {"kind": Kind.REMINDER, "period": "2024-11-22"}),
        (Kind.REMINDER, {"kind": Kind.REPORT, "period": PERIODS[Kind.REMINDER]}),
        (Kind.REPORT, {"kind": Kind.REPORT, "user_id": "8"}),
        (Kind.REPORT, {"kind": Kind.REPORT, "period": "2024-09"}),
    ],
)
def test_facts_of_another_reader_period_or_kind_are_not_shown(preview, kind, frozen):
    freeze(**frozen)

    text = files(preview(kind, *AT))[".txt"]

    assert CURRENT in text and FROZEN not in text


@each_kind
def test_a_delivery_that_was_skipped_and_has_no_facts_is_shown_as_it_would_have_been(preview, kind):
    row = PlannedRow("7", EVENING, skip=Skip.OPTED_OUT)
    plan.insert_rows(kind, PERIODS[kind], None, EVENING, EVENING, [row])

    assert CURRENT in files(preview(kind, *AT))[".txt"]


def test_a_month_without_a_quiz_is_one_clear_line(preview, tmp_path):
    ran = preview("report", "--at", "2024-10-05T12:00")

    assert ran.exit_code == 1
    assert "this user took no quiz in 2024-09: there is no report" in ran.output
    assert not (tmp_path / "out").exists()
