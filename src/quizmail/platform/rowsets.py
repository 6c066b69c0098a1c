"""A row set as a Peewee source: the source file's SELECT, inlined as a subquery."""

from collections.abc import Collection, Sequence
from typing import Any

from peewee import SCOPE_SOURCE, SQL, ColumnBase, Context, Table, Value


class RowSet(Table):
    """``(SELECT …) AS users``, to select from like a table; nothing is created in the database.

    Args:
        name: the row set's name, also its alias.
        pieces: the SELECT, cut where the instant `now` goes in as a parameter.
        present: the columns that the SELECT gives; others read as NULL.
    """

    def __init__(self, name: str, pieces: Sequence[str], present: Collection[str], now: Any = None) -> None:
        super().__init__(name, alias=name)
        self.pieces, self.present, self.now = pieces, present, now

    def clone(self) -> "RowSet":
        """Return a copy, so that ``alias`` does not change this one."""
        copy = RowSet(self.__name__, self.pieces, self.present, self.now)
        copy._alias = self._alias
        return copy

    def column(self, name: str) -> Any:
        """Return the column to select, or NULL when the SELECT does not give it."""
        return getattr(self.c, name) if name in self.present else SQL("NULL")

    def columns(self, *names: str) -> list[Any]:
        """Return several columns to select, in this order."""
        return [self.column(name) for name in names]

    def __sql__(self, ctx: Context) -> Context:
        if ctx.scope != SCOPE_SOURCE:
            return self.apply_column(ctx)
        ctx.literal("(")
        for number, piece in enumerate(self.pieces):
            if number:
                ctx.sql(Value(self.now, converter=False))
            # PostgreSQL's driver reads a percent sign as the beginning of a parameter.
            ctx.literal(piece.replace("%", "%%") if ctx.state.param == "%s" else piece)
        # A comment may end the SELECT, and must not swallow the parenthesis.
        ctx.literal("\n)")
        return self.apply_alias(ctx)


class Fragment(ColumnBase):
    """SQL with many values: a node for each of a thousand ids would cost more than the query."""

    def __init__(self, sql: str, values: Sequence[Any]) -> None:
        self.sql, self.values = sql, values

    def __sql__(self, ctx: Context) -> Context:
        ctx._values.extend(self.values)
        return ctx.literal(self.sql)
