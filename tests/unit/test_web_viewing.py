"""A mail in the browser: the same figures, for whoever has its link, for as long as they are kept."""

from datetime import timedelta

import pytest
from flask import Flask

from quizmail import wiring
from quizmail.models import Delivery, Recipient
from quizmail.settings import load
from quizmail.states import Kind
from quizmail.web import mail_pages
from tests.support.configuration import environment
from tests.support.facts import reminder_facts, report_facts

pytestmark = pytest.mark.usefixtures("sqlite_database")

BODY = """<html><body><p>{{ name }}</p>{% for quiz in quizzes %}<li>{{ quiz.title }}</li>{% endfor %}
<a href="{{ unsubscribe_url }}">Stop</a></body></html>"""
FACTS = {Kind.REMINDER: reminder_facts, Kind.REPORT: report_facts}


@pytest.fixture
def settings(tmp_path):
    """Templates of the test's own: how mails look is another matter."""
    for kind in Kind:
        (tmp_path / "own" / kind).mkdir(parents=True)
        for name in ("subject.txt", "body.txt"):
            (tmp_path / "own" / kind / name).write_text("x")
        (tmp_path / "own" / kind / "body.html").write_text(BODY)
    return load(environment(TEMPLATES_DIR=str(tmp_path / "own"), SECRET_KEYS_PREVIOUS="an-older-key-of-ours"))


@pytest.fixture
def client(settings):
    app = Flask("test")
    app.register_blueprint(mail_pages(settings))
    return app.test_client()


def a_delivery(now, kind=Kind.REMINDER, **columns):
    recipient, _ = Recipient.get_or_create(user_id="7")
    given = {"period": "2026-11", "facts": FACTS[kind](), "claimed_at": now, **columns}
    return Delivery.create(
        kind=kind, user_id="7", recipient=recipient, due_at=now, expires_at=now, planned_at=now, **given
    )


def path_of(settings, delivery_id):
    return wiring.links_of(settings).view(delivery_id).removeprefix(settings.base_url)


@pytest.mark.parametrize("kind", Kind)
def test_the_page_shows_what_the_mail_said_with_its_link_to_unsubscribe(client, settings, now, kind):
    delivery = a_delivery(now, kind)

    answer = client.get(path_of(settings, delivery.id))

    assert answer.status_code == 200
    assert all(quiz["title"].replace("'", "&#39;") in answer.text for quiz in delivery.facts["quizzes"])
    assert wiring.links_of(settings).unsubscribe(delivery.recipient_id, kind) in answer.text
    assert answer.headers["X-Robots-Tag"].startswith("noindex")
    assert answer.headers["Cache-Control"] == "no-store"
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]


def test_a_quiz_that_had_closed_before_the_mail_left_is_not_on_the_page_either(client, settings, now):
    closed, *others = reminder_facts()["quizzes"]
    closed["closes_at"] = (now + timedelta(minutes=1)).isoformat()
    facts = reminder_facts(quizzes=[closed, *others])
    delivery = a_delivery(now, facts=facts, claimed_at=now + timedelta(minutes=1))

    page = client.get(path_of(settings, delivery.id)).text

    assert closed["title"] not in page
    assert others[0]["title"] in page


def test_a_link_signed_with_a_former_key_still_shows_the_mail(client, now):
    delivery = a_delivery(now)
    old = load(environment(SECRET_KEY="an-older-key-of-ours"))

    assert client.get(path_of(old, delivery.id)).status_code == 200


def test_forged_forgotten_never_there_and_no_longer_kept_look_the_same(client, settings, now):
    forgotten = a_delivery(now, period="1")
    emptied = a_delivery(now, period="2", facts=None)
    paths = [path_of(settings, forgotten.id), path_of(settings, emptied.id), path_of(settings, 4711)]
    forgotten.delete_instance()

    answers = [client.get(path) for path in [*paths, path_of(settings, 1) + "x", "/v/x"]]

    assert {answer.status_code for answer in answers} == {404}
    assert len({answer.text for answer in answers}) == 1


def test_a_link_to_unsubscribe_shows_no_mail_and_the_other_way_round(client, settings, now):
    delivery = a_delivery(now)
    links = wiring.links_of(settings)
    unsubscribe, view = links.unsubscribe(delivery.recipient_id, Kind.REMINDER), links.view(delivery.id)

    assert client.get("/v/" + unsubscribe.rpartition("/")[2]).status_code == 404
    assert client.post("/u/" + view.rpartition("/")[2]).status_code == 404


def test_a_template_at_fault_is_logged_without_the_token(client, settings, now, tmp_path, caplog):
    (tmp_path / "own" / "reminder" / "body.html").write_text("<p>{{ nonsense }}</p>")
    path = path_of(settings, a_delivery(now).id)

    assert client.get(path).status_code == 404
    assert "nonsense" in caplog.text
    assert path.rpartition("/")[2] not in caplog.text


def test_looking_changes_nothing(client, settings, now):
    delivery = a_delivery(now)
    before = Delivery.select().dicts().get()

    client.get(path_of(settings, delivery.id))

    assert Delivery.select().dicts().get() == before
    assert client.post(path_of(settings, delivery.id)).status_code == 405
