"""Our database is restarted while mails are on their way, was set up carelessly, or was not migrated."""

import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace

import psycopg
import pytest
from click.testing import CliRunner
from peewee import InterfaceError, OperationalError

from quizmail import database, models, wiring
from quizmail.cli import main
from quizmail.models import Delivery, Recipient
from quizmail.outbox.work import load
from quizmail.settings import load as settings_of
from quizmail.states import DeliveryState, Failure, Kind
from quizmail.web.app import create_app
from tests.support.configuration import environment
from tests.support.delivering import Desk
from tests.support.smtp_server import SmtpServer


def restart(url):
    """End every connection to the database, as a restart of the server does."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )


class RestartingTransport:
    """A mailer during whose wait for the answer to the body PostgreSQL is restarted."""

    def __init__(self, mailer, url):
        self.open, self.has_word, self.abandon = mailer.open, mailer.has_word, mailer.abandon
        self._mailer, self._url = mailer, url

    def body(self, message, ahead=None):
        answer = self._mailer.body(message, ahead)
        restart(self._url)
        return answer


@pytest.fixture
def desk(postgresql_database, now):
    with SmtpServer() as server:
        at = Desk(server, now)
        yield at
        at.mailer.close()


def test_the_outcome_of_a_mail_survives_a_restart_of_the_database(desk, postgresql_url):
    transport = RestartingTransport(desk.mailer, postgresql_url)

    outcome = replace(desk.deliverer, transport=lambda: transport).deliver(desk.id)[desk.id]

    assert outcome == DeliveryState.SENT
    assert (desk.row.state, desk.row.reply_code) == (DeliveryState.SENT, 250)
    assert desk.slept == [1]


def test_after_a_restart_at_most_one_message_fails(desk, postgresql_url):
    database.give_back()
    restart(postgresql_url)

    with suppress(OperationalError, InterfaceError):
        desk.deliver()
    database.give_back(failed=True)

    assert desk.deliver() == DeliveryState.SENT


def test_a_process_that_ends_after_a_restart_still_writes_what_it_does_not_know(desk, postgresql_url, now):
    work = load(desk.id)
    Delivery.update(state=DeliveryState.SENDING, claimed_by="token", claimed_at=now, attempts=1).execute()
    desk.deliverer.in_flight["token"] = work
    restart(postgresql_url)

    assert desk.deliverer.give_up() == 1
    assert (desk.row.state, desk.row.reason) == (DeliveryState.UNKNOWN, Failure.SHUTDOWN)


def test_the_first_click_after_a_restart_is_obeyed(postgresql_database, postgresql_url):
    settings = settings_of(environment())
    client = create_app(settings).test_client()
    recipient = Recipient.create(user_id="1")
    link = wiring.links_of(settings).unsubscribe(recipient.id, Kind.REMINDER).removeprefix(settings.base_url)
    database.give_back()
    assert client.get(link).status_code == 200
    restart(postgresql_url)

    answer = client.post(link, data={"List-Unsubscribe": "One-Click"})

    assert (answer.status_code, Recipient.get().reminder_preference) == (200, "off")


def test_a_claim_is_synced_to_disk_though_the_database_is_set_up_otherwise(postgresql_url):
    with psycopg.connect(postgresql_url, autocommit=True) as connection:
        connection.execute(f'ALTER DATABASE "{connection.info.dbname}" SET synchronous_commit = off')

    opened = database.connect(postgresql_url)
    try:
        assert opened.execute_sql("SHOW synchronous_commit").fetchone() == ("on",)
    finally:
        opened.close_all()


def test_every_thread_that_may_send_has_a_connection(postgresql_url):
    threads = 30
    together = threading.Barrier(threads, timeout=60)
    wiring.open_database(
        settings_of(environment(DATABASE_URL=postgresql_url, MAIL_MAX_CONNECTIONS=str(threads)))
    )

    def use_one(_):
        with models.database.obj.connection_context():
            together.wait()

    try:
        with ThreadPoolExecutor(threads) as pool:
            assert len(list(pool.map(use_one, range(threads)))) == threads
    finally:
        models.database.obj.close_all()


NOT_MIGRATED = "quizmail: DATABASE_URL: its tables are not up to date: run `make migrate`\n"


@pytest.fixture(params=["sqlite", "postgresql"])
def our_url(request, tmp_path):
    """The URL of a database without tables, on either engine."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/new.db"
    return request.getfixturevalue("postgresql_url")


def close(opened):
    opened.close()
    if hasattr(opened, "close_all"):
        opened.close_all()


@pytest.fixture
def run_command(our_url, tmp_path):
    """Return a function that runs a command of ours on the database ``our_url``."""
    chosen = environment(DATABASE_URL=our_url, QUIZ_DATABASE_URL=f"sqlite:///{tmp_path}/quiz.db")
    wiring.current_settings.cache_clear()
    yield lambda command: CliRunner().invoke(main, command, env=chosen)
    wiring.current_settings.cache_clear()
    close(models.database.obj)


@pytest.mark.parametrize(
    "command", [["status"], ["deliveries"], ["hold", "all"], ["resolve", "1", "--sent"]], ids=" ".join
)
def test_a_command_on_a_database_without_our_tables_says_what_to_do(command, run_command):
    ran = run_command(command)

    assert (ran.exit_code, ran.output) == (1, NOT_MIGRATED)


@pytest.mark.parametrize(
    ("command", "lacking"), [(["status"], ("run", "noted")), (["hold", "all"], ("hold", "strikes"))]
)
def test_a_command_on_tables_of_an_earlier_version_says_the_same(command, lacking, run_command, our_url, now):
    opened = database.connect(our_url)
    models.bind(opened)
    database.migrate(now)
    opened.execute_sql("ALTER TABLE {} DROP COLUMN {}".format(*lacking))
    close(opened)

    ran = run_command(command)

    assert (ran.exit_code, ran.output) == (1, NOT_MIGRATED)
