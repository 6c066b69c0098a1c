"""What the figures were measured on."""

import os
import platform
import sqlite3
from pathlib import Path

from peewee import Database, SqliteDatabase

#: The values of SQLite's PRAGMA synchronous.
_SYNCHRONOUS = ("OFF", "NORMAL", "FULL", "EXTRA")


def machine() -> str:
    """Return the processor, the cores this process may use, the system and Python."""
    python = f"{platform.python_implementation()} {platform.python_version()}"
    return f"{cores()} cores ({_processor()}), {platform.system()} {platform.machine()}, {python}"


def load() -> str:
    """Return how busy the machine was in the last minute; figures of a busy one are low."""
    busy = os.getloadavg()[0]
    warning = ": the figures are too low, something else is running" if busy > cores() / 2 else ""
    return f"load {busy:.1f} on {cores()} cores{warning}"


def cores() -> int:
    """Return how many cores this process may use."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:
        return os.cpu_count() or 1


def durability(database: Database) -> str:
    """Return the database with the settings that decide what a commit costs."""
    if isinstance(database, SqliteDatabase):
        (journal,) = database.execute_sql("PRAGMA journal_mode").fetchone()
        (mode,) = database.execute_sql("PRAGMA synchronous").fetchone()
        return f"SQLite {sqlite3.sqlite_version}, journal_mode={journal}, synchronous={_SYNCHRONOUS[mode]}"
    (version,) = database.execute_sql("SHOW server_version").fetchone()
    (mode,) = database.execute_sql("SHOW synchronous_commit").fetchone()
    (fsync,) = database.execute_sql("SHOW fsync").fetchone()
    return f"PostgreSQL {version}, synchronous_commit={mode}, fsync={fsync}"


def _processor() -> str:
    information = Path("/proc/cpuinfo")
    if not information.exists():
        return platform.processor()
    lines = information.read_text().splitlines()
    return next(
        (line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "unknown"
    )
