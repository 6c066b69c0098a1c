"""When a mail is tried again."""

from datetime import timedelta
from itertools import pairwise

import pytest

from quizmail import retries
from quizmail.states import Kind

each_kind = pytest.mark.parametrize("kind", list(Kind))


def waits(kind, now, factor):
    """Return the waits after each refusal, when every draw is that far between the two ends."""

    def jitter(low, high):
        return low + (high - low) * factor

    found = [retries.next_try(kind, tries, now, jitter) for tries in range(1, 6)]
    return [at and at - now for at in found]


@each_kind
def test_there_are_five_tries_with_growing_waits(kind, now):
    *between, last = waits(kind, now, 0.5)

    assert (len(between), last) == (4, None)
    assert all(longer > wait for wait, longer in pairwise(between))
    assert between[0] >= timedelta(minutes=10)  # Greylisting has mostly ended by then.


@each_kind
def test_waits_differ_by_a_fifth_so_that_mails_do_not_return_together(kind, now):
    shortest, middle, longest = (waits(kind, now, factor)[:4] for factor in (0, 0.5, 1))

    for least, wait, most in zip(shortest, middle, longest, strict=True):
        assert (least / wait, most / wait) == (pytest.approx(0.8), pytest.approx(1.2))


def test_all_tries_fit_into_the_life_of_the_mail(now):
    reminders, reports = (sum(waits(kind, now, 1)[:4], timedelta(0)) for kind in Kind)

    assert reminders < timedelta(hours=6)  # From 18:00 to midnight.
    assert reports < timedelta(days=3)


@pytest.mark.parametrize("factor", [0, 1])
def test_what_was_not_tried_waits_about_a_minute(now, factor):
    wait = retries.postponed(now, lambda low, high: low + (high - low) * factor) - now

    assert timedelta(seconds=48) <= wait <= timedelta(seconds=72)
