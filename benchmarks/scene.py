"""A platform full of people, our own database, and an engine wired to both, in a temporary folder."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from benchmarks import machine
from benchmarks.people import People
from quizmail import database, models, settings, slots, wiring
from quizmail.dispatch import Bell
from quizmail.slots import Slot
from quizmail.states import Kind
from quizmail.wiring import Engine

#: Everybody lives here, so that one slot is everybody's.
ZONE = "UTC"


@dataclass(frozen=True)
class Scene:
    """An engine, the latest slot of each kind, and the environment that gives a process the same engine."""

    engine: Engine
    slots: Mapping[Kind, Slot]
    environment: Mapping[str, str]
    durability: str


@contextmanager
def scene(
    folder: Path,
    users: int,
    due_every: int,
    variables: Mapping[str, str] | None = None,
    bell: Bell | None = None,
    create: Callable[[str], str] | None = None,
) -> Iterator[Scene]:
    """Set the scene for the length of the block.

    Args:
        variables: settings that differ from the usual ones.
        create: makes an empty PostgreSQL database of that name and returns its URL; without it both
            databases are SQLite files in `folder`.
    """
    now = wiring.utc_now()
    urls = _urls(folder, create)
    environment = _environment(urls, variables or {})
    chosen = settings.load(environment)
    calendar = wiring.calendar_of(chosen)
    latest = {kind: slots.latest(kind, now, [ZONE], calendar)[-1] for kind in Kind}
    people = People(users, due_every, latest[Kind.REMINDER].at, latest[Kind.REPORT].period)
    _write(people, urls["QUIZ_DATABASE_URL"])
    engine = _engine(environment, now, bell)
    try:
        yield Scene(engine, latest, environment, machine.durability(models.database.obj))
    finally:
        models.database.obj.close()
        engine.platform.close_all()


def _urls(folder: Path, create: Callable[[str], str] | None) -> dict[str, str]:
    names = {"QUIZ_DATABASE_URL": "platform", "DATABASE_URL": "ours"}
    if create:
        return {variable: create(name) for variable, name in names.items()}
    return {variable: f"sqlite:///{folder / name}.db" for variable, name in names.items()}


def _write(people: People, url: str) -> None:
    if url.startswith("sqlite"):
        people.write_sqlite(url.removeprefix("sqlite:///"))
    else:
        people.write_postgresql(url)


def _engine(environment: Mapping[str, str], now: datetime, bell: Bell | None) -> Engine:
    chosen = settings.load(environment)
    wiring.open_database(chosen)
    database.migrate(now)
    return wiring.build(chosen, bell=bell)


def _environment(urls: Mapping[str, str], variables: Mapping[str, str]) -> dict[str, str]:
    """Return a complete environment, whatever this process's own says."""
    return {
        **dict.fromkeys(settings.names(), ""),
        "MAIL_SERVER": "127.0.0.1",
        "MAIL_USE_TLS": "false",
        "BASE_URL": "https://mail.example.com",
        "SITE_URL": "https://quiz.example.com",
        "SECRET_KEY": "only-for-measurements",
        "POSTAL_ADDRESS": "QuizMaster Ltd, 1 Example Street, Exampleton",
        **urls,
        **variables,
    }
