"""The commands that only look: what they print, and with which exit code they end."""

import csv
import io
import json
from datetime import timedelta

import pytest

from quizmail.models import Delivery, Run
from quizmail.outbox import plan
from quizmail.outbox.plan import PlannedRow
from quizmail.states import DeliveryState, Kind
from tests.support.platforms import NativePlatform

#: Kind, period and user of each delivery, oldest first.
MAILS = [
    ("report", "2026-10", "1"),
    ("report", "2026-10", "2"),
    ("reminder", "2026-11-22", "1"),
    ("reminder", "2026-11-23", "1"),
    ("reminder", "2026-11-23", "2"),
]


@pytest.fixture
def site(tmp_path):
    with NativePlatform.in_folder(tmp_path) as running:
        yield running


@pytest.fixture
def mails(sqlite_database, now):
    for kind, period, user in MAILS:
        plan.insert_rows(Kind(kind), period, None, now, now, [PlannedRow(user, now + timedelta(days=3), {})])


def told(rows):
    return [(row["kind"], row["period"], row["user_id"]) for row in rows]


def test_a_check_as_json_is_the_whole_of_standard_output(command, site):
    site.user()

    ran = command("check", "--json", QUIZ_DATABASE_URL=site.url)

    assert ran.exit_code == 0
    assert json.loads(ran.stdout)["users"] == {"all": 1, "mailable": 1}
    assert ran.stderr == "users: 1 read\n"


def test_a_check_tells_people_the_same_in_lines(command, site):
    site.user()

    ran = command("check", QUIZ_DATABASE_URL=site.url)

    assert ran.exit_code == 0
    assert ran.stdout.startswith("users: all 1, mailable 1\n")


def test_a_check_of_a_platform_that_lacks_a_column_is_one_clear_line(command, site):
    site.execute("ALTER TABLE quizzes DROP COLUMN title")

    ran = command("check", QUIZ_DATABASE_URL=site.url)

    assert ran.exit_code == 1
    assert (ran.stdout, ran.stderr) == (
        "",
        "quizmail: native.toml, row set quizzes, column title:"
        " the SELECT does not give it, and it is required\n",
    )


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ([], MAILS),
        (["--kind", "report"], MAILS[:2]),
        (["--kind", "reminder"], MAILS[2:]),
        (["--period", "2026-11-23"], MAILS[3:]),
        (["--user", "2"], [MAILS[1], MAILS[4]]),
        (["--kind", "reminder", "--period", "2026-11-23", "--user", "1"], [MAILS[3]]),
        (["--kind", "report", "--period", "2026-11-23"], []),
    ],
)
def test_deliveries_are_listed_by_kind_period_and_user_newest_first(command, mails, filters, expected):
    ran = command("deliveries", *filters, "--json")

    assert ran.exit_code == 0
    assert told(json.loads(ran.output)) == expected[::-1]


def test_deliveries_are_listed_by_state(command, mails):
    Delivery.update(state=DeliveryState.SENT).where(Delivery.id == 3).execute()

    assert told(json.loads(command("deliveries", "--state", "sent", "--json").output)) == [MAILS[2]]


def test_the_filters_hold_for_a_table_and_for_csv_and_the_limit_for_a_table_alone(command, mails):
    filters = ("--user", "1", "--limit", "2")

    table = command("deliveries", *filters).output.splitlines()
    rows = csv.DictReader(io.StringIO(command("deliveries", *filters, "--csv").output))

    assert [line.split()[:4] for line in table] == [
        ["id", "kind", "user_id", "period"],
        ["4", "reminder", "1", "2026-11-23"],
        ["3", "reminder", "1", "2026-11-22"],
    ]
    assert told(rows) == [MAILS[3], MAILS[2], MAILS[0]]


def test_status_tells_of_runs_deliveries_and_holds(command, site, now):
    site.user()
    run = Run.create(
        kind=Kind.REMINDER,
        period="2026-11-23",
        slot=now,
        zones=["UTC"],
        state="planned",
        started_at=now,
        not_due={"staff": 3},
    )
    plan.insert_rows(
        Kind.REMINDER, "2026-11-23", run.id, now, now, [PlannedRow("1", now + timedelta(hours=6), {})]
    )
    command("hold", "domain:example.com", "--because", "moving")

    lines = command("status", QUIZ_DATABASE_URL=site.url).output.splitlines()

    assert "  run 1: reminder 2026-11-23 at 2026-11-23 18:00: planned" in lines
    assert "    not due (staff) 3, planned 1" in lines
    [held] = [line for line in lines if line.startswith("held: domain example.com since 20")]
    assert held.endswith(" UTC: moving")


def test_a_database_that_cannot_be_opened_is_one_clear_line(command, tmp_path):
    ran = command("status", DATABASE_URL=f"sqlite:///{tmp_path}")

    assert (ran.exit_code, ran.output) == (
        1,
        "quizmail: DATABASE_URL: the database does not answer: unable to open database file\n",
    )


@pytest.mark.parametrize("kinds", [kind.plural for kind in Kind])
def test_an_instant_in_the_future_is_refused_without_a_dry_run(command, kinds):
    ran = command("dispatch", kinds, "--inline", "--at", "2999-01-01T18:00+01:00")

    assert ran.exit_code == 2
    assert "an instant in the future needs --dry-run" in ran.output
    assert Run.select().count() == 0


def test_what_is_no_instant_is_refused(command):
    ran = command("dispatch", "reminders", "--dry-run", "--at", "yesterday")

    assert ran.exit_code == 2
    assert "'yesterday' is no instant such as 2026-11-23T18:00+01:00" in ran.output
