"""What must be true of a world that has come to rest. Each function names who broke it."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from typing import Any

from quizmail.models import Attempt, Delivery, Run
from quizmail.outbox.valve import GRACE
from quizmail.states import FINAL_STATES, DeliveryState, Failure, RunState
from tests.chaos.people import PERIODS
from tests.chaos.world import BODY_TIMEOUT, World

#: Faults that end a process, or a server, by SIGKILL; what dies at a named point is counted besides.
_KILLS = {"kill", "kill_group", "redis_kill", "redis_lose", "database_kill"}
_AFTER_THE_CLAIM = {"body", "dot", "answer", "after"}


class Evidence:
    """The three witnesses: our rows, the oracle's file, and the history."""

    def __init__(self, world: World) -> None:
        self.world, self.history = world, world.history
        self.accepted = world.accepted()
        self.rows = list(Delivery.select())
        self.runs = list(Run.select().where(Run.period.in_(list(PERIODS.values()))))
        self.forgotten = {event["user"] for event in self.history.of("forgot")}
        self.by_key = {(row.kind, row.user_id, row.period): row for row in self.rows}

    def run_of(self, kind: str, zone: str) -> Run | None:
        return next((run for run in self.runs if run.kind == kind and zone in run.zones), None)


def key_of(entry: Mapping[str, Any]) -> tuple[str, str, str]:
    return entry["kind"], entry["user"], entry["period"]


def i1_at_most_one_mail_for_each_key(evidence: Evidence) -> Iterator[str]:
    for key, number in Counter(map(key_of, evidence.accepted)).items():
        if number > 1:
            yield f"{key} was accepted {number} times"


def i2_everybody_due_has_an_end(evidence: Evidence) -> Iterator[str]:
    for row in evidence.rows:
        if row.state not in FINAL_STATES:
            yield f"row {row.id} stays {row.state}"
    for kind, period in PERIODS.items():
        for person in evidence.world.people:
            run = evidence.run_of(kind, person.zone)
            if run is None:
                yield f"there is no run of {kind} in {person.zone}"
            elif person.due(kind) and (kind, person.id, period) not in evidence.by_key:
                if run.state != RunState.MISSED and person.id not in evidence.forgotten:
                    yield f"{kind} to {person} is due and has no row"
            elif not person.due(kind) and (kind, person.id, period) in evidence.by_key:
                yield f"{kind} to {person} is not due and has a row"


def i3_what_is_sent_was_accepted(evidence: Evidence) -> Iterator[str]:
    accepted = set(map(key_of, evidence.accepted))
    for key, row in evidence.by_key.items():
        if row.state == DeliveryState.SENT and key not in accepted:
            yield f"{key} is sent, and the oracle has nothing"


def i4_what_was_accepted_is_sent_or_unknown(evidence: Evidence) -> Iterator[str]:
    for entry in evidence.accepted:
        row = evidence.by_key.get(key_of(entry))
        if row is None and entry["user"] in evidence.forgotten:
            continue
        if row is None or row.state not in {DeliveryState.SENT, DeliveryState.UNKNOWN}:
            yield f"the oracle has {entry}, and the row is {row and row.state}"


def i5_unknown_only_where_a_fault_struck(evidence: Evidence) -> Iterator[str]:
    """A fault must have struck between the claim's commit and the outcome's."""
    history = evidence.history
    claims = {event["token"]: event for event in history.of("claiming")}
    recorded = {event["token"] for event in history.of("recorded") if event["state"] != DeliveryState.UNKNOWN}
    silences = Counter(
        to for event in history.of("misbehaved") if event["stage"] in _AFTER_THE_CLAIM for to in event["to"]
    )
    for row in evidence.rows:
        if row.state != DeliveryState.UNKNOWN:
            continue
        claim = claims.get(row.claimed_by)
        if claim is None or row.claimed_by in recorded:
            yield f"row {row.id} is unknown, and its claim was not made, or its outcome recorded"
            continue
        address = f"user{row.user_id}@example.com"
        silences[address] -= 1
        if silences[address] >= 0 or _was_slow(history, row, claim):
            continue
        if row.reason == Failure.NO_ANSWER:
            yield f"row {row.id} is unknown (no answer), and the server was in order"
        elif not _has_died(history, claim) and not _was_lost(history, row.claimed_by):
            yield f"row {row.id} is unknown ({row.reason}), and its process and our database lived"


def _has_died(history: Any, claim: Mapping[str, Any]) -> bool:
    killed = {event["pid"] for event in history.of("killed at")}
    if claim["pid"] in killed:
        return True
    births = [event["at"] for event in history.of("born") if event["by"] == claim["by"]]
    since = max((at for at in births if at <= claim["at"]), default=0.0)
    until = min((at for at in births if at > claim["at"]), default=float("inf"))
    struck = [event["at"] for event in history.of("signalled") if event["name"] == claim["by"]]
    return any(since <= at <= until for at in struck)


def _was_lost(history: Any, token: str) -> bool:
    """Say whether the outcome could not be written because our database had been struck."""
    struck = [e["at"] for e in history.of("fault") if e["fault"] in {"database_kill", "disk_full"}]
    return any(e["token"] == token and e["at"] > min(struck) for e in history.of("not recorded") if struck)


def _was_slow(history: Any, row: Delivery, claim: Mapping[str, Any]) -> bool:
    """Say whether the machine was so slow that the server's answer came too late by itself."""
    accepted = [e["at"] for e in history.of("accepted") if (e["kind"], e["user"]) == (row.kind, row.user_id)]
    return any(at - claim["at"] > BODY_TIMEOUT * 0.8 for at in accepted)


def i6_nobody_is_mailed_who_opted_out_before_the_claim(evidence: Evidence) -> Iterator[str]:
    out: dict[tuple[str, str], float] = {}
    for event in evidence.history.of("opted out"):
        out.setdefault((event["kind"], event["user"]), event["at"])
    claims = defaultdict(list)
    for event in evidence.history.of("claiming"):
        claims[event["kind"], event["user"]].append(event["at"])
    for kind, user, _ in map(key_of, evidence.accepted):
        since = out.get((kind, user))
        if since is not None and min(claims[kind, user], default=since + 1) > since:
            yield f"{kind} to {user} was claimed after the user had opted out"
    for person in evidence.world.people:
        if person.sort == "opted_out" and any(entry["user"] == person.id for entry in evidence.accepted):
            yield f"{person} has always been opted out"


def nothing_is_claimed_while_it_is_held(evidence: Evidence) -> Iterator[str]:
    """What was claimed after a hold was committed, and before it ended, was not accepted."""
    ends = [
        (event["at"], event["what"], event["subject"]) for event in evidence.history.of("held", "resuming")
    ]
    claims = defaultdict(list)
    for event in evidence.history.of("claiming"):
        claims[event["kind"], event["user"]].append(event["at"])
    for at, what, held in ends:
        if what != "held":
            continue
        until = min(
            (end for end, word, of in ends if word == "resuming" and of == held and end > at), default=at
        )
        for kind, user, _ in map(key_of, evidence.accepted):
            tries = claims[kind, user]
            if held in {"all", kind} and tries and all(at < tried < until for tried in tries):
                yield f"{kind} to {user} was claimed while {held} was held"


def nobody_is_mailed_who_was_forgotten(evidence: Evidence) -> Iterator[str]:
    since = {event["user"]: event["at"] for event in evidence.history.of("forgot")}
    for event in evidence.history.of("claimed"):
        claim = next(e for e in evidence.history.of("claiming") if e["token"] == event["token"])
        if claim["at"] > since.get(claim["user"], float("inf")):
            yield f"{claim['kind']} to {claim['user']} was claimed after the user had been forgotten"


def the_daily_limit_holds(evidence: Evidence) -> Iterator[str]:
    """In no 24 hours of the world more is tried than SEND_LIMIT_PER_DAY allows."""
    limit = int(evidence.world.schedule.settings.get("SEND_LIMIT_PER_DAY", 0))
    tried = sorted(at for (at,) in Attempt.select(Attempt.at).where(Attempt.by.is_null()).tuples())
    for first, last in zip(tried, tried[limit:], strict=False):
        if limit and last - first < timedelta(hours=24):
            yield f"more than {limit} tries between {first} and {last}"


def the_rate_holds(evidence: Evidence) -> Iterator[str]:
    """No burst: in any second there are no more tries than the rate gives in it and in a worker's grace."""
    rate = float(evidence.world.schedule.settings.get("SEND_RATE_PER_SECOND", 0))
    most = int(rate * (1 + GRACE.total_seconds())) + 1
    claimed = sorted(row.claimed_at for row in evidence.rows if row.claimed_at)
    for first, last in zip(claimed, claimed[most:], strict=False):
        if rate and last - first < timedelta(seconds=1):
            yield f"more than {most} claims between {first} and {last}"


def i7_one_message_id_for_each_key(evidence: Evidence) -> Iterator[str]:
    keys: dict[str, set[Any]] = defaultdict(set)
    for entry in evidence.accepted:
        keys[entry["message_id"]].add(key_of(entry))
        row = evidence.by_key.get(key_of(entry))
        if row is not None and row.message_id != entry["message_id"]:
            yield f"{key_of(entry)} was sent as {entry['message_id']}, the row says {row.message_id}"
        if None in key_of(entry) or not entry["whole"]:
            yield f"the oracle has a mail that is not whole: {entry}"
    for message_id, users in keys.items():
        if len(users) > 1:
            yield f"{message_id} was given to {users}"


def i8_rows_and_not_due_add_up_to_the_audience(evidence: Evidence) -> Iterator[str]:
    for run in evidence.runs:
        if run.state == RunState.MISSED:
            continue
        audience = [person for person in evidence.world.people if person.zone in run.zones]
        rows = sum((run.kind, person.id, run.period) in evidence.by_key for person in audience)
        forgotten = sum(person.id in evidence.forgotten for person in audience)
        missing = len(audience) - rows - sum(run.not_due.values())
        if not 0 <= missing <= forgotten:
            yield f"run {run.id}: {rows} rows and {run.not_due} for {len(audience)} users"


def attempts_tell_the_same(evidence: Evidence) -> Iterator[str]:
    """Every recorded try is numbered once, and no delivery has more tries than attempts."""
    tries = Counter(
        Attempt.select(Attempt.delivery, Attempt.number)
        .where((Attempt.outcome != "unknown") & Attempt.by.is_null())
        .tuples()
    )
    for (row_id, number), times in tries.items():
        if times > 1:
            yield f"try {number} of row {row_id} was recorded {times} times"


INVARIANTS: tuple[Callable[[Evidence], Iterator[str]], ...] = (
    i1_at_most_one_mail_for_each_key,
    i2_everybody_due_has_an_end,
    i3_what_is_sent_was_accepted,
    i4_what_was_accepted_is_sent_or_unknown,
    i5_unknown_only_where_a_fault_struck,
    i6_nobody_is_mailed_who_opted_out_before_the_claim,
    nothing_is_claimed_while_it_is_held,
    nobody_is_mailed_who_was_forgotten,
    the_daily_limit_holds,
    the_rate_holds,
    i7_one_message_id_for_each_key,
    i8_rows_and_not_due_add_up_to_the_audience,
    attempts_tell_the_same,
)


def check(world: World) -> list[str]:
    """Return one line for every breach."""
    evidence = Evidence(world)
    return [f"{each.__name__}: {line}" for each in INVARIANTS for line in each(evidence)]


def count(world: World) -> dict[str, int]:
    """Return the numbers of kills, of mails that the oracle has, and of rows and runs in each state."""
    struck = [event for event in world.history.of("fault") if event["fault"] in _KILLS]
    rows = Counter(row.state for row in Delivery.select(Delivery.state))
    runs = Counter(f"{run.kind} runs {run.state}" for run in Run.select())
    kills = len(struck) + len(world.history.of("killed at"))
    return {"kills": kills, "accepted": len(world.accepted()), **rows, **runs}


def expected_runs(world: World) -> int:
    """Return how many runs the evening has: one for each kind and slot with users in it."""
    early = any(person.zone == "Europe/Berlin" for person in world.people)
    late = any(person.zone != "Europe/Berlin" for person in world.people)
    return 2 * (early + late)
