import re
import tomllib
from html import unescape
from itertools import product
from pathlib import Path

import html5lib
import pytest

from quizmail.errors import CompositionError
from quizmail.rendering import Site, shipped_templates
from quizmail.states import Kind
from tests.support.facts import a_quiz, a_result, reminder_facts
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
    assert document.get("lang") == "en" and document.get("dir") == "ltr"
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
        *product(("ink", "muted", "link"), ("page", "card")),
        ("on_accent", "accent"),
        ("on_badge", "badge"),
    ]

    for front, back in pairs:
        assert contrast(is_[front], is_[back]) >= 4.5, (front, back)
    for tint in palette["tints"]:
        assert contrast(*tint[mode]) >= 4.5


def test_a_reminder_says_why_what_and_until_when():
    parts = render(Kind.REMINDER)

    assert parts.subject == "“Capitals of Africa” and 11 more quizzes are open for you"
    for part in (parts.text, visible(parts.html)):
        assert only(part, "12 quizzes are waiting for you", "it has been 6 days since you were last here")
        assert only(part, "2 of these quizzes are new", "Geography · 10 min · closes Tue 24 Nov, 18:00")
        assert only(
            part, "closes at the end of Sun 29 Nov", "And 7 more are open for you.", "Berlin time zone"
        )


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"days_away": None}, "you have not taken a quiz yet"),
        ({"days_away": 1}, "it has been 1 day since"),
        ({"days_away": 0}, "it has been a while since"),
        ({"quizzes": [a_quiz()], "more": 0}, "1 quiz is waiting for you"),
        ({"quizzes": [a_quiz()], "more": 0}, "This quiz is new."),
        ({"more": 1}, "And 1 more is open for you."),
        ({"more": 1204}, "And 1,204 more are open for you."),
    ],
)
def test_a_reminder_reads_naturally(changes, said):
    parts = render(Kind.REMINDER, **changes)

    assert said in parts.text
    assert said in visible(parts.html)


def test_a_reminder_without_new_quizzes_or_closing_times_does_not_speak_of_them():
    text = render(Kind.REMINDER, quizzes=[a_quiz(is_new=False, closes_at=None)]).text

    assert "new" not in text and "time zone" not in text and "closes" not in text


def test_a_report_states_the_month():
    parts = render(Kind.REPORT)

    assert parts.subject == "Your October: 14 quizzes taken, 83.3% on average"
    for part in (parts.text, visible(parts.html)):
        assert only(part, "Your October in quizzes", "you took 14 quizzes", "rose by 4.2 points on September")
        assert only(part, "rank 1 of 42", "taken 2 times", "91.7%", "not graded", "And 2 more quizzes.")
    assert only(parts.text, "Average: 83.3% (79.1% in September)", "Rank: 3 of 57", "Best score: 100%")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"average": 70.0}, "with an average of 70%, 9.1 points below September"),
        ({"average": 79.14}, "with the same average as in September: 79.1%"),
        ({"average": 80.125}, "rose by 1 point on September"),
        ({"previous": None}, "you took 14 quizzes, with an average of 83.3%."),
        ({"taken": 1, "previous": None}, "you took 1 quiz, with"),
        ({"average": None}, "you took 14 quizzes. The results are not graded yet."),
        ({"month": "2026-01"}, "on December"),
        ({"more": 1}, "And 1 more quiz."),
    ],
)
def test_a_report_reads_naturally(changes, said):
    parts = render(Kind.REPORT, **changes)

    assert said in parts.text
    assert said in visible(parts.html)


def test_a_bar_is_as_wide_as_the_score_and_stays_in_its_place():
    html = render(
        Kind.REPORT, quizzes=[a_result(best=best) for best in (62.5, 100.0, 140.0, 0.0, -3.0, None)]
    ).html

    widths = re.findall(r'class="(full|rest)"[^>]*?width="(\d+)%"', html)
    assert widths == [
        *(("full", "62"), ("rest", "38")),
        ("full", "100"),
        ("full", "100"),
        ("rest", "100"),
        ("rest", "100"),
    ]
    assert "140%" in html and "-3%" in html


@each_kind
def test_the_button_goes_to_the_site(kind):
    html = render(kind).html

    assert html.count(f'href="{SITE.url}"') == 3  # the name above, the button, Outlook's button
    assert "<v:roundrect" in html


def test_without_a_site_address_the_button_goes_to_the_first_quiz_that_has_one():
    quizzes = [a_quiz(url=None), a_quiz(url="https://quiz.example.com/quizzes/8")]

    html = render(Kind.REMINDER, NO_URL, quizzes=quizzes).html

    assert re.search(r'class="button"[^>]*><a\s+href="https://quiz.example.com/quizzes/8"', html)


@pytest.mark.parametrize(
    ("kind", "changes"), [(Kind.REPORT, {}), (Kind.REMINDER, {"quizzes": [a_quiz(url=None)]})]
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

    assert re.search(r'<b\s+dir="auto"[^>]*>محمد</b>', html)
    assert re.search(r'(?s)<span\s+class="title"\s+dir="auto"[^>]*>ما هي؟</span>', html)


@each_kind
def test_a_mail_survives_its_journey(kind):
    parts = render(kind)
    message = read(composed(parts))

    assert message["Subject"] == parts.subject
    assert body(message, "plain").rstrip() == parts.text.rstrip()
    assert body(message, "html").rstrip() == parts.html.rstrip()


# What an operator changes.


def override(folder: Path, name: str, old: str = "", new: str = "", text: str | None = None) -> Path:
    """Replace one shipped template in `folder`."""
    source = (shipped_templates() / name).read_text()
    assert old in source
    target = folder / name
    target.parent.mkdir(exist_ok=True)
    target.write_text(source.replace(old, new) if text is None else text)
    return folder


def test_a_file_of_the_operator_replaces_the_shipped_one(tmp_path):
    override(tmp_path, "reminder/subject.txt", text="Come back, {{ name }}")

    parts = render(Kind.REMINDER, templates_dir=tmp_path)

    assert parts.subject == "Come back, Jörg Müller"
    assert "12 quizzes are waiting for you" in parts.text


def test_a_colour_of_the_operator_reaches_elements_and_dark_mode(tmp_path):
    override(tmp_path, "palette.toml", "#5546d6", "#0a7f5a")
    override(
        tmp_path, "palette.toml", text=(tmp_path / "palette.toml").read_text().replace("#9d92ff", "#44ddaa")
    )

    html = render(Kind.REPORT, templates_dir=tmp_path).html

    assert "#5546d6" not in html and "#9d92ff" not in html
    assert "background-color: #0a7f5a" in html and 'fillcolor="#0a7f5a"' in html and "#44ddaa" in html


def test_a_rule_of_the_operator_reaches_rows_in_loops(tmp_path):
    override(
        tmp_path,
        "style.css",
        text=(shipped_templates() / "style.css").read_text() + "tr { background: #fff; }",
    )

    html = render(Kind.REPORT, templates_dir=tmp_path).html

    assert len(re.findall(r"<tr\s+style=\"background: #fff;\"", html)) > 20
    assert "<tbody" not in html


def test_the_footer_of_every_mail_changes_in_one_file(tmp_path):
    override(tmp_path, "base.html", "{{ site.name }}{% for", "Yours, {{ site.name }}{% for")

    for kind in KINDS:
        assert "Yours, QuizMaster" in visible(render(kind, templates_dir=tmp_path).html)


FAULTS = [
    ("body.html", "{{ name }}", "{{ nickname }}", r"/body\.html:\d+: .*nickname"),
    ("body.html", "{{ name }}", "{{ quizzes[0].colour }}", r"/body\.html:\d+: .*colour"),
    ("body.html", "{{ name }}", "{{ name | shout }}", r"/body\.html:\d+: .*shout"),
    ("body.html", "{% for", "{% fro", r"/body\.html:\d+: .*fro"),
    ("body.html", '{% extends "base.html" %}', '{% extends "absent.html" %}', r"absent\.html"),
    ("body.html", "{{ name }}", "{{ 1 // 0 }}", r"/body\.html:\d+: ZeroDivisionError"),
    ("body.txt", "{{ name", "{{ nickname", r"/body\.txt:\d+: .*nickname"),
    ("body.txt", "{% endfor %}", "", r"/body\.txt:\d+: "),
]


@each_kind
@pytest.mark.parametrize(("name", "old", "new", "said"), FAULTS)
def test_a_fault_in_a_template_is_named_with_its_place(tmp_path, kind, name, old, new, said):
    folder = override(tmp_path, f"{kind}/{name}", old, new)

    with pytest.raises(CompositionError, match=said):
        render(kind, templates_dir=folder)


def test_the_line_of_a_fault_is_the_line_of_the_file(tmp_path):
    source = (shipped_templates() / "report/body.html").read_text().splitlines()
    line = next(number for number, text in enumerate(source) if "{{ quiz.title }}" in text)
    source[line] = source[line].replace("quiz.title", "quiz.caption")
    override(tmp_path, "report/body.html", text="\n".join(source))

    with pytest.raises(CompositionError, match=rf"^report/body\.html:{line + 1}: .*caption"):
        render(Kind.REPORT, templates_dir=tmp_path)


def test_a_fault_in_one_kind_leaves_the_other_alone(tmp_path):
    override(tmp_path, "reminder/body.html", text="{{ absent }}")

    with pytest.raises(CompositionError):
        render(Kind.REMINDER, templates_dir=tmp_path)
    assert render(Kind.REPORT, templates_dir=tmp_path).subject


def test_text_between_rows_cannot_get_lost_in_silence(tmp_path):
    override(
        tmp_path,
        "report/body.html",
        "{% for quiz in quizzes %}",
        "<td {% if {{ x }}{% for quiz in quizzes %}",
    )

    with pytest.raises(CompositionError):
        render(Kind.REPORT, templates_dir=tmp_path)


def test_a_missing_colour_is_named(tmp_path):
    override(tmp_path, "palette.toml", "accent =", "akzent =")

    with pytest.raises(CompositionError, match=r"style\.css:\d+: .*accent"):
        render(Kind.REPORT, templates_dir=tmp_path)


def test_a_palette_that_cannot_be_read_is_named(tmp_path):
    override(tmp_path, "palette.toml", text="[light]\nink = black")

    with pytest.raises(CompositionError, match=r"palette\.toml: .*line 2"):
        render(Kind.REPORT, templates_dir=tmp_path)


def test_a_fact_that_is_missing_is_named():
    facts = reminder_facts()
    del facts["quizzes"][0]["title"]

    with pytest.raises(CompositionError, match=r"reminder/.*title"):
        render(Kind.REMINDER, quizzes=facts["quizzes"])
