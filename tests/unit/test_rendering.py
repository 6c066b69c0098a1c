import re
import tomllib
from dataclasses import replace
from html import unescape
from itertools import product

import html5lib
import pytest

from quizmail.rendering import Brand, Site, shipped_templates
from quizmail.states import Kind
from tests.support.facts import a_quiz, a_result
from tests.support.mails import SITE, UNSUBSCRIBE_URL, body, composed, read, render, visible

NO_URL = Site("QuizMaster", None, "12 Question Street")
KINDS = list(Kind)
LINK = re.compile(r'(?:href="|\s)(https?://[^"\s<]+)')
NUMBER = re.compile(r"\d[\d,.:]*\d|\d")

#: Facts at the edges, for both kinds.
STATES = [
    (Kind.REMINDER, {}),
    (Kind.REMINDER, {"days_away": None, "last_activity": None, "name": ""}),
    (Kind.REMINDER, {"quizzes": [a_quiz()], "more": 0, "days_away": 1}),
    (
        Kind.REMINDER,
        {"quizzes": [a_quiz(url=None, category=None, minutes=None, closes_at=None, is_new=False)]},
    ),
    (Kind.REMINDER, {"quizzes": [a_quiz(title="W" * 10_000)] * 5, "more": 695}),
    (
        Kind.REMINDER,
        {"name": '<b>"Bobby"</b>\r\n& co', "quizzes": [a_quiz(title='<b>"x" & y</b>', category="<i>")]},
    ),
    (Kind.REMINDER, {"name": "محمد", "quizzes": [a_quiz(title="ما هي؟", category="جغرافيا")]}),
    (Kind.REPORT, {}),
    (Kind.REPORT, {"previous": None, "taken": 1, "more": 0}),
    (Kind.REPORT, {"previous": {"taken": 1, "average": None}}),
    (
        Kind.REPORT,
        {
            "average": None,
            "best": None,
            "rank": None,
            "of": None,
            "quizzes": [a_result(best=None, rank=None)],
        },
    ),
    (Kind.REPORT, {"average": -12.5, "best": 140.0, "quizzes": [a_result(best=140.0), a_result(best=-3.0)]}),
    (Kind.REPORT, {"quizzes": [a_result(title="w" * 300)] * 20, "more": 40}),
    (Kind.REPORT, {"quizzes": [], "more": 0, "month": "2026-01"}),
    (Kind.REPORT, {"first": True, "previous": None, "categories": [], "suggestion": None}),
    (Kind.REPORT, {"rank": 2, "of": 3, "percentile": None, "weakest": None, "strongest": None}),
    (Kind.REMINDER, {"streak": 5, "fresh": 0, "days_away": 0}),
    (Kind.REPORT, {"name": "{{ 7 * 7 }}", "quizzes": [a_result(title="{% raw %}", category="<script>")]}),
]
each_state = pytest.mark.parametrize(("kind", "changes"), STATES)
each_kind = pytest.mark.parametrize("kind", KINDS)


def links_of(part: str) -> set[str]:
    return {link.rstrip(".,:") for link in LINK.findall(part)}


def only(text: str, *lines: str) -> bool:
    return all(line in text for line in lines)


@each_state
def test_the_html_parses_without_errors(kind, changes):
    parser = html5lib.HTMLParser(strict=True)

    parser.parse(render(kind, **changes).html)


@each_state
def test_nothing_of_the_templates_is_left_over(kind, changes):
    parts = render(kind, **changes)

    for part in (parts.subject, parts.text, visible(parts.html)):
        assert not re.search(r"\{%(?! raw)|\{#|\{\{(?! 7)|\bNone\b|undefined|\ue000|\s,", part)


@each_state
def test_both_parts_state_the_same_numbers(kind, changes):
    parts = render(kind, **changes)
    text = parts.text.replace(UNSUBSCRIBE_URL, "")
    text = re.sub(r"https?://\S+", "", text)

    assert set(NUMBER.findall(text)) == set(NUMBER.findall(visible(parts.html)))


@each_state
def test_both_parts_have_the_same_links(kind, changes):
    parts = render(kind, **changes)

    assert links_of(parts.text) == links_of(re.sub("(?s)<!--.*?-->", "", parts.html))
    assert UNSUBSCRIBE_URL in links_of(parts.text)


@each_state
def test_the_unsubscribe_link_and_the_postal_address_are_seen_in_both_parts(kind, changes):
    parts = render(kind, **changes)

    for part in (parts.text, visible(parts.html)):
        assert only(part, "Unsubscribe from", "12 Question Street", "London N1 9GU", "QuizMaster")


@each_state
def test_a_mail_stays_small(kind, changes):
    raw = composed(render(kind, **changes))

    assert len(raw) < 80_000
    assert max(map(len, raw.split(b"\r\n"))) <= 998


@each_state
def test_the_preheader_is_hidden_and_of_a_length_that_is_shown(kind, changes):
    html = render(kind, **changes).html

    [style, preheader] = re.search(r'(?s)<div class="preheader"\s+style="(.*?)">(.*?)</div>', html).groups()
    words = re.sub(r"(&zwnj;|&nbsp;|\s)+", " ", preheader).strip()
    assert "display: none" in style
    assert 40 <= len(unescape(words)) <= 130


@each_state
def test_the_document_is_fit_for_mail_clients(kind, changes):
    html = render(kind, **changes).html
    document = html5lib.parse(html, namespaceHTMLElements=False)
    tables = document.findall(".//table")

    assert html.startswith("<!DOCTYPE html>")
    assert document.get("lang") == "en-GB" and document.get("dir") == "ltr"
    assert len(document.findall(".//h1")) == 1
    assert document.findtext(".//title").strip()
    assert tables and all(table.get("role") == "presentation" for table in tables)
    assert not [x for x in document.iter() if x.tag in {"script", "form", "link", "iframe", "svg", "img"}]
    assert {"viewport", "color-scheme"} <= {meta.get("name") for meta in document.findall(".//meta")}
    assert document.find(".//meta[@charset]").get("charset") == "utf-8"


@each_kind
def test_the_styles_stand_in_the_elements(kind):
    html = render(kind).html
    sheet = "".join(re.findall("(?s)<style.*?</style>", html))

    assert len(sheet) < 16_000
    assert html.count("style=") > 30
    assert not re.search(r"style=\"[^\"]*(flex|grid|position|url\(|javascript|var\()", html)
    assert "margin: 0" in html and "font-size: 30px" in html
    padded = re.findall(r"(?s)<(?!td|a|body|span)(\w+)[^>]*style=\"[^\"]*padding", html)
    assert padded == []


@each_kind
def test_text_is_never_smaller_than_14_pixels(kind):
    document = html5lib.parse(render(kind).html, namespaceHTMLElements=False)
    for element in document.iter():
        size = re.search(
            r"font-size:\s*(\d+)px", element.get("style", "") if isinstance(element.tag, str) else ""
        )
        shown = "".join(element.itertext()).replace("\xa0", "").strip() if size else ""
        assert not shown or int(size[1]) >= 14 or element.get("class") == "preheader"


def contrast(one: str, other: str) -> float:
    """The contrast ratio of two colours (WCAG 2, 1.4.3)."""

    def luminance(colour: str) -> float:
        channels = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
        red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels)
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue

    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("mode", ["light", "dark"])
def test_every_text_has_enough_contrast(mode):
    palette = tomllib.loads((shipped_templates() / "palette.toml").read_text())
    is_ = palette[mode]
    pairs = [
        *product(("ink", "muted"), ("page", "card", "panel")),
        ("on_brand", "brand"),
        ("on_accent", "accent"),
    ]

    for front, back in pairs:
        assert contrast(is_[front], is_[back]) >= 4.5, (front, back)
    for tint in palette["tints"]:
        assert contrast(*tint[mode]) >= 4.5


@pytest.mark.parametrize("color", ["#000000", "#1d4ed8", "#9f1239", "#0f766e", "#b00020"])
def test_an_accent_of_any_colour_stands_out_in_dark_mode(color):
    html = render(Kind.REPORT, replace(SITE, brand=Brand(accent_color=color))).html
    dark = tomllib.loads((shipped_templates() / "palette.toml").read_text())["dark"]

    [bar] = re.findall(r"\.full \{ background-color: (#\w{6}) !important", html)
    assert contrast(bar, dark["card"]) >= 4.5
    assert contrast(bar, dark["on_accent"]) >= 4.5


@each_kind
def test_the_button_goes_to_the_site(kind):
    html = render(kind, **({"suggestion": None} if kind is Kind.REPORT else {})).html

    assert html.count(f'href="{SITE.url}"') == 3  # the name above, the button, Outlook's button
    assert "<v:roundrect" in html


def test_without_a_site_address_the_button_goes_to_the_first_quiz_that_has_one():
    quizzes = [a_quiz(url=None), a_quiz(url="https://quiz.example.com/quizzes/8")]

    html = render(Kind.REMINDER, NO_URL, quizzes=quizzes).html

    assert re.search(r'class="button"[^>]*><a\s+href="https://quiz.example.com/quizzes/8"', html)


@pytest.mark.parametrize(
    ("kind", "changes"),
    [(Kind.REPORT, {"suggestion": None}), (Kind.REMINDER, {"quizzes": [a_quiz(url=None)]})],
)
def test_there_is_no_button_rather_than_a_dead_one(kind, changes):
    parts = render(kind, NO_URL, **changes)

    assert 'class="button"' not in parts.html and "roundrect" not in parts.html
    assert links_of(parts.text) == {UNSUBSCRIBE_URL}


@pytest.mark.parametrize(
    "url", ["javascript:alert(1)", "https://x/ y", 'https://x/"><b>', "/quizzes/7", "", "x" * 9000]
)
def test_a_quiz_address_that_is_none_is_no_link(url):
    parts = render(Kind.REMINDER, quizzes=[a_quiz(url=url)])

    assert links_of(parts.text) == {UNSUBSCRIBE_URL, SITE.url}
    assert "javascript" not in parts.html


@each_kind
def test_what_people_wrote_is_escaped_in_html_and_plain_in_text(kind):
    nasty = "<b>\"Tom\" & 'Jerry'</b>"
    make = a_quiz if kind is Kind.REMINDER else a_result

    parts = render(kind, name=nasty, quizzes=[make(title=nasty, category=nasty)])

    assert "<b>&#34;" not in parts.html and '<b>"' not in parts.html
    assert parts.html.count("&lt;b&gt;&#34;Tom&#34; &amp; &#39;Jerry&#39;&lt;/b&gt;") >= 3
    assert parts.text.count(nasty) == 3


@each_kind
def test_what_people_wrote_is_never_a_template(kind):
    make = a_quiz if kind is Kind.REMINDER else a_result

    parts = render(kind, Site("{{ 7*7 }}", None, "{% x"), name="{{ 7*7 }}", quizzes=[make(title="{{ 7*7 }}")])

    assert "49" not in parts.subject
    assert "{{ 7*7 }}" in parts.text and "{{ 7*7 }}" in parts.html


def test_names_and_titles_are_cut_and_put_on_one_line():
    parts = render(Kind.REMINDER, name="x\r\ny" * 5000, quizzes=[a_quiz(title="word\r\n" * 5000)])

    assert "\n" not in parts.subject and len(parts.subject) < 120
    assert len(parts.text) < 2000


def test_a_name_written_from_right_to_left_keeps_to_its_place():
    html = render(Kind.REMINDER, name="محمد", quizzes=[a_quiz(title="ما هي؟")]).html

    assert "Hi \u2068محمد\u2069," in html
    assert re.search(r'(?s)<span\s+class="title"\s+dir="auto"[^>]*>ما هي؟</span>', html)


@each_kind
def test_a_mail_survives_its_journey(kind):
    parts = render(kind)
    message = read(composed(parts))

    assert message["Subject"] == parts.subject
    assert body(message, "plain").rstrip() == parts.text.rstrip()
    assert body(message, "html").rstrip() == parts.html.rstrip()
