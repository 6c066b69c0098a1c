import sys
from datetime import date, time
from unicodedata import bidirectional

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quizmail import formatting
from quizmail.formatting.text import _SPACES, _UNWANTED


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


@given(st.floats(-200, 200), st.floats(-200, 200))
def test_a_change_is_the_difference_of_the_figures_that_are_shown(value, before):
    shown = float(formatting.number(value)) - float(formatting.number(before))

    assert float(formatting.number(formatting.change(value, before))) == pytest.approx(shown)


@pytest.mark.parametrize(
    ("tag", "many", "part", "percent"),
    [
        ("en", "1,204", "83.3", "83.3%"),
        ("de", "1.204", "83,3", "83,3\N{NO-BREAK SPACE}%"),
        ("de-CH", "1’204", "83.3", "83.3%"),
        ("fr", "1\N{NO-BREAK SPACE}204", "83,3", "83,3\N{NO-BREAK SPACE}%"),
        ("en-IN", "1,204", "83.3", "83.3%"),
    ],
)
def test_a_number_is_written_as_the_locale_writes_it(tag, many, part, percent):
    assert formatting.number(1204, tag) == many
    assert formatting.number(83.333, tag) == part
    assert formatting.percent(83.333, tag) == percent


def test_a_percentage_is_not_clipped_and_has_no_decimal_that_says_nothing():
    assert [formatting.percent(value) for value in (100.0, 112.55, -3.04, -0.04)] == [
        "100%",
        "112.5%",
        "-3%",
        "0%",
    ]


@pytest.mark.parametrize(
    ("tag", "day", "clock"),
    [
        ("en", "Tue 24 Nov", "18:00"),
        ("en-GB", "Tue 24 Nov", "18:00"),
        ("en-US", "Tue, Nov 24", "6:00\N{NO-BREAK SPACE}PM"),
        ("de", "Di., 24. Nov.", "18:00"),
        ("ja", "11月24日(火)", "18:00"),
    ],
)
def test_a_day_and_a_time_are_written_as_the_locale_writes_them(tag, day, clock):
    assert formatting.day(date(2026, 11, 24), tag) == day
    assert formatting.clock(time(18), tag) == clock


@pytest.mark.parametrize(
    ("tag", "month", "before"),
    [
        ("en", "January 2026", "December"),
        ("de", "Januar 2026", "Dezember"),
        ("de-AT", "Jänner 2026", "Dezember"),
    ],
)
def test_a_month_has_its_name_and_its_neighbours(tag, month, before):
    assert formatting.month("2026-01", tag) == month
    assert formatting.month_name("2026-01", tag, later=-1) == before


@pytest.mark.parametrize(
    ("zone", "tag", "shown"),
    [
        ("America/Argentina/Buenos_Aires", "en", "Buenos Aires"),
        ("Europe/Vienna", "en", "Vienna"),
        ("Europe/Vienna", "de", "Wien"),
        ("Asia/Calcutta", "en", "Kolkata"),
        ("UTC", "de", "UTC"),
        ("Etc/GMT+5", "en", "GMT+5"),
    ],
)
def test_a_zone_is_called_by_its_city(zone, tag, shown):
    assert formatting.zone_name(zone, tag) == shown


@pytest.mark.parametrize(
    ("locale", "tag"),
    [
        ("de_AT", "de-AT"),
        ("de-AT", "de-AT"),
        ("DE", "de"),
        ("de-CH-1996", "de-CH"),
        ("de-Latn-AT", "de-AT"),
        ("en_GB.UTF-8", "en-GB"),
        (" en ", "en"),
        ("de-XX", "de"),
        ("zh-hant-tw", "zh-Hant-TW"),
        ("tlh", None),
        ("German", None),
        ("../../etc", None),
        ("C", None),
        ("", None),
    ],
)
def test_a_locale_is_understood_however_it_is_written(locale, tag):
    assert formatting.known_tag(locale) == tag


@given(st.text(max_size=35))
def test_no_locale_is_too_strange(locale):
    tag = formatting.known_tag(locale)

    assert tag is None or formatting.number(0.5, tag)


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


def test_nothing_that_python_calls_printable_is_unwanted_on_one_line():
    printable = "".join(letter for letter in map(chr, range(sys.maxunicode + 1)) if letter.isprintable())

    assert _SPACES.sub("", _UNWANTED.sub("", printable)) == printable.replace(" ", "")


@pytest.mark.parametrize(
    ("text", "letter"), [("history", "H"), ("<b>art</b>", "B"), ("  9 to 5", "9"), ("¿?", "?"), ("ß", "S")]
)
def test_the_initial_is_the_first_letter_or_digit(text, letter):
    assert formatting.initial(text) == letter


def test_a_list_leaves_out_what_says_nothing_and_isolates_what_runs_the_other_way():
    assert formatting.listed([None, "Art", False, "10 min", ""]) == "Art · 10 min"
    assert formatting.listed(["جغرافيا", "10 min"]) == "\u2068جغرافيا\u2069 · 10 min"


def test_every_letter_written_from_right_to_left_is_isolated():
    letters = [
        letter for letter in map(chr, range(sys.maxunicode + 1)) if bidirectional(letter) in ("R", "AL")
    ]

    assert all(formatting.isolated(letter) == f"\u2068{letter}\u2069" for letter in letters)
    assert formatting.isolated("Jörg Łukasz Ολυμπία Ёлка") == "Jörg Łukasz Ολυμπία Ёлка"


@pytest.mark.parametrize(
    ("tag", "direction"), [("en", "ltr"), ("ar", "rtl"), ("he-IL", "rtl"), ("de-DE", "ltr"), ("ar-XB", "rtl")]
)
def test_a_language_has_a_direction(tag, direction):
    assert formatting.direction(tag) == direction
