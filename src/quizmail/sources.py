"""Source files: how a platform's own tables give the row sets of the contract.

A source file is TOML: ``zone`` says where naive instants were written (a zone name, or ``site``), and one
table for every row set holds its SELECT and the exceptions among its columns::

    zone = "UTC"

    [attempts]
    sql = "SELECT … FROM quiz_results"
    zones = { finished_at = "Asia/Kolkata" }

``QUIZ_SOURCE`` names a preset, or the path of such a file.
"""

import os
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from quizmail.errors import SourceError


class RowSetContract(NamedTuple):
    """The columns of a row set: required ones, optional ones, and which of them are instants."""

    required: tuple[str, ...]
    optional: tuple[str, ...] = ()
    instants: tuple[str, ...] = ()

    @property
    def columns(self) -> tuple[str, ...]:
        """Every column that is read, required ones first."""
        return self.required + self.optional


#: What a source file gives. Of ``max_score`` and ``percent`` one is required as well.
CONTRACT: Mapping[str, RowSetContract] = {
    "users": RowSetContract(
        ("id", "email"),
        (
            *("name", "active", "is_staff", "last_seen_at", "created_at", "timezone", "locale"),
            *("opt_out", "opt_out_reminders", "opt_out_reports"),
        ),
        ("last_seen_at", "created_at"),
    ),
    "quizzes": RowSetContract(
        ("id", "title"),
        (
            *("category", "url", "published", "opens_at", "closes_at", "created_at"),
            *("max_attempts", "minutes"),
        ),
        ("opens_at", "closes_at", "created_at"),
    ),
    "attempts": RowSetContract(
        ("user_id", "quiz_id", "finished_at", "score"), ("id", "max_score", "percent"), ("finished_at",)
    ),
    "access": RowSetContract(("user_id", "quiz_id")),
}

_OPTIONAL_ROW_SETS = frozenset({"access"})

#: The word for the site's own zone, wherever a source file takes a zone.
_SITE = "site"


@dataclass(frozen=True)
class Select:
    """One row set's SELECT, cut at every ``:now``, and the zones of columns that are exceptions.

    A zone of None is the site's.
    """

    name: str
    pieces: tuple[str, ...]
    zones: Mapping[str, ZoneInfo | None] = field(default_factory=dict)

    @property
    def uses_now(self) -> bool:
        """Whether the SELECT asks for the instant it is judged at."""
        return len(self.pieces) > 1


@dataclass(frozen=True)
class Source:
    """A source file, read: its name for messages, the zone of naive instants, the row sets."""

    file: str
    zone: ZoneInfo | None
    selects: Mapping[str, Select]

    def zone_of(self, row_set: str, column: str, site_zone: ZoneInfo) -> ZoneInfo:
        """Return the zone in which naive instants of a column are meant."""
        return self.selects[row_set].zones.get(column, self.zone) or site_zone

    def error(self, problem: str, row_set: str | None = None, column: str | None = None) -> SourceError:
        """Return the error for `problem`: one line that names the file, the row set and the column."""
        return _error(self.file, problem, row_set, column)


def load(source: str) -> Source:
    """Read the preset, or the file, that `source` names.

    Raises:
        SourceError: it does not exist, is no TOML, or does not say what a source file says.
    """
    name, text = _read(source)
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as problem:
        raise _error(name, f"no valid TOML: {problem}") from None
    _refuse_unknown(name, document, {"zone", *CONTRACT})
    zone = _zone(name, document.get("zone", "UTC"))
    selects = {each: _select(name, each, document[each]) for each in CONTRACT if each in document}
    for each in CONTRACT.keys() - _OPTIONAL_ROW_SETS - selects.keys():
        raise _error(name, "the row set is missing", each)
    return Source(name, zone, selects)


def presets() -> list[str]:
    """Return the names of the presets."""
    folder = files("quizmail") / "presets"
    return sorted(each.name.removesuffix(".toml") for each in folder.iterdir() if each.name.endswith(".toml"))


def _read(source: str) -> tuple[str, str]:
    if source in presets():
        preset = files("quizmail") / "presets" / f"{source}.toml"
        return preset.name, preset.read_text(encoding="utf-8")
    path = Path(source)
    if not path.is_file() and path.suffix != ".toml" and os.sep not in source:
        raise SourceError(f"{source}: no preset and no file; the presets are {', '.join(presets())}")
    try:
        return path.name, path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as problem:
        reason = getattr(problem, "strerror", None) or "it is not UTF-8 text"
        raise SourceError(f"{source}: cannot be read: {reason}") from None


def _select(file: str, name: str, table: Any) -> Select:
    if not isinstance(table, dict) or not isinstance(table.get("sql"), str) or not table["sql"].strip():
        raise _error(file, 'it needs a SELECT: sql = "SELECT …"', name)
    _refuse_unknown(file, table, {"sql", "zones"}, name)
    zones = table.get("zones", {})
    if not isinstance(zones, dict):
        raise _error(file, 'zones should be a table such as { opens_at = "Asia/Kolkata" }', name)
    for column in zones.keys() - set(CONTRACT[name].instants):
        raise _error(file, "it has a zone but is not one of the contract's instants", name, column)
    return Select(
        name,
        cut_at_now(table["sql"]),
        {column: _zone(file, zone, name, column) for column, zone in zones.items()},
    )


#: What may hold a colon without being the parameter: texts, quoted names, comments, casts.
_NOW = re.compile(
    r"""'(?:[^']|'')*' | "(?:[^"]|"")*" | (?P<tag>\$\w*\$).*?(?P=tag) | --[^\n]* | /\*.*?\*/ | ::
    | (?P<now>:now\b)""",
    re.VERBOSE | re.DOTALL,
)


def cut_at_now(sql: str) -> tuple[str, ...]:
    """Return `sql` without its closing semicolon, cut at every ``:now`` that is a parameter."""
    sql = sql.strip().rstrip(";").rstrip()
    pieces, start = [], 0
    for match in _NOW.finditer(sql):
        if match["now"]:
            pieces.append(sql[start : match.start()])
            start = match.end()
    return (*pieces, sql[start:])


def _zone(file: str, name: Any, row_set: str | None = None, column: str | None = None) -> ZoneInfo | None:
    if name == _SITE:
        return None
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, TypeError, OSError):
        raise _error(
            file, f"{name!r} is no zone; it should be like 'Asia/Kolkata'", row_set, column
        ) from None


def _refuse_unknown(file: str, table: Mapping[str, Any], known: set[str], row_set: str | None = None) -> None:
    for key in table.keys() - known:
        raise _error(file, f"unknown entry {key!r}; it may hold {', '.join(sorted(known))}", row_set)


def _error(file: str, problem: str, row_set: str | None = None, column: str | None = None) -> SourceError:
    place = file
    if row_set:
        place += f", row set {row_set}"
    if column:
        place += f", column {column}"
    return SourceError(f"{place}: {problem}")
