"""From the command, or the actor, to the inbox: real processes, Redis, PostgreSQL and SMTP."""

import sys
from datetime import UTC, datetime, timedelta

import pytest
import redis

from quizmail.models import Delivery, Recipient, Run
from tests.support.platforms import NativePlatform
from tests.support.processes import started, wait_until
from tests.support.smtp_server import SmtpServer
from tests.support.stack import Stack, long_ago


@pytest.fixture
def server():
    with SmtpServer() as running:
        yield running


@pytest.fixture(params=["sqlite", "postgresql"])
def stack(request, tmp_path, server):
    """Five quiet users; both databases on one engine or on the other."""
    if request.param == "sqlite":
        site_url, our_url = f"sqlite:///{tmp_path}/quiz.db", f"sqlite:///{tmp_path}/quizmail.db"
    else:
        site_url, our_url = (
            request.getfixturevalue(name) for name in ("postgresql_url", "second_postgresql_url")
        )
    with NativePlatform(site_url) as site:
        site.quiz("Capitals & <rivers>", created_at=long_ago())
        for number in range(5):
            site.user(f"user{number}@example.com", last_seen_at=long_ago(), name=f"User {number}")
        with Stack(tmp_path, site, server.port, our_url) as running:
            yield running


@pytest.fixture
def sqlite_stack(tmp_path, server):
    with NativePlatform(f"sqlite:///{tmp_path}/quiz.db") as site:
        site.quiz("Capitals", created_at=long_ago())
        for number in range(5):
            site.user(f"user{number}@example.com", last_seen_at=long_ago())
        with Stack(tmp_path, site, server.port, f"sqlite:///{tmp_path}/quizmail.db") as running:
            yield running


def addresses(server):
    return sorted(mail.recipient for mail in server.inbox)


ALL_FIVE = [f"user{number}@example.com" for number in range(5)]


def test_a_run_by_hand_reaches_every_inbox_once(stack, server):
    stack.start_redis()
    stack.start("worker")

    for _ in range(2):
        assert stack.run("dispatch", "reminders").process.returncode == 0
        stack.wait_for(sent=5)

    assert addresses(server) == ALL_FIVE
    assert Recipient.select().where(Recipient.last_reminder_sent.is_null(False)).count() == 5


def test_a_run_inline_needs_no_redis(stack, server):
    ran = stack.run("dispatch", "reminders", "--inline")

    assert ran.process.returncode == 0, ran.output
    assert addresses(server) == ALL_FIVE
    assert set(stack.states().values()) == {"sent"}


def test_a_dry_run_sends_and_writes_nothing(sqlite_stack, server):
    ran = sqlite_stack.run("dispatch", "reminders", "--dry-run")

    assert "due 5" in ran.output
    assert (Run.select().count(), Delivery.select().count(), server.inbox) == (0, 0, [])


def test_the_scheduler_and_the_dispatcher_need_no_hand(sqlite_stack, server):
    from quizmail.models import Moment

    sqlite_stack.environment["DAILY_REMINDER_HOUR"] = str(datetime.now(UTC).hour)
    hour_began = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    Moment.update(at=hour_began.replace(year=2025)).where(Moment.name == "opened reminder").execute()
    sqlite_stack.start_redis()
    for name in ("worker", "dispatcher", "scheduler"):
        sqlite_stack.start(name)

    sqlite_stack.wait_for(sent=5)

    assert addresses(server) == ALL_FIVE
    assert Run.get(Run.slot == hour_began).not_due == {}


def test_an_actor_is_sent_from_a_repl(sqlite_stack, server, tmp_path):
    sqlite_stack.start_redis()
    sqlite_stack.start("worker")
    script = "from quizmail.actors import send_daily_reminder as s; s.send(3); s.send('3'); s.send('nobody')"
    with started([sys.executable, "-c", script], tmp_path / "repl.log", sqlite_stack.environment) as repl:
        assert repl.process.wait() == 0, repl.output

    sqlite_stack.wait_for(sent=1)

    assert server.inbox[0].recipient == "user1@example.com"
    row = Delivery.get()
    assert (row.user_id, row.run_id) == ("3", None)


def test_a_report_on_the_month_that_is_named_is_sent_from_a_repl(sqlite_stack, tmp_path):
    month = datetime.now(UTC).replace(day=1) - timedelta(days=40)
    sqlite_stack.site.attempt(3, sqlite_stack.site.quiz("Rivers"), month, percent=80.0)
    sqlite_stack.start_redis()
    sqlite_stack.start("worker")
    script = f"from quizmail.actors import send_monthly_report as s; s.send(3, '{month:%Y-%m}')"
    with started([sys.executable, "-c", script], tmp_path / "repl.log", sqlite_stack.environment) as repl:
        assert repl.process.wait() == 0, repl.output

    sqlite_stack.wait_for(sent=1)

    row = Delivery.get()
    assert (row.kind, row.user_id, row.period) == ("report", "3", f"{month:%Y-%m}")


def test_no_address_gets_into_redis_or_into_the_log(sqlite_stack, server):
    sqlite_stack.start_redis()
    sqlite_stack.run("dispatch", "reminders")
    wait_until(lambda: Delivery.select().where(Delivery.releases > 0).count() == 5, "the release")

    with redis.Redis(port=sqlite_stack.redis_port) as client:
        kept = b"".join(client.dump(key) for key in client.scan_iter())
        assert client.llen("dramatiq:mail") == 5
    assert b"example.com" not in kept

    worker = sqlite_stack.start("worker")
    sqlite_stack.wait_for(sent=5)
    worker.prints("state=sent")
    assert "example.com" not in worker.output


def test_processes_wait_for_redis_and_say_so(sqlite_stack, server):
    waiting = [sqlite_stack.start(name) for name in ("worker", "dispatcher", "scheduler")]
    for process in waiting:
        process.prints("waiting for Redis at 127.0.0.1")

    sqlite_stack.start_redis()
    sqlite_stack.run("dispatch", "reminders")

    sqlite_stack.wait_for(sent=5)


def test_every_process_survives_the_loss_of_redis_and_goes_on(sqlite_stack, server):
    first = sqlite_stack.start_redis()
    running = [sqlite_stack.start(name) for name in ("worker", "dispatcher", "scheduler")]
    running[2].prints("scheduled dispatch_daily_reminders")
    first.process.kill()
    first.process.wait()

    sqlite_stack.start_redis()
    sqlite_stack.run("dispatch", "reminders")

    sqlite_stack.wait_for(sent=5)
    assert [process.process.poll() for process in running] == [None, None, None]


def test_a_wrong_configuration_stops_every_process_with_one_line_for_each_problem(sqlite_stack):
    del sqlite_stack.environment["SECRET_KEY"]
    sqlite_stack.environment["SITE_TIMEZONE"] = "Mars/Olympus"

    for name in ("worker", "dispatcher", "scheduler", "web", "status"):
        ran = sqlite_stack.run(name)
        assert ran.process.returncode == 1
        assert sorted(line.split(":")[1].split()[0] for line in ran.output.splitlines()) == [
            "SECRET_KEY",
            "SITE_TIMEZONE",
        ]


def test_a_test_mail_goes_through_the_real_relay_and_writes_no_row(sqlite_stack, server):
    ran = sqlite_stack.run("test-mail", "ada@example.com")

    assert "accepted: 250" in ran.output
    assert addresses(server) == ["ada@example.com"]
    assert Delivery.select().count() == 0


def test_a_preview_writes_three_files_and_sends_nothing(sqlite_stack, server, tmp_path):
    ran = sqlite_stack.run("preview", "reminder", "--user", "2", "--out", str(tmp_path / "out"))

    assert ran.process.returncode == 0, ran.output
    assert sorted(path.suffix for path in (tmp_path / "out").iterdir()) == [".eml", ".html", ".txt"]
    assert server.inbox == []


def test_status_and_deliveries_tell_how_it_stands(sqlite_stack, server):
    sqlite_stack.run("dispatch", "reminders", "--inline")

    listed = sqlite_stack.run("deliveries", "--state", "sent", "--csv")
    status = sqlite_stack.run("status")

    assert listed.output.count(",sent,") == 5
    assert "reminder sent: 5" in status.output
    assert "WRONG: Redis does not answer" in status.output
    assert status.process.returncode == 1
