"""ISO weeks in one zone, whatever the clocks do."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quizmail.weeks import week_starts

ZONES = ["UTC", "Europe/Berlin", "Asia/Kolkata", "America/Santiago", "Pacific/Kiritimati", "Africa/Cairo"]

instants = st.datetimes(datetime(1990, 1, 1), datetime(2037, 1, 1), timezones=st.just(UTC))


@pytest.mark.parametrize(
    ("at", "zone", "starts"),
    [
        (datetime(2026, 11, 23), "UTC", [datetime(2026, 11, 23), datetime(2026, 11, 16)]),
        (datetime(2026, 11, 22, 23), "Europe/Berlin", [datetime(2026, 11, 22, 23)]),
        (datetime(2026, 11, 22, 22, 59), "Europe/Berlin", [datetime(2026, 11, 15, 23)]),
        (datetime(2027, 1, 2), "UTC", [datetime(2026, 12, 28), datetime(2026, 12, 21)]),
        # The clocks go back on the Sunday between, and that week has an hour more.
        (datetime(2026, 10, 27), "Europe/Berlin", [datetime(2026, 10, 25, 23), datetime(2026, 10, 18, 22)]),
    ],
)
def test_weeks_begin_on_monday_in_their_zone(at, zone, starts):
    found = week_starts(at.replace(tzinfo=UTC), ZoneInfo(zone), len(starts) - 1)

    assert found == [start.replace(tzinfo=UTC) for start in starts]


@given(instants, st.sampled_from(ZONES))
def test_every_instant_is_in_its_own_iso_week(at, name):
    zone = ZoneInfo(name)
    starts = week_starts(at, zone, 60)

    assert starts[0] <= at < starts[0] + timedelta(days=7, hours=2)
    assert starts[0].astimezone(zone).isocalendar()[:2] == at.astimezone(zone).isocalendar()[:2]
    for start, earlier in pairwise(starts):
        last = start - timedelta(microseconds=1)
        assert last.astimezone(zone).isocalendar()[:2] == earlier.astimezone(zone).isocalendar()[:2]
        assert last.astimezone(zone).isocalendar()[:2] != start.astimezone(zone).isocalendar()[:2]
