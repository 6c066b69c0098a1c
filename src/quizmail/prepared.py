"""Peewee queries that are compiled once and run many times, and conditions with many values.

Peewee makes a query's text anew each time it is run; for the handful of queries that every mail needs, that
would be most of the work. A prepared query is written with ``Parameter``s where its values go.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from enum import Enum
from types import NoneType
from typing import Any

from peewee import ColumnBase, Context, Node

from quizmail import models
from quizmail.fields import encode_instant

_PLAIN = {str, int, NoneType}


class Parameter(Node):
    """A value of a prepared query, given by name when it is run."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __sql__(self, ctx: Context) -> Context:
        ctx._values.append(self)
        return ctx.literal(ctx.state.param or "?")


class Among(ColumnBase):
    """The condition that a field has one of many plain values; Peewee would make a node of each."""

    def __init__(self, field: Any, values: Iterable[Any]) -> None:
        self.field, self.values = field, list(values)

    def __sql__(self, ctx: Context) -> Context:
        ctx.sql(self.field)
        ctx._values.extend(self.values)
        marks = ", ".join([ctx.state.param or "?"] * len(self.values))
        return ctx.literal(f" IN ({marks or 'NULL'})")


class Prepared:
    """A query of our own database, built and compiled when it is first run on each kind of database."""

    def __init__(self, build: Callable[[], Any]) -> None:
        self._build = build
        self._compiled: dict[type, tuple[str, list[Any]]] = {}

    def rows(self, **values: Any) -> list[tuple[Any, ...]]:
        """Run a SELECT, or a statement that RETURNs, and return the rows as the driver gives them."""
        return self._run(values).fetchall()

    def changed(self, rows: Sequence[Mapping[str, Any]]) -> int:
        """Run a statement once for each of `rows`, and return how many rows of the table it changed in all.

        A row may have more values than the statement has parameters. Only on SQLite there may be several.
        """
        if len(rows) == 1:
            return self._run(rows[0]).rowcount
        if not rows:
            return 0
        text, template = self._statement()
        return models.database.obj.execute_many(text, [_filled(template, row) for row in rows])

    def _run(self, values: Mapping[str, Any]) -> Any:
        text, template = self._statement()
        return models.database.obj.execute_sql(text, _filled(template, values))

    def _statement(self) -> tuple[str, list[Any]]:
        database = models.database.obj
        kind = type(database)
        if kind not in self._compiled:
            text, template = database.get_sql_context().sql(self._build()).query()
            # The driver takes a while to find out that a member of an enumeration is a text.
            self._compiled[kind] = text, [each.value if isinstance(each, Enum) else each for each in template]
        return self._compiled[kind]


def _filled(template: Sequence[Any], values: Mapping[str, Any]) -> list[Any]:
    chosen = [values[each.name] if type(each) is Parameter else each for each in template]
    return [_plain(each) if type(each) not in _PLAIN else each for each in chosen]


def _plain(value: Any) -> Any:
    if isinstance(value, Enum):
        return value.value
    return encode_instant(value) if isinstance(value, datetime) else value
