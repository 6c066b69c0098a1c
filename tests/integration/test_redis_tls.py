"""A Redis behind TLS whose certificate nobody vouches for, as Heroku's is."""

import os
import socket
import ssl
import threading
from contextlib import contextmanager, suppress

import pytest
import redis
import trustme

from quizmail import broker, wiring
from quizmail.redis_server import find_program
from quizmail.settings import load
from tests.support.configuration import environment
from tests.support.processes import started, wait_until
from tests.support.stack import free_port


@pytest.fixture(scope="module")
def plain_port(tmp_path_factory):
    folder, port = tmp_path_factory.mktemp("redis"), free_port()
    command = [
        str(find_program()),
        "--port",
        str(port),
        "--bind",
        "127.0.0.1",
        "--save",
        "",
        "--dir",
        str(folder),
    ]
    with started(command, folder / "log", environment={"PATH": os.environ["PATH"]}, cwd=folder):
        wait_until(lambda: answers(f"redis://127.0.0.1:{port}"), "Redis")
        yield port


@pytest.fixture(scope="module")
def tls_port(plain_port):
    with behind_tls(plain_port) as port:
        yield port


@contextmanager
def behind_tls(plain_port):
    """Take connections by TLS, with a certificate of an unknown authority, and pass on what they say."""
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("127.0.0.1").configure_cert(tls)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=_accept, args=(listener, tls, plain_port), daemon=True).start()
        yield listener.getsockname()[1]
        listener.shutdown(socket.SHUT_RDWR)


def _accept(listener, tls, plain_port):
    with suppress(OSError):
        while True:
            connection, _ = listener.accept()
            with suppress(ssl.SSLError):
                client = tls.wrap_socket(connection, server_side=True)
                server = socket.create_connection(("127.0.0.1", plain_port))
                for ends in ((client, server), (server, client)):
                    threading.Thread(target=_pass_on, args=ends, daemon=True).start()


def _pass_on(source, target):
    with suppress(OSError), source:
        while words := source.recv(65536):
            target.sendall(words)
        target.shutdown(socket.SHUT_RDWR)


def answers(url):
    with redis.Redis.from_url(url) as client, suppress(redis.RedisError):
        return client.ping()
    return False


def settings(port, **more):
    return load(environment(REDIS_URL=f"rediss://:secret@127.0.0.1:{port}/0?health_check_interval=9", **more))


def test_a_certificate_is_verified_unless_the_settings_say_otherwise(tls_port):
    refused = pytest.raises(redis.ConnectionError, match="CERTIFICATE_VERIFY_FAILED")
    with redis.Redis.from_url(settings(tls_port).redis_url) as client, refused:
        client.ping()


def test_heroku_s_redis_is_reached_when_its_certificate_may_be_anybody_s(tls_port, plain_port, monkeypatch):
    chosen = settings(tls_port, REDIS_TLS_VERIFY="false")
    monkeypatch.setattr(wiring, "current_settings", lambda: chosen)
    with redis.Redis(port=plain_port) as client:
        client.config_set("requirepass", "secret")

    broker.wait_for_redis(chosen.redis_url)
    assert broker.make_broker().client.ping()


@pytest.mark.parametrize("url", ["redis://127.0.0.1:6379/0", "unix:///run/redis.sock"])
def test_without_tls_there_is_nothing_to_verify(url):
    assert load(environment(REDIS_URL=url, REDIS_TLS_VERIFY="false")).redis_url == url
