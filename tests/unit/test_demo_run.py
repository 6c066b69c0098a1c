"""What the demo says at its end."""

from collections import Counter

import pytest

from quizmail.demo.run import Outcome, settled, summary

DONE = Counter(
    {
        ("reminder", "sent", ""): 31,
        ("report", "sent", ""): 38,
        ("reminder", "skipped", "bad_address"): 3,
        ("report", "skipped", "bad_address"): 1,
        ("reminder", "skipped", "opted_out"): 2,
    }
)


def said(counts, new=None, planning=0):
    new = counts.total() if new is None else new
    return "\n".join(summary(Outcome(counts, new, planning), "http://127.0.0.1:8025"))


def test_it_says_what_was_sent_what_was_skipped_and_why_and_where_to_look():
    text = said(DONE)
    assert "Sent 31 reminders and 38 reports; skipped 6 (bad_address 4, opted_out 2)." in text
    assert "http://127.0.0.1:8025/inbox" in text


def test_it_says_that_it_is_the_demo_and_how_to_leave_it():
    text = said(DONE)
    assert "demo mode: nothing leaves this machine" in text
    assert ".env.example" in text
    assert "Ctrl-C" in text


def test_it_says_when_the_mails_were_sent_before():
    assert "New at this start: 0; the others were there, and nothing is sent twice." in said(DONE, new=0)
    assert "nothing is sent twice" not in said(DONE)


@pytest.mark.parametrize(
    ("state", "reason", "line"),
    [
        ("rejected", "permanent_reply", "Also rejected 2 (permanent_reply 2)."),
        ("unknown", "no_answer", "Also unknown 2 (no_answer 2)."),
        ("expired", "", "Also expired 2"),
        ("planned", "", "Mails still to be sent: 2."),
        ("sending", "", "Mails still to be sent: 2."),
    ],
)
def test_it_names_what_did_not_end_well(state, reason, line):
    assert line in said(DONE + Counter({("report", state, reason): 2}))
    assert line not in said(DONE)


def test_it_names_runs_that_are_not_planned():
    assert "Runs still to be planned: 1." in said(DONE, planning=1)


def test_it_waits_until_every_delivery_is_final_and_every_run_is_planned():
    looks = iter(
        [
            Outcome(Counter({("report", "planned", ""): 2}), 2, 1),
            Outcome(Counter({("report", "planned", ""): 1, ("report", "sent", ""): 1}), 2, 0),
            Outcome(Counter({("report", "sent", ""): 2}), 2, 0),
        ]
    )
    assert settled(lambda: next(looks)).counts == {("report", "sent", ""): 2}


def test_it_does_not_wait_for_what_does_not_change():
    held = Outcome(Counter({("report", "planned", ""): 2}), 2, 0)
    seconds = iter(range(100))
    assert settled(lambda: held, patience=3, clock=lambda: next(seconds)) == held
