"""The schedule of faults: drawn from a seed, printed, and the same whenever the seed is run again."""

import json
import random
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from tests.chaos.oracle import AND_354
from tests.chaos.points import OF_DISPATCHERS, OF_WORKERS

#: What the mail server can do at a stage. Hangs and the slowest answers outlast our time-outs.
_SILENT = ("drop", "reset", "hang")
_SENSELESS = ("garbage", "199 wait", "600 what", b"2x0 no\r\n".decode())
_LATER = (
    "421 4.3.2 shutting down",
    "421 bye",
    "450 4.2.1 later",
    "451 later",
    "452-4.3.1 full\n452 4.3.1 now",
)
_NEVER = ("550 5.1.1 nobody here", "554 no", "552 5.2.2 full", "550-5.7.1 policy\n550 5.7.1 says no")
_SLOW = ("slow 0.3",)
_ALL = (*_SILENT, *_SENSELESS, *_LATER, *_NEVER, *_SLOW)

MISBEHAVIOUR: Mapping[str, Sequence[str]] = {
    "connect": ("drop", "reset", "hang", "slow 0.3"),
    "greeting": _ALL,
    "ehlo": _ALL,
    "starttls": ("drop", "hang", "garbage", "454 4.7.0 not now", "502 5.5.1 never", "421 4.3.2 bye"),
    "auth": ("drop", "hang", "garbage", "454 4.7.0 not now", "535 5.7.8 wrong", "421 4.3.2 bye"),
    "mail": _ALL,
    "rcpt": (*_ALL, f"550 5.1.1 nobody here{AND_354}", f"451 4.7.1 greylisted{AND_354}"),
    "data": _ALL,
    "body": (*_SILENT, "421 4.3.2 enough", "552 5.3.4 too much"),
    "dot": (*_ALL, "slow 2.5"),
    "answer": ("drop", "reset", "hang", "garbage", "slow 0.3", "slow 2.5"),
    "after": ("drop", "reset", "hang", "garbage", "421 4.3.2 idle"),
    "rset": ("drop", "hang", "421 4.3.2 bye", "500 what"),
    "quit": ("drop", "hang", "garbage"),
}

OFFERS = (
    ("PIPELINING", "8BITMIME", "SIZE 10000000", "ENHANCEDSTATUSCODES"),
    ("PIPELINING", "8BITMIME", "SIZE 10000000", "ENHANCEDSTATUSCODES", "DSN", "SMTPUTF8"),
    ("8BITMIME", "SIZE 10000000"),
    (),
)


#: What an operator may stop for a while: (what, for how many seconds).
HELD = [("all", 0.5), ("reminder", 0.8), ("report", 0.3)]


@dataclass(frozen=True)
class Schedule:
    """All that is drawn for one world. Times are seconds after its start."""

    seed: int
    database: str
    users: int = 30
    workers: int = 2
    threads: int = 3
    dispatchers: int = 2
    schedulers: int = 1
    doubled: bool = False
    page: int = 7
    batch: int = 10
    max_waiting: int = 30
    mails_per_connection: int = 100
    hold_after_failures: int = 3
    latency: float = 0.03
    offers: Sequence[str] = OFFERS[0]
    login: bool = False
    tls: str = ""  # "good", or "bad" until the relay is healed
    skews: Mapping[str, float] = field(default_factory=dict)
    smtp: Mapping[str, Sequence[Any]] = field(default_factory=dict)
    stubborn: float = 0  # for how many seconds it does not heal before the mail server has done all of that
    points: Mapping[str, Sequence[tuple[str, int]]] = field(default_factory=dict)
    faults: Sequence[tuple[float, str, Any]] = ()
    settings: Mapping[str, str] = field(default_factory=dict)  # more of Quizmail's settings, by name
    sabotage: str = ""  # how the engine itself is broken, to see that the harness finds it out

    @property
    def length(self) -> float:
        """After how many seconds the world heals."""
        return max([1.0, *(at + 0.5 for at, _, _ in self.faults)])

    def __str__(self) -> str:
        given = {name: value for name, value in asdict(self).items() if value != getattr(_PLAIN, name)}
        return "\n".join(f"  {name}: {json.dumps(value)}" for name, value in given.items())


_PLAIN = Schedule(seed=-1, database="")


def draw(seed: int, database: str) -> Schedule:
    """Draw the schedule of `seed`. The database is not drawn, so that one seed can be tried on both."""
    chance = random.Random(f"quizmail {seed}")
    workers, dispatchers = chance.choice([1, 2, 2, 3]), chance.choice([1, 2, 2, 4])
    hosts = [f"worker-{n}" for n in range(workers)] + [f"dispatcher-{n}" for n in range(dispatchers)]
    return Schedule(
        seed=seed,
        database=database,
        users=chance.randint(20, 60),
        workers=workers,
        threads=chance.choice([1, 2, 4]),
        dispatchers=dispatchers,
        schedulers=chance.choice([1, 1, 2]),
        doubled=chance.random() < 0.25,
        page=chance.choice([1, 5, 12, 1000]),
        batch=chance.choice([3, 10, 500]),
        max_waiting=chance.choice([4, 30, 2000]),
        mails_per_connection=chance.choice([1, 3, 100]),
        hold_after_failures=chance.choice([1, 3, 1000]),
        latency=chance.choice([0, 0.02, 0.1]),
        offers=chance.choice(OFFERS),
        login=chance.random() < 0.3,
        tls=chance.choice(["", "", "", "", "good", "bad"]),
        skews={name: round(chance.uniform(-90, 90), 1) for name in hosts} if chance.random() < 0.25 else {},
        smtp=_draw_smtp(chance),
        points=_draw_points(hosts, chance),
        faults=sorted(_draw_faults(hosts, database, chance), key=lambda fault: fault[0]),
    )


def _draw_smtp(chance: random.Random) -> Mapping[str, Sequence[Any]]:
    stages = chance.sample(list(MISBEHAVIOUR), chance.randint(0, 5))
    return {
        stage: [
            chance.choice(MISBEHAVIOUR[stage]) if chance.random() < 0.3 else None
            for _ in range(chance.randint(1, 20))
        ]
        for stage in sorted(stages)
    }


def _draw_points(hosts: Sequence[str], chance: random.Random) -> Mapping[str, Sequence[tuple[str, int]]]:
    points = {}
    for name in hosts:
        known = OF_WORKERS if name.startswith("worker") else OF_DISPATCHERS
        number = chance.choice([0, 0, 1, 1, 2])
        if number:
            points[name] = [(chance.choice(known), chance.choice([1, 1, 2, 5])) for _ in range(number)]
    return points


def _draw_faults(hosts: Sequence[str], database: str, chance: random.Random) -> list[tuple[float, str, Any]]:
    kinds = {
        "kill": lambda: chance.choice(hosts),
        "kill_group": lambda: chance.choice(hosts),
        "term": lambda: chance.choice(hosts),
        "redis_kill": lambda: round(chance.uniform(0, 1), 2),
        "redis_lose": lambda: round(chance.uniform(0, 1), 2),
        "redis_flush": lambda: None,
        "redis_freeze": lambda: round(chance.uniform(0.2, 1.5), 2),
        "hold": lambda: chance.choice(HELD),
        "refuse": lambda: round(chance.uniform(0.2, 1), 2),
        "clock": lambda: chance.choice([-4 * 3600, -90, 90, 900, 4 * 3600]),
        "by_hand": lambda: chance.randint(0, 10_000),
    }
    if database == "postgresql":
        kinds["database_kill"] = lambda: round(chance.uniform(0, 0.6), 2)
    elif sys.platform == "linux":
        kinds["disk_full"] = lambda: round(chance.uniform(0.2, 1), 2)
    drawn = [chance.choice(sorted(kinds)) for _ in range(chance.choice([0, 1, 2, 3, 4]))]
    faults = [(round(chance.uniform(0, 1.5), 2), kind, kinds[kind]()) for kind in drawn]
    for _ in range(chance.choice([0, 3, 8])):
        faults.append((round(chance.uniform(0, 1.2), 2), "opt_out", chance.randint(0, 10_000)))
    return faults
