"""Who lives in a world, and what the plan says is due to each of them, reckoned without the engine."""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from tests.support.platforms import NativePlatform

#: The evening on which a reminder and a report are due to everybody in these zones at once.
EVENING = datetime(2026, 12, 1, 18, 0, 5, tzinfo=UTC)
PERIODS = {"reminder": "2026-12-01", "report": "2026-11"}
ZONES = ("UTC", "Europe/London", "Europe/Berlin")  # two slots: 17:00 and 18:00

_LONG_AGO = EVENING - timedelta(days=300)
_LATELY = datetime(2026, 12, 1, 16, 30, tzinfo=UTC)

#: What is due to each sort of user: "mail", "skip" (a row with a reason) or None (counted only).
DUE: Mapping[str, Mapping[str, str | None]] = {
    "quiet": {"reminder": "mail", "report": "mail"},
    "recent": {"reminder": None, "report": "mail"},
    "no_activity": {"reminder": "mail", "report": None},
    "opted_out": {"reminder": "skip", "report": "skip"},
    "bad_address": {"reminder": "skip", "report": "skip"},
    "staff": {"reminder": None, "report": None},
    "disabled": {"reminder": None, "report": None},
    "too_new": {"reminder": None, "report": None},
}

_COLUMNS = {
    "recent": {"last_seen_at": _LATELY},
    "no_activity": {"last_seen_at": EVENING - timedelta(days=10)},
    "opted_out": {"opt_out": True},
    "bad_address": {"email": "nobody"},
    "staff": {"is_staff": True},
    "disabled": {"active": False},
    "too_new": {"created_at": _LATELY},
}


@dataclass(frozen=True)
class Person:
    """One user of the platform."""

    id: str
    sort: str
    zone: str

    def due(self, kind: str) -> str | None:
        return DUE[self.sort][kind]


def settle(site: NativePlatform, number: int, chance: random.Random) -> Sequence[Person]:
    """Fill the platform with `number` users, most of them quiet, and two quizzes."""
    quizzes = [site.quiz(f"Quiz {name}", created_at=_LONG_AGO) for name in ("one", "two")]
    people = []
    for place in range(number):
        sorts = list(DUE)
        sort = sorts[place] if place < len(sorts) else chance.choice(["quiet"] * 8 + sorts)
        user_id = 100 + place
        columns = {"email": f"user{user_id}@example.com", "created_at": _LONG_AGO, "name": f"User {user_id}"}
        zone = chance.choice(ZONES)
        site.user(**{**columns, **_COLUMNS.get(sort, {}), "id": user_id, "timezone": zone})
        if sort not in {"no_activity", "too_new"}:
            site.attempt(user_id, chance.choice(quizzes), EVENING - timedelta(days=20))
        people.append(Person(str(user_id), sort, zone))
    return people
