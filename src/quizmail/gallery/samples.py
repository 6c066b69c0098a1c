"""Every mail in every state and language: what there is to look at."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple

from quizmail.gallery import reminders, reports
from quizmail.states import Kind

#: English, German, and the pseudo-locale that is written from right to left.
LOCALES = ("en", "de", "ar-XB")

_STATES = {Kind.REMINDER: reminders.STATES, Kind.REPORT: reports.STATES}
#: A Monday, 18:00 in Berlin; the first of a month, 09:00 there.
_OCCASIONS = {
    Kind.REMINDER: ("2026-11-23", datetime(2026, 11, 23, 17, tzinfo=UTC)),
    Kind.REPORT: ("2026-10", datetime(2026, 11, 1, 8, tzinfo=UTC)),
}


class Sample(NamedTuple):
    """One mail to look at: its period, the instant at which it is completed (UTC) and its facts."""

    kind: Kind
    state: str
    locale: str
    period: str
    at: datetime
    facts: Mapping[str, Any]

    @property
    def name(self) -> str:
        """What its files are called: ``reminder-never-active-de``."""
        return f"{self.kind}-{self.state}-{self.locale}"


def samples() -> Iterator[Sample]:
    """Yield every kind of mail in every state in every locale."""
    for kind, states in _STATES.items():
        period, at = _OCCASIONS[kind]
        for state, facts in states.items():
            for locale in LOCALES:
                yield Sample(kind, state, locale, period, at, {**facts, "locale": locale})
