"""A mail goes out, another server bounces it into a Maildir, and the command reads it there."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from quizmail import settings
from quizmail.links import Links
from quizmail.mailer import Envelope, Mailer
from quizmail.models import Attempt, Delivery, Recipient, SoftHit, Suppression
from quizmail.outbox import plan
from quizmail.outbox.plan import PlannedRow
from quizmail.returns import ReturnPaths
from quizmail.states import DeliveryState, Kind, Preference
from tests.support.configuration import environment
from tests.support.mailing import relay_to
from tests.support.returning import delivery_report, letter
from tests.support.smtp_server import OFFERS, SmtpServer

PROJECT = Path(__file__).parents[2]
ADA = "ada@example.com"
CHOSEN = environment(BOUNCE_DOMAIN="bounces.example.com", MAIL_UNSUBSCRIBE_ADDRESS="stop@example.com")
RETURNS = ReturnPaths("bounces.example.com", [CHOSEN["SECRET_KEY"]])
MESSAGE = f"To: Ada <{ADA}>\r\nSubject: Quizzes\r\n\r\nTwo quizzes wait.\r\n".encode()


@pytest.fixture
def maildir(tmp_path):
    folder = tmp_path / "Maildir"
    for name in ("new", "cur", "tmp"):
        (folder / name).mkdir(parents=True)
    return folder


@pytest.fixture
def sent(sqlite_database, now):
    """A reminder to Ada that was sent."""
    plan.insert_rows(Kind.REMINDER, "2026-11-23", None, now, now, [PlannedRow("7", now, {})])
    Delivery.update(state=DeliveryState.SENT, attempts=1, sent_at=now).execute()


@pytest.fixture
def bounces(sqlite_database, tmp_path):
    """Run the command as a process of its own."""
    ours = set(settings.names())
    inherited = {name: value for name, value in os.environ.items() if name not in ours}
    normal = f"sqlite:///{sqlite_database.database}"

    def run(*arguments, stdin=b"", url=normal, **more):
        return subprocess.run(
            [sys.executable, "-m", "quizmail", "bounces", *arguments],
            input=stdin,
            env={**inherited, **CHOSEN, "DATABASE_URL": url, "PYTHONPATH": str(PROJECT / "src"), **more},
            cwd=tmp_path,
            capture_output=True,
            timeout=120,
            check=False,
        )

    return run


def keep(maildir, name, raw):
    (maildir / "new" / name).write_bytes(raw)


def left(maildir):
    return {name: sorted(file.name for file in (maildir / name).iterdir()) for name in ("new", "cur")}


def test_a_mail_that_bounces_later_suppresses_its_address(maildir, sent, bounces):
    def bounce(mail):
        options = dict(option.split("=") for option in mail.options.split())
        header = mail.content.partition(b"\r\n\r\n")[0].decode()
        report = delivery_report(mail.recipient, to=mail.sender, envid=options["ENVID"], returned=header)
        keep(maildir, "1.host", report)

    token = RETURNS.token(1, ADA)
    envelope = Envelope(RETURNS.address(1, ADA), ADA, len(MESSAGE), token)
    with SmtpServer(offers=[*OFFERS, "DSN"], on_accept=bounce) as server:
        mailer = Mailer(relay_to(server))
        mailer.open(envelope)
        assert mailer.body(MESSAGE).is_positive
        mailer.close()
    keep(maildir, "2.host", letter("somebody@bounces.example.com"))
    keep(maildir, "3.host", letter(RETURNS.address(1, ADA), headers="Auto-Submitted: auto-replied\n"))

    ran = bounces(str(maildir))

    assert (ran.returncode, ran.stdout) == (0, b"auto_reply 1, bounced 1, unidentified 1\n"), ran.stderr
    assert [(row.address, row.code) for row in Suppression.select()] == [(ADA, "5.1.1")]
    assert left(maildir) == {"new": ["2.host"], "cur": ["1.host:2,S", "3.host:2,S"]}

    # As after a crash between the commit and the move.
    (maildir / "cur" / "1.host:2,S").rename(maildir / "new" / "1.host")
    assert bounces(str(maildir)).stdout == b"repeated 1, unidentified 1\n"
    assert Attempt.select().count() == 1


def test_a_pipe_hands_over_one_message_with_its_recipient(sent, bounces):
    report = delivery_report(status="4.4.7", diagnostic="")

    ran = bounces("--recipient", RETURNS.address(1, ADA), stdin=report)

    assert (ran.returncode, ran.stdout) == (0, b"bounced\n"), ran.stderr
    assert SoftHit.get().address == ADA


def test_a_pipe_hands_over_a_mail_that_unsubscribes(sent, bounces):
    links = Links(CHOSEN["BASE_URL"], [CHOSEN["SECRET_KEY"]], "stop@example.com")
    subject = links.mailto(Recipient.get().id, Kind.REMINDER).partition("%20")[2]

    assert bounces(stdin=letter("stop@example.com", f"unsubscribe {subject}")).stdout == b"unsubscribed\n"
    assert Recipient.get().reminder_preference == Preference.OFF


def test_what_is_not_for_us_is_taken_however_long_it_is(sent, bounces):
    ran = bounces(stdin=letter("x@example.com", body="x" * 50_000_000))

    assert (ran.returncode, ran.stdout) == (0, b"unidentified\n"), ran.stderr


def test_while_our_database_is_away_the_mail_server_is_to_try_again(sent, bounces, tmp_path):
    report = delivery_report(to=RETURNS.address(1, ADA))

    for url in ("postgresql://nobody@127.0.0.1:1/none?connect_timeout=2", f"sqlite:///{tmp_path}/empty.db"):
        ran = bounces(stdin=report, url=url)
        assert ran.returncode == 75
        assert ran.stderr.startswith(b"quizmail: DATABASE_URL: ")
        assert b"Traceback" not in ran.stderr


def test_with_neither_address_set_a_person_is_told_and_a_mail_server_tries_again(maildir, sent, bounces):
    nothing = {"BOUNCE_DOMAIN": "", "MAIL_UNSUBSCRIBE_ADDRESS": ""}

    assert bounces(stdin=delivery_report(), **nothing).returncode == 75
    ran = bounces(str(maildir), **nothing)
    assert ran.returncode == 1
    assert ran.stderr.startswith(b"quizmail: BOUNCE_DOMAIN is missing")


def test_what_was_understood_can_be_removed_and_nothing_else(maildir, sent, bounces):
    keep(maildir, "1.host", delivery_report(to=RETURNS.address(1, ADA)))
    keep(maildir, "2.host", letter("x@example.com"))

    assert bounces(str(maildir), "--delete").returncode == 0
    assert left(maildir) == {"new": ["2.host"], "cur": []}


def test_a_folder_that_is_no_maildir_is_named(tmp_path, sent, bounces):
    ran = bounces(str(tmp_path))

    assert ran.returncode == 2
    assert b"is no Maildir" in ran.stderr
