"""The places of results among all results in a quiz, by standard competition rank: 1, 2, 2, 4."""

from array import array
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable
from itertools import accumulate


class Places:
    """Knows how often each score was reached in each quiz.

    Scores may be as many as there are results: sixteen bytes are kept of each.
    """

    def __init__(self, reached: Iterable[tuple[str, float, int]]) -> None:
        """Take rows of (quiz, score, how often), each score of a quiz once."""
        found: dict[str, tuple[array[float], array[int]]] = defaultdict(lambda: (array("d"), array("q")))
        for quiz, score, count in reached:
            scores, counts = found[quiz]
            # From the best to the worst, that is upwards: ``bisect`` needs it so.
            scores.append(-score)
            counts.append(count)
        self._better = {quiz: _sorted(*each) for quiz, each in found.items()}

    def of(self, quiz: str, score: float) -> tuple[int, int]:
        """Return the rank of a `score` that was reached in `quiz`, and how many results are ranked."""
        scores, better = self._better[quiz]
        return better[bisect_left(scores, -score)] + 1, better[-1]


def _sorted(scores: "array[float]", counts: "array[int]") -> "tuple[array[float], array[int]]":
    """Return the scores in order, and how many results are better than each; than none of them, all."""
    order = sorted(range(len(scores)), key=scores.__getitem__)
    better = accumulate((counts[each] for each in order), initial=0)
    return array("d", (scores[each] for each in order)), array("q", better)
