"""Our own database: whether it is there and up to date, and whether a claim survives a power cut."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from peewee import SqliteDatabase

from quizmail import database
from quizmail.doctor.findings import Area, Finding
from quizmail.errors import ConfigurationError
from quizmail.models import database as ours

AREA = Area("our database", "start it, and see DATABASE_URL")

#: File systems over a network, on which SQLite's write-ahead log does not work (sqlite.org/wal.html).
_NETWORKED = ("nfs", "cifs", "smb", "9p", "afs", "ceph", "glusterfs", "fuse.sshfs", "fuse.s3fs", "lustre")

_LITTLE = 500_000_000  # bytes


def check(mounts: Path = Path("/proc/mounts")) -> Iterator[Finding]:
    """Look at the database to which our models are bound."""
    ours.connect(reuse_if_open=True)
    try:
        database.verify()
    except ConfigurationError as error:
        for problem in error.problems:
            yield AREA.bad(problem, "run `python -m quizmail migrate`")
    else:
        yield AREA.ok("it answers, its tables are up to date, and no mail can have two rows")
    if isinstance(ours.obj, SqliteDatabase):
        yield from _sqlite(ours.obj, mounts)
    else:
        yield from _postgresql()


def _sqlite(opened: SqliteDatabase, mounts: Path) -> Iterator[Finding]:
    path = Path(opened.database).absolute()
    kind = file_system(path, mounts)
    if kind.startswith(_NETWORKED):
        yield AREA.bad(
            f"SQLite on a network file system ({kind}) is damaged sooner or later", "use PostgreSQL"
        )
    mode, level = _value("PRAGMA journal_mode"), _value("PRAGMA synchronous")
    if mode == "wal" and level == 2:
        yield AREA.ok("SQLite keeps a write-ahead log and syncs every claim to disk; one machine only")
    else:
        yield AREA.bad(f"SQLite: journal_mode={mode}, synchronous={level}", "use a local disk, or PostgreSQL")
    if not os.access(path.parent, os.W_OK):
        yield AREA.bad(f"{path.parent} cannot be written to", "let the user of our processes write there")
    free = shutil.disk_usage(path.parent).free
    if free < _LITTLE:
        yield AREA.bad(f"only {free // 1_000_000} MB are free beside the database", "make room")


def _postgresql() -> Iterator[Finding]:
    if _value("SELECT pg_is_in_recovery()"):
        yield AREA.bad("DATABASE_URL is a replica: nothing can be written", "point it to the primary")
        return
    durable = {name: _value(f"SHOW {name}") for name in ("fsync", "full_page_writes", "synchronous_commit")}
    off = [name for name, value in durable.items() if value == "off"]
    if off:
        to_do = f"turn {', '.join(off)} on in postgresql.conf: a lost claim is a second mail"
        yield AREA.bad(f"PostgreSQL forgets commits when its machine dies ({', '.join(off)} off)", to_do)
    else:
        yield AREA.ok(f"PostgreSQL {_value('SHOW server_version').split()[0]} keeps what it has committed")
    used = _value("SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'")
    most = int(_value("SHOW max_connections"))
    if used > 0.8 * most:
        yield AREA.note(f"{used} of {most} connections are taken", "raise max_connections, or use a pooler")


def file_system(path: Path, mounts: Path) -> str:
    """Return the kind of file system that `path` is on, such as ``ext4``; empty when nobody says."""
    if not mounts.exists():
        return ""
    kinds = {}
    for line in mounts.read_text().splitlines():
        _, where, kind, *_rest = line.split()
        kinds[Path(where.replace("\\040", " "))] = kind
    return next((kinds[parent] for parent in path.parents if parent in kinds), "")


def _value(sql: str) -> Any:
    return ours.execute_sql(sql).fetchone()[0]
