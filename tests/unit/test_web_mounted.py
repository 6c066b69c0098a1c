"""The reader's pages inside somebody else's Flask application, under a prefix of its own, over real HTTP."""

import re
import threading
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from flask import Flask, abort, request
from werkzeug.serving import make_server

from quizmail import wiring
from quizmail.models import Recipient
from quizmail.settings import load
from quizmail.states import Kind, Preference
from quizmail.web import mail_pages
from tests.support.configuration import environment

pytestmark = pytest.mark.usefixtures("sqlite_database")

EXAMPLE = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)
DOCS = Path(__file__).parents[2] / "docs" / "web.md"


@pytest.fixture
def settings():
    return load(environment(BASE_URL="https://quiz.example.com/mail"))


def a_foreign_app(settings):
    """Return an application that wants a token of its own with every POST, but not of the mail pages."""
    app = Flask("foreign")
    app.secret_key = "theirs"
    app.register_blueprint(mail_pages(settings), url_prefix="/mail")

    @app.before_request
    def protect():
        if request.method == "POST" and request.blueprint != "quizmail" and "csrf" not in request.form:
            abort(400)

    @app.post("/comment")
    def comment():
        return "thanks"

    return app


@pytest.fixture
def address(settings):
    server = make_server("127.0.0.1", 0, a_foreign_app(settings), threaded=True)
    thread = threading.Thread(target=server.serve_forever, args=[0.02])
    thread.start()
    yield "127.0.0.1", server.server_port
    server.shutdown()
    thread.join()
    server.server_close()


def ask(address, method, url, body=None, content_type="application/x-www-form-urlencoded"):
    connection = HTTPConnection(*address, timeout=60)
    connection.request(method, urlsplit(url).path, body, {"Content-Type": content_type} if body else {})
    answer = connection.getresponse()
    answer.text = answer.read().decode()
    connection.close()
    return answer


MULTIPART = (
    b'--x\r\nContent-Disposition: form-data; name="List-Unsubscribe"\r\n\r\nOne-Click\r\n--x--\r\n',
    "multipart/form-data; boundary=x",
)
URLENCODED = (b"List-Unsubscribe=One-Click", "application/x-www-form-urlencoded")


@pytest.mark.parametrize("body", [MULTIPART, URLENCODED], ids=["multipart", "urlencoded"])
def test_one_click_works_below_the_prefix_that_base_url_ends_with(settings, address, body):
    recipient = Recipient.create(user_id="7")
    url = wiring.links_of(settings).unsubscribe(recipient.id, Kind.REMINDER)
    assert url.startswith("https://quiz.example.com/mail/u/")

    for _ in range(2):
        answer = ask(address, "POST", url, *body)
        assert answer.status == 200
        assert answer.getheader("Location") is None
        assert answer.getheader("Set-Cookie") is None

    row = Recipient.get()
    assert (row.reminder_preference, row.report_preference) == (Preference.OFF, Preference.ON)


def test_the_page_posts_to_where_it_was_read(settings, address):
    recipient = Recipient.create(user_id="7")
    url = wiring.links_of(settings).unsubscribe(recipient.id, Kind.REMINDER)

    page = ask(address, "GET", url)

    assert page.status == 200
    assert "<form" in page.text
    assert " action=" not in page.text
    assert ask(address, "POST", url, "action=pause").status == 200
    assert Recipient.get().paused_until is not None


def test_the_applications_own_forms_stay_protected(address):
    assert ask(address, "POST", "/comment", "text=hello").status == 400
    assert ask(address, "GET", "/mail/u/forged").status == 404


def test_the_example_in_the_docs_runs(sqlite_database, tmp_path, monkeypatch):
    env = environment(
        DATABASE_URL=f"sqlite:///{tmp_path}/quizmail.db", BASE_URL="https://quiz.example.com/mail"
    )
    (tmp_path / ".env").write_text("\n".join(f"{name}={value!r}" for name, value in env.items()))
    monkeypatch.chdir(tmp_path)
    recipient = Recipient.create(user_id="7")

    names = {"__name__": "example"}
    exec(EXAMPLE.findall(DOCS.read_text())[0], names)

    url = wiring.links_of(load(env)).unsubscribe(recipient.id, Kind.REPORT)
    client = names["app"].test_client()
    assert client.post(urlsplit(url).path, data={"List-Unsubscribe": "One-Click"}).status_code == 200
    assert Recipient.get().report_preference == Preference.OFF
