import re

import pytest

from quizmail.states import Kind
from tests.support.facts import a_quiz, a_result, reminder_facts, report_facts
from tests.support.mails import FACTS, SITE, UNSUBSCRIBE_URL, render, shipped, visible


def only(text: str, *lines: str) -> bool:
    return all(line in text for line in lines)


def test_a_reminder_says_why_what_and_until_when():
    parts = render(Kind.REMINDER)

    assert parts.subject == "“Capitals of Africa” is open for you"
    for part in (parts.text, visible(parts.html)):
        assert only(part, "12 quizzes are waiting for you", "It has been 6 days since your last visit.")
        assert only(part, "2 new quizzes have appeared since then.", "see how far you get.")
        assert only(part, "Geography · 10 min · closes Tue 24 Nov, 18:00")
        assert only(
            part, "closes at the end of Sun 29 Nov", "And 7 more are open for you.", "Berlin time zone"
        )


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"days_away": None}, "You have not taken a quiz here yet."),
        ({"days_away": 1}, "It has been 1 day since"),
        ({"days_away": 0}, "It has been a little while since"),
        ({"quizzes": [a_quiz()], "more": 0}, "1 quiz is waiting for you"),
        ({"fresh": 1}, "1 new quiz has appeared since then."),
        ({"streak": 4}, "You were active 4 weeks in a row. One quiz by Sunday keeps the run going."),
        ({"more": 1}, "And 1 more is open for you."),
        ({"more": 1204}, "And 1,204 more are open for you."),
    ],
)
def test_a_reminder_reads_naturally(changes, said):
    parts = render(Kind.REMINDER, **changes)

    assert said in parts.text
    assert said in visible(parts.html)


def test_the_lead_changes_with_the_subject_and_no_variant_is_like_another():
    mails = [render(Kind.REMINDER, variant=variant) for variant in range(15)]
    leads = [mail.text.partition("since then. ")[2].partition("\n")[0] for mail in mails]

    assert len({mail.subject for mail in mails}) == len(set(leads)) == 15
    assert all(leads)


@pytest.mark.parametrize("variant", range(15))
@pytest.mark.parametrize("quizzes", [[a_quiz(is_new=False)], [a_quiz(title="T" * 200)] * 5])
def test_a_variant_is_short_and_neither_shouts_nor_promises(variant, quizzes):
    parts = render(Kind.REMINDER, variant=variant, quizzes=quizzes, more=0, fresh=0, days_away=None)
    lead = parts.text.split("\n\n")[1]

    assert len(parts.subject.replace("T", "")) <= 60 and len(parts.subject) <= 80
    assert len(lead.partition("here yet. ")[2]) <= 90
    assert not re.search(
        r"!|\bnew\b|miss|sorry|last chance|hurry|1 quizzes|%", (parts.subject + lead).lower()
    )


def test_a_row_planned_before_there_were_variants_is_still_a_mail():
    facts = reminder_facts()
    later = [facts.pop(name) for name in ("fresh", "streak", "variant")]

    parts = shipped(SITE).render(Kind.REMINDER, facts, UNSUBSCRIBE_URL)

    assert later and parts.subject == "“Capitals of Africa” is open for you"
    assert "appeared" not in parts.text and "in a row" not in parts.text


def test_a_report_planned_before_there_were_categories_is_still_a_mail():
    facts = report_facts()
    for name in ("first", "categories", "strongest", "weakest", "percentile", "suggestion"):
        del facts[name]

    parts = shipped(SITE).render(Kind.REPORT, facts, UNSUBSCRIBE_URL)

    for part in (parts.text, visible(parts.html)):
        assert "3 of 57" in part and "Take your next quiz" in parts.html
        assert not re.search("categor|strongest|take next|ahead of", part)


def test_a_reminder_without_new_quizzes_or_closing_times_does_not_speak_of_them():
    text = render(Kind.REMINDER, fresh=0, quizzes=[a_quiz(is_new=False, closes_at=None)]).text

    assert "new" not in text.lower() and "time zone" not in text and "closes" not in text


def test_a_report_states_the_month():
    parts = render(Kind.REPORT)

    assert parts.subject == "Your October: 14 quizzes taken, 83.3% on average"
    for part in (parts.text, visible(parts.html)):
        assert only(part, "Your October in quizzes", "You took 14 quizzes.")
        assert only(part, "Your average rose from 79.1% in September to 83.3%.", "ahead of 96% of the others")
        assert only(part, "rank 1 of 42", "taken 2 times", "91.7%", "not graded", "And 2 more quizzes.")
        assert only(part, "What to take next", "Great rivers", "in History, where you have the most to gain.")
    assert only(parts.text, "Average: 83.3% (after 79.1% in September)", "Best score: 100%", "Rank: 3 of 57")
    assert only(parts.text, "Your strongest: Art", "Most room to grow: History")
    assert only(parts.text, "* Geography: 87.5%\n  3 quizzes · 80% in September", "* Art: 95%\n  2 quizzes\n")


def test_the_average_is_the_figure_in_the_head_and_the_number_of_quizzes_when_nothing_is_graded():
    def hero(**changes):
        return re.search(r'class="hero"[^>]*>([^<]*)<', render(Kind.REPORT, **changes).html)[1]

    assert hero() == "83.3%"
    assert hero(average=None) == "14"


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"average": 70.0}, "Your average was 70%, after 79.1% in September. A new month is a new start."),
        ({"average": 79.14}, "Your average held at 79.1%, just as in September."),
        ({"previous": None}, "After a break you took 14 quizzes. Good to have you back."),
        ({"previous": None, "taken": 1}, "After a break you took 1 quiz. Good to have you back."),
        ({"previous": None, "first": True}, "You took your first 14 quizzes here. Welcome!"),
        ({"previous": None, "first": True, "taken": 1}, "You took your first quiz here. Welcome!"),
        ({"average": None}, "You took 14 quizzes. Your results are not graded yet."),
        ({"month": "2026-01"}, "in December"),
        ({"more": 1}, "And 1 more quiz."),
        ({"rank": 1}, "nobody did better"),
        ({"rank": 57, "percentile": 0}, "57 of 57"),
        ({"weakest": None}, "Open now, in History."),
    ],
)
def test_a_report_reads_naturally(changes, said):
    parts = render(Kind.REPORT, **changes)

    assert said in parts.text
    assert said in visible(parts.html)


@pytest.mark.parametrize(("rank", "of"), [(3, 3), (2, 4), (1, 1)])
def test_nobody_is_told_a_place_in_a_small_group_but_the_first(rank, of):
    changes = {"rank": rank, "of": of, "percentile": None, "quizzes": [a_result(rank=rank, of=of)]}
    parts = render(Kind.REPORT, **changes)

    for part in (parts.text, visible(parts.html)):
        assert "Taking part" in part and not re.search("[Rr]ank|ahead|nobody", part)
    assert f"Taking part: {of} (p" in parts.text


def test_the_first_of_a_small_group_is_told_so():
    parts = render(Kind.REPORT, rank=1, of=3, percentile=None, quizzes=[a_result(rank=1, of=3)])

    assert only(parts.text, "Rank: 1 of 3 (nobody did better)", "Geography · rank 1 of 3")


def test_a_bar_is_as_wide_as_the_average_and_stays_in_its_place():
    averages = (62.5, 100.0, 140.0, 0.0, -3.0, None)
    html = render(
        Kind.REPORT,
        categories=[{"name": "x", "taken": 1, "average": each, "before": 20.0} for each in averages],
    ).html

    widths = re.findall(r'class="(full|rest)"[^>]*?width="(\d+)%"', html)
    assert widths == [
        *(("full", "62"), ("rest", "38")),
        ("full", "100"),
        ("full", "100"),
        ("rest", "100"),
        ("rest", "100"),
    ]
    assert re.findall(r'class="was"[^>]*?width="(\d+)%"', html) == ["20"] * 6
    assert "140%" in html and "-3%" in html


def test_every_graded_quiz_has_a_bar_of_its_best_score_and_an_ungraded_one_has_none():
    scores = (100.0, None, 62.5, 0.4, 140.0, -3.0)
    html = render(Kind.REPORT, quizzes=[a_result(best=each) for each in scores]).html

    rows = re.split(r'<span\s+class="title"', html.partition("best first")[2])[1:]
    assert [re.findall(r'class="(full|rest) narrow"[^>]*?width="(\d+)%"', row) for row in rows] == [
        [("full", "100")],
        [],
        [("full", "62"), ("rest", "38")],
        [("rest", "100")],
        [("full", "100")],
        [("rest", "100")],
    ]


def test_the_button_of_a_report_goes_to_the_quiz_that_it_suggests():
    parts = render(Kind.REPORT)

    assert re.search(r'class="button"[^>]*><a\s+href="https://quiz.example.com/quizzes/21"', parts.html)
    assert "Take this quiz: https://quiz.example.com/quizzes/21" in parts.text


@pytest.mark.parametrize("kind", list(Kind))
def test_a_mail_can_be_viewed_in_a_browser_but_the_page_there_does_not_say_so(kind):
    facts = FACTS[kind]()
    mail = shipped(SITE).render(kind, facts, UNSUBSCRIBE_URL, "https://mail.example.com/v/abc")
    page = shipped(SITE).render(kind, facts, UNSUBSCRIBE_URL)

    assert only(mail.text, "View in browser:\nhttps://mail.example.com/v/abc")
    assert re.search(r'<a\s+href="https://mail.example.com/v/abc"[^>]*>View in browser</a>', mail.html)
    assert "View in browser" not in page.text + page.html


@pytest.mark.parametrize("kind", Kind)
def test_a_blank_line_follows_the_greeting_in_the_text(kind):
    greeting, after = render(kind).text.split("Hi Jörg Müller,", 1)

    assert greeting.endswith("\n\n")
    assert re.match(r"\n\n\S", after)
