"""The harness itself: an engine that breaks a promise must be found out."""

import inspect

import pytest

from tests.chaos import sabotage
from tests.chaos.faults import Schedule
from tests.chaos.play import play

#: Each sabotage, and how the name of the invariant that must notice it begins.
BREACHES = {
    "resend_what_died": "i1_",
    "claim_after_the_answer": "i1_",
    "take_silence_for_yes": "i3_",
    "take_silence_for_no": "i1_",
    "forget_opt_outs": "i6_",
    "give_new_message_ids": "i7_",
    "lose_a_row": "i8_",
}


@pytest.mark.parametrize("name", BREACHES)
def test_an_engine_that_breaks_a_promise_is_found_out(request, sqlite, nursery, name):
    schedule = Schedule(
        seed=12,
        database="sqlite",
        users=20,
        workers=1,
        latency=0.2,
        stubborn=20,
        smtp={"body": ["drop", None] * 4, "answer": ["drop", None] * 4},
        points={"worker-0": [("answered", 3), ("answered", 3)]},
        faults=[(0.07 * n, "opt_out", 7 * n) for n in range(30)] if "opt_out" in name else [],
        sabotage=name,
    )
    result = play(schedule, sqlite, nursery)

    assert any(line.startswith(BREACHES[name]) for line in result.culprits), result.culprits


def test_every_sabotage_is_tried():
    functions = inspect.getmembers(sabotage, inspect.isfunction)
    ways = {name for name, each in functions if each.__module__ == sabotage.__name__}

    assert set(BREACHES) == ways - {"apply"}
