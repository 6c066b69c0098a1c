"""The demo's inbox: stores what comes over SMTP, shows it, and trusts none of it."""

import asyncio
import socket
import threading
from contextlib import contextmanager
from datetime import UTC, datetime
from smtplib import SMTP

import pytest
from flask import Flask

from quizmail.demo import inbox as inbox_module
from quizmail.demo.inbox import Inbox, arrival, is_name
from quizmail.demo.mails import content, mail, opening_links_outside
from quizmail.demo.pages import inbox_pages

ARRIVED = 1_795_483_963_082_640_726

HOSTILE = "<script>alert(1)</script>"


def message(
    subject="5 quizzes are waiting", to="Ada <ada@example.org>", kind="reminders", html="<p>Hi</p>", text="Hi"
):
    return (
        f"From: QuizMaster <noreply@example.com>\r\nTo: {to}\r\nSubject: {subject}\r\n"
        f"List-Id: QuizMaster {kind} <{kind}.example.com>\r\nMIME-Version: 1.0\r\n"
        'Content-Type: multipart/alternative; boundary="x"\r\n\r\n'
        f"--x\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n{text}\r\n"
        f"--x\r\nContent-Type: text/html; charset=utf-8\r\n\r\n{html}\r\n--x--\r\n"
    ).encode()


@pytest.fixture
def inbox(tmp_path):
    return Inbox(tmp_path)


@pytest.fixture
def client(tmp_path):
    app = Flask(__name__)
    app.register_blueprint(inbox_pages(tmp_path))
    return app.test_client()


@contextmanager
def served(folder):
    """Serve the inbox in a thread and yield its port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    loop, stop = asyncio.new_event_loop(), asyncio.Event()

    def run():
        loop.run_until_complete(inbox_module.run(port, folder, stop))
        loop.close()

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield port, lambda: loop.call_soon_threadsafe(stop.set)
    finally:
        if not loop.is_closed():
            loop.call_soon_threadsafe(stop.set)
        thread.join()


def connected(port):
    while True:
        try:
            return SMTP("127.0.0.1", port)
        except ConnectionRefusedError:
            pass


def test_a_mail_that_comes_over_smtp_is_stored_byte_for_byte_under_its_envelope(tmp_path, inbox):
    sent = message(text="A line\r\n.a line that begins with a dot")
    with served(tmp_path) as (port, _), connected(port) as smtp:
        smtp.sendmail("noreply@example.com", ["ada@example.org", "bob@example.org"], sent)
    (name,) = inbox.names()
    to = b"Delivered-To: ada@example.org\r\nDelivered-To: bob@example.org\r\n"
    assert inbox.read(name) == b"Return-Path: <noreply@example.com>\r\n" + to + sent


def test_a_mail_in_flight_is_finished_when_the_inbox_is_told_to_stop(tmp_path, inbox):
    with served(tmp_path) as (port, stop), connected(port) as smtp:
        smtp.ehlo()
        smtp.mail("noreply@example.com")
        smtp.rcpt("ada@example.org")
        stop()
        assert smtp.data(message())[0] == 250
    assert len(inbox.names()) == 1


def test_mails_are_listed_newest_first(inbox):
    names = [inbox.store(message(), ARRIVED + seconds * 10**9) for seconds in (0, 2, 1)]
    assert inbox.names() == [names[1], names[2], names[0]]


def test_two_mails_of_one_moment_are_two_mails(inbox):
    assert inbox.store(message(), ARRIVED) != inbox.store(message(), ARRIVED)
    assert len(inbox.names()) == 2


def test_a_name_tells_when_the_mail_arrived(inbox):
    assert arrival(inbox.store(b"", ARRIVED)).replace(microsecond=0) == datetime(
        2026, 11, 24, 1, 32, 43, tzinfo=UTC
    )


def test_a_file_that_is_not_complete_is_no_mail(tmp_path, inbox):
    name = inbox.store(message(), ARRIVED)
    (tmp_path / f"{name}.eml").rename(tmp_path / f"{name}.unfinished")
    assert inbox.names() == []


@pytest.mark.parametrize("name", ["../secret_key", "", "1-1", f"{ARRIVED:020d}-000001.eml", "a" * 27])
def test_what_is_no_name_of_ours_is_never_opened(inbox, name):
    assert not is_name(name)
    with pytest.raises(FileNotFoundError):
        inbox.read(name)


def test_an_inbox_without_a_folder_is_empty(tmp_path):
    assert Inbox(tmp_path / "absent").names() == []


@pytest.mark.parametrize(
    ("list_id", "kind"), [("reminders", "reminder"), ("reports", "report"), ("x", "other")]
)
def test_the_kind_comes_from_the_list_id(inbox, list_id, kind):
    assert mail(inbox, inbox.store(message(kind=list_id), ARRIVED)).kind == kind


def test_headers_and_parts_are_decoded(inbox):
    name = inbox.store(
        message("=?utf-8?b?xZ7Dp2VybA==?=", "=?utf-8?q?Z=C3=B6e?= <zoe@example.org>", text="Grüße"), ARRIVED
    )
    assert (mail(inbox, name).subject, mail(inbox, name).to) == ("Şçerl", "Zöe <zoe@example.org>")
    assert content(inbox, name).text.strip() == "Grüße"


def test_a_mail_without_headers_or_in_bytes_that_are_no_text_is_still_shown(inbox, client):
    for source in (b"", b"\xff\xfe\x00", b"Subject: \xff\r\n\r\n\xff"):
        name = inbox.store(source, ARRIVED)
        assert client.get(f"/inbox/{name}").status_code == 200
    assert client.get("/inbox").status_code == 200


def test_an_empty_inbox_says_so_and_looks_again(client):
    page = client.get("/inbox").text
    assert "No mail yet" in page
    assert 'http-equiv="refresh"' in page


def test_the_list_filters_by_kind_and_by_words(inbox, client):
    inbox.store(message("Apples"), ARRIVED)
    inbox.store(message("Your October", "Bob <bob@example.org>", kind="reports"), ARRIVED)
    assert "Apples" in client.get("/inbox").text
    reports = client.get("/inbox?kind=report").text
    assert "Your October" in reports
    assert "Apples" not in reports
    assert "1 mail matches" in client.get("/inbox?q=BOB+october").text
    assert "No mail here" in client.get("/inbox?kind=report&q=apples").text


def test_a_long_list_goes_on_with_older_mails(inbox, client):
    for number in range(60):
        inbox.store(message(f"Mail number {number}"), ARRIVED + number)
    first = client.get("/inbox").text
    assert "Mail number 59<" in first
    assert "Mail number 0<" not in first
    last_shown = inbox.names()[49]
    older = client.get(f"/inbox?before={last_shown}").text
    assert "Mail number 0<" in older
    assert "Mail number 10<" not in older


def test_a_mails_page_shows_headers_text_and_source_and_leads_to_its_neighbours(inbox, client):
    names = [inbox.store(message(f"Mail {number}"), ARRIVED + number) for number in range(3)]
    page = client.get(f"/inbox/{names[1]}").text
    assert "List-Id" in page
    assert "boundary=&#34;x&#34;" in page
    assert f'href="/inbox/{names[0]}" rel="next"' in page
    assert f'href="/inbox/{names[2]}" rel="prev"' in page
    assert client.get(f"/inbox/{names[1]}/source").data == inbox.read(names[1])


def test_what_strangers_wrote_is_escaped_everywhere(inbox, client):
    name = inbox.store(message(HOSTILE, f'"{HOSTILE}" <a@example.org>', text=HOSTILE, html=HOSTILE), ARRIVED)
    for path in ("/inbox", f"/inbox/{name}", f"/inbox?q={HOSTILE}&kind={HOSTILE}&before={HOSTILE}"):
        assert "<script" not in client.get(path).text


def test_a_mails_html_runs_no_script_and_reads_nothing(inbox, client):
    name = inbox.store(message(html=HOSTILE), ARRIVED)
    policy = client.get(f"/inbox/{name}/html").headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "sandbox" in policy
    assert "allow-scripts" not in policy
    assert "allow-same-origin" not in policy
    assert 'sandbox="allow-popups' in client.get(f"/inbox/{name}").text


@pytest.mark.parametrize("path", ["/inbox", "/inbox/static/inbox.css", "/quiz", "/quiz/3", "/inbox/nothing"])
def test_no_page_may_run_scripts(client, path):
    with client.get(path) as response:
        policy = response.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "script-src" not in policy


@pytest.mark.parametrize("path", ["", "/html", "/source"])
@pytest.mark.parametrize("name", ["01795483963082640726-000001", "nothing", "..%2f..%2fsecret_key"])
def test_a_mail_that_does_not_exist_is_404(client, name, path):
    assert client.get(f"/inbox/{name}{path}").status_code == 404


@pytest.mark.parametrize(
    ("html", "expected"),
    [
        ("<html><head><title>x", '<html><head><base target="_blank"><title>x'),
        ('<HEAD lang="en">', '<HEAD lang="en"><base target="_blank">'),
        ("<p>bare", '<base target="_blank"><p>bare'),
        ("<header>x", '<base target="_blank"><header>x'),
    ],
)
def test_a_mails_links_open_outside_the_frame(html, expected):
    assert opening_links_outside(html) == expected
