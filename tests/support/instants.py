"""Instants as platforms may write them, for property tests: every format, and what is no instant at all."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from hypothesis import strategies as st

#: Zones with and without daylight saving, east and west, with odd offsets.
ZONES = [
    ZoneInfo(name)
    for name in (
        "UTC",
        "Asia/Kolkata",
        "Europe/Berlin",
        "America/New_York",
        "Australia/Lord_Howe",
        "Pacific/Apia",
    )
]

#: Around both daylight-saving nights of both hemispheres, a leap day, and a year's end.
_MOMENTS = [
    datetime(2026, 3, 29, 1),
    datetime(2026, 10, 25, 1),
    datetime(2026, 11, 1, 6),
    datetime(2026, 4, 4, 15),
    datetime(2024, 2, 29, 12),
    datetime(2025, 12, 31, 23),
]

#: What is no instant, some of it sorting before and some after every date.
NO_INSTANTS = [
    *("", " ", "never", "0", "0000-00-00 00:00:00", "2026-02-30", "2026-13-01 10:00", "2026-10-25 25:00"),
    *("25.10.2026", "20261025", "2026-10-25 1:00", "2026-10-25 10:00:00,5", "2026-W43-7", "1792886400"),
    *("2026-10-25T10:00+17:00", "2026-10-25T10:00 +02:00", "2026-10-25Z"),
]

naive = st.builds(
    lambda moment, minutes, seconds: moment + timedelta(minutes=minutes, seconds=seconds),
    st.sampled_from(_MOMENTS),
    st.integers(-180, 180),
    st.sampled_from([0, 0, 0, 1, 59, 0.5, 0.123456]),
)

#: Instants to judge at, often exactly on one that is written.
bounds = naive.map(lambda moment: moment.replace(tzinfo=UTC))


def _text(moment, separator, precision, offset):
    if precision == "date":
        return moment.date().isoformat()
    return moment.isoformat(separator, precision) + offset


naive_texts = st.builds(
    _text,
    naive,
    st.sampled_from("T "),
    st.sampled_from(["date", "minutes", "seconds", "microseconds"]),
    st.just(""),
)
zoned_texts = st.builds(
    _text,
    naive,
    st.sampled_from("T "),
    st.sampled_from(["minutes", "seconds", "milliseconds", "microseconds"]),
    st.sampled_from(["Z", "+00", "+05:30", "-0400", "+14:00", "-12:00"]),
)
epochs = naive.map(lambda moment: int(moment.replace(tzinfo=UTC).timestamp()))
texts = st.one_of(naive_texts, zoned_texts, st.sampled_from(NO_INSTANTS))


def exists_in(zone):
    """Return a filter for naive local times that the clocks of `zone` show at some instant."""

    def exists(moment):
        return moment.replace(tzinfo=zone).astimezone(UTC).astimezone(zone).replace(tzinfo=None) == moment

    return exists
