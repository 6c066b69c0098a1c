"""What ``status`` says to an operator and, by its exit code, to a monitor; Redis is a real one."""

import json
from datetime import UTC, datetime

import pytest

from quizmail import holds
from quizmail.models import Delivery, Moment, Run
from quizmail.outbox import plan
from quizmail.outbox.plan import PlannedRow
from quizmail.states import DeliveryState, Kind, RunState
from tests.support.platforms import NativePlatform
from tests.support.stack import Stack


@pytest.fixture
def stack(tmp_path):
    """A deployment on SQLite whose scheduler has just been heard of; no mail server."""
    with NativePlatform(f"sqlite:///{tmp_path}/quiz.db") as site:
        site.user()
        with Stack(tmp_path, site, 1, f"sqlite:///{tmp_path}/quizmail.db") as running:
            running.start_redis()
            for kind in Kind:
                Moment.create(name=f"tick {kind}", at=datetime.now(UTC))
            yield running


def make_everything_wrong(stack):
    now = datetime.now(UTC)
    Run.create(
        kind=Kind.REPORT, period="2026-10", slot=now, zones=["UTC"], state=RunState.MISSED, started_at=now
    )
    plan.insert_rows(Kind.REMINDER, "2026-11-23", None, now, now, [PlannedRow("1", now, {})])
    Delivery.update(state=DeliveryState.UNKNOWN, claimed_at=now).execute()
    holds.hold(holds.ALL, "moving", now, "ann")
    Moment.delete().where(Moment.name == "tick report").execute()
    (stack.folder / "quiz.db").unlink()


PROBLEMS = [
    "the quiz platform does not answer",
    "no tick for more than 3 minutes: is the scheduler running?",
    "something is held",
    "runs missed in the last day: 1",
    "deliveries of the last day with an unknown outcome: 1",
]


def test_when_all_is_well_it_says_so_and_the_exit_code_is_0(stack):
    said, as_json = stack.run("status"), stack.run("status", "--json")

    assert said.output.splitlines()[-1] == "all is well"
    assert "WRONG" not in said.output
    found = json.loads(as_json.output)
    assert (found["problems"], found["waiting_in_redis"]) == ([], 0)
    assert (said.process.returncode, as_json.process.returncode) == (0, 0)


def test_each_thing_that_is_wrong_has_its_line_and_the_exit_code_is_1(stack):
    make_everything_wrong(stack)

    said, as_json = stack.run("status"), stack.run("status", "--json")

    assert [line for line in said.output.splitlines() if "WRONG" in line] == [
        f"WRONG: {problem}" for problem in PROBLEMS
    ]
    assert "all is well" not in said.output
    found = json.loads(as_json.output)
    assert found["problems"] == PROBLEMS
    assert [run["state"] for run in found["runs"]] == ["missed"]
    assert (said.process.returncode, as_json.process.returncode) == (1, 1)
