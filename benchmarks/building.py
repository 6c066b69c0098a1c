"""Milliseconds to build one mail: from the facts on its row to the bytes that are sent."""

import time
from pathlib import Path

from benchmarks.figures import Figure
from benchmarks.scene import Scene, scene
from quizmail.models import Delivery
from quizmail.outbox import claim
from quizmail.outbox.claim import Work
from quizmail.states import Kind
from quizmail.wiring import utc_now

#: How many different mails of each kind are built, and how often each.
MAILS = 200
ROUNDS = 5

#: Milliseconds.
TARGET = 0.3


def measure(folder: Path) -> list[Figure]:
    """Build mails of both kinds in one thread."""
    with scene(folder, MAILS, 1) as made:
        return [
            Figure(f"building a {kind}", _milliseconds(made, kind), "ms", 3, at_most=TARGET) for kind in Kind
        ]


def _milliseconds(made: Scene, kind: Kind) -> float:
    run = made.engine.by_hand.run(made.slots[kind])
    rows = Delivery.select(Delivery.id).where(Delivery.run == run.id).tuples()
    works = [work for (row_id,) in rows if (work := claim.load(row_id))]
    _build(made, works)  # the first round reads the templates
    started = time.perf_counter()
    for _ in range(ROUNDS):
        _build(made, works)
    return (time.perf_counter() - started) * 1000 / (ROUNDS * len(works))


def _build(made: Scene, works: list[Work]) -> None:
    for work in works:
        key = (work.user_id, work.period)
        address = f"user{work.user_id}@example.com"
        made.engine.composer.compose(work.kind, key, work.recipient_id, address, work.facts, utc_now())
