"""SQL expressions that read a column as ``columns`` reads its values in Python."""

from typing import Any

from peewee import Case, Cast, Expression, Value, fn

from quizmail.platform.columns import FALSE_WORDS

#: Percents beyond this are no figures: infinity, not-a-number.
_LARGEST_PERCENT = 1e15


def is_true(column: Any) -> Expression:
    """Return the condition that a lenient boolean is true, as ``columns.flag`` reads it; NULL is false."""
    word = fn.LOWER(fn.TRIM(Cast(fn.COALESCE(Cast(column, "TEXT"), ""), "TEXT")))
    return word.not_in(FALSE_WORDS)


def percent(attempts: Any) -> Any:
    """Return the percent of an attempt: as given, else from the scores; NULL when it was not graded.

    Never clipped; what is not a finite number counts as not graded.
    """
    score, most, given = (_double(attempts.column(each)) for each in ("score", "max_score", "percent"))
    reckoned = Case(None, [(most > 0, Value(100.0) * score / most)])
    value = fn.COALESCE(given, reckoned)
    return Case(None, [(value.between(-_LARGEST_PERCENT, _LARGEST_PERCENT), value)])


def _double(column: Any) -> Any:
    return Cast(column, "DOUBLE PRECISION")
