"""Peewee without psycopg, until somebody opens a database on PostgreSQL.

Peewee loads every driver that is installed. psycopg and the libraries below it take ten megabytes of each
process, for nothing where all databases are SQLite files.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any


@contextmanager
def _absent(module: str) -> Iterator[None]:
    """Let what is imported in the block find that `module` is not installed, unless it is loaded already."""
    if module in sys.modules:
        yield
        return
    sys.modules[module] = None  # type: ignore[assignment]
    try:
        yield
    finally:
        del sys.modules[module]


with _absent("psycopg"):
    import peewee

_init = peewee.PostgresqlDatabase.init


def _init_with_psycopg(database: Any, *arguments: Any, **options: Any) -> None:
    """Set a database on PostgreSQL up, ours or that of an application which has imported us."""
    if peewee.psycopg is None:
        with suppress(ImportError):  # Peewee says itself what is missing.
            _load_psycopg()
    _init(database, *arguments, **options)


def _load_psycopg() -> None:
    """Load psycopg and tell Peewee of it, as if it had been there when Peewee was imported."""
    import psycopg
    from psycopg.pq import TransactionStatus
    from psycopg.types.json import Json, Jsonb

    peewee.TransactionStatus = TransactionStatus
    peewee.Json_pg3, peewee.Jsonb_pg3 = Json, Jsonb
    peewee.Psycopg3Adapter.txn_idle = TransactionStatus.IDLE
    peewee.Psycopg3Adapter.txn_inerror = TransactionStatus.INERROR
    peewee.Psycopg3Adapter.txn_unknown = TransactionStatus.UNKNOWN
    peewee.psycopg = psycopg


if peewee.psycopg is None:
    peewee.PostgresqlDatabase.init = _init_with_psycopg
