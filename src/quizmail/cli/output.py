"""What the commands print: progress, counts, tables, CSV and JSON."""

import csv
import json
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Self, TextIO

import click
from peewee import fn

from quizmail.models import Attempt, Delivery, Run
from quizmail.states import Return

#: What is told of a delivery; a table on a terminal shows less.
COLUMNS = (
    "id",
    "kind",
    "user_id",
    "period",
    "state",
    "reason",
    "attempts",
    "due_at",
    "sent_at",
    "reply_code",
    "reply_text",
    "returned",
    "run_id",
    "message_id",
)
SHOWN = COLUMNS[:-2]

#: A cell that begins so is a formula to a spreadsheet, or looks as if it had been taken for one.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "'")


def parse_instant(_context: Any, _parameter: Any, text: str | None) -> datetime | None:
    """Read an instant given on the command line; one without an offset is UTC."""
    if text is None:
        return None
    try:
        instant = datetime.fromisoformat(text)
    except ValueError:
        raise click.BadParameter(f"{text!r} is no instant such as 2026-11-23T18:00+01:00") from None
    return instant if instant.tzinfo else instant.replace(tzinfo=UTC)


def words(counts: Mapping[str, int]) -> str:
    """Return counts as one line; ``nobody`` when there is none."""
    return ", ".join(f"{name} {number}" for name, number in sorted(counts.items())) or "nobody"


class Ticker:
    """Shows progress: on a terminal one line that changes every second at most, elsewhere plain lines.

    These come at most once in ten seconds, lest they fill a log. The last line tells the end; after a failure
    it tells how far things came, if anything was done.

    Args:
        stream: where it is shown; standard output when none is given.
        clock: seconds that only go forward.
    """

    def __init__(
        self, title: str, stream: TextIO | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._title = title
        self._stream = stream or sys.stdout
        self._clock = clock
        self._on_terminal = self._stream.isatty()
        self._pause = 1 if self._on_terminal else 10
        # Elsewhere than on a terminal, what is over before the first pause is told by the last line alone.
        self._next_at = clock() if self._on_terminal else clock() + self._pause
        self._said = self._shown = ""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, failure: object, *_: object) -> None:
        if failure is None or self._said:
            self._end()

    def show(self, run: Run, judged: int) -> None:
        """Show how many users of the run have been judged."""
        self.judged(judged)

    def judged(self, users: int) -> None:
        """Show how many users have been judged."""
        self._say(f"{users} judged")

    def read(self, users: int) -> None:
        """Show how many users have been read."""
        self._say(f"{users} read")

    def count(self, done: int) -> None:
        """Show how many are done."""
        self._say(f"{done} done")

    def conclude(self, result: str) -> None:
        """Have the last line say `result` in place of the last count."""
        self._said = result

    def _say(self, numbers: str) -> None:
        self._said, now = numbers, self._clock()
        if now >= self._next_at:
            self._next_at = now + self._pause
            self._print("" if self._on_terminal else "\n")

    def _end(self) -> None:
        self._said = self._said or "nothing"
        if self._on_terminal or self._said != self._shown:
            self._print("\n")

    def _print(self, end: str) -> None:
        line = f"{self._title}: {self._said}"
        if self._on_terminal:
            line = f"\r{line}{' ' * (len(self._shown) - len(self._said))}"  # Nothing of a longer one is left.
        self._shown = self._said
        click.echo(line + end, file=self._stream, nl=False)


def delivery_rows(*conditions: Any, limit: int | None = None) -> Iterator[Mapping[str, Any]]:
    """Yield the deliveries that meet all `conditions`, newest first, as they come from the database."""
    came_back = Attempt.select(fn.MAX(Attempt.outcome)).where(
        (Attempt.delivery == Delivery.id) & Attempt.outcome.in_(list(Return))
    )
    fields = [came_back if name == "returned" else getattr(Delivery, name) for name in COLUMNS]
    found = Delivery.select(*fields).where(*conditions) if conditions else Delivery.select(*fields)
    rows = found.order_by(Delivery.id.desc()).limit(limit).tuples().iterator()
    return (dict(zip(COLUMNS, row, strict=True)) for row in rows)


def as_json(value: Any) -> str:
    """Return `value` as indented JSON."""
    return json.dumps(value, indent=2, ensure_ascii=False, default=_plain)


def write_csv(columns: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> None:
    """Write rows as CSV to standard output; what a spreadsheet would run gets an apostrophe before it."""
    writer = csv.writer(sys.stdout)
    writer.writerow(columns)
    for row in rows:
        writer.writerow([_cell(row[name]) for name in columns])


def from_csv_cell(text: str) -> str:
    """Return what a cell of ``write_csv`` held: the apostrophe before a formula goes."""
    return text[1:] if text.startswith("'") and text[1:].startswith(_FORMULA) else text


def table(columns: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> str:
    """Return rows as aligned text under a heading."""
    lines = [list(columns), *([_shown(row[name]) for name in columns] for row in rows)]
    widths = [max(len(line[i]) for line in lines) for i in range(len(columns))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    )


def _cell(value: Any) -> str:
    text = _shown(value, nothing="")
    return f"'{text}" if text.startswith(_FORMULA) else text


def _shown(value: Any, nothing: str = "-") -> str:
    if value is None or value == "":
        return nothing
    return _plain(value) if isinstance(value, datetime) else str(value)


def _plain(value: Any) -> str:
    return value.isoformat(timespec="seconds") if isinstance(value, datetime) else str(value)
