"""The gallery: every mail, state and language on one page that needs nothing from outside."""

import re

import html5lib
import pytest
from click.testing import CliRunner

from quizmail import wiring
from quizmail.cli import main
from quizmail.gallery import INDEX, LOCALES, samples, write_gallery
from quizmail.gallery.page import Entry, page
from quizmail.states import Kind
from tests.support.configuration import environment
from tests.support.gallery import composer

#: The shapes that a planner freezes on a row, and what may be missing from an old one.
SHAPES = {
    Kind.REMINDER: {"name", "locale", "zone", "last_activity", "days_away", "quizzes", "more"},
    Kind.REPORT: {
        *("name", "locale", "zone", "month", "taken", "average", "best", "rank", "of", "previous"),
        *("quizzes", "more"),
    },
}
ENTRY = Entry(
    "reminder", "usual", "en", "x", '"Q" <q@example.com>', "Read <b>this</b>", "</pre><script>", 1234
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("gallery") / "new"
    assert write_gallery(composer(), folder) == folder / INDEX
    return folder


def test_every_state_is_there_in_every_locale_under_a_name_of_its_own():
    names = [sample.name for sample in samples()]

    assert len(set(names)) == len(names) > 80
    for kind in Kind:
        states = {
            locale: {s.state for s in samples() if (s.kind, s.locale) == (kind, locale)} for locale in LOCALES
        }
        assert len(states["en"]) > 10
        assert all(each == states["en"] for each in states.values())


@pytest.mark.parametrize("kind", list(Kind))
def test_a_sample_has_the_facts_that_a_delivery_has(kind):
    for sample in samples():
        if sample.kind is kind:
            assert sample.facts.keys() >= SHAPES[kind], sample.name
            assert sample.facts["locale"] == sample.locale
            assert len(sample.facts["quizzes"]) <= (5 if kind is Kind.REMINDER else 20)


def test_every_mail_lies_beside_the_page_as_html_text_and_message(folder):
    expected = {f"{sample.name}.{suffix}" for sample in samples() for suffix in ("html", "txt", "eml")}

    assert {path.name for path in folder.iterdir()} == expected | {INDEX}
    assert all(path.stat().st_size > 200 for path in folder.iterdir())


def test_the_page_shows_every_mail_and_needs_nothing_from_outside(folder):
    html = (folder / INDEX).read_text()
    frames = re.findall(r'<iframe src="([^"]+)"', html)

    assert frames == [f"{sample.name}.html" for sample in samples()]
    assert not re.search(r'(?:src|href)="(?![\w.-]+\.(?:html|txt|eml)")|url\(|@import|<script', html)
    html5lib.HTMLParser(strict=True).parse(html)


def test_what_a_mail_says_cannot_break_the_page():
    html = page([ENTRY])

    assert "<script" not in html and "<b>this" not in html
    assert "Read &lt;b&gt;this&lt;/b&gt;" in html and "&lt;/pre&gt;" in html
    assert "1,234 bytes" in html


def test_the_command_says_where_the_page_is_and_needs_no_database(tmp_path):
    wiring.current_settings.cache_clear()
    ran = CliRunner().invoke(
        main, ["gallery", "--out", str(tmp_path)], env=environment(), catch_exceptions=False
    )
    wiring.current_settings.cache_clear()

    assert ran.output.strip() == str(tmp_path / INDEX)
    assert (tmp_path / INDEX).exists()
