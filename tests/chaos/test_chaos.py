"""The promises under faults: a fixed set of worlds that meets every named point and every stage of a mail.

``make chaos SEEDS=1000`` plays as many drawn ones as wanted.
"""

import random
import sys

import pytest

from tests.chaos import faults, points
from tests.chaos.faults import MISBEHAVIOUR, OFFERS, Schedule, draw

ONE_BY_ONE = OFFERS[2]

ON_BOTH = pytest.mark.parametrize("database", ["sqlite", "postgresql"])


def misbehaving(*stages, every=2):
    """Return each action of the stages once, in an order of their own, well-behaved in between."""
    chance = random.Random(7)
    return {
        stage: [
            each
            for action in chance.sample(MISBEHAVIOUR[stage], len(MISBEHAVIOUR[stage]))
            for each in (action, *[None] * (every - 1))
        ]
        for stage in stages
    }


def actions_of(smtp):
    return {
        (stage, action.removesuffix(faults.AND_354))
        for stage, actions in smtp.items()
        for action in actions
        if action
    }


@pytest.mark.parametrize(
    ("stages", "changes"),
    [
        (("connect", "greeting", "ehlo"), {"mails_per_connection": 1}),
        (("starttls", "auth"), {"mails_per_connection": 1, "tls": "good", "login": True}),
        (("mail", "quit"), {"mails_per_connection": 3}),
        (("mail", "rset", "data"), {"offers": ONE_BY_ONE, "database": "postgresql"}),
        (("rcpt", "data"), {"offers": OFFERS[1], "users": 50}),
        (("rcpt",), {"offers": OFFERS[3], "database": "postgresql"}),
        (("body", "answer", "after"), {}),
        (("dot",), {"database": "postgresql"}),
    ],
    ids=lambda given: "-".join(given) if isinstance(given, tuple) else "",
)
def test_a_mail_server_may_misbehave_at_every_stage(played, stages, changes):
    plan = misbehaving(*stages)
    calm = {"database": "sqlite", "users": 40, "threads": 4, "hold_after_failures": 1000, "stubborn": 30}
    result = played(Schedule(seed=1, smtp=plan, **{**calm, **changes}))

    assert result.misbehaviour >= actions_of(plan)


def test_a_relay_whose_certificate_is_wrong_gets_nothing_until_it_is_right(played):
    result = played(Schedule(seed=2, database="sqlite", tls="bad"))

    healed = next(n for n, line in enumerate(result.history) if "healed" in line)
    assert not any("accepted" in line for line in result.history[:healed])
    assert result.counts["sent"] == result.counts["accepted"] > 20


def test_a_relay_may_refuse_connections_for_a_while(played):
    happens = [(0.1, "refuse", 0.8)]
    result = played(
        Schedule(seed=13, database="postgresql", mails_per_connection=3, latency=0.1, faults=happens)
    )

    assert result.counts["sent"] == result.counts["accepted"] > 20


LIVES = [
    ("worker-0", points.OF_WORKERS[:4]),
    ("worker-0", points.OF_WORKERS[4:]),
    ("dispatcher-0", points.OF_DISPATCHERS[:4]),
    ("dispatcher-0", points.OF_DISPATCHERS[4:7]),
    ("dispatcher-0", points.OF_DISPATCHERS[7:]),
]


@ON_BOTH
@pytest.mark.parametrize(("host", "deaths"), LIVES, ids=["-".join(deaths) for _, deaths in LIVES])
def test_a_process_may_be_killed_at_every_named_point(played, database, host, deaths):
    orders = {host: [(point, 1 if host.startswith("dispatcher") else 2) for point in deaths]}
    result = played(
        Schedule(seed=3, database=database, users=50, batch=5, workers=1, dispatchers=1, points=orders)
    )

    assert result.points == set(deaths)


def test_every_point_is_met():
    assert {point for _, deaths in LIVES for point in deaths} == set(points.EVERYWHERE)


@ON_BOTH
def test_processes_may_be_killed_and_stopped_at_any_moment(played, database):
    hits = ["kill", "term", "kill_group", "term", "kill"]
    hosts = ["worker-0", "worker-1", "dispatcher-0", "dispatcher-1", "worker-0"]
    moments = [0.1, 0.2, 0.3, 0.9, 1.1]
    struck = list(zip(moments, hits, hosts, strict=True))
    played(Schedule(seed=4, database=database, users=50, latency=0.1, faults=struck))


@pytest.mark.parametrize(
    "happens",
    [
        [(0.1, "redis_kill", 0.5), (1.2, "redis_flush", None)],
        [(0.15, "redis_flush", None), (0.5, "redis_lose", 0.3)],
        [(0.2, "redis_freeze", 1.5)],
    ],
    ids=["killed", "emptied", "frozen"],
)
def test_redis_may_be_killed_emptied_or_frozen(played, happens):
    played(Schedule(seed=5, database="sqlite", latency=0.1, max_waiting=2000, faults=happens))


def test_postgresql_may_be_killed(played):
    happens = [(0.1, "database_kill", 0.1), (1.0, "database_kill", 0.6)]
    result = played(Schedule(seed=6, database="postgresql", latency=0.1, faults=happens))

    assert result.counts["sent"] > 20


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux lets one process limit another's files")
def test_the_disk_of_sqlite_may_be_full(played):
    happens = [(0.1, "disk_full", 0.5), (1.0, "disk_full", 0.5)]
    result = played(Schedule(seed=7, database="sqlite", latency=0.1, faults=happens))

    assert result.counts["sent"] > 20


@ON_BOTH
def test_everything_may_be_there_twice_on_hosts_whose_clocks_differ(played, database):
    skews = {
        "worker-0": 80.0,
        "worker-1": -80.0,
        "dispatcher-0": 60.0,
        "dispatcher-1": -60.0,
        "dispatcher-2": 150.0,
    }
    crowd = {
        "workers": 2,
        "dispatchers": 4,
        "schedulers": 2,
        "doubled": True,
        "skews": skews,
        "latency": 0.02,
    }
    by_hand = [(0.1 * number, "by_hand", number) for number in range(10)]
    result = played(Schedule(seed=8, database=database, faults=by_hand, **crowd))

    assert result.counts.get("unknown", 0) == 0


def test_a_clock_put_past_the_deadline_and_back_leaves_a_missed_run_and_no_mail(played):
    four_hours = 4 * 3600
    happens = [(0.0, "clock", four_hours), (1.5, "clock", -four_hours)]
    result = played(Schedule(seed=9, database="sqlite", schedulers=0, faults=happens))

    assert result.counts["reminder runs missed"] == 2
    assert result.counts["report runs done"] == 2
    assert not any("accepted" in line and "kind=reminder" in line for line in result.history)


def test_a_clock_may_jump_while_mails_are_sent(played):
    happens = [(0.2, "clock", 900), (0.4, "clock", -1800), (0.7, "clock", 900), (0.9, "clock", 200)]
    played(Schedule(seed=10, database="postgresql", latency=0.1, faults=happens))


@ON_BOTH
def test_readers_may_opt_out_at_any_moment(played, database):
    happens = [(0.03 * number, "opt_out", 7 * number) for number in range(40)]
    result = played(Schedule(seed=11, database=database, users=50, latency=0.1, faults=happens))

    assert sum("opted out" in line for line in result.history) == 40


def test_a_seed_gives_the_same_schedule_again():
    assert str(draw(5, "sqlite")) == str(draw(5, "sqlite")) != str(draw(6, "sqlite"))
    assert {kind for seed in range(300) for _, kind, _ in draw(seed, "sqlite").faults} >= {
        "kill",
        "redis_lose",
        "opt_out",
    }
