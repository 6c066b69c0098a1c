"""Opening a platform's database so that nothing can be written to it.

SQLite: ``mode=ro`` and ``PRAGMA query_only``. PostgreSQL: every transaction is ``READ ONLY``, which needs no
state on the session and so also holds behind a pooler that shares sessions.
"""

from urllib.parse import parse_qs, quote, unquote, urlsplit

from peewee import Database, SqliteDatabase

from quizmail.errors import PlatformUnavailable

#: How long a SELECT waits for a lock on an SQLite file, in seconds.
BUSY_TIMEOUT = 2


def connect(url: str) -> Database:
    """Return the read-only database of a ``sqlite:///`` or ``postgresql://`` `url`; nothing is opened yet.

    Raises:
        PlatformUnavailable: the URL names no database.
    """
    if urlsplit(url).scheme == "sqlite":
        return _sqlite(url)
    # Not above: who works on SQLite needs neither the driver nor the pool.
    from quizmail.platform import postgresql

    return postgresql.connect(url)


def _sqlite(url: str) -> SqliteDatabase:
    parts = urlsplit(url)
    path = unquote(parts.path.removeprefix("/"))
    if not path or path == ":memory:" or parts.netloc:
        raise PlatformUnavailable("QUIZ_DATABASE_URL names no file; it should be like sqlite:///quiz.db")
    # A file on a read-only disk can be read in WAL mode only when it is declared immutable.
    immutable = "&immutable=1" if parse_qs(parts.query).get("immutable") == ["1"] else ""
    return SqliteDatabase(
        f"file:{quote(path)}?mode=ro{immutable}",
        # In KiB: every thread has a connection, and one look at a user has few pages in common with the next.
        pragmas=[("query_only", 1), ("cache_size", -128)],
        timeout=BUSY_TIMEOUT,
        uri=True,
    )
