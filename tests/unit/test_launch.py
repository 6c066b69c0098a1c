"""Starting on one machine: the lock, the ports, the embedded Redis, and what makes it a demo."""

import os
import socket
import stat
from datetime import UTC, datetime
from pathlib import Path

import pytest
from honcho.environ import parse_procfile

from quizmail import redis_server, settings
from quizmail.cli import main
from quizmail.demo import ports, setup
from quizmail.errors import ConfigurationError
from quizmail.launch import foreground
from quizmail.launch.foreground import is_demo
from quizmail.launch.lock import holder, only_one
from quizmail.launch.stopping import PATIENCE


@pytest.fixture
def listener():
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def test_only_one_may_hold_the_lock_and_the_other_is_told_who_does(tmp_path):
    with (
        only_one(tmp_path / "lock"),
        pytest.raises(ConfigurationError, match=str(os.getpid())),
        only_one(tmp_path / "lock"),
    ):
        pass


def test_the_lock_is_free_again_after_the_block(tmp_path):
    with only_one(tmp_path / "lock"):
        assert holder(tmp_path / "lock") == os.getpid()
    assert holder(tmp_path / "lock") is None
    with only_one(tmp_path / "lock"):
        pass


def test_nobody_holds_a_lock_that_does_not_exist(tmp_path):
    assert holder(tmp_path / "lock") is None


def test_a_preferred_port_that_is_free_is_taken_and_remembered(tmp_path):
    file, port = tmp_path / "ports.json", free_port()
    assert ports.choose(file, {"web": port}) == {"web": port}
    assert ports.remembered(file) == {"web": port}
    assert ports.choose(file, {"web": free_port()}) == {"web": port}


def test_a_port_in_use_is_replaced_by_another_that_is_remembered(tmp_path, listener):
    file = tmp_path / "ports.json"
    chosen = ports.choose(file, {"web": listener})
    assert chosen["web"] != listener
    assert ports.is_free(chosen["web"])
    assert ports.remembered(file) == chosen


def test_two_names_never_get_one_port(tmp_path):
    port = free_port()
    chosen = ports.choose(tmp_path / "ports.json", {"web": port, "smtp": port})
    assert chosen["web"] != chosen["smtp"]


@pytest.mark.parametrize("text", ["", "no json", "[]", "3", '{"web": "x"}'])
def test_a_damaged_memory_is_no_memory(tmp_path, text):
    (tmp_path / "ports.json").write_text(text)
    assert ports.remembered(tmp_path / "ports.json") == {}


@pytest.mark.parametrize(
    ("url", "port"),
    [("redis://127.0.0.1:6390/0", 6390), ("redis://localhost", 6379), ("redis://localhost/2", 6379)],
)
def test_the_embedded_redis_serves_the_port_of_its_url(url, port):
    assert redis_server.loopback_port(url) == port


@pytest.mark.parametrize(
    "url", ["redis://redis.example.com:6379/0", "unix:///tmp/redis.sock", "rediss://localhost"]
)
def test_the_embedded_redis_serves_no_other_machine(url):
    with pytest.raises(ConfigurationError, match="REDIS_URL"):
        redis_server.loopback_port(url)


def test_a_redis_on_the_path_is_preferred_to_the_bundled_one(tmp_path, monkeypatch):
    program = tmp_path / "redis-server"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert redis_server.find_program() == program


def test_without_a_redis_on_the_path_the_bundled_one_is_found(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert os.access(redis_server.find_program(), os.X_OK)


@pytest.mark.parametrize(
    ("environment", "env_file", "expected"),
    [
        ({}, False, True),
        ({}, True, False),
        ({"QUIZ_DATABASE_URL": "sqlite:///quiz.db"}, False, False),
        ({"QUIZMAIL_DEMO": "true"}, True, True),
        ({"QUIZMAIL_DEMO": "false", "QUIZ_DATABASE_URL": "sqlite:///quiz.db"}, True, False),
    ],
)
def test_it_is_the_demo_when_nothing_is_configured_or_when_asked(
    environment, env_file, expected, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    if env_file:
        (tmp_path / ".env").touch()
    assert is_demo(environment) is expected


PROJECT = Path(__file__).parents[2]
NOW = datetime(2026, 11, 24, 10, 30, tzinfo=UTC)

#: What a developer's shell may hold; none of it may reach the demo.
STRAY = {
    "MAIL_SERVER": "smtp.example.com",
    "MAIL_USERNAME": "someone",
    "MAIL_PASSWORD": "hunter2hunter2",
    "MAIL_USE_SSL": "true",
    "QUIZ_DATABASE_URL": "postgresql://db/quiz",
    "DATABASE_URL": "postgresql://db/other",
    "REDIS_URL": "redis://redis.example.com",
    "SECRET_KEY": "a key that is used elsewhere",
    "PORT": "80",
    "WEB_HOST": "0.0.0.0",
}


#: What Dramatiq takes at most around the time that its workers get to finish, in seconds.
DRAMATIQ_NEEDS = 2.0


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_demo_uses_this_machine_only_whatever_the_environment_says(folder):
    chosen = settings.load(setup.prepare(STRAY, NOW, running=False))
    assert chosen.demo
    assert chosen.mail_server == "127.0.0.1"
    assert (chosen.mail_username, chosen.mail_password, chosen.mail_use_ssl) == (None, None, False)
    assert not chosen.mail_use_tls
    assert chosen.quiz_database_url.startswith("sqlite:///var/demo/")
    assert chosen.database_url.startswith("sqlite:///var/demo/")
    assert chosen.redis_url.startswith("redis://127.0.0.1:")
    assert chosen.web_host == "127.0.0.1"
    assert chosen.port != int(STRAY["PORT"])
    assert chosen.base_url == f"http://127.0.0.1:{chosen.port}"
    assert chosen.secret_key != STRAY["SECRET_KEY"]


def test_the_demo_keeps_its_key_from_start_to_start_where_only_its_owner_may_read_it(folder):
    keys = {setup.prepare({}, NOW, running=False)["SECRET_KEY"] for _ in range(2)}
    assert len(keys) == 1
    assert stat.S_IMODE((folder / "var/demo/secret_key").stat().st_mode) == 0o600


def test_a_command_beside_a_running_demo_gets_its_ports_although_they_are_in_use(folder, listener):
    file = folder / "var/demo/ports.json"
    file.parent.mkdir(parents=True)
    file.write_text(f'{{"web": {listener}, "smtp": 1, "redis": 2}}')
    assert setup.prepare({}, NOW, running=True)["PORT"] == str(listener)
    assert setup.prepare({}, NOW, running=False)["PORT"] != str(listener)


def test_a_worker_has_ended_by_itself_before_it_would_be_killed(folder, monkeypatch):
    monkeypatch.setenv("QUIZ_DATABASE_URL", "sqlite:///quiz.db")
    monkeypatch.delenv("SHUTDOWN_TIMEOUT_SECONDS", raising=False)
    finishing = float(foreground._environment(running=False)["SHUTDOWN_TIMEOUT_SECONDS"])
    assert finishing + DRAMATIQ_NEEDS <= PATIENCE


def named_in_the_procfile():
    """Return {process: the quizmail command that its line ends in}."""
    processes = parse_procfile((PROJECT / "Procfile").read_text()).processes
    return {name: line.partition(" -m quizmail ")[2] for name, line in processes.items()}


def test_the_procfile_has_every_process_of_the_engine_and_the_release_step():
    assert named_in_the_procfile() == {
        "web": "web",
        "worker": "worker",
        "dispatcher": "dispatcher",
        "scheduler": "scheduler",
        "release": "migrate",
    }


def test_every_line_of_the_procfile_names_a_command_that_exists():
    assert set(named_in_the_procfile().values()) <= main.commands.keys()


def commands(environment):
    return dict(foreground._commands(environment))


def test_the_demo_starts_the_engine_and_its_extras_but_not_the_release_step(monkeypatch):
    monkeypatch.chdir(PROJECT)
    started = commands({"QUIZMAIL_DEMO": "true", "REDIS_URL": "redis://127.0.0.1:1/0"})
    assert started.keys() == {"web", "worker", "dispatcher", "scheduler", "redis", "inbox", "demo"}


def test_a_configured_engine_with_a_redis_starts_no_extras(monkeypatch):
    monkeypatch.chdir(PROJECT)
    started = commands({"QUIZ_DATABASE_URL": "sqlite:///quiz.db", "REDIS_URL": "redis://127.0.0.1:1/0"})
    assert started.keys() == {"web", "worker", "dispatcher", "scheduler"}


def test_a_folder_without_a_procfile_is_told_so(folder):
    with pytest.raises(ConfigurationError, match="Procfile is not in this folder"):
        commands({"QUIZMAIL_DEMO": "true"})
