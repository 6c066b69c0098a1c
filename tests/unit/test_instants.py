"""Instants as platforms keep them, read as UTC."""

from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from quizmail.platform import instants
from quizmail.platform.instants import FAR_FUTURE, InstantColumn
from tests.support.instants import NO_INSTANTS, ZONES, bounds, epochs, exists_in, naive, texts

IN_UTC, IN_KOLKATA = InstantColumn(ZoneInfo("UTC")), InstantColumn(ZoneInfo("Asia/Kolkata"))
IN_BERLIN = InstantColumn(ZoneInfo("Europe/Berlin"))

LAST = datetime(9999, 12, 31, 23, 59, 59, 999999)
HALF_PAST_SIX = datetime(2025, 8, 1, 18, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    "raw",
    [
        "2025-08-01 18:30",
        "2025-08-01T18:30",
        "2025-08-01 18:30:00",
        "2025-08-01T18:30:00",
        "2025-08-01 18:30:00.000000",
        "2025-08-01T18:30:00.000",
        "2025-08-01T18:30:00Z",
        "2025-08-01 18:30+00",
        "2025-08-02T00:00:00+05:30",
        "2025-08-01T14:30:00.0-0400",
        datetime(2025, 8, 1, 18, 30),
        datetime(2025, 8, 1, 20, 30, tzinfo=timezone(timedelta(hours=2))),
        1754073000,
        1754073000.0,
        Decimal("1754073000"),
    ],
)
def test_every_format_gives_the_same_instant(raw):
    assert IN_UTC.read(raw) == HALF_PAST_SIX
    assert IN_UTC.read(raw).utcoffset() == timedelta(0)
    assert not IN_UTC.is_unreadable(raw)


@pytest.mark.parametrize("raw", ["2025-08-02 00:00:00", "2025-08-02", date(2025, 8, 2), datetime(2025, 8, 2)])
def test_a_naive_instant_is_in_the_zone_of_its_column(raw):
    assert IN_KOLKATA.read(raw) == HALF_PAST_SIX


def test_an_explicit_offset_beats_the_declaration():
    assert IN_KOLKATA.read("2025-08-01T18:30:00Z") == HALF_PAST_SIX


def test_an_ambiguous_local_time_is_the_first_of_the_two():
    assert IN_BERLIN.read("2026-10-25 02:30") == datetime(2026, 10, 25, 0, 30, tzinfo=UTC)


def test_a_date_ends_at_the_midnight_after_it():
    for raw in ("2026-03-29", date(2026, 3, 29)):
        assert IN_BERLIN.read(raw) == datetime(2026, 3, 28, 23, tzinfo=UTC)
        assert IN_BERLIN.read_end(raw) == datetime(2026, 3, 29, 22, tzinfo=UTC)


def test_a_time_of_day_ends_when_it_says():
    assert IN_UTC.read_end("2025-08-01 18:30") == HALF_PAST_SIX
    assert IN_UTC.read_end("2025-08-01 00:00") == datetime(2025, 8, 1, tzinfo=UTC)


@pytest.mark.parametrize("raw", [None, "", "  ", 0, 0.0, "0000-00-00 00:00:00"])
def test_nothing_and_zero_mean_never(raw):
    assert IN_UTC.read(raw) is None
    assert not IN_UTC.is_unreadable(raw)


@pytest.mark.parametrize("raw", [*NO_INSTANTS[2:4], *NO_INSTANTS[5:], b"2025", True, float("nan"), 1e300, -5])
def test_what_is_no_instant_is_never_and_can_be_counted(raw):
    assert IN_UTC.read(raw) is None and IN_BERLIN.read(raw) is None
    assert IN_UTC.is_unreadable(raw)


@pytest.mark.parametrize("raw", ["0001-01-01 00:00", "9999-12-31 23:59", "9999-12-31", date.max, LAST])
def test_the_ends_of_the_calendar_break_nothing(raw):
    for column in (IN_UTC, IN_KOLKATA, InstantColumn(ZoneInfo("America/New_York"))):
        column.read(raw)
        column.read_end(raw)
    assert IN_KOLKATA.read(LAST) == FAR_FUTURE


@given(st.one_of(st.text(max_size=30), texts))
def test_no_text_is_an_error(raw):
    assert IN_BERLIN.read(raw) is None or IN_BERLIN.read(raw).utcoffset() == timedelta(0)


@given(texts, st.sampled_from(ZONES))
def test_the_quick_way_reads_what_the_careful_way_reads(raw, zone):
    column = InstantColumn(zone)
    assert column.read(raw) == column._read(raw, column._midnight)


@given(naive, bounds, st.sampled_from(ZONES))
def test_a_bound_parts_local_times_as_the_instants_are_parted(local, at, zone):
    assume(exists_in(zone)(local))
    column = InstantColumn(zone)

    assert (local < column.local_bound(at)) == (column.read(local) < at)


@given(st.one_of(texts, epochs), bounds, st.sampled_from(ZONES))
def test_dates_narrow_without_dropping(raw, at, zone):
    instant = InstantColumn(zone).read(raw)
    assume(instant is not None and isinstance(raw, str))

    assert raw < instants.latest_date(at) or instant >= at
    assert raw >= instants.earliest_date(at) or instant < at
