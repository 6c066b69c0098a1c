"""What dramatiq imports here instead of ``quizmail.actors``: the same actors, in a world of faults.

It gives the engine the world's clock, tells the history of every claim and outcome, shortens what no
setting shortens, and kills the process at the named points. Orders come as JSON in ``CHAOS``.
"""

import json
import os
from collections.abc import Callable
from functools import partial, wraps
from typing import Any

from quizmail import activity, actors, broker, dispatch, wiring
from quizmail.mailer import client, transaction
from quizmail.mailer.values import Reply, Stage
from quizmail.outbox import claim, plan, release, work
from quizmail.planning import Planner
from tests.chaos import sabotage
from tests.chaos.clock import SharedClock
from tests.chaos.history import Teller
from tests.chaos.points import Points

orders = json.loads(os.environ["CHAOS"])
teller = Teller(orders["history"], orders["name"])
points = Points(orders["points"], teller)
teller.tell("born", points=orders["points"])
sabotage.apply(orders["sabotage"])


def around(owner: Any, name: str) -> Callable[[Callable[..., Any]], None]:
    """Put the decorated function, which is given the original first, in its place."""
    original = getattr(owner, name)

    def put(wrapper: Callable[..., Any]) -> None:
        setattr(owner, name, wraps(original)(lambda *args, **options: wrapper(original, *args, **options)))

    return put


def passed_after(owner: Any, name: str, point: str) -> None:
    """Make `point` follow each call that returned something."""

    @around(owner, name)
    def call(original, *args, **options):
        result = original(*args, **options)
        if result is not None and result != []:
            points.pass_by(point)
        return result


wiring.build = partial(wiring.build, clock=SharedClock(orders["clock"], orders["skew"]))
actors.broker.heartbeat_timeout = orders["heartbeat"]
actors.broker.maintenance_chance = 1_000_000  # of a million
dispatch.BATCH = orders["batch"]

passed_after(work, "load_all", "taken_up")
passed_after(dispatch.plans, "open_run", "run_opened")
passed_after(activity, "month_of_users", "half_figures")
passed_after(activity, "compute", "figures")
passed_after(plan, "insert_rows", "half_page")
passed_after(plan, "write_page", "page_planned")
passed_after(release, "_end", "half_tidied")
passed_after(release, "tidy", "tidied")


@around(Planner, "page")
def small_page(original, planner, question, zones, after):
    return original(planner, question, zones, after, orders["page"])


@around(dispatch.Dispatcher, "pump")
def pump(original, *args):
    points.pass_by("unreleased")
    return original(*args)


@around(broker.DramatiqBell, "ring")
def ring(original, bell, ids):
    half = len(ids) // 2
    if ids:
        points.pass_by("released")
    original(bell, ids[:half])
    if ids:
        points.pass_by("half_rung")
    original(bell, ids[half:])
    if ids:
        points.pass_by("rung")


@around(actors.broker, "enqueue")
def enqueue(original, message, **options):
    if orders["doubled"]:
        original(message, **options)
    return original(message, **options)


def tell_of_claiming(work, token, *_):
    points.pass_by("announced")
    teller.tell("claiming", id=work.id, token=token, kind=work.kind, user=work.user_id, period=work.period)


def tell_of_claim(won, work, token, *_):
    teller.tell("claimed" if won else "refused", id=work.id, token=token)
    if won:
        points.pass_by("claimed")


def tell_of_record(written, work, token, outcome, *_):
    teller.tell("recorded", id=work.id, token=token, state=outcome.state, written=written)
    points.pass_by("recorded")


def tell_of_failure(problem, work, token, outcome, *_):
    teller.tell("not recorded", id=work.id, token=token, state=outcome.state, problem=repr(problem))


@around(claim, "claim")
def claimed(original, *wanted):
    tell_of_claiming(*wanted)
    won = original(*wanted)
    tell_of_claim(won, *wanted)
    return won


@around(claim, "record")
def record(original, *entry):
    try:
        written = original(*entry)
    except Exception as problem:
        tell_of_failure(problem, *entry)
        raise
    tell_of_record(written, *entry)
    return written


@around(claim, "record_and_claim")
def record_and_claim(original, entry, wanted):
    tell_of_claiming(*wanted)
    try:
        written, won = original(entry, wanted)
    except Exception as problem:
        tell_of_failure(problem, *entry)
        raise
    tell_of_record(written, *entry)
    tell_of_claim(won, *wanted)
    return written, won


@around(claim._shared, "_write_all")
def write_all(original, steps):
    results = original(steps)
    points.pass_by("half_written")
    return results


@around(client, "hand_over")
def hand_over(original, smtp, message, *patience):
    if points.is_last("half_body"):
        smtp.send(transaction.on_the_wire(message)[: len(message) // 2])
        points.die("half_body")
    return original(smtp, message, *patience)


@around(transaction, "ask")
def ask(original, smtp, stage, words, timeout):
    waits = stage is Stage.BODY and not words
    if waits:
        points.pass_by("dotted")
    answer = original(smtp, stage, words, timeout)
    if waits and isinstance(answer, Reply) and answer.is_positive:
        points.pass_by("answered")
    return answer
