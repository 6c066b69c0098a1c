"""What an operator orders, and what is told him, while processes are killed."""

import pytest

from tests.chaos.faults import Schedule
from tests.chaos.oracle import ADMINISTRATOR

ON_BOTH = pytest.mark.parametrize("database", ["sqlite", "postgresql"])


def told(result, word):
    return [line for line in result.history if word in line]


@ON_BOTH
@pytest.mark.parametrize("what", ["all", "reminder"])
def test_what_is_held_is_not_sent_until_it_is_resumed_though_every_process_dies(played, database, what):
    happens = [
        (0.05, "hold", (what, 1.5)),
        (0.4, "kill_group", "worker-0"),
        (0.5, "kill_group", "dispatcher-0"),
        (0.6, "term", "worker-1"),
        (0.7, "redis_flush", None),
    ]
    result = played(Schedule(seed=20, database=database, users=40, latency=0.1, faults=happens))

    assert told(result, "held")
    assert result.counts["sent"] > 20


@ON_BOTH
def test_the_daily_limit_holds_over_workers_dispatchers_and_their_deaths(played, database):
    happens = [
        (0.3, "kill_group", "worker-0"),
        (0.5, "kill_group", "dispatcher-0"),
        (0.8, "redis_flush", None),
    ]
    limit = {"SEND_LIMIT_PER_DAY": "12"}
    result = played(Schedule(seed=21, database=database, users=30, settings=limit, faults=happens))

    assert result.counts["sent"] >= 12
    assert result.counts["expired"] > 0  # what found no room in its time


@ON_BOTH
def test_the_rate_holds_over_workers_dispatchers_and_their_deaths(played, database):
    happens = [(0.3, "kill", "worker-0"), (0.6, "kill_group", "dispatcher-1")]
    rate = {"SEND_RATE_PER_SECOND": "4"}
    result = played(
        Schedule(seed=22, database=database, users=30, dispatchers=4, settings=rate, faults=happens)
    )

    assert result.counts["sent"] > 20


@ON_BOTH
def test_no_more_messages_wait_than_may_though_four_dispatchers_release(played, database):
    result = played(
        Schedule(
            seed=23, database=database, users=60, workers=1, threads=1, dispatchers=4, batch=3, max_waiting=4
        )
    )

    assert 0 < result.most_waiting <= 4
    assert result.counts["sent"] > 40


def test_a_domain_that_asks_for_patience_is_held_and_gets_everything_later(played):
    slow = {"rcpt": ["450 4.2.1 receiving too quickly", None, "421 4.7.0 slow down"]}
    happens = [(0.3, "kill_group", "worker-0")]
    result = played(Schedule(seed=24, database="sqlite", smtp=slow, stubborn=5, faults=happens))

    # The worker may die with some mails under way.
    assert result.counts["sent"] >= result.counts["accepted"] - result.counts.get("unknown", 0) > 20


@ON_BOTH
def test_an_operator_settles_what_is_unknown_and_nothing_is_sent_twice(played, database):
    lost = {"answer": ["drop", None, "drop"], "dot": [None, "drop", None, "drop"]}
    happens = [(3.0, "settle", None)]
    result = played(
        Schedule(seed=25, database=database, smtp=lost, faults=happens, hold_after_failures=1000, stubborn=5)
    )

    (settled,) = told(result, "settled")
    assert "sent=2" in settled
    assert result.counts["sent"] == result.counts["accepted"]


def test_a_missed_run_is_told_once_whoever_looks_and_dies(played):
    four_hours = 4 * 3600
    happens = [
        (0.0, "clock", four_hours),
        (0.8, "kill_group", "dispatcher-0"),
        (1.5, "kill_group", "dispatcher-1"),
        (2.5, "term", "dispatcher-2"),
    ]
    result = played(
        Schedule(
            seed=26,
            database="sqlite",
            dispatchers=3,
            schedulers=0,
            settings={"ADMIN_EMAIL": ADMINISTRATOR},
            faults=happens,
        )
    )

    missed = [line for line in told(result, "alerted") if "missed run" in line]
    assert len(missed) == result.counts["reminder runs missed"] == 2


@ON_BOTH
def test_readers_may_be_forgotten_at_any_moment(played, database):
    happens = [(0.04 * number, "forget", 3 * number) for number in range(25)]
    result = played(Schedule(seed=27, database=database, users=50, latency=0.1, faults=happens))

    assert told(result, "forgot")


def test_redis_may_be_away_for_a_whole_minute(played):
    happens = [(0.2, "redis_kill", 60.0), (61.5, "kill_group", "worker-0")]
    result = played(Schedule(seed=28, database="sqlite", latency=0.1, faults=happens))

    # The worker may die with some mails under way.
    assert result.counts["sent"] >= result.counts["accepted"] - result.counts.get("unknown", 0) > 20
