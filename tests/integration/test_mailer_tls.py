"""The mailer over TLS, with certificates of the tests' own authority, and Gmail's way of logging in."""

import json
import ssl
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
import trustme
from yagmail import oauth2

from quizmail.mailer import NoAnswer, Stage
from tests.support.mailing import MESSAGE, impatient, mailer_to, send
from tests.support.smtp_server import OFFERS, At, SmtpServer

WAYS = pytest.mark.parametrize("implicit", [False, True], ids=["STARTTLS", "SMTPS"])


@pytest.fixture(scope="module")
def authority():
    return trustme.CA()


@pytest.fixture(scope="module")
def ca_file(authority, tmp_path_factory):
    path = tmp_path_factory.mktemp("tls") / "ca.pem"
    authority.cert_pem.write_to_path(path)
    return path


def context_for(certificate):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate.configure_cert(context)
    return context


@contextmanager
def a_server(authority, implicit, plan=None, *, name="127.0.0.1", offers=OFFERS, **options):
    tls = context_for(authority.issue_cert(name))
    offers = offers if implicit else (*offers, "STARTTLS")
    with SmtpServer(plan, offers=offers, tls=tls, implicit_tls=implicit, **options) as server:
        yield server


def a_mailer(server, implicit, **changes):
    return mailer_to(server, use_ssl=implicit, use_tls=not implicit, **changes)


@WAYS
def test_mails_travel_over_one_verified_connection(authority, ca_file, implicit):
    with a_server(authority, implicit) as server:
        with a_mailer(server, implicit, ca_file=ca_file) as mailer:
            assert all(send(mailer).is_positive for _ in range(5))
        server.wait_until(lambda: server.sessions[0].end is not None)

        assert [mail.session for mail in server.inbox] == [1] * 5
        assert {mail.content for mail in server.inbox} == {MESSAGE}
        assert server.sessions[0].end == "quit"


@WAYS
def test_the_password_is_said_only_over_tls(authority, ca_file, implicit):
    options = {"offers": (*OFFERS, "AUTH PLAIN"), "login": ("quiz", "pw")}
    with a_server(authority, implicit, **options) as server:
        with a_mailer(server, implicit, ca_file=ca_file, username="quiz", password="pw") as mailer:
            assert send(mailer).is_positive

        said = [command.split()[0] for command in server.sessions[0].commands]
        assert said.index("AUTH") > (-1 if implicit else said.index("STARTTLS"))


@WAYS
def test_a_certificate_of_an_unknown_authority_refuses(authority, implicit):
    options = {"offers": (*OFFERS, "AUTH PLAIN"), "login": ("quiz", "pw")}
    with a_server(authority, implicit, **options) as server:
        with a_mailer(server, implicit, username="quiz", password="pw") as mailer:
            answer = send(mailer)

        assert isinstance(answer, NoAnswer)
        assert answer.stage is Stage.CONNECT
        assert answer.cause.startswith(f"the certificate of 127.0.0.1:{server.port} is not trusted: ")
        assert not any(command.startswith("AUTH") for command in server.sessions[0].commands)


@WAYS
def test_a_certificate_of_another_name_refuses(authority, ca_file, implicit):
    with (
        a_server(authority, implicit, name="mail.example.net") as server,
        a_mailer(server, implicit, ca_file=ca_file) as mailer,
    ):
        assert "is not trusted: " in send(mailer).cause


def test_the_ca_file_adds_to_the_systems_authorities(authority, ca_file, tmp_path, monkeypatch):
    systems = trustme.CA()
    systems.cert_pem.write_to_path(tmp_path / "system.pem")
    added = tmp_path / "added.pem"
    added.write_bytes(ca_file.read_bytes())
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "system.pem"))
    for issuer in (systems, authority):
        with a_server(issuer, True) as server, a_mailer(server, True, ca_file=added) as mailer:
            assert send(mailer).is_positive


def test_a_ca_file_without_certificates_is_no_answer(authority, tmp_path):
    empty = tmp_path / "empty.pem"
    empty.write_text("nothing")
    with a_server(authority, True) as server, a_mailer(server, True, ca_file=empty) as mailer:
        cause = f"MAIL_CA_FILE: no certificates can be read from {empty}"
        assert send(mailer) == NoAnswer(Stage.CONNECT, cause)


def test_a_server_that_speaks_no_tls_is_no_answer(ca_file):
    with SmtpServer() as server, a_mailer(server, True, ca_file=ca_file) as mailer:
        answer = send(mailer)
        assert answer.stage is Stage.CONNECT
        assert answer.cause.startswith(f"no TLS with 127.0.0.1:{server.port}: ")


@WAYS
@pytest.mark.parametrize("action", ["drop", "reset", "hang", "garbage"])
@pytest.mark.parametrize(
    ("at", "stage"), [(At.DATA, Stage.DATA), (At.DOT, Stage.BODY), (At.ANSWER, Stage.BODY)]
)
def test_faults_are_told_over_tls_as_they_are_without(authority, ca_file, implicit, action, at, stage):
    with (
        a_server(authority, implicit, {(at, 1): action}) as server,
        a_mailer(server, implicit, ca_file=ca_file, **impatient(action)) as mailer,
    ):
        answer = send(mailer)
        assert isinstance(answer, NoAnswer)
        assert answer.stage is stage
        assert send(mailer).is_positive


@WAYS
def test_what_the_server_says_unasked_is_noticed_over_tls(authority, ca_file, implicit):
    plan = {(At.ANSWER, 1): b"250 2.0.0 queued\r\n550 5.1.1 nobody\r\n"}
    with a_server(authority, implicit, plan) as server:
        with a_mailer(server, implicit, ca_file=ca_file) as mailer:
            assert send(mailer).is_positive
            assert send(mailer).is_positive
        assert [mail.session for mail in server.inbox] == [1, 2]


@WAYS
def test_a_connection_closed_while_idle_is_replaced_silently_over_tls(authority, ca_file, implicit):
    with (
        a_server(authority, implicit, {(At.AFTER, 1): "drop"}) as server,
        a_mailer(server, implicit, ca_file=ca_file) as mailer,
    ):
        assert send(mailer).is_positive
        server.wait_until(lambda: server.sessions[0].end is not None)
        assert send(mailer).is_positive


# Gmail's OAuth2.

CREDENTIALS = {
    "email_address": "quiz@gmail.example",
    "google_client_id": "id",
    "google_client_secret": "hush",
    "google_refresh_token": "refresh-me",
}


@pytest.fixture
def token_server(monkeypatch):
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            asked = self.rfile.read(int(self.headers["Content-Length"]))
            is_right = b"refresh_token=refresh-me" in asked and b"client_secret=hush" in asked
            answer = (
                {"access_token": "token-1", "expires_in": 3600} if is_right else {"error": "invalid_grant"}
            )
            self.send_response(200 if is_right else 400)
            self.end_headers()
            self.wfile.write(json.dumps(answer).encode())

        def log_message(self, *_):
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    # yagmail's own constant: Google's real address, which no test may ask.
    monkeypatch.setattr(oauth2, "GOOGLE_ACCOUNTS_BASE_URL", f"http://127.0.0.1:{server.server_port}")
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def oauth2_file(tmp_path, **changes):
    path = tmp_path / "oauth2.json"
    path.write_text(json.dumps({**CREDENTIALS, **changes}))
    return path


OAUTH2_OFFERS = {"offers": (*OFFERS, "AUTH XOAUTH2"), "login": ("quiz@gmail.example", "token-1")}


@WAYS
def test_gmail_is_logged_in_with_a_fresh_token(authority, ca_file, tmp_path, token_server, implicit):
    path = oauth2_file(tmp_path)
    with (
        a_server(authority, implicit, **OAUTH2_OFFERS) as server,
        a_mailer(server, implicit, ca_file=ca_file, oauth2_file=path) as mailer,
    ):
        assert send(mailer).is_positive


@pytest.mark.parametrize("plan", [{}, {At.AUTH: "535 5.7.8 no: token-1"}])
def test_a_refused_token_is_no_answer_and_is_not_repeated(authority, ca_file, tmp_path, token_server, plan):
    path = oauth2_file(tmp_path)
    options = {**OAUTH2_OFFERS, "login": ("quiz@gmail.example", "another")}
    with (
        a_server(authority, True, plan, **options) as server,
        a_mailer(server, True, ca_file=ca_file, oauth2_file=path) as mailer,
    ):
        answer = send(mailer)
    assert answer.stage is Stage.LOGIN
    assert answer.cause.startswith("login refused: 535 5.7.8 ")
    assert "token-1" not in answer.cause


def test_a_refresh_token_that_is_refused_is_no_answer(authority, ca_file, tmp_path, token_server):
    path = oauth2_file(tmp_path, google_refresh_token="old")
    with (
        a_server(authority, True, **OAUTH2_OFFERS) as server,
        a_mailer(server, True, ca_file=ca_file, oauth2_file=path) as mailer,
    ):
        cause = "login refused: the OAuth2 server answered 400 Bad Request"
        assert send(mailer) == NoAnswer(Stage.LOGIN, cause)


@pytest.mark.parametrize(
    "text", ['{"installed": {"client_id": "x"}}', "[]", "no JSON", '{"google_client_id": "x"}']
)
def test_an_unfinished_oauth2_file_is_no_answer_and_asks_nobody(authority, ca_file, tmp_path, text):
    path = tmp_path / "oauth2.json"
    path.write_text(text)
    with (
        a_server(authority, True) as server,
        a_mailer(server, True, ca_file=ca_file, oauth2_file=path) as mailer,
    ):
        answer = send(mailer)
    assert isinstance(answer, NoAnswer)
    assert "OAuth2 file" in answer.cause
