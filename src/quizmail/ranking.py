"""The places of users in a month by their averages, which are known when the last of them is summed up."""

import marshal
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator
from itertools import islice
from tempfile import SpooledTemporaryFile
from typing import Any

from quizmail.fields import Document
from quizmail.platform.summaries import MonthOfUser

#: How many bytes of figures wait in memory; more go to a temporary file that has no name.
_IN_MEMORY = 8_000_000

#: How many users wait as one piece.
_PIECE = 500


def ranked(months: Iterable[MonthOfUser]) -> Iterator[tuple[Any, ...]]:
    """Yield the values of each of the `months`, then the user's rank, of how many, and how many are below.

    The last three are None for who has no average. All of the months are read before the first is yielded:
    to write figures first and their ranks later would be to write everything twice.
    """
    averages, lengths, remaining = array("d"), [], iter(months)
    with SpooledTemporaryFile(max_size=_IN_MEMORY) as waiting:
        while piece := list(islice(remaining, _PIECE)):
            averages.extend(month.average for month in piece if month.average is not None)
            lengths.append(waiting.write(marshal.dumps([tuple(month) for month in piece])))
        averages = array("d", sorted(averages))
        waiting.seek(0)
        for length in lengths:
            for month in marshal.loads(waiting.read(length)):  # noqa: S302  # nobody else can write to the file
                yield _with_places(averages, *month)


def _with_places(
    averages: "array[float]",
    user_id: str,
    taken: int,
    average: float | None,
    best: float | None,
    quizzes: str,
    categories: str,
) -> tuple[Any, ...]:
    month = (user_id, taken, average, best, Document(quizzes), Document(categories))
    if average is None:
        return (*month, None, None, None)
    of, below = len(averages), bisect_left(averages, average)
    return (*month, of - bisect_right(averages, average, below) + 1, of, below)
