"""Our PostgreSQL is restarted, or was set up carelessly, while mails are on their way."""

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


@pytest.mark.parametrize("command", [["status"], ["deliveries"], ["hold", "all"]])
def test_a_command_on_a_database_without_our_tables_says_what_to_do(command, postgresql_url, tmp_path):
    chosen = environment(DATABASE_URL=postgresql_url, QUIZ_DATABASE_URL=f"sqlite:///{tmp_path}/quiz.db")
    wiring.current_settings.cache_clear()

    try:
        ran = CliRunner().invoke(main, command, env=chosen)
    finally:
        wiring.current_settings.cache_clear()
        models.database.obj.close_all()

    assert ran.exit_code not in (0, None)
    assert isinstance(ran.exception, SystemExit)
    assert "make migrate" in ran.output
