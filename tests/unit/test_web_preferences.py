"""The preference page: what a reader can choose, what is kept then, and the way back."""

import re
from datetime import timedelta
from html import unescape

import pytest
from flask import Flask

from quizmail import wiring
from quizmail.models import Delivery, Recipient
from quizmail.settings import load
from quizmail.states import Kind, Preference
from quizmail.web import mail_pages
from tests.support.configuration import environment
from tests.support.desk import Clock

pytestmark = pytest.mark.usefixtures("sqlite_database")

ON, WEEKLY, OFF = Preference.ON, Preference.WEEKLY, Preference.OFF


@pytest.fixture
def clock(now):
    return Clock(now)


@pytest.fixture
def recipient():
    return Recipient.create(user_id="7")


class Browser:
    """A reader without JavaScript: opens the page and presses its buttons."""

    def __init__(self, settings, clock, recipient, kind=Kind.REMINDER):
        app = Flask("test")
        app.register_blueprint(mail_pages(settings, clock))
        self.client = app.test_client()
        self.headers = {}
        self.path = wiring.links_of(settings).unsubscribe(recipient.id, kind).removeprefix(settings.base_url)
        self.open()

    def open(self, **headers):
        self.headers |= headers
        return self._show(self.client.get(self.path, headers=self.headers))

    def press(self, label, **chosen):
        """Press the button `label`, with its form's hidden fields and radio buttons, some chosen anew."""
        forms = re.findall(r"<form.*?</form>", self.html, re.DOTALL)
        [form] = [form for form in forms if f">{label}</button>" in unescape(form)]
        hidden = dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', form))
        radios = dict(re.findall(r'type="radio" name="(\w+)" value="(\w+)" checked', form))
        [(name, value)] = re.findall(r'<button[^>]*name="(\w+)" value="([\w-]+)"', form)
        data = {**{key: unescape(text) for key, text in hidden.items()}, **radios, **chosen, name: value}
        return self._show(self.client.post(self.path, data=data, headers=self.headers))

    def _show(self, answer):
        assert answer.status_code == 200
        self.html = answer.text
        return self.html

    @property
    def checked(self):
        return dict(re.findall(r'type="radio" name="(\w+)" value="(\w+)" checked', self.html))

    @property
    def buttons(self):
        return [unescape(each) for each in re.findall(r">([^<]+)</button>", self.html)]


@pytest.fixture
def settings():
    return load(environment())


@pytest.fixture
def browser(settings, clock, recipient):
    return Browser(settings, clock, recipient)


def kept():
    row = Recipient.get()
    return row.reminder_preference, row.report_preference, row.paused_until


def test_the_first_button_stops_the_kind_of_the_mail(settings, clock, recipient, browser):
    assert browser.buttons[0] == "Stop daily reminders"
    assert Browser(settings, clock, recipient, Kind.REPORT).buttons[0] == "Stop monthly reports"

    browser.press("Stop daily reminders")

    assert kept() == (OFF, ON, None)
    assert "You get no more daily reminders." in browser.html


@pytest.mark.parametrize("reminder", ["on", "weekly", "off"])
@pytest.mark.parametrize("report", ["on", "off"])
def test_each_kind_is_chosen_for_itself_and_shown_so_from_then_on(browser, reminder, report):
    browser.press("Save", reminder=reminder, report=report)
    assert browser.checked == {"reminder": reminder, "report": report}

    browser.open()
    assert browser.checked == {"reminder": reminder, "report": report}
    assert kept() == (reminder, report, None)


def test_weekly_is_offered_for_reminders_and_means_on_for_reports(browser):
    assert browser.html.count('value="weekly"') == 1

    browser.press("Save", report="weekly")

    assert kept() == (ON, ON, None)


def test_a_pause_lasts_thirty_days_and_says_until_when(browser, now, clock):
    browser.press("Pause for 30 days")

    assert kept() == (ON, ON, now + timedelta(days=30))
    assert "You get no mail until Wed 23 Dec." in browser.html
    assert "Pause for 30 days" not in browser.buttons

    clock.forward(days=30)
    assert "You get no mail until" not in browser.open()
    assert "Pause for 30 days" in browser.buttons


def test_a_pause_ends_on_the_readers_own_day(browser, recipient, now):
    remember(recipient, now, locale=None, zone="Pacific/Auckland")  # thirteen hours ahead

    browser.press("Pause for 30 days")

    assert "You get no mail until Thu 24 Dec." in browser.html


def test_a_pause_can_be_ended(browser):
    browser.press("Pause for 30 days")
    browser.press("End the break now")

    assert kept() == (ON, ON, None)


def test_everything_can_be_stopped_at_once(browser):
    browser.press("Stop everything")

    assert kept() == (OFF, OFF, None)
    assert "Stop everything" not in browser.buttons


@pytest.mark.parametrize(
    ("label", "chosen"),
    [
        ("Stop daily reminders", {}),
        ("Save", {"reminder": "on", "report": "on"}),
        ("Pause for 30 days", {}),
        ("Stop everything", {}),
    ],
)
def test_what_was_just_done_can_be_undone(browser, label, chosen):
    browser.press("Save", reminder="weekly", report="off")
    before = kept()

    browser.press(label, **chosen)
    assert kept() != before

    browser.press("Undo")
    assert kept() == before
    assert "Undo" not in browser.buttons


def test_the_end_of_a_pause_can_be_undone_to_the_same_instant(browser, clock):
    browser.press("Pause for 30 days")
    before = kept()
    clock.forward(days=3)

    browser.press("End the break now")
    browser.press("Undo")

    assert kept() == before


def test_nothing_is_offered_to_be_undone_when_nothing_changed(browser):
    browser.press("Save")

    assert "Saved." in browser.html
    assert "Undo" not in browser.buttons


@pytest.mark.parametrize(
    "form",
    [
        {"action": "explode"},
        {"action": "choose", "reminder": "hourly"},
        {"action": "undo", "paused_until": "soon"},
        {"action": "undo", "paused_until": "0001-01-01T00:00:00+14:00"},
        {"action": "undo", "report": "OFF"},
    ],
)
def test_a_form_that_is_none_of_ours_changes_nothing(browser, form):
    assert browser.client.post(browser.path, data=form).status_code == 400
    assert kept() == (ON, ON, None)


def test_two_readers_pages_that_are_open_at_once_do_not_undo_each_other(settings, clock, recipient, browser):
    other = Browser(settings, clock, recipient, Kind.REPORT)

    browser.press("Stop daily reminders")
    other.press("Stop monthly reports")

    assert kept() == (OFF, OFF, None)


def test_an_undo_leaves_alone_what_was_changed_elsewhere_meanwhile(settings, clock, recipient, browser):
    other = Browser(settings, clock, recipient, Kind.REPORT)

    browser.press("Pause for 30 days")
    other.press("Stop monthly reports")
    browser.press("Undo")

    assert kept() == (ON, OFF, None)


def remember(recipient, now, **facts):
    """Keep a mail that knew `facts` of its reader."""
    number = Delivery.select().count()
    Delivery.create(
        **{
            "kind": Kind.REMINDER,
            "user_id": "7",
            "period": f"2026-11-{number + 1:02}",
            "recipient": recipient,
        },
        **{"due_at": now, "expires_at": now, "planned_at": now + timedelta(days=number), "facts": facts},
    )


def language_of(browser, **headers):
    return re.search(r'<html lang="([\w-]+)" dir="(\w+)"', browser.open(**headers)).groups()


def test_the_page_speaks_the_language_of_the_newest_mail(browser, recipient, now):
    remember(recipient, now, locale="en-GB")
    remember(recipient, now, locale="de-AT")

    assert language_of(browser, **{"Accept-Language": "en"}) == ("de-AT", "ltr")


def test_else_the_browsers_language_counts_and_then_the_sites(clock, recipient):
    german = Browser(load(environment(SITE_LOCALE="de")), clock, recipient)

    assert language_of(german) == ("de", "ltr")
    assert language_of(german, **{"Accept-Language": "tlh, en-GB;q=0.8"}) == ("en-GB", "ltr")
    assert language_of(german, **{"Accept-Language": "tlh"}) == ("de", "ltr")


def test_a_page_can_be_written_from_right_to_left(browser):
    assert language_of(browser, **{"Accept-Language": "ar-XB"}) == ("ar-XB", "rtl")


def test_the_page_bears_the_brands_colour(clock, recipient):
    page = Browser(load(environment(BRAND_COLOR="#0f766e")), clock, recipient)

    assert "--brand: #0f766e" in page.html


def test_the_page_holds_neither_an_address_nor_the_platforms_id(settings, clock):
    recipient = Recipient.create(user_id="grace@example.com")

    assert "grace" not in Browser(settings, clock, recipient).html
