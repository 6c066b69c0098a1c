"""Our web pages in a real browser: axe finds nothing, light and dark, on a phone and on a desktop."""

import threading

import pytest
from werkzeug.serving import make_server

from quizmail import wiring
from quizmail.demo.inbox import Inbox
from quizmail.gallery import compose_all, samples
from quizmail.gallery.page import Entry, page
from quizmail.models import Delivery, Recipient
from quizmail.settings import load
from quizmail.states import Kind
from quizmail.web.app import create_app
from tests.support.configuration import environment
from tests.support.gallery import POSTAL_LINES, composer

VIEWS = [(width, dark) for width in (320, 1000) for dark in (False, True)]


@pytest.fixture
def settings(tmp_path):
    """Those of the demo, which has all pages that there are."""
    inbox = str(tmp_path / "inbox")
    address = "\n".join(POSTAL_LINES)
    return load(environment(QUIZMAIL_DEMO="true", QUIZMAIL_DEMO_INBOX=inbox, POSTAL_ADDRESS=address))


@pytest.fixture
def site(sqlite_database, settings):
    """The address at which the application answers."""
    server = make_server("127.0.0.1", 0, create_app(settings), threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def delivery(now):
    """A reminder that has been planned for somebody, and with it what is known of him."""

    def plan(locale="en"):
        facts = next(each.facts for each in samples() if each.locale == locale)
        recipient = Recipient.create(user_id="7")
        return Delivery.create(
            kind=Kind.REMINDER,
            user_id="7",
            period="2026-11-23",
            recipient=recipient,
            facts=facts,
            due_at=now,
            expires_at=now,
            planned_at=now,
        )

    return plan


def preferences(settings, delivery):
    return (
        wiring.links_of(settings)
        .unsubscribe(delivery.recipient_id, Kind.REMINDER)
        .removeprefix(settings.base_url)
    )


def found_by_axe(browser):
    """What axe finds in the page that is shown; nothing may stick out of it either."""
    found = []
    for width, dark in VIEWS:
        browser.show(width, dark=dark)
        found += browser.violations()
        if browser.evaluate("document.documentElement.scrollWidth") > width:
            found.append(f"wider than {width} pixels")
    return found


@pytest.mark.parametrize("locale", ["en", "de", "ar-XB"])
def test_axe_finds_nothing_in_the_preference_page(browser, site, settings, delivery, locale):
    browser.open(site + preferences(settings, delivery(locale)))

    assert browser.evaluate("document.documentElement.lang") == locale
    assert found_by_axe(browser) == []


@pytest.mark.parametrize("action", ["stop", "pause", "stop-all"])
def test_axe_finds_nothing_in_what_is_shown_after_a_click(browser, site, settings, delivery, action):
    browser.open(site + preferences(settings, delivery()))
    browser.click(f"button[value={action}]")

    assert browser.evaluate("document.querySelector('[role=status]') !== null")
    assert found_by_axe(browser) == []


def test_every_control_of_the_preference_page_is_at_least_44_pixels_high(browser, site, settings, delivery):
    browser.open(site + preferences(settings, delivery()), 320)
    controls = "[...document.querySelectorAll('button, label')]"

    heights = browser.evaluate(f"{controls}.map(each => each.getBoundingClientRect().height)")
    assert len(heights) > 5
    assert min(heights) >= 44


def test_axe_finds_nothing_in_a_page_that_is_not_there(browser, site):
    browser.open(f"{site}/u/forged")

    assert found_by_axe(browser) == []


def test_axe_finds_nothing_in_a_mail_shown_as_a_page(browser, site, settings, delivery):
    link = wiring.links_of(settings).view(delivery().id).removeprefix(settings.base_url)
    browser.open(site + link)

    assert browser.evaluate("document.querySelectorAll('h1').length") == 1
    assert found_by_axe(browser) == []


def test_axe_finds_nothing_in_the_demos_inbox(browser, site, settings):
    name = Inbox(settings.demo_inbox).store(
        next(compose_all(composer(), samples())).mail.content, 1_795_483_963_082_640_726
    )

    for path in ("/inbox", f"/inbox/{name}", "/quiz"):
        browser.open(site + path)
        assert found_by_axe(browser) == [], path


def test_axe_finds_nothing_in_the_gallery_itself(browser, tmp_path):
    entries = [
        Entry(
            "reminder", "usual", locale, f"x-{locale}", "QuizMaster <a@example.com>", "Subject", "Text", 9000
        )
        for locale in ("en", "ar-XB")
    ]
    for entry in entries:
        (tmp_path / f"{entry.name}.html").write_text(
            "<!doctype html><html lang=en><title>x</title><main>x</main>"
        )
    (tmp_path / "index.html").write_text(page(entries), encoding="utf-8")
    browser.open(tmp_path / "index.html")

    assert found_by_axe(browser) == []
