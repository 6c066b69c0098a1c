"""Counting in windows of time."""

from bisect import bisect_left
from collections.abc import Sequence
from datetime import datetime, timedelta


def most_in_any(window: timedelta, instants: Sequence[datetime]) -> int:
    """Return the most instants that lie in any half-open window of this length."""
    ordered = sorted(instants)
    counts = (bisect_left(ordered, at + window) - n for n, at in enumerate(ordered))
    return max(counts, default=0)
