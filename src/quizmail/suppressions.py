"""The suppression list as an operator handles it: looked at, added to, taken from, copied."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum

from quizmail import recipients
from quizmail.database import transaction
from quizmail.errors import QuizmailError
from quizmail.mailer.values import printable_line
from quizmail.models import Suppression
from quizmail.platform import addresses

COLUMNS = ("address", "reason", "code", "evidence", "since")

_HASH = re.compile(r"sha256:[0-9a-f]{64}")
_BY_HAND = "by hand"


class Taken(StrEnum):
    """What became of a line that was imported."""

    ADDED = "added"
    KNOWN = "already listed"
    WRONG = "not understood"


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the list; ``address`` is in lower case, or the hash of a forgotten one."""

    address: str
    reason: str
    code: str | None
    evidence: str | None
    since: datetime


def entries() -> Iterator[Entry]:
    """Yield the whole list, oldest first."""
    fields = [getattr(Suppression, name) for name in COLUMNS]
    rows = Suppression.select(*fields).order_by(Suppression.since, Suppression.address)
    return (Entry(*row) for row in rows.tuples().iterator())


def masked(entry: Entry) -> Entry:
    """Return the entry so that only the addresses' owners would know them; the first digits of a hash."""
    hashed = _HASH.fullmatch(entry.address)
    address = f"{entry.address[:15]}…" if hashed else addresses.masked(entry.address)
    return replace(entry, address=address, evidence=entry.evidence and addresses.all_masked(entry.evidence))


def add(text: str, reason: str, now: datetime) -> bool:
    """Suppress an address, or the hash of one; False when it was suppressed before.

    Raises:
        QuizmailError: it is neither.
    """
    address = _address(text)
    if address is None:
        raise QuizmailError(f"{text!r} is no address that could be mailed, and no sha256: hash")
    return _insert(Entry(address, printable_line(reason) or _BY_HAND, None, None, now))


def remove(text: str) -> bool:
    """Allow an address to be mailed again, in whichever form it is listed; False when it is not."""
    address = _address(text) or text.strip().lower()
    forms = [address, recipients.hashed(address)]
    return bool(Suppression.delete().where(Suppression.address.in_(forms)).execute())


def take_in(lines: Iterable[Mapping[str, str]], now: datetime) -> tuple[Counter[str], list[int]]:
    """Add lines with the columns of ``COLUMNS``, of which only the address is required; all or none.

    Returns:
        How many came to what, and the numbers, from 1, of those that were not understood.
    """
    counts: Counter[str] = Counter()
    wrong: list[int] = []
    with transaction():
        for number, line in enumerate(lines, 1):
            entry = _entry(line, now)
            if entry is None:
                wrong.append(number)
                counts[Taken.WRONG] += 1
            else:
                counts[Taken.ADDED if _insert(entry) else Taken.KNOWN] += 1
    return counts, wrong


def _entry(line: Mapping[str, str], now: datetime) -> Entry | None:
    address = _address(line.get("address") or "")
    try:
        since = datetime.fromisoformat(line.get("since") or now.isoformat())
        since = (since if since.tzinfo else since.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    if address is None:
        return None
    reason, code, evidence = (printable_line(line.get(name) or "") for name in ("reason", "code", "evidence"))
    return Entry(address, reason or "imported", code or None, evidence or None, min(since, now))


def _address(text: str) -> str | None:
    lower = text.strip().lower()
    if _HASH.fullmatch(lower):
        return lower
    address = addresses.normalised(lower)
    return address and address.lower()


def _insert(entry: Entry) -> bool:
    if Suppression.select().where(Suppression.address == recipients.hashed(entry.address)).exists():
        return False
    row = {name: getattr(entry, name) for name in COLUMNS}
    return bool(Suppression.insert(row).on_conflict_ignore().as_rowcount().execute())
