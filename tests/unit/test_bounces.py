"""What follows from what came back."""

from datetime import timedelta

import pytest

from quizmail import recipients
from quizmail.bounces import Desk, Finding
from quizmail.links import Links
from quizmail.models import Attempt, Delivery, Recipient, SoftHit, Suppression
from quizmail.outbox import plan
from quizmail.outbox.plan import PlannedRow
from quizmail.returns import ReturnPaths
from quizmail.states import DeliveryState, Kind, Preference, Return
from tests.support.returning import complaint, delivery_report, letter

ADA, GRACE = "ada@example.com", "grace@example.com"
KEYS = ["a-key-for-the-tests-only"]
RETURNS = ReturnPaths("bounces.example.com", KEYS)
LINKS = Links("https://mail.example.com", KEYS, "stop@example.com")


@pytest.fixture
def desk(sqlite_database, now):
    return a_desk_after_five_reminders(now)


@pytest.fixture
def desk_anywhere(our_database, now):
    return a_desk_after_five_reminders(now)


def a_desk_after_five_reminders(now):
    """One reminder a day was sent to Ada: the rows' ids from 1."""
    for day in range(5):
        at = now + timedelta(days=day)
        row = PlannedRow("7", at + timedelta(hours=6), {})
        plan.insert_rows(Kind.REMINDER, f"2026-11-{23 + day}", None, at, at, [row])
        done = {"state": DeliveryState.SENT, "attempts": 1, "sent_at": at}
        Delivery.update(done).where(Delivery.period == f"2026-11-{23 + day}").execute()
    return Desk(RETURNS, LINKS)


def path_of(delivery_id=1, address=ADA):
    return RETURNS.address(delivery_id, address)


def history(delivery_id=1):
    rows = Attempt.select().where(Attempt.delivery == delivery_id).order_by(Attempt.id)
    return [(row.outcome, row.reply_text) for row in rows]


def listed():
    return [(row.address, row.reason, row.code, row.evidence) for row in Suppression.select()]


def test_a_permanent_failure_suppresses_the_address_and_is_kept_with_its_evidence(desk_anywhere, now):
    assert desk_anywhere.handle(delivery_report(to=path_of()), now) == Finding.BOUNCED

    evidence = "5.1.1 smtp; 550 5.1.1 nobody here"
    assert listed() == [(ADA, "no such address", "5.1.1", evidence)]
    assert history() == [(Return.BOUNCED, evidence)]
    assert Delivery.get_by_id(1).state == DeliveryState.SENT


@pytest.mark.parametrize(
    "where",
    [
        {"headers": "Delivered-To: {path}\n"},
        {"headers": "X-Original-To: {path}\nDelivered-To: bounces@example.com\n"},
        {"envid": "{token}"},
        {"returned": "Return-Path: <{path}>\nTo: ada@example.com\n"},
    ],
    ids=["Delivered-To", "X-Original-To", "Original-Envelope-Id", "Return-Path of the returned mail"],
)
def test_the_token_is_found_where_servers_leave_it(desk, now, where):
    given = {name: text.format(path=path_of(), token=RETURNS.token(1, ADA)) for name, text in where.items()}

    assert desk.handle(delivery_report(**given), now) == Finding.BOUNCED
    assert recipients.suppressed([ADA])


def test_the_recipient_that_a_pipe_names_is_enough(desk, now):
    assert desk.handle(delivery_report(), now, path_of().upper()) == Finding.BOUNCED


def test_the_same_report_counts_once(desk_anywhere, now):
    report = delivery_report(to=path_of(), status="4.4.7", diagnostic="", action="failed")
    assert desk_anywhere.handle(report, now) == Finding.BOUNCED
    assert desk_anywhere.handle(report, now + timedelta(days=1)) == Finding.REPEATED

    assert len(history()) == 1
    assert SoftHit.select().count() == 1


def test_a_report_without_a_valid_token_changes_nothing(desk, now):
    forged = path_of()[:-30].replace("bounce+a", "bounce+b") + "@bounces.example.com"
    for report in (delivery_report(), delivery_report(to=forged), delivery_report(returned="")):
        assert desk.handle(report, now) == Finding.UNIDENTIFIED
    stranger = ReturnPaths("bounces.example.com", ["the key of somebody else"]).address(1, ADA)
    assert desk.handle(delivery_report(to=stranger), now) == Finding.UNIDENTIFIED

    assert not listed()
    assert not history()


def test_a_token_of_ours_suppresses_no_address_but_the_one_it_was_made_for(desk, now):
    report = delivery_report(GRACE, to=path_of())

    assert desk.handle(report, now) == Finding.BOUNCED
    assert not listed()
    assert len(history()) == 1


def test_a_forwarded_mail_counts_against_the_address_that_we_mailed(desk, now):
    group = (
        "Original-Recipient: rfc822;ADA@example.com\nFinal-Recipient: rfc822;ada@elsewhere.example\n"
        "Action: failed\nStatus: 5.1.1\nDiagnostic-Code: smtp; 550 <ada@elsewhere.example> unknown\n"
    )
    desk.handle(delivery_report(to=path_of(), fields=group, returned=""), now)

    [(address, _, _, evidence)] = listed()
    assert address == ADA
    assert "elsewhere" not in evidence


def test_the_returned_mail_tells_the_address_when_the_report_does_not(desk, now):
    group = "Final-Recipient: rfc822; redacted\nAction: failed\nStatus: 5.1.1\n"
    desk.handle(delivery_report(to=path_of(), fields=group), now)

    assert [row[0] for row in listed()] == [ADA]


def test_an_original_recipient_that_is_still_encoded_is_understood(desk, now):
    address = "ada+quiz@example.com"
    group = "Original-Recipient: rfc822;ada+2Bquiz@example.com\nAction: failed\nStatus: 5.1.1\n"
    desk.handle(delivery_report(to=path_of(address=address), fields=group, returned=""), now)

    assert [row[0] for row in listed()] == [address]


def test_of_several_addresses_the_one_that_was_mailed_counts(desk, now):
    others = "Final-Recipient: rfc822; x@example.net\nAction: failed\nStatus: 5.1.1\n\n"
    ours = f"Final-Recipient: rfc822; {ADA}\nAction: expanded\nStatus: 2.0.0\n"

    assert desk.handle(delivery_report(to=path_of(), fields=others + ours), now) == Finding.DELIVERED
    assert not listed()


@pytest.mark.parametrize(
    ("status", "action", "finding"),
    [
        ("4.4.1", "delayed", Finding.DELAYED),
        ("2.0.0", "delivered", Finding.DELIVERED),
        ("2.0.0", "relayed", Finding.DELIVERED),
        ("5.1.1", "delayed", Finding.DELAYED),
        ("4.4.1", "", Finding.DELAYED),
    ],
)
def test_what_is_no_failure_is_only_counted(desk, now, status, action, finding):
    assert desk.handle(delivery_report(to=path_of(), status=status, action=action), now) == finding

    assert not history()
    assert not SoftHit.select().count()


@pytest.mark.parametrize("status", ["4.4.7", "4.2.2", "5.2.2", "5.0.0", "5.4.4"])
def test_soft_failures_suppress_after_three_days(desk, now, status):
    for delivery_id in (1, 2):
        report = delivery_report(to=path_of(delivery_id), status=status, diagnostic="smtp; full")
        desk.handle(report, now + timedelta(days=5))
        recipients.heal(ADA)  # The relay took the next mail, which says nothing.
    assert not listed()

    report = delivery_report(to=path_of(3), status=status, diagnostic="smtp; full")
    desk.handle(report, now + timedelta(days=5))
    [(address, reason, code, evidence)] = listed()
    assert (address, code, evidence) == (ADA, status, f"{status} smtp; full")
    assert reason.startswith("reported: ")


@pytest.mark.parametrize(
    "status", ["5.7.1", "5.7.26", "5.7.515", "4.7.0", "4.7.28", "5.3.4", "5.6.0", "5.1.8", "4.3.1"]
)
def test_policy_and_faults_of_ours_never_punish_the_address_and_hold_nothing(desk, now, status):
    for delivery_id in range(1, 6):
        assert desk.handle(delivery_report(to=path_of(delivery_id), status=status), now) == Finding.BOUNCED

    assert not listed()
    assert not SoftHit.select().count()


def test_a_status_that_says_nothing_gives_way_to_the_diagnostics_own(desk, now):
    report = delivery_report(to=path_of(), status="5.0.0", diagnostic="smtp; 550-5.1.1 no such user")
    desk.handle(report, now)

    assert [row[2] for row in listed()] == ["5.1.1"]


def test_the_words_of_a_report_decide_nothing(desk, now):
    report = delivery_report(
        to=path_of(), status="5.7.1", diagnostic="smtp; 550 user unknown, no such address"
    )
    desk.handle(report, now)

    assert not listed()


def test_a_complaint_suppresses_the_address_for_every_kind_at_once(desk, now):
    report = complaint(f"Original-Mail-From: <{path_of()}>\nOriginal-Rcpt-To: <{ADA}>\n")

    assert desk.handle(report, now) == Finding.COMPLAINED
    assert desk.handle(report, now) == Finding.REPEATED

    assert listed() == [(ADA, "complaint", None, "feedback report: abuse")]
    assert history() == [(Return.COMPLAINED, "feedback report: abuse")]


def test_a_bounce_and_a_complaint_are_two_things(desk_anywhere, now):
    desk_anywhere.handle(delivery_report(to=path_of()), now)
    report = complaint(f"Original-Mail-From: <{path_of()}>\nOriginal-Rcpt-To: <{ADA}>\n")

    assert desk_anywhere.handle(report, now) == Finding.COMPLAINED
    assert [row[1] for row in listed()] == ["complaint"]


def test_a_complaint_that_hides_the_address_ends_every_kind_for_its_reader(desk_anywhere, now):
    report = complaint(f"Original-Mail-From: <{path_of()}>\nOriginal-Rcpt-To: redacted@example.com\n")

    assert desk_anywhere.handle(report, now) == Finding.COMPLAINED
    reader = Recipient.get()
    assert (reader.reminder_preference, reader.report_preference) == (Preference.OFF, Preference.OFF)
    assert not listed()


def test_a_complaint_of_which_only_our_headers_are_left_is_known_by_its_link(desk, now):
    reader = Recipient.get()
    link = LINKS.unsubscribe(reader.id, Kind.REMINDER)
    returned = f"Subject: Quizzes\nList-Unsubscribe: <{link}>,\n <mailto:stop@example.com?subject=x>\n"

    assert desk.handle(complaint("", returned), now) == Finding.COMPLAINED
    assert Recipient.get().report_preference == Preference.OFF


@pytest.mark.parametrize("type", ["not-spam", "auth-failure"])
def test_feedback_that_is_no_complaint_neither_stops_nor_lifts_anything(desk, now, type):
    recipients.suppress(ADA, recipients.COMPLAINT, None, now)
    fields = f"Original-Mail-From: <{path_of()}>\nOriginal-Rcpt-To: <{ADA}>\n"

    assert desk.handle(complaint(fields, type=type), now) == Finding.NO_COMPLAINT
    assert recipients.suppressed([ADA])
    assert not history()


def test_a_mail_with_an_unsubscribe_token_in_its_subject_unsubscribes_from_its_kind(desk, now):
    reader = Recipient.get()
    subject = LINKS.mailto(reader.id, Kind.REMINDER).partition("subject=")[2].replace("%20", " ")

    for _ in range(2):
        assert desk.handle(letter("stop@example.com", f"Re: {subject}"), now) == Finding.UNSUBSCRIBED
    assert Recipient.get().reminder_preference == Preference.OFF
    assert Recipient.get().report_preference == Preference.ON


def test_a_word_to_unsubscribe_without_a_token_is_not_obeyed(desk, now):
    assert desk.handle(letter("stop@example.com", "unsubscribe ada@example.com"), now) == Finding.UNIDENTIFIED


@pytest.mark.parametrize(
    "headers",
    ["Auto-Submitted: auto-replied (vacation)\n", "Precedence: auto_reply\n", "X-Autoreply: yes\n"],
)
def test_automatic_answers_are_ignored_even_at_a_return_path(desk, now, headers):
    assert desk.handle(letter(path_of(), "Out of office", headers), now) == Finding.AUTO_REPLY

    assert not history()
    assert not SoftHit.select().count()


def test_a_person_who_writes_to_a_return_path_is_left_for_a_person(desk, now):
    assert desk.handle(letter(path_of(), headers="Auto-Submitted: no\n"), now) == Finding.UNIDENTIFIED


def test_a_delivery_that_is_kept_no_more_writes_nothing_down(desk, now):
    Delivery.delete().where(Delivery.id == 1).execute()

    assert desk.handle(delivery_report(to=path_of()), now) == Finding.GONE
    assert not listed()


def test_without_return_paths_unsubscribe_mails_are_still_obeyed(desk, now):
    subject = LINKS.mailto(Recipient.get().id, Kind.REPORT).partition("%20")[2]
    without = Desk(None, LINKS)

    assert without.handle(letter("stop@example.com", subject), now) == Finding.UNSUBSCRIBED
    assert without.handle(delivery_report(to=path_of()), now) == Finding.UNIDENTIFIED


def test_no_address_gets_into_the_log(desk, now, caplog):
    with caplog.at_level("DEBUG", logger="quizmail"):
        desk.handle(delivery_report(to=path_of(), diagnostic=f"smtp; 550 <{ADA}> unknown"), now)
        desk.handle(delivery_report(GRACE, to=path_of(2), returned=""), now)

    assert caplog.records
    assert "@" not in caplog.text
