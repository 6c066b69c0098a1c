import pytest
from hypothesis import given
from hypothesis import strategies as st

from quizmail import formatting


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (83.33333, "83.3"),
        (100.0, "100"),
        (0, "0"),
        (-0.04, "0"),
        (-5.25, "-5.2"),
        (112.5, "112.5"),
        (1204, "1,204"),
        (99.96, "100"),
    ],
)
def test_a_number_has_at_most_one_decimal_and_none_that_says_nothing(value, shown):
    assert formatting.number(value) == shown


@pytest.mark.parametrize(
    ("value", "shown"), [(0, "0 quizzes"), (1, "1 quiz"), (2, "2 quizzes"), (1.0, "1 quiz")]
)
def test_a_count_has_its_plural(value, shown):
    assert formatting.count(value, "quiz", "quizzes") == shown


@given(st.floats(-200, 200), st.floats(-200, 200))
def test_a_change_is_the_difference_of_the_figures_that_are_shown(value, before):
    shown = float(formatting.number(value)) - float(formatting.number(before))

    assert float(formatting.number(formatting.change(value, before))) == pytest.approx(shown)


@pytest.mark.parametrize(
    ("instant", "zone", "shown"),
    [
        ("2026-11-24T17:00:00+00:00", "Europe/Berlin", "closes Tue 24 Nov, 18:00"),
        ("2026-11-24T17:00:00+00:00", "Asia/Kolkata", "closes Tue 24 Nov, 22:30"),
        ("2026-11-24T23:00:00+00:00", "Europe/Berlin", "closes at the end of Tue 24 Nov"),
        ("2027-01-01T00:00:00+00:00", "UTC", "closes at the end of Thu 31 Dec"),
    ],
)
def test_a_closing_time_is_on_the_readers_clock(instant, zone, shown):
    assert formatting.closing(instant, zone) == shown


def test_a_month_has_its_name_and_its_neighbours():
    assert formatting.month("2026-10") == "October 2026"
    assert formatting.month_name("2026-01", later=-1) == "December"


@pytest.mark.parametrize(
    ("zone", "shown"), [("America/Argentina/Buenos_Aires", "Buenos Aires"), ("UTC", "UTC")]
)
def test_a_zone_is_called_by_its_city(zone, shown):
    assert formatting.zone_name(zone) == shown


@given(st.text())
def test_one_line_is_one_line(text):
    line = formatting.one_line(text, 40)

    assert len(line) <= 40
    assert len(line.splitlines()) <= 1
    assert line == line.strip() and "  " not in line


def test_one_line_takes_away_what_could_turn_the_text_around():
    assert formatting.one_line("a\r\nBcc: b\x00c\u202ed\ud800") == "a Bcc: b c d"


@pytest.mark.parametrize("text", ["👩‍🚀 Ada", "می‌خواهم", "Jörg"])
def test_one_line_leaves_joiners_and_accents(text):
    assert formatting.one_line(text) == text


@pytest.mark.parametrize(
    ("text", "letter"), [("history", "H"), ("<b>art</b>", "B"), ("  9 to 5", "9"), ("¿?", "?"), ("ß", "S")]
)
def test_the_initial_is_the_first_letter_or_digit(text, letter):
    assert formatting.initial(text) == letter


def test_a_list_leaves_out_what_says_nothing_and_isolates_what_runs_the_other_way():
    assert formatting.listed([None, "Art", False, "10 min", ""]) == "Art · 10 min"
    assert formatting.listed(["جغرافيا", "10 min"]) == "\u2068جغرافيا\u2069 · 10 min"


@pytest.mark.parametrize(
    ("tag", "direction"), [("en", "ltr"), ("ar", "rtl"), ("he-IL", "rtl"), ("de-DE", "ltr")]
)
def test_a_language_has_a_direction(tag, direction):
    assert formatting.direction(tag) == direction
