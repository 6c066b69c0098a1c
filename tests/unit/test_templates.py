import re
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import html5lib
import pytest

from quizmail.errors import CompositionError
from quizmail.rendering import Brand, Renderer, renderer, shipped_templates
from quizmail.states import Kind
from tests.support.facts import a_quiz, reminder_facts
from tests.support.mails import SITE, UNSUBSCRIBE_URL, render, visible

each_kind = pytest.mark.parametrize("kind", list(Kind))


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

    html = render(Kind.REPORT, templates_dir=tmp_path).html

    assert "#5546d6" not in html
    assert "background-color: #0a7f5a" in html and 'fillcolor="#0a7f5a"' in html


@each_kind
def test_a_brand_has_its_colours_its_picture_and_its_line(kind):
    brand = Brand("https://quiz.example.com/logo.png", "#1d4ed8", "#9f1239", "Registered in <Vienna>")
    parts = render(kind, replace(SITE, brand=brand))
    parser = html5lib.HTMLParser(strict=True, namespaceHTMLElements=False)
    [image] = parser.parse(parts.html).findall(".//img")

    assert "#5546d6" not in parts.html and "#0b7a69" not in parts.html
    assert 'fillcolor="#1d4ed8"' in parts.html and "background-color: #9f1239" in parts.html
    assert image.get("src") == "https://quiz.example.com/logo.png"
    assert (image.get("width"), image.get("height"), image.get("alt")) == ("40", "40", "Q")
    assert "Registered in &lt;Vienna&gt;" in parts.html and "Registered in <Vienna>" in parts.text


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

    for kind in Kind:
        assert "Yours, QuizMaster" in visible(render(kind, templates_dir=tmp_path).html)


FAULTS = [
    ("body.html", "{{ lead }}", "{{ nickname }}", r"/body\.html:\d+: .*nickname"),
    ("body.html", "{{ lead }}", "{{ quizzes[0].colour }}", r"/body\.html:\d+: .*colour"),
    ("body.html", "{{ lead }}", "{{ name | shout }}", r"/body\.html:\d+: .*shout"),
    ("body.html", "{% for", "{% fro", r"/body\.html:\d+: .*fro"),
    ("body.html", '{% extends "base.html" %}', '{% extends "absent.html" %}', r"absent\.html"),
    ("body.html", "{{ lead }}", "{{ 1 // 0 }}", r"/body\.html:\d+: ZeroDivisionError"),
    ("body.txt", "{{ lead", "{{ nickname", r"/body\.txt:\d+: .*nickname"),
    ("body.txt", "{% endfor %}", "", r"/body\.txt:\d+: "),
]

#: (place of the fault, what stands in a remembered part, what is said of it): each begins in line 4.
FAULTS_IN_PARTS = [
    ("{{ quiz.title | shout }}", r"reminder/body\.{ext}:5: .*shout"),
    ("{{ quiz.title if quiz is absent }}", r"reminder/body\.{ext}:5: .*absent"),
    ("{{ quiz.colour }}", r"reminder/body\.{ext}:5: .*colour"),
    ("{{ 1 // 0 }}", r"reminder/body\.{ext}:5: ZeroDivisionError"),
    ("{{ name }}", r"reminder/body\.{ext}:4: .*not remembered by name"),
    ("{% block row %}x{% endblock %}", r"reminder/body\.{ext}:5: .*no block"),
]


@each_kind
@pytest.mark.parametrize(("name", "old", "new", "said"), FAULTS)
def test_a_fault_in_a_template_is_named_with_its_place(tmp_path, kind, name, old, new, said):
    folder = override(tmp_path, f"{kind}/{name}", old, new)

    with pytest.raises(CompositionError, match=said):
        render(kind, templates_dir=folder)


@pytest.mark.parametrize(
    ("ext", "fault", "said"),
    # Blocks of HTML are put in their places before anything is remembered.
    [("html", *each) for each in FAULTS_IN_PARTS[:-1]] + [("txt", *each) for each in FAULTS_IN_PARTS],
)
def test_a_fault_in_a_remembered_part_is_named_with_its_place(tmp_path, ext, fault, said):
    row = f"<tr><td>{fault}</td></tr>" if ext == "html" else fault
    body = [f'{{% extends "base.{ext}" %}}', "{% block content %}", "{% for quiz in quizzes %}"]
    body += ["{% call remembered(quiz) %}", row, "{% endcall %}", "{% endfor %}", "{% endblock %}"]
    override(tmp_path, f"reminder/body.{ext}", text="\n".join(body))

    with pytest.raises(CompositionError, match=said.replace("{ext}", ext)):
        render(Kind.REMINDER, templates_dir=tmp_path)


@pytest.mark.parametrize(
    "tag", ["{% set x = 1 %}", "{% macro m() %}x{% endmacro %}", '{% import "m.html" as m %}']
)
def test_what_would_get_lost_between_a_template_and_its_parent_is_named(tmp_path, tag):
    (tmp_path / "m.html").touch()
    extends = '{% extends "base.html" %}'
    override(tmp_path, "reminder/body.html", extends, f"{extends}\n{tag}")
    line = (tmp_path / "reminder/body.html").read_text().splitlines().index(tag) + 1

    with pytest.raises(CompositionError, match=rf"^reminder/body\.html:{line}: .*outside of every block"):
        render(Kind.REMINDER, templates_dir=tmp_path)


def test_a_comment_around_a_tag_stays_a_comment(tmp_path):
    override(tmp_path, "reminder/body.html", "{{ lead }}", "{{ lead }}<!--{{ days_away }}-->")

    assert "<!--6-->" in render(Kind.REMINDER, templates_dir=tmp_path).html


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


def test_a_filter_gives_what_quizzes_have_for_an_attribute(tmp_path):
    override(tmp_path, "reminder/lead.txt", text='{{ quizzes | values("category") | join(", ") }}')
    quizzes = [a_quiz(category=category) for category in ("Art", None, "Music")]

    assert "\n\nArt, Music\n" in render(Kind.REMINDER, templates_dir=tmp_path, quizzes=quizzes).text


def test_an_attribute_that_quizzes_do_not_have_is_named(tmp_path):
    override(tmp_path, "reminder/lead.txt", text='\n{{ quizzes | values("colour") }}')

    with pytest.raises(CompositionError, match=r"reminder/lead\.txt:2: .*no attribute 'colour'"):
        render(Kind.REMINDER, templates_dir=tmp_path)


def test_a_fact_that_is_missing_is_named():
    facts = reminder_facts()
    del facts["quizzes"][0]["title"]

    with pytest.raises(CompositionError, match=r"reminder/.*title"):
        render(Kind.REMINDER, quizzes=facts["quizzes"])


def test_threads_that_begin_together_compile_a_template_once(monkeypatch):
    flattened = []

    def slowly(name, *rest):
        flattened.append(name)
        time.sleep(0.05)
        return flatten(name, *rest)

    flatten = renderer.flatten
    monkeypatch.setattr(renderer, "flatten", slowly)
    shared = Renderer(SITE)

    with ThreadPoolExecutor(4) as threads:
        mails = [
            threads.submit(shared.render, Kind.REMINDER, reminder_facts(), UNSUBSCRIBE_URL) for _ in range(4)
        ]

    assert len({mail.result().html for mail in mails}) == 1
    assert flattened == ["reminder/body.html"]


@each_kind
def test_no_line_of_the_html_begins_with_a_dot_that_smtp_would_double(kind):
    html = render(kind).html

    assert "\n ." in html
    assert "\n." not in html
