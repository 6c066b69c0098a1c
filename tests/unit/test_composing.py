"""One mail, composed as the settings say: its From, its identifiers, and where it comes back to."""

import re
from datetime import UTC, datetime

import pytest

from quizmail import wiring
from quizmail.errors import ConfigurationError
from quizmail.mailer import Relay
from quizmail.settings import load
from quizmail.states import Kind
from tests.support import signing
from tests.support.configuration import environment
from tests.support.mails import FACTS, mailbox, read

AT = datetime(2026, 11, 23, 17, 0, tzinfo=UTC)
PERIODS = {Kind.REMINDER: "2026-11-23", Kind.REPORT: "2026-10"}
OWN = {
    "MAIL_REMINDER_SENDER": "Quiz reminders <reminders@news.example.net>",
    "MAIL_REPORT_SENDER": "reports@news.example.net",
}
EVERYTHING = {
    **OWN,
    "MAIL_UNSUBSCRIBE_ADDRESS": "unsubscribe@example.com",
    "BOUNCE_DOMAIN": "bounces.example.com",
    "FEEDBACK_SENDER_ID": "quizmaster",
    "MAIL_IDEMPOTENCY_HEADER": "X-Idempotency-Key",
}


@pytest.fixture
def signs(tmp_path):
    path = signing.key_file(tmp_path, "ed25519")
    return {"DKIM_DOMAIN": signing.DOMAIN, "DKIM_SELECTOR": signing.SELECTOR, "DKIM_KEY_FILE": str(path)}


def compose(
    kind, settings=None, *, user_id="7", delivery_id=42, facts=None, period=None, address="ada@example.org"
):
    composer = wiring.composer_of(load(environment(**settings or {})))
    key = (user_id, period or PERIODS[kind])
    return composer.compose(kind, key, 12, address, FACTS[kind](**facts or {}), AT, delivery_id)


@pytest.mark.parametrize("settings", [{}, EVERYTHING], ids=["plain", "everything"])
def test_identifiers_stay_what_they_have_always_been(settings):
    reminder, report = (read(compose(kind, settings).content) for kind in Kind)

    assert reminder["Message-ID"] == "<reminder.2026-11-23.7ab6176f492fc23cc524e6031ee73677@example.com>"
    assert report["Message-ID"] == "<report.2026-10.217d98918350fe62de1a80ee074bf263@example.com>"
    assert reminder["List-Id"] == "QuizMaster reminders <reminders.example.com>"
    assert report["List-Id"] == "QuizMaster reports <reports.example.com>"


def test_every_kind_is_from_the_default_sender():
    assert [mailbox(compose(kind).content, "From") for kind in Kind] == [
        ("QuizMaster", "noreply@example.com")
    ] * 2


def test_each_kind_may_have_a_sender_of_its_own():
    reminder, report = (compose(kind, OWN) for kind in Kind)

    assert mailbox(reminder.content, "From") == ("Quiz reminders", "reminders@news.example.net")
    assert mailbox(report.content, "From") == ("", "reports@news.example.net")
    assert reminder.envelope_sender == "reminders@news.example.net"
    assert report.envelope_sender == "reports@news.example.net"


def test_one_kind_alone_may_have_a_sender_of_its_own():
    settings = {"MAIL_REPORT_SENDER": OWN["MAIL_REPORT_SENDER"]}

    assert compose(Kind.REMINDER, settings).envelope_sender == "noreply@example.com"
    assert compose(Kind.REPORT, settings).envelope_sender == "reports@news.example.net"


def test_the_login_name_need_not_be_the_sender():
    settings = load(environment(**OWN, MAIL_USERNAME="apikey", MAIL_PASSWORD="pw"))

    assert Relay.from_settings(settings).username == "apikey"
    assert mailbox(compose(Kind.REMINDER, OWN).content, "From")[1] == "reminders@news.example.net"


def test_without_a_bounce_domain_a_mail_returns_to_its_sender_and_asks_for_no_report():
    mail = compose(Kind.REMINDER)

    assert (mail.envelope_sender, mail.envid) == ("noreply@example.com", None)


def test_with_a_bounce_domain_every_mail_returns_to_an_address_of_its_own():
    settings = {"BOUNCE_DOMAIN": "bounces.example.com"}
    mail, again, other = (compose(Kind.REMINDER, settings, delivery_id=number) for number in (42, 42, 43))
    returned = wiring.returns_of(load(environment(**settings))).read(mail.envelope_sender)

    assert mail.envelope_sender.endswith("@bounces.example.com")
    assert mail.envelope_sender == again.envelope_sender != other.envelope_sender
    assert mail.envid is not None and mail.envid in mail.envelope_sender
    assert returned.delivery_id == 42
    assert returned.was_mailed_to("ada@example.org")


def test_a_mail_that_is_no_delivery_returns_to_its_sender():
    mail = compose(Kind.REMINDER, EVERYTHING, delivery_id=0)

    assert (mail.envelope_sender, mail.envid) == ("reminders@news.example.net", None)


@pytest.mark.parametrize("kind", Kind)
def test_the_one_click_link_comes_first_and_the_address_second(kind):
    one, two = read(compose(kind, EVERYTHING).content)["List-Unsubscribe"].split(", ")
    links = wiring.links_of(load(environment(**EVERYTHING)))

    assert one == f"<{links.unsubscribe(12, kind)}>"
    assert two == f"<{links.mailto(12, kind)}>"
    assert two.startswith("<mailto:unsubscribe@example.com?subject=")


def test_without_an_address_there_is_the_link_alone():
    assert re.fullmatch(r"<https://[^,<>]+>", read(compose(Kind.REPORT).content)["List-Unsubscribe"])


@pytest.mark.parametrize("kind", Kind)
def test_a_delivery_can_be_read_in_a_browser(kind):
    view = wiring.links_of(load(environment())).view(42)

    assert view in compose(kind).parts.html
    assert view not in compose(kind, delivery_id=0).parts.html


def test_the_feedback_id_names_the_months_campaign_the_kind_and_the_language():
    reminder, report = (read(compose(kind, EVERYTHING).content)["Feedback-ID"] for kind in Kind)

    assert reminder == "reminder_2026-11:kind_reminder:lang_en-GB:quizmaster"
    assert report == "report_2026-10:kind_report:lang_en-GB:quizmaster"


@pytest.mark.parametrize("sender_id", ["reminder", "report", "2026-11", "lang-en", "quizmaster-2026"])
def test_no_field_of_the_feedback_id_says_what_another_one_says_or_who_the_reader_is(sender_id):
    settings = {"FEEDBACK_SENDER_ID": sender_id}
    ada, bob = (
        read(compose(Kind.REMINDER, settings, user_id=user, facts={"name": user}).content)["Feedback-ID"]
        for user in ("ada", "bob")
    )

    assert ada == bob
    assert len(set(ada.split(":"))) == 4
    assert ada.endswith(f":{sender_id}")


def test_without_a_sender_id_there_is_no_feedback_id():
    assert read(compose(Kind.REMINDER).content)["Feedback-ID"] is None


@pytest.mark.parametrize("locale", ["en-GB", "de-DE", None, "nonsense"])
def test_the_language_of_a_mail_is_the_one_that_it_is_written_in(locale):
    mail = compose(Kind.REMINDER, facts={"locale": locale})

    assert read(mail.content)["Content-Language"] == mail.parts.language


@pytest.mark.parametrize("kind", Kind)
def test_a_mail_with_everything_that_can_be_set_is_signed_and_verifies(kind, signs):
    mail = compose(kind, {**EVERYTHING, **signs})

    assert signing.verifies(mail.content)
    assert not signing.verifies(mail.content.replace(b"quizmaster\r\n", b"another\r\n"))


@pytest.mark.parametrize("kind", Kind)
def test_a_mail_is_signed_only_when_a_key_is_set(kind):
    assert "DKIM-Signature" not in read(compose(kind, EVERYTHING).content)


def test_a_wrong_key_stops_the_start_with_one_line(tmp_path, signs):
    path = tmp_path / "wrong.pem"
    path.write_text("no key")

    with pytest.raises(ConfigurationError) as refused:
        compose(Kind.REMINDER, {**signs, "DKIM_KEY_FILE": str(path)})

    assert re.fullmatch("DKIM_KEY_FILE: .*", str(refused.value))


def test_every_header_is_there_once(signs):
    names = [name.lower() for name in read(compose(Kind.REMINDER, {**EVERYTHING, **signs}).content).keys()]  # noqa: SIM118

    assert len(names) == len(set(names))
    assert {"dkim-signature", "feedback-id", "x-idempotency-key", "list-unsubscribe"} <= set(names)
