"""The valve: rate and daily limit hold in every window, and nothing waits longer than they demand."""

import itertools
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from quizmail.models import Attempt, Delivery, Recipient, Valve
from quizmail.outbox import release
from quizmail.outbox.valve import AHEAD, DAY, GRACE, Pace, admit, release_paced, schedule
from quizmail.states import DeliveryState, Failure
from tests.conftest import NOW
from tests.support.windows import most_in_any

SECOND = timedelta(seconds=1)
AGAIN = timedelta(minutes=10)
TICK = timedelta(minutes=1)


@pytest.fixture
def ours(our_database):
    return our_database


def pace(rate=0.0, limit=0):
    return Pace(AGAIN, rate, limit)


def plan(number, now=NOW):
    """Plan so many deliveries more, due now."""
    recipient, _ = Recipient.get_or_create(user_id="1")
    first = Delivery.select().count()
    rows = [
        {
            "kind": "reminder",
            "user_id": str(first + n),
            "period": "2026-11-23",
            "recipient": recipient,
            "due_at": now,
            "expires_at": now + timedelta(days=400),
            "planned_at": now,
        }
        for n in range(number)
    ]
    if rows:
        Delivery.insert_many(rows).execute()


def try_it(row_id, at, state=DeliveryState.SENT):
    """Make a try of a delivery, as a worker does; it consumes what the release gave it."""
    Attempt.insert(delivery=row_id, number=1, at=at, outcome=state).execute()
    Delivery.update(state=state, attempts=Delivery.attempts + 1).where(Delivery.id == row_id).execute()


def instants(shares):
    return [share.at for share in shares]


def test_without_limits_everything_may_leave_at_once(ours, now):
    plan(3)

    assert instants(release_paced(now, 500, pace())) == [now] * 3
    assert Valve.get().free_from.year == 1970


def test_instants_are_spaced_and_reach_over_the_next_tick(ours, now):
    plan(200)
    shares = release_paced(now, 500, pace(rate=1))

    assert instants(shares) == [now + n * SECOND for n in range(91)]
    assert [row.due_at for row in Delivery.select().where(Delivery.released_at.is_null(False))] == [
        now + n * SECOND for n in range(91)
    ]
    assert instants(release_paced(now + TICK, 500, pace(rate=1))) == [
        now + n * SECOND for n in range(91, 151)
    ]


def test_what_is_not_used_is_not_taken(ours, now):
    plan(2)
    release_paced(now, 500, pace(rate=1))
    assert Valve.get().free_from == now + 2 * SECOND

    assert release_paced(now, 500, pace(rate=1)) == []
    plan(1)
    assert instants(release_paced(now, 500, pace(rate=1))) == [now + 2 * SECOND]


def test_an_idle_hour_saves_nothing_up(ours, now):
    plan(4)
    release_paced(now, 1, pace(rate=2))
    later = now + timedelta(hours=1)

    assert instants(release_paced(later, 9, pace(rate=2))) == [later + n * SECOND / 2 for n in range(4)]


def test_less_than_one_in_a_horizon_still_gets_through(ours, now):
    plan(3)
    slow = pace(rate=0.001)

    assert instants(release_paced(now, 9, slow)) == [now]
    assert release_paced(now + 900 * SECOND, 9, slow) == []
    assert instants(release_paced(now + 950 * SECOND, 9, slow)) == [now + 1000 * SECOND]


def test_a_wrong_clock_does_not_close_the_valve(ours, now):
    plan(2)
    release_paced(now + timedelta(days=365), 1, pace(rate=1))

    assert instants(release_paced(now, 9, pace(rate=1))) == [now]


@pytest.mark.parametrize("rate", [0, 1])
def test_the_daily_limit_counts_what_is_released_sent_or_tried(ours, now, rate):
    plan(6)
    limited = pace(rate, limit=4)
    shares = release_paced(now, 9, limited)
    assert len(shares) == 4

    first, second, third, _fourth = (share.id for share in shares)
    try_it(first, now)
    try_it(second, now, DeliveryState.REJECTED)
    Delivery.update(state=DeliveryState.SENDING, claimed_at=now).where(Delivery.id == third).execute()
    assert release_paced(now + SECOND, 9, limited) == []


def test_a_share_that_led_to_no_try_is_free_again(ours, now):
    plan(4)
    limited = pace(limit=2)
    one, other = (share.id for share in release_paced(now, 9, limited))

    Delivery.update(state=DeliveryState.SKIPPED).where(Delivery.id == one).execute()
    Delivery.update(released_at=None).where(Delivery.id == other).execute()

    assert len(release_paced(now, 9, limited)) == 2


def test_lost_messages_do_not_use_the_day_up(ours, now):
    plan(4)
    limited = pace(limit=2)
    lost = release_paced(now, 9, limited)
    later = now + AGAIN + SECOND

    assert [share.id for share in release_paced(later, 9, limited)] == [share.id for share in lost]
    assert release_paced(later, 9, limited) == []


def test_the_day_rolls_on_and_gives_its_instants_back_one_by_one(ours, now):
    plan(6)
    limited = pace(limit=3)
    for share, second in zip(release_paced(now, 9, limited), (0, 10, 95), strict=True):
        try_it(share.id, now + second * SECOND)

    assert release_paced(now + DAY - AHEAD - SECOND, 9, limited) == []
    shares = release_paced(now + DAY - 5 * SECOND, 9, limited)
    assert instants(shares) == [now + DAY, now + DAY + 10 * SECOND]


def test_tries_of_a_process_that_died_count(ours, now):
    plan(2)
    limited = pace(limit=1)
    (share,) = release_paced(now, 9, limited)
    Delivery.update(state=DeliveryState.SENDING, claimed_at=now, attempts=1).where(
        Delivery.id == share.id
    ).execute()
    release.tidy(now + timedelta(minutes=15), lease=timedelta(minutes=14))

    (attempt,) = Attempt.select()
    assert (attempt.at, attempt.number, attempt.outcome) == (now, 1, DeliveryState.UNKNOWN)
    assert Delivery.get_by_id(share.id).reason == Failure.PROCESS_DIED
    assert release_paced(now + timedelta(minutes=15), 9, limited) == []


def test_what_an_operator_orders_is_no_try(ours, now):
    plan(2)
    (share,) = release_paced(now, 1, pace(limit=2))
    Attempt.insert(delivery=share.id, number=1, at=now, outcome="planned", by="ada").execute()

    assert len(release_paced(now, 9, pace(limit=2))) == 1


def test_whoever_comes_in_time_keeps_his_instant(ours, now):
    plan(3)
    shares = release_paced(now, 9, pace(rate=1))

    for share in shares:
        assert admit(share.id, now, pace(rate=1)) == share.at
        assert admit(share.id, share.at + GRACE, pace(rate=1)) == share.at


def test_whoever_comes_too_late_gets_the_next_free_instant(ours, now):
    plan(3)
    first, _, last = release_paced(now, 9, pace(rate=1))
    late = first.at + GRACE + SECOND

    assert admit(first.id, late, pace(rate=1)) == late
    assert admit(last.id, last.at + GRACE + SECOND, pace(rate=1)) == late + 2 * SECOND
    assert Delivery.get_by_id(first.id).due_at == late


def test_a_backlog_after_an_outage_leaves_at_the_rate(ours, now):
    plan(20)
    shares = release_paced(now, 20, pace(rate=10))
    back = now + timedelta(minutes=5)

    given_again = [admit(share.id, back, pace(rate=10)) for share in shares]
    assert given_again == [back + n * SECOND / 10 for n in range(20)]


def test_when_nothing_is_free_a_late_delivery_is_left_to_a_dispatcher(ours, now):
    plan(200)
    first = release_paced(now, 1, pace(rate=1))[0]
    late = now + TICK
    release_paced(late, 500, pace(rate=1))

    assert admit(first.id, late, pace(rate=1)) is None
    assert Delivery.get_by_id(first.id).released_at is None
    assert release_paced(late + SECOND, 9, pace(rate=1))[0].id == first.id


def test_a_mail_by_hand_takes_its_share_like_any_other(ours, now):
    plan(2)
    by_hand, other = (row.id for row in Delivery.select().order_by(Delivery.id))
    limited = pace(rate=1, limit=1)

    assert admit(by_hand, now, limited) == now
    assert admit(other, now, limited) is None


def test_a_late_delivery_exchanges_its_share_of_the_day(ours, now):
    plan(1)
    limited = pace(rate=1, limit=1)
    (share,) = release_paced(now, 9, limited)

    assert admit(share.id, now + TICK, limited) == now + TICK


def test_a_delivery_that_waits_for_its_next_try_or_is_done_gets_none(ours, now):
    plan(2)
    waiting, done = (row.id for row in Delivery.select().order_by(Delivery.id))
    Delivery.update(due_at=now + SECOND).where(Delivery.id == waiting).execute()
    try_it(done, now)

    assert admit(waiting, now, pace(rate=1)) is None
    assert admit(done, now, pace(rate=1)) is None
    assert admit(done + 1000, now, pace(rate=1)) is None


RATES = st.floats(0.0005, 5000, allow_nan=False)


@given(RATES, st.integers(1, 300), st.lists(st.floats(0, 3600), max_size=6))
def test_in_no_window_there_are_more_than_the_rate_allows(rate, wanted, pauses):
    spacing, earliest, now, seen = pace(rate).spacing, NOW, NOW, []
    for pause in pauses:
        now += timedelta(seconds=pause)
        seen += schedule(max(now, earliest), spacing, [now] * wanted, now + AHEAD)
        earliest = (seen[-1] + spacing) if seen else earliest

    for window in (SECOND, TICK, timedelta(hours=1)):
        assert most_in_any(window, seen) <= rate * window.total_seconds() + 1


@given(st.integers(1, 5), st.sampled_from([0, 0.0005, 0.01, 3]), st.data())
@hypothesis_settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_days_of_random_work_keep_both_limits_and_waste_none(sqlite_database, limit, rate, data):
    """Work comes at random, is sent or lost at random; what is given out is the earliest possible."""
    for table in (Attempt, Delivery, Recipient):
        table.delete().execute()
    Valve.update(free_from=NOW - DAY).execute()
    limited, now, sent = pace(rate, limit), NOW, []
    for _ in range(data.draw(st.integers(1, 12))):
        now += timedelta(seconds=data.draw(st.sampled_from([0, 1, 60, 3600, 30_000, 86_400])))
        plan(data.draw(st.integers(0, 4)), now)
        shares = release_paced(now, 500, limited)
        assert instants(shares) == earliest_possible(sent, now, limited, len(shares))
        assert len(shares) == min(in_time(sent, now, limited), waiting_before(shares))
        for share in shares:  # all are sent at their instants before the next tick
            try_it(share.id, share.at)
            sent.append(share.at)
        now = max(now, shares[-1].at if shares else now)

    assert most_in_any(DAY, sent) <= limit
    assert all(later - one >= limited.spacing for one, later in itertools.pairwise(sent))


def earliest_possible(sent, now, limited, number):
    """Return the next instants by the definition, one at a time."""
    found = list(sent)
    for _ in range(number):
        by_rate = found[-1] + limited.spacing if found else now
        by_day = found[-limited.limit_per_day] + DAY if len(found) >= limited.limit_per_day else now
        found.append(max(now, by_rate, by_day))
    return found[len(sent) :]


def in_time(sent, now, limited):
    return sum(at <= now + AHEAD for at in earliest_possible(sent, now, limited, 100))


def waiting_before(shares):
    unreleased = (Delivery.state == DeliveryState.PLANNED) & Delivery.released_at.is_null()
    return Delivery.select().where(unreleased).count() + len(shares)
