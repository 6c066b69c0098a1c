"""Every sentence is found, marked and translated, and no translation can break a mail."""

import re

import html5lib
import pytest

from quizmail.rendering import shipped_templates
from quizmail.rendering.catalogues import catalogue, placeholders
from quizmail.states import Kind
from tests.support.catalogues import SHIPPED, messages, shipped, unmarked
from tests.support.facts import a_quiz, a_result
from tests.support.mails import UNSUBSCRIBE_URL, render, visible

TEMPLATES = sorted(path for path in shipped_templates().rglob("*") if path.suffix in {".html", ".txt"})

each_catalogue = pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.parts[-3])
each_template = pytest.mark.parametrize(
    "path", TEMPLATES, ids=lambda path: str(path.relative_to(shipped_templates()))
)

#: Facts without a letter: every word that a mail then shows is ours.
MUTE = {"name": "7", "category": "8", "title": "9", "url": "https://quiz.example.com/9"}
SUGGESTION = {"id": "1", **{key: MUTE[key] for key in ("title", "category", "url")}}
A_QUIZ = a_quiz(**{key: MUTE[key] for key in ("title", "category", "url")})
A_RESULT = a_result(title="9", category="8")
CATEGORIES = [
    {"name": "8", "taken": 2, "average": 80.0, "before": 70.0},
    {"name": None, "taken": 1, "average": None, "before": None},
]
FULL = {"name": "7", "categories": CATEGORIES, "strongest": "8", "weakest": "9", "suggestion": SUGGESTION}
STATES = [
    *((Kind.REMINDER, {"name": "7", "quizzes": [A_QUIZ], "variant": number}) for number in range(15)),
    (Kind.REMINDER, {"name": "", "quizzes": [A_QUIZ] * 5, "more": 7, "fresh": 3, "streak": 4}),
    (Kind.REMINDER, {"name": "7", "quizzes": [A_QUIZ], "more": 0, "days_away": None, "fresh": 1}),
    (Kind.REMINDER, {"name": "7", "quizzes": [A_QUIZ], "more": 1, "days_away": 0}),
    (Kind.REPORT, {**FULL, "quizzes": [A_RESULT] * 2, "percentile": 80}),
    (Kind.REPORT, {**FULL, "quizzes": [], "more": 0, "first": True, "previous": None, "rank": 1}),
    (Kind.REPORT, {**FULL, "quizzes": [A_RESULT], "average": 60.0, "rank": 2, "of": 3}),
    (
        Kind.REPORT,
        {
            **FULL,
            "quizzes": [a_result(title="9", category=None, best=None, rank=None)],
            **dict.fromkeys(("average", "best", "rank", "of", "strongest", "weakest", "suggestion")),
        },
    ),
]
each_state = pytest.mark.parametrize(("kind", "changes"), STATES)


@pytest.fixture(scope="session")
def found(tmp_path_factory):
    return messages(tmp_path_factory.mktemp("messages"))


def words_of(message):
    return message.id if isinstance(message.id, tuple) else (message.id,)


def forms_of(message):
    return message.string if isinstance(message.string, tuple) else (message.string,)


# The sources.


def test_messages_are_found_in_mails_pages_and_code(found):
    places = {place for message in found for place, _ in message.locations}

    assert any(place.endswith("reminder/body.html") for place in places)
    assert any("pages/" in place for place in places)
    assert any(place.endswith("rendering/translations.py") for place in places)


@each_template
def test_every_word_of_a_template_stands_in_a_message(path):
    assert unmarked(path.read_text()) == []


@pytest.mark.parametrize(
    "source",
    [
        "<p>Hello</p>",
        '<img alt="Logo" src="{{ url }}">',
        '{{ "many" if more else _("one") }}',
        '{% set label = "Take a quiz" %}',
        '{{ [a, "best"] | listed }}',
        '{{ name ~ " wins" }}',
        '<a href="{{ url }}" aria-label="Close">×</a>',
    ],
)
def test_words_that_nobody_marked_are_found(source):
    assert unmarked(source)


@pytest.mark.parametrize(
    "source",
    [
        '{{ _("Hello") }} · {{ name }}: 5%',
        '<td align="{{ start }}" class="big">{{ quizzes | map(attribute="title") | join(", ") }}</td>',
        '{# Hello #}{% if kind == "reminder" %}&nbsp;{% endif %}<style>td { color: red }</style>',
    ],
)
def test_what_is_no_word_for_readers_is_not_found(source):
    assert unmarked(source) == []


# The catalogues.


@each_catalogue
def test_a_catalogue_has_every_message_and_no_other(path, found):
    ours = shipped(path)
    wanted = {(message.context, words_of(message)) for message in found if message.id}
    there = {(message.context, words_of(message)) for message in ours if message.id}

    assert wanted - there == set(), "make translations"
    assert there - wanted == set() and not ours.obsolete, "make translations"
    assert [message.id for message in ours if message.id and message.fuzzy] == []
    assert [message.id for message in ours if message.id and not all(forms_of(message))] == []


@each_catalogue
def test_a_translation_has_the_placeholders_of_its_source_and_no_stray_sign(path):
    for message in shipped(path):
        wanted = set().union(*map(placeholders, words_of(message)))
        first, *others = forms_of(message)
        # The form for one may say "one quiz".
        assert placeholders(first) == wanted or (others and placeholders(first) < wanted), message.id
        assert all(placeholders(form) == wanted for form in others), message.id
        for form in forms_of(message) if message.id else ():
            assert not re.search(r"%(?!%|\(\w+\)s)", form.replace("%%", "")), message.id
            assert form.strip() == form and "<" not in form, message.id


@each_catalogue
def test_a_catalogue_is_used_whole(path):
    assert len(catalogue(path.parts[-3]).entries) == len([each for each in shipped(path) if each.id])


# The mails.


@each_state
def test_every_word_of_a_mail_is_translated(kind, changes):
    parts = render(kind, locale="en-XA", **changes)
    parts_seen = (parts.subject, parts.text, visible(parts.html), _preheader(parts.html))

    for part in parts_seen:
        ours = re.sub(r"https?://\S+|QuizMaster|12 Question Street|London N1 9GU", " ", part)
        assert re.findall(r"[A-Za-z]{2,}", ours) == []
    assert all("⟦" in part for part in parts_seen)


@each_state
@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.parts[-3])
def test_a_mail_is_written_in_the_readers_language(path, kind, changes):
    language = path.parts[-3].replace("_", "-")
    parts = render(kind, locale=language, **changes)

    assert parts.language == language
    assert parts.text != render(kind, locale="en", **changes).text
    assert "%(" not in parts.text + parts.html + parts.subject
    assert UNSUBSCRIBE_URL in parts.text


@each_state
def test_a_mail_is_laid_out_from_right_to_left(kind, changes):
    parts = render(kind, locale="ar-XB", **changes)
    document = html5lib.parse(parts.html, namespaceHTMLElements=False)

    assert (document.get("lang"), document.get("dir")) == ("ar-XB", "rtl")
    assert _sides(parts.html) == [
        {"left": "right", "right": "left"}.get(side, side)
        for side in _sides(render(kind, locale="en", **changes).html)
    ]


def test_what_is_written_from_left_to_right_keeps_its_order():
    """A line of an address begins with a number, which belongs before the street."""
    html = render(Kind.REMINDER, locale="ar-XB").html

    assert re.search(r'<span\s+dir="auto"[^>]*>12 Question Street</span>', html)


def test_german_reads_as_german():
    parts = render(Kind.REPORT, locale="de-AT", average=83.333333, month="2026-01", more=1)

    assert "Jänner 2026" in parts.text
    assert "83,3\xa0%" in parts.text and "83,3\xa0%" in visible(parts.html).replace(" %", "\xa0%")
    assert "Und 1 weiteres Quiz." in parts.text


def _preheader(html):
    return " ".join(re.findall(r'(?s)<div class="preheader".*?>(.*?)</div>', html)).replace(
        "&zwnj;&nbsp;", ""
    )


def _sides(html):
    return re.findall(r'(?:\salign="|text-align:\s*)(\w+)', html)
