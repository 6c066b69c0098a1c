"""The reader's pages and the health check, through Flask's own client."""

from datetime import timedelta

import pytest

from quizmail import recipients, wiring
from quizmail.dispatch import tick_name
from quizmail.models import Moment, Recipient
from quizmail.settings import load
from quizmail.states import Kind, Preference
from quizmail.web.app import create_app
from tests.support.configuration import environment

pytestmark = pytest.mark.usefixtures("sqlite_database")


@pytest.fixture
def settings():
    return load(environment(SECRET_KEYS_PREVIOUS="an-older-key-of-ours"))


@pytest.fixture
def client(settings):
    return create_app(settings).test_client()


@pytest.fixture
def recipient():
    return Recipient.create(user_id="ada@example.com")


def link(settings, recipient, kind=Kind.REMINDER):
    return wiring.links_of(settings).unsubscribe(recipient.id, kind).removeprefix(settings.base_url)


def preferences():
    row = Recipient.get()
    return row.reminder_preference, row.report_preference


def test_a_get_changes_nothing_and_shows_what_a_click_would_do(client, settings, recipient):
    answer = client.get(link(settings, recipient))

    assert answer.status_code == 200
    assert "Stop daily reminders" in answer.text
    assert preferences() == (Preference.ON, Preference.ON)


@pytest.mark.parametrize("content_type", ["application/x-www-form-urlencoded", "multipart/form-data"])
def test_one_click_stops_that_kind_at_once(client, settings, recipient, content_type):
    data = {"List-Unsubscribe": "One-Click"}

    for _ in range(2):
        answer = client.post(link(settings, recipient), data=data, content_type=content_type)
        assert answer.status_code == 200
        assert "Location" not in answer.headers

    assert preferences() == (Preference.OFF, Preference.ON)


def test_the_reader_can_take_it_back(client, settings, recipient):
    client.post(link(settings, recipient, Kind.REPORT))
    assert preferences() == (Preference.ON, Preference.OFF)

    client.post(link(settings, recipient, Kind.REPORT), data={"action": "start"})
    assert preferences() == (Preference.ON, Preference.ON)


@pytest.mark.parametrize("content_type", ["text/plain", "application/json", "multipart/form-data", None])
def test_a_body_that_cannot_be_read_stops_the_kind_all_the_same(client, settings, recipient, content_type):
    answer = client.post(link(settings, recipient), data=b"\x00{junk", content_type=content_type)

    assert answer.status_code == 200
    assert preferences()[0] == Preference.OFF


def test_one_click_wins_over_whatever_else_the_form_says(client, settings, recipient):
    client.post(link(settings, recipient), data={"List-Unsubscribe": "One-Click", "action": "start"})

    assert preferences()[0] == Preference.OFF


def test_no_answer_sets_a_cookie_or_may_be_kept_framed_or_indexed(client, settings, recipient):
    path = link(settings, recipient)
    answers = [client.get(path), client.head(path), client.post(path), client.get(path + "x")]

    for answer in answers:
        assert "Set-Cookie" not in answer.headers
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.headers["Referrer-Policy"] == "no-referrer"
        assert answer.headers["X-Robots-Tag"].startswith("noindex")
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
        assert "frame-ancestors 'none'" in answer.headers["Content-Security-Policy"]


@pytest.mark.parametrize("method", ["head", "options", "put", "delete"])
def test_no_other_method_changes_anything(client, settings, recipient, method):
    getattr(client, method)(link(settings, recipient))

    assert preferences() == (Preference.ON, Preference.ON)


@pytest.mark.parametrize(
    "spoil", [lambda t: t[:-1], lambda t: t + "x", lambda t: "x", lambda t: t.swapcase()]
)
@pytest.mark.parametrize("method", ["get", "post"])
def test_a_forged_token_is_not_found_and_changes_nothing(client, settings, recipient, spoil, method):
    path, token = link(settings, recipient).rsplit("/", 1)

    answer = getattr(client, method)(f"{path}/{spoil(token)}")

    assert answer.status_code == 404
    assert preferences() == (Preference.ON, Preference.ON)


def test_a_link_signed_with_a_former_key_still_works(client, recipient):
    old = load(environment(SECRET_KEY="an-older-key-of-ours"))

    assert client.post(link(old, recipient)).status_code == 200
    assert preferences()[0] == Preference.OFF


@pytest.mark.parametrize("method", ["get", "post"])
def test_who_was_forgotten_reads_that_nothing_is_kept(client, settings, recipient, method):
    path = link(settings, recipient)
    recipient.delete_instance()

    answer = getattr(client, method)(path)

    assert answer.status_code == 200
    assert "Nothing is kept about you here." in answer.text
    assert "<button" not in answer.text


def test_the_url_holds_neither_the_address_nor_the_platforms_id(settings, recipient):
    assert "ada" not in link(settings, recipient)


def test_the_page_escapes_what_it_is_given(recipient):
    settings = load(environment(SITE_NAME="<script>alert(1)</script>"))

    page = create_app(settings).test_client().get(link(settings, recipient)).text

    assert "<script>" not in page


@pytest.mark.parametrize(("minutes", "expected"), [(2, 200), (4, 503)])
def test_health_is_lost_when_the_last_tick_is_over_three_minutes_old(client, minutes, expected):
    for kind in Kind:
        Moment.create(name=tick_name(kind), at=wiring.utc_now() - timedelta(minutes=minutes))

    assert client.get("/healthz").status_code == expected


def test_without_any_tick_there_is_no_health(client):
    assert client.get("/healthz").status_code == 503


def test_stopping_one_kind_twice_and_asking_for_the_other_are_independent(client, settings, recipient):
    recipients.set_preference(recipient.id, Kind.REPORT, Preference.OFF)

    assert "Stop daily reminders" in client.get(link(settings, recipient, Kind.REMINDER)).text
