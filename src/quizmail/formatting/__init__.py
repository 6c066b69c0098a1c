"""Numbers, dates and words as a reader sees them, in one place for every mail."""

from quizmail.formatting.cldr import change, clock, day, month, month_name, number, percent, zone_name
from quizmail.formatting.locales import candidates, direction, known_tag
from quizmail.formatting.text import initial, isolated, listed, one_line

__all__ = [
    "candidates",
    "change",
    "clock",
    "day",
    "direction",
    "initial",
    "isolated",
    "known_tag",
    "listed",
    "month",
    "month_name",
    "number",
    "one_line",
    "percent",
    "zone_name",
]
