"""The suppression list in the operator's hands, and the claim that obeys it."""

import csv
import io
import json

import pytest

from quizmail import recipients
from quizmail.models import Attempt, Delivery, Suppression
from quizmail.outbox import claim, plan
from quizmail.outbox.plan import PlannedRow
from quizmail.outbox.work import load
from quizmail.states import DeliveryState, Kind, Return

ADA = "ada@example.com"


def test_an_address_is_added_listed_and_removed(command):
    assert command("suppressions", "add", " Ada@Example.com", "--reason", "asked by phone").exit_code == 0
    assert recipients.suppressed([ADA])
    assert "suppressed before" in command("suppressions", "add", ADA).output

    [row] = json.loads(command("suppressions", "list", "--json", "--full").output)
    assert (row["address"], row["reason"], row["code"]) == (ADA, "asked by phone", None)

    assert command("suppressions", "remove", "ADA@example.com").exit_code == 0
    assert not recipients.suppressed([ADA])
    assert command("suppressions", "remove", ADA).exit_code == 1


def test_addresses_are_shown_in_full_only_to_who_asks(command, now):
    recipients.suppress(ADA, "no such address", "5.1.1", now, f"rcpt: 550 5.1.1 <{ADA}> unknown")

    masked = command("suppressions", "list").output
    assert ADA not in masked
    assert "a…@e….com" in masked
    assert ADA not in command("suppressions", "list", "--json").output
    assert ADA in command("suppressions", "list", "--full").output


def test_what_is_no_address_cannot_be_added(command):
    result = command("suppressions", "add", "nobody")

    assert result.exit_code == 1
    assert "no address" in result.output


def test_what_is_exported_is_imported_as_it_was(command, now):
    for address in (
        "=cmd@example.com",
        "+1@example.com",
        "-x@example.com",
        "'+y@example.com",
        "'z@example.com",
    ):
        recipients.suppress(address, "=1+1", "5.1.1", now, '@said, "so"')
    Suppression.insert(address=recipients.hashed(ADA), reason="complaint", since=now).execute()
    before = list(Suppression.select().order_by(Suppression.address).tuples())
    exported = command("suppressions", "export").output
    Suppression.delete().execute()

    result = command("suppressions", "import", "-", typed=exported)

    assert result.output == "added 6\n"
    assert list(Suppression.select().order_by(Suppression.address).tuples()) == before
    cells = [cell for row in csv.reader(io.StringIO(exported)) for cell in row]
    assert not [cell for cell in cells if cell.startswith(("=", "+", "-", "@"))]


def test_an_import_takes_a_bare_list_names_what_it_does_not_understand_and_keeps_what_is_listed(command, now):
    recipients.suppress(ADA, "no such address", "5.1.1", now)
    typed = f"\ufeffaddress,extra\n{ADA},x\ngrace@example.com,x,too,many\nnobody,x\n,\n"

    result = command("suppressions", "import", "-", typed=typed.encode())

    assert "added 1, already listed 1, not understood 2" in result.output
    assert "entries 3, 4" in result.output
    assert result.exit_code == 1
    assert {(row.address, row.reason) for row in Suppression.select()} == {
        (ADA, "no such address"),
        ("grace@example.com", "imported"),
    }


@pytest.mark.parametrize("typed", ["", "mail\nada@example.com\n", "address\n" + "x" * 200_000 + "\n"])
def test_a_file_that_is_no_such_list_is_a_clear_error_and_changes_nothing(command, typed):
    result = command("suppressions", "import", "-", typed=typed)

    assert result.exit_code == 1
    assert result.output.startswith("quizmail: ")
    assert not Suppression.select().count()


def test_who_is_forgotten_can_be_removed_by_address_or_by_hash(command, now):
    hashed = recipients.hashed(ADA)
    for text in (ADA, hashed):
        Suppression.insert(address=hashed, reason="complaint", since=now).execute()
        assert "suppressed before" in command("suppressions", "add", ADA).output
        assert command("suppressions", "remove", text).exit_code == 0
        assert not recipients.suppressed([ADA])


@pytest.mark.parametrize("form", [str.lower, recipients.hashed], ids=["plain", "hashed"])
def test_the_claim_itself_refuses_who_is_suppressed(our_database, now, form):
    plan.insert_rows(Kind.REMINDER, "2026-11-23", None, now, now, [PlannedRow("7", now.replace(hour=23), {})])
    work = load(1)
    Suppression.insert(address=form(ADA), reason="complaint", since=now).execute()

    assert not claim.claim(work, "token", "Ada@example.com", "<1@example.com>", now)
    assert claim.claim(work, "token", "grace@example.com", "<1@example.com>", now)


def test_what_came_back_is_shown_with_the_delivery(command, now):
    plan.insert_rows(Kind.REMINDER, "2026-11-23", None, now, now, [PlannedRow("7", now, {})])
    Delivery.update(state=DeliveryState.SENT).execute()
    for outcome in (DeliveryState.SENT, Return.BOUNCED):
        Attempt.insert(delivery=1, number=1, at=now, outcome=outcome).execute()

    [row] = json.loads(command("deliveries", "--json").output)
    assert (row["state"], row["returned"]) == ("sent", "bounced")
