"""What the doctor says of everything but the sender's domain, and how its checks run."""

import json
import os
import ssl
import threading
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from click.testing import CliRunner

from quizmail import models, wiring
from quizmail.cli import main
from quizmail.doctor import (
    Area,
    Examination,
    Grade,
    alive,
    clocks,
    configured,
    fetch,
    is_well,
    platform,
    queue,
    storage,
    web,
    zones,
)
from quizmail.doctor import relay as relays
from quizmail.doctor.running import run, secrets_of
from quizmail.doctor.web import Page
from quizmail.mailer import Relay
from quizmail.models import Delivery, Moment
from quizmail.outbox import plan
from quizmail.outbox.plan import PlannedRow
from quizmail.settings import load
from quizmail.states import Kind
from tests.support.configuration import environment
from tests.support.platforms import NativePlatform
from tests.support.smtp_server import SmtpServer

PATIENCE = timedelta(seconds=20)
HERE = Area("here", "turn it on")

HEALTHY = {
    "redis_version": "7.2.4",
    "role": "master",
    "aof_enabled": 1,
    "aof_last_write_status": "ok",
    "rdb_last_save_time": 1,
    "rdb_last_bgsave_status": "ok",
    "maxmemory_policy": "noeviction",
    "maxmemory": 0,
    "used_memory": 1000,
}


class FakeRedis:
    def __init__(self, now, told=HEALTHY, beat_age=timedelta(0)):
        self.now, self.told, self.beat_age = now, told, beat_age

    def info(self):
        return self.told

    def time(self):
        return (int(self.now.timestamp()), self.now.microsecond)

    def zrange(self, name, start, end, *, withscores):
        return [(b"one", (self.now - self.beat_age).timestamp() * 1000)]


def said(findings, grade):
    return " / ".join(f"{each.said} {each.to_do}" for each in findings if each.grade is grade)


def well_configured(**changes):
    good = {
        "ADMIN_EMAIL": "ops@quiz.org",
        "BASE_URL": "https://mail.quiz.org",
        "POSTAL_ADDRESS": "Quiz Ltd, Hauptplatz 1, 1010 Vienna",
    }
    return load(environment(**{**good, **changes}))


# How checks run


def test_a_check_that_fails_stops_no_other_and_keeps_what_it_had_found():
    def fails():
        yield HERE.ok("the first half")
        raise ConnectionError("refused\nby the server")

    found = run({HERE: fails, Area("there"): lambda: [Area("there").ok("fine")]}, PATIENCE)

    assert [(each.area, each.grade) for each in found] == [
        ("here", Grade.OK),
        ("here", Grade.BAD),
        ("there", Grade.OK),
    ]
    assert (found[1].said, found[1].to_do) == ("ConnectionError: refused", "turn it on")


def test_a_check_that_hangs_is_given_up_and_stops_no_other():
    forever = threading.Event()

    def hangs():
        yield HERE.ok("the first half")
        forever.wait(60)

    there = Area("there")
    found = run({HERE: hangs, there: lambda: [there.ok("fine")]}, timedelta(seconds=0.5))
    forever.set()

    assert [each.grade for each in found] == [Grade.OK, Grade.BAD, Grade.OK]
    assert "did not come to an end in 0.5 s" in found[1].said


def test_no_secret_is_repeated_in_any_form():
    chosen = well_configured(
        DATABASE_URL="postgresql://me:p%40ss-word@db/quizmail",
        REDIS_URL="redis://:red-secret@queue:6379/0",
        MAIL_PASSWORD="mail-secret",
        SECRET_KEYS_PREVIOUS="an-older-key-of-the-tests",
    )
    spilled = (
        f"{chosen.database_url} p@ss-word p%40ss-word {chosen.redis_url} red-secret mail-secret"
        f" {chosen.secret_key} an-older-key-of-the-tests"
    )

    (finding,) = run({HERE: lambda: [HERE.bad(spilled, spilled)]}, PATIENCE, secrets_of(chosen))

    assert set(finding.said.split()) == set(finding.to_do.split()) == {"***"}


# Settings


def test_good_settings_have_nothing_to_do(tmp_path):
    assert [each.grade for each in configured.check(well_configured(), tmp_path / ".env")] == [Grade.OK]


@pytest.mark.parametrize(
    ("changes", "grade", "expected"),
    [
        ({"BASE_URL": "http://127.0.0.1:8025"}, Grade.BAD, "no reader can unsubscribe"),
        ({"BASE_URL": "http://mail.quiz.org"}, Grade.BAD, "not https"),
        ({"POSTAL_ADDRESS": "1 Main Street, Springfield"}, Grade.BAD, "POSTAL_ADDRESS"),
        ({"ADMIN_EMAIL": ""}, Grade.NOTE, "ADMIN_EMAIL"),
        ({"ADMIN_EMAIL": "ops@example.com"}, Grade.BAD, "ADMIN_EMAIL"),
        ({"SITE_URL": ""}, Grade.NOTE, "SITE_URL"),
        ({"MAIL_SERVER": "smtp.relay.net", "MAIL_PASSWORD": "x"}, Grade.BAD, "plain text"),
        ({"MAIL_SERVER": "smtp.relay.net"}, Grade.NOTE, "plain text"),
    ],
)
def test_settings_that_need_a_second_look(tmp_path, changes, grade, expected):
    assert expected in said(configured.check(well_configured(**changes), tmp_path / ".env"), grade)


@pytest.mark.parametrize(("mode", "grade"), [(0o644, Grade.BAD), (0o640, Grade.NOTE), (0o600, Grade.OK)])
def test_files_with_secrets_are_nobody_elses(tmp_path, mode, grade):
    file = tmp_path / "dkim.pem"
    file.write_text("key")
    file.chmod(mode)
    chosen = well_configured(DKIM_DOMAIN="quiz.org", DKIM_SELECTOR="s1", DKIM_KEY_FILE=str(file))

    found = list(configured.check(chosen, tmp_path / ".env"))

    assert found[-1].grade is grade
    assert grade is Grade.OK or f"chmod 600 {file}" in found[-1].to_do


# Our database and the platform's


def test_our_database_is_well(our_database):
    found = list(storage.check())

    assert {each.grade for each in found} == {Grade.OK}
    assert len(found) == 2


def test_a_database_that_was_not_migrated_says_so(tmp_path):
    from quizmail import database

    models.bind(database.connect(f"sqlite:///{tmp_path}/new.db"))

    assert "migrate" in said(storage.check(), Grade.BAD)
    models.database.obj.close()


def test_sqlite_on_a_network_file_system_is_bad(sqlite_database, tmp_path):
    mounts = tmp_path / "mounts"
    mounts.write_text(f"/dev/sda1 / ext4 rw 0 0\nserver:/x {tmp_path} nfs4 rw 0 0\n")

    assert "network file system (nfs4)" in said(storage.check(mounts), Grade.BAD)


def test_postgresql_without_fsync_is_bad(postgresql_database):
    postgresql_database.execute_sql("SET synchronous_commit = off")

    assert "synchronous_commit off" in said(storage.check(), Grade.BAD)


def check_platform(site, now):
    return list(platform.check(well_configured(QUIZ_DATABASE_URL=site.url), now))


def test_a_platform_is_read_and_zones_of_no_place_are_named(tmp_path, now):
    with NativePlatform.in_folder(tmp_path) as site:
        site.quiz("Capitals")
        site.user("ada@example.com", timezone="Mars/Olympus")
        found = check_platform(site, now)

    assert "1 quizzes are published" in said(found, Grade.OK)
    assert "'Mars/Olympus'" in said(found, Grade.NOTE)
    assert is_well(found)


def test_an_account_that_could_write_is_noted(postgresql_url, now):
    with NativePlatform(postgresql_url) as site:
        site.quiz("Capitals")
        site.user("ada@example.com")
        found = check_platform(site, now)

    assert "could write to 4 tables" in said(found, Grade.NOTE)


def test_a_platform_that_is_not_there_is_bad(tmp_path, now):
    chosen = well_configured(QUIZ_DATABASE_URL=f"sqlite:///{tmp_path}/none.db")

    assert "does not answer" in said(platform.check(chosen, now), Grade.BAD)


# Redis and the processes


def test_a_healthy_redis_is_well(now):
    assert {each.grade for each in queue.check(FakeRedis(now))} == {Grade.OK}


@pytest.mark.parametrize(
    ("changes", "grade", "expected"),
    [
        ({"aof_enabled": 0}, Grade.NOTE, "appendonly yes"),
        ({"maxmemory_policy": "allkeys-lru"}, Grade.BAD, "noeviction"),
        ({"maxmemory": 1100}, Grade.NOTE, "90 %"),
        ({"role": "slave"}, Grade.BAD, "replica"),
        ({"aof_last_write_status": "err"}, Grade.BAD, "could not write to its disk"),
        ({"redis_version": "5.0.1"}, Grade.NOTE, "old"),
    ],
)
def test_a_redis_that_may_lose_messages(now, changes, grade, expected):
    assert expected in said(queue.check(FakeRedis(now, {**HEALTHY, **changes})), grade)


def test_ticks_of_the_last_minutes_are_well_and_older_ones_bad(sqlite_database, now):
    Moment.create(name="tick reminder", at=now - timedelta(seconds=30))
    Moment.create(name="tick report", at=now - timedelta(minutes=10))

    found = list(alive.check_ticks(now))

    assert "reminders was 30 s ago" in said(found, Grade.OK)
    assert "reports was 600 s ago start the scheduler" in said(found, Grade.BAD)


def test_mails_that_no_worker_takes_up_are_bad(sqlite_database, now):
    row = PlannedRow("1", now + timedelta(hours=1), {})
    plan.insert_rows(Kind.REMINDER, "2026-11-23", None, now - timedelta(minutes=20), now, [row])
    Delivery.update(released_at=now - timedelta(minutes=15)).execute()
    again_after = timedelta(minutes=10)

    assert "1 mails were handed" in said(alive.check_workers(FakeRedis(now), now, again_after), Grade.BAD)
    Delivery.update(released_at=now).execute()
    assert is_well(list(alive.check_workers(FakeRedis(now), now, again_after)))


def test_without_a_heartbeat_no_worker_is_there(sqlite_database, now):
    client = FakeRedis(now, beat_age=timedelta(minutes=2))

    assert "start the worker" in said(alive.check_workers(client, now, PATIENCE), Grade.BAD)


# The mail server


def relay_to(server, **changes):
    short = {"command_timeout": timedelta(seconds=5)}
    return Relay(**{"host": server.host, "port": server.port, **short, **changes})


def test_a_mail_server_says_what_it_offers_and_gets_no_mail(now):
    with SmtpServer() as server:
        found = list(relays.check(relay_to(server), now))

    assert "no login, no TLS" in said(found, Grade.OK)
    assert "PIPELINING" in said(found, Grade.NOTE)
    assert "not DSN" in said(found, Grade.NOTE)
    assert server.inbox == []


def test_a_login_that_is_refused_names_the_settings(now):
    with SmtpServer(offers=["AUTH PLAIN LOGIN"], login=("ada", "right")) as server:
        found = list(relays.check(relay_to(server, username="ada", password="wrong-one"), now))

    assert "login refused" in said(found, Grade.BAD)
    assert "MAIL_PASSWORD" in said(found, Grade.BAD)
    assert "wrong-one" not in said(found, Grade.BAD)


def test_a_mail_server_that_is_not_there_is_bad(now):
    with SmtpServer() as server:
        relay = relay_to(server)

    assert "connection refused" in said(relays.check(relay, now), Grade.BAD)


@pytest.mark.parametrize(("days", "grade"), [(60, Grade.OK), (13, Grade.BAD), (-1, Grade.BAD)])
def test_a_certificate_is_renewed_in_time_or_named(now, days, grade):
    (finding,) = relays.certificate(HERE, now + timedelta(days=days), now)

    assert finding.grade is grade


# The web process, clocks and zones


def expired():
    problem = ssl.SSLCertVerificationError(1, "certificate verify failed")
    problem.verify_message = "certificate has expired"
    return problem


class Links(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200 if self.path == "/sub/u/token" else 404)
        self.end_headers()

    def log_message(self, *_):
        pass


def test_a_page_is_really_fetched():
    with HTTPServer(("127.0.0.1", 0), Links) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        url = f"http://127.0.0.1:{server.server_port}/sub"
        found = list(web.check(f"{url}/u/token", lambda: datetime.now(UTC), fetch))
        page = fetch(f"{url}/u/token")
        server.shutdown()
        thread.join()

    assert [each.grade for each in found] == [Grade.OK]
    assert abs(datetime.now(UTC) - page.date) < timedelta(minutes=1)


@pytest.mark.parametrize(
    ("page", "grade", "expected"),
    [
        (Page(200), Grade.OK, "the links in our mails work at https://mail.quiz.org"),
        (Page(502), Grade.BAD, "answers 502"),
        (Page(301), Grade.BAD, "must not redirect"),
        (Page(404), Grade.BAD, "does not know our links"),
        (OSError("refused"), Grade.BAD, "nobody can unsubscribe"),
        (expired(), Grade.BAD, "not trusted: certificate has expired"),
    ],
)
def test_what_readers_would_meet(now, page, grade, expected):
    asked = []

    def get(url):
        asked.append(url)
        if isinstance(page, Exception):
            raise page
        return page

    assert expected in said(web.check("https://mail.quiz.org/u/token", lambda: now, get), grade)
    assert asked == ["https://mail.quiz.org/u/token"]


def test_the_certificate_of_the_pages_has_its_end(now):
    page = Page(200, certificate_ends=now + timedelta(days=3))

    assert "ends in 3 days" in said(
        web.check("https://mail.quiz.org/u/token", lambda: now, lambda url: page), Grade.BAD
    )


@pytest.mark.parametrize(
    ("off", "grade"), [(0, Grade.OK), (-4, Grade.OK), (10, Grade.NOTE), (-10, Grade.NOTE), (40, Grade.BAD)]
)
def test_clocks_are_compared_in_both_directions(now, off, grade):
    others = {"Redis": lambda: clocks.of_redis(FakeRedis(now + timedelta(seconds=off)))}

    assert [each.grade for each in clocks.check(lambda: now, others)] == [grade]


def test_a_clock_that_cannot_be_asked_is_passed_over(now):
    def refuses():
        raise OSError

    assert list(clocks.check(lambda: now, {"a": refuses, "b": lambda: None})) == []


def test_postgresql_has_a_clock_and_sqlite_has_ours(our_database):
    read = clocks.of_database()

    assert read is None or abs(datetime.now(UTC) - read) < timedelta(minutes=1)


def test_the_zone_data_says_its_version(tmp_path, now):
    (tmp_path / "Europe").mkdir()
    (tmp_path / "tzdata.zi").write_text("# version 2019b\n")

    assert zones.version([str(tmp_path)]) == "2019b"
    assert "of 2019b" in said(zones.check(now, [str(tmp_path)]), Grade.NOTE)
    assert is_well(list(zones.check(now)))


def test_without_a_system_the_package_says_its_version(tmp_path):
    assert zones.version([str(tmp_path / "none")])[:2] == "20"


# All together


def test_a_deployment_is_looked_over_and_offline_asks_nobody_outside(sqlite_database, tmp_path, now):
    with NativePlatform.in_folder(tmp_path) as site, SmtpServer() as server:
        chosen = well_configured(
            QUIZ_DATABASE_URL=site.url, MAIL_SERVER=server.host, MAIL_PORT=str(server.port)
        )
        found = Examination(
            chosen, "https://mail.quiz.org/u/token", lambda: now, FakeRedis(now), None, None
        ).run(PATIENCE)

    areas = {each.area for each in found}
    assert areas >= {"our database", "quiz platform", "Redis", "processes", "mail server", "zone data"}
    assert {each.area for each in found if each.grade is Grade.SKIPPED} == {"sender's domain", "web"}
    assert {each.area for each in found if each.grade is Grade.BAD} == {"processes"}


@pytest.fixture
def doctor(sqlite_database, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    for name in environment():
        monkeypatch.delenv(name, raising=False)

    def call(*arguments, **env):
        try:
            return CliRunner().invoke(main, ["doctor", *arguments], env=env, catch_exceptions=False)
        finally:
            if models.database.obj is not sqlite_database:
                models.database.obj.close()
            models.bind(sqlite_database)

    wiring.current_settings.cache_clear()
    yield call
    wiring.current_settings.cache_clear()


def test_missing_settings_are_findings_and_exit_code_1(doctor):
    ran = doctor("--offline")

    assert ran.exit_code == 1
    assert "BAD     SECRET_KEY is missing" in ran.output
    assert "-> set it in the environment" in ran.output


def test_a_deployment_where_nothing_runs_gives_each_its_line_and_no_traceback(doctor, sqlite_database):
    env = environment(
        DATABASE_URL=f"sqlite:///{sqlite_database.database}",
        REDIS_URL="redis://:red-secret@127.0.0.1:1/0",
        MAIL_PORT="1",
        QUIZ_DATABASE_URL="sqlite:///none.db",
    )

    ran = doctor("--json", "--offline", **env)

    told = json.loads(ran.output)
    bad = {finding["area"] for finding in told["findings"] if finding["grade"] == "bad"}
    assert (ran.exit_code, told["ok"]) == (1, False)
    assert bad >= {"Redis", "mail server", "quiz platform", "processes"}
    assert all(finding["to_do"] for finding in told["findings"] if finding["grade"] == "bad")
    assert "red-secret" not in ran.output
    assert os.getcwd() not in ran.output
