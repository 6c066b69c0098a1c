"""What ``check`` reports: whether the platform's data is what the contract means, and who would be mailed."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from peewee import SQL, Case, Cast, Select, fn

from quizmail.audience import Audience, Member
from quizmail.platform import Platform, Quiz, Rows, addresses, quizzes
from quizmail.platform.expressions import percent
from quizmail.rules import DUE, Person, decide
from quizmail.states import Kind

#: How many of those who would be mailed are shown.
SHOWN = 10

#: Clocks differ a little; what is further ahead of now than this lies in the future.
_SLACK = timedelta(minutes=5)

#: Instants that are meant to be in the future.
_MAY_LIE_AHEAD = frozenset({"quizzes.opens_at", "quizzes.closes_at"})

#: Is told how many users have been read.
Progress = Callable[[int], object]


@dataclass
class Inspection:
    """What was found at the instant `at`. Counts by word; ``newest`` by ``row set.column``, None for never.

    ``would_be_mailed``: the addresses, masked, of the first users who would get a reminder now.
    """

    at: datetime
    users: Counter[str] = field(default_factory=Counter)
    not_mailable: Counter[str] = field(default_factory=Counter)
    quizzes: Counter[str] = field(default_factory=Counter)
    attempts: Counter[str] = field(default_factory=Counter)
    newest: dict[str, datetime | None] = field(default_factory=dict)
    reminders: Counter[str] = field(default_factory=Counter)
    would_be_mailed: list[str] = field(default_factory=list)

    def as_dict(self) -> dict[str, Any]:
        """Return everything as plain JSON types; instants as ISO 8601 text."""
        return {
            "at": self.at.isoformat(),
            "users": dict(self.users),
            "not_mailable": dict(self.not_mailable),
            "quizzes": dict(self.quizzes),
            "attempts": dict(self.attempts),
            "newest": {name: at and at.isoformat() for name, at in self.newest.items()},
            "reminders": dict(self.reminders),
            "would_be_mailed": self.would_be_mailed,
        }

    def lines(self) -> list[str]:
        """Return what a person wants to read, line by line."""
        return [
            _counts("users", self.users),
            _counts("not mailable", self.not_mailable),
            _counts("quizzes", self.quizzes),
            _counts("attempts", self.attempts),
            *(self._newest_line(name, at) for name, at in self.newest.items()),
            _counts("a reminder now", self.reminders),
            *(f"  would go to {address}" for address in self.would_be_mailed),
        ]

    def _newest_line(self, name: str, newest: datetime | None) -> str:
        if newest is None:
            return f"newest {name}: none"
        hours = (newest - self.at).total_seconds() / 3600
        where = f"{abs(hours):.1f} hours {'after' if hours > 0 else 'before'} now"
        late = newest - self.at > _SLACK and name not in _MAY_LIE_AHEAD
        doubt = "; is the zone of this column right?" if late else ""
        return f"newest {name}: {newest.isoformat(' ', 'seconds')}, {where}{doubt}"


def no_progress(users: int) -> None:
    """Show nothing."""


def inspect(
    platform: Platform, inactive_after: timedelta, now: datetime, progress: Progress = no_progress
) -> Inspection:
    """Read everything that the source file gives and say what is odd about it, as of `now`.

    Our own preferences and the suppression list are not asked.

    Args:
        progress: called after each page of users.

    Raises:
        SourceError, PlatformUnavailable: the platform cannot be read.
    """
    found, rows = Inspection(now), platform.rows(now)
    known = quizzes.all_quizzes(platform, rows)
    _inspect_quizzes(found, known)
    found.quizzes["duplicate_id"] = _count(platform, rows.quizzes) - len(known)
    _inspect_users(found, platform, rows, inactive_after, progress)
    _inspect_attempts(found, platform, rows)
    if rows.access is not None:
        found.quizzes["access_rows"] = _count(platform, rows.access)
    for counts in (found.users, found.quizzes, found.attempts):
        counts.setdefault("all", 0)
        for word in [word for word, count in counts.items() if not count and word != "all"]:
            del counts[word]
    return found


def _inspect_quizzes(found: Inspection, known: Sequence[Quiz]) -> None:
    for quiz in known:
        found.quizzes["all"] += 1
        found.quizzes["published" if quiz.published else "not_published"] += 1
        found.quizzes["open_now"] += quiz.is_open(found.at)
        found.quizzes["never_open"] += _is_never_open(quiz)
    for name in ("opens_at", "closes_at", "created_at"):
        instants = (getattr(quiz, name) for quiz in known)
        found.newest[f"quizzes.{name}"] = max(filter(None, instants), default=None)


def _is_never_open(quiz: Quiz) -> bool:
    window = quiz.opens_at is not None and quiz.closes_at is not None
    return quiz.published and window and quiz.closes_at <= quiz.opens_at  # type: ignore[operator]


def _inspect_users(
    found: Inspection, platform: Platform, rows: Rows, inactive_after: timedelta, progress: Progress
) -> None:
    seen: Counter[str] = Counter()
    newest: dict[str, datetime | None] = {"last_seen_at": None, "created_at": None}
    for member in _everybody(found, platform, progress):
        _inspect_member(found, member)
        seen[(member.address or "").lower()] += 1
        for name, latest in newest.items():
            instant = getattr(member, name)
            newest[name] = max(instant, latest) if instant and latest else instant or latest
        _judge(found, member, inactive_after)
    found.users["share_an_address"] = sum(count for address, count in seen.items() if address and count > 1)
    found.users["without_id"] = _count(platform, rows.users, rows.users.c.id.is_null())
    found.newest |= {f"users.{name}": instant for name, instant in newest.items()}


def _everybody(found: Inspection, platform: Platform, progress: Progress) -> Iterator[Member]:
    audience, cursor, read = Audience(platform), None, 0
    catalogue, zones = audience.catalogue(found.at), audience.zones(found.at)
    while True:
        page = audience.page(Kind.REMINDER, found.at, zones, cursor, catalogue)
        yield from page.members
        found.users.update(page.noted)
        read += len(page.members)
        progress(read)
        if (cursor := page.cursor) is None:
            return


def _inspect_member(found: Inspection, member: Member) -> None:
    found.users["all"] += 1
    found.users["staff"] += member.is_staff
    found.users["disabled"] += not member.active
    for kind in Kind:
        found.users[f"opted_out_of_{kind.plural}"] += kind in member.opt_out
    if member.address:
        found.users["mailable"] += 1
    else:
        found.not_mailable[addresses.why_not_mailable(member.raw_address)] += 1


def _judge(found: Inspection, member: Member, inactive_after: timedelta) -> None:
    person = Person(
        user_id=member.user_id,
        address=member.address,
        active=member.active,
        is_staff=member.is_staff,
        opted_out=Kind.REMINDER in member.opt_out,
        created_at=member.created_at,
        last_activity=member.last_activity,
        available=len(member.open_quizzes),
    )
    verdict = decide(Kind.REMINDER, person, found.at, inactive_after)
    found.reminders["due" if verdict is DUE else str(verdict)] += 1
    if verdict is DUE and len(found.would_be_mailed) < SHOWN:
        found.would_be_mailed.append(addresses.masked(member.address or ""))


def _inspect_attempts(found: Inspection, platform: Platform, rows: Rows) -> None:
    if platform.is_sqlite:
        platform.profile()
    attempts, ends = rows.attempts, platform.ends
    end, score = attempts.c.finished_at, percent(attempts)
    whose, users = platform.dialect.matching(attempts.c.user_id, rows.users.c.id)
    never = end.is_null() | Cast(end, "TEXT").in_(("", "0", "0.0"))
    conditions: Mapping[str, Any] = {
        "without_end": never,
        "unreadable_end": ~never & ~ends.readable(end),
        "in_the_future": ends.since(end, found.at + _SLACK),
        "of_no_user": attempts.c.user_id.is_null()
        | whose.not_in(Select([rows.users], [users]).where(rows.users.c.id.is_null(False))),
        "of_no_quiz": ~fn.COALESCE(platform.is_known(attempts, rows.quizzes), SQL("FALSE")),
        "ungraded": score.is_null(),
        "above_100_percent": score > 100,
        "below_0_percent": score < 0,
    }
    counts = [fn.COUNT(Case(None, [(condition, 1)])) for condition in conditions.values()]
    total, *rest = platform.fetch(Select([attempts], [fn.COUNT(SQL("*")), *counts, *ends.latest(end)]))[0]
    found.attempts["all"] = total
    found.attempts.update(dict(zip(conditions, rest, strict=False)))
    found.newest["attempts.finished_at"] = ends.read_latest(rest[len(conditions) :])


def _count(platform: Platform, row_set: Any, condition: Any = None) -> int:
    query = Select([row_set], [fn.COUNT(SQL("*"))])
    return int(platform.fetch(query if condition is None else query.where(condition))[0][0])


def _counts(title: str, counts: Mapping[str, int]) -> str:
    said = ", ".join(f"{word.replace('_', ' ')} {count}" for word, count in counts.items())
    return f"{title}: {said or 'none'}"
