"""Forged links: refused in the same words, and soon not even looked at; a valid link always works."""

import pytest
from flask import Flask

from quizmail import wiring
from quizmail.models import Recipient
from quizmail.settings import load
from quizmail.states import Kind, Preference
from quizmail.web import mail_pages
from quizmail.web.forgeries import MINUTE, MOST, Forgeries
from tests.support.configuration import environment


def tries(forgeries, client, count, now=0.0):
    return [forgeries.wait(client, now) for _ in range(count)]


def test_so_many_in_a_minute_and_then_none():
    forgeries = Forgeries(most=3)

    assert tries(forgeries, "203.0.113.9", 3) == [0, 0, 0]
    assert tries(forgeries, "203.0.113.9", 2, now=20) == [40, 40]
    assert tries(forgeries, "203.0.113.9", 1, now=MINUTE) == [0]


def test_one_client_does_not_pay_for_another():
    forgeries = Forgeries(most=1)
    tries(forgeries, "203.0.113.9", 5)

    assert tries(forgeries, "203.0.113.10", 1) == [0]


@pytest.mark.parametrize(
    ("first", "second", "same"),
    [
        ("2001:db8:1:2::1", "2001:db8:1:2:ffff::9", True),
        ("2001:db8:1:2::1", "2001:db8:1:3::1", False),
        ("::ffff:203.0.113.9", "203.0.113.9", True),
        ("fe80::1%eth0", "fe80::2%eth1", True),
        (None, "", True),
    ],
)
def test_a_customer_of_a_provider_is_one_client(first, second, same):
    forgeries = Forgeries(most=1)
    tries(forgeries, first, 1)

    assert bool(forgeries.wait(second, 0)) is same


def test_only_so_many_clients_are_remembered():
    forgeries = Forgeries(most=1, clients=100)

    for number in range(10_000):
        forgeries.wait(f"10.0.{number // 256}.{number % 256}", 0)

    assert len(forgeries._seen) == 100


@pytest.fixture
def settings():
    return load(environment(SECRET_KEYS_PREVIOUS="an-older-key-of-ours"))


@pytest.fixture
def client(sqlite_database, settings):
    app = Flask("test")
    app.register_blueprint(mail_pages(settings))
    return app.test_client()


@pytest.mark.parametrize(
    ("method", "path"),
    [("get", "/u/forged"), ("post", "/u/forged"), ("head", "/u/forged"), ("get", "/v/forged")],
)
def test_whoever_tries_many_forged_links_is_told_to_wait(client, method, path):
    answers = [getattr(client, method)(path) for _ in range(MOST + 5)]

    assert [answer.status_code for answer in answers] == [404] * MOST + [429] * 5
    assert 1 <= int(answers[-1].headers["Retry-After"]) <= MINUTE


@pytest.mark.parametrize("key", ["a-key-for-the-tests-only", "an-older-key-of-ours"])
def test_a_valid_link_is_never_limited(client, key):
    recipient = Recipient.create(user_id="7")
    for _ in range(MOST + 5):
        client.get("/u/forged")
    path = wiring.links_of(load(environment(SECRET_KEY=key))).unsubscribe(recipient.id, Kind.REPORT)

    for _ in range(MOST + 5):
        answer = client.post(path.removeprefix("https://mail.example.com"))
        assert answer.status_code == 200
    assert Recipient.get().report_preference == Preference.OFF


def test_a_header_makes_no_new_client_of_a_forger(client):
    headers = [{"X-Forwarded-For": f"203.0.113.{number}"} for number in range(MOST + 1)]

    assert [client.get("/u/forged", headers=each).status_code for each in headers][-1] == 429
