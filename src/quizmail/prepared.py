"""Peewee queries that are compiled once and run many times, and conditions with many values.

Peewee makes a query's text anew each time it is run; for the handful of queries that every mail needs, that
would be most of the work. A prepared query is written with ``Parameter``s where its values go.
"""

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any

from peewee import ColumnBase, Context, Node

from quizmail import models
from quizmail.fields import encode_instant


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

    def changed(self, **values: Any) -> int:
        """Run a statement and return how many rows it changed."""
        return self._run(values).rowcount

    def _run(self, values: dict[str, Any]) -> Any:
        database = models.database.obj
        kind = type(database)
        if kind not in self._compiled:
            self._compiled[kind] = database.get_sql_context().sql(self._build()).query()
        text, template = self._compiled[kind]
        chosen = [_plain(values[each.name]) if type(each) is Parameter else each for each in template]
        return database.execute_sql(text, chosen)


def _plain(value: Any) -> Any:
    return encode_instant(value) if isinstance(value, datetime) else value
