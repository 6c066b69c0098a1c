import threading
from datetime import UTC, datetime
from unicodedata import bidirectional

import pytest
from jinja2 import DictLoader, StrictUndefined, TemplateSyntaxError
from markupsafe import Markup

from quizmail.rendering import catalogues, pseudo
from quizmail.rendering.catalogues import Catalogue, load
from quizmail.rendering.translating import Translating
from quizmail.rendering.translations import for_locale, for_locales

#: Polish has three forms: one, few, many.
POLISH = """
msgid ""
msgstr ""
"Content-Type: text/plain; charset=utf-8\\n"
"Plural-Forms: nplurals=3; plural=(n==1 ? 0 : n%10>=2 && n%10<=4 && (n%100<12 || n%100>14) ? 1 : 2);\\n"

msgid "Hi %(name)s,"
msgstr "Cześć, %(name)s!"

msgid "%(n)s quiz"
msgid_plural "%(n)s quizzes"
msgstr[0] "%(n)s quiz"
msgstr[1] "%(n)s quizy"
msgstr[2] "%(n)s quizów"

msgctxt "rank"
msgid "best"
msgstr "najlepszy <b>"

msgid "Take a quiz"
msgstr ""

#, fuzzy
msgid "See all quizzes"
msgstr "Zobacz quiz"

msgid "%(n)s day"
msgid_plural "%(n)s days"
msgstr[0] "%(n)s dzień"
msgstr[1] "%(count)s dni"
msgstr[2] "%(n)s dni"

msgid "Average: %(average)s"
msgstr "Średnia: %(avarage)s"

msgid "half of it: 50%%"
msgstr "połowa: 50% i %d"
"""


@pytest.fixture
def polish(tmp_path):
    path = tmp_path / "quizmail.po"
    path.write_text(POLISH)
    return load("pl", path)


def rendered(source: str, catalogue: Catalogue, *, autoescape: bool = True, **facts) -> str:
    environment = Translating(
        catalogue, loader=DictLoader({"x": source}), autoescape=autoescape, undefined=StrictUndefined
    )
    return environment.get_template("x").render(facts)


# Whom we address how.


@pytest.mark.parametrize(
    ("locale", "tag", "catalogue"),
    [
        ("de_AT", "de-AT", "de"),
        ("de-CH-1996", "de-CH", "de"),
        ("DE", "de", "de"),
        ("de-XX", "de", "de"),
        ("en-GB", "en-GB", "en"),
        ("tlh", "en", "en"),
        ("junk of any kind", "en", "en"),
        ("ja-JP", "en", "en"),
        ("", "en", "en"),
        (None, "en", "en"),
        ("en-XA", "en-XA", "en-XA"),
        ("ar-XB", "ar-XB", "ar-XB"),
    ],
)
def test_a_reader_is_addressed_in_the_best_language_there_is(locale, tag, catalogue):
    language = for_locale(locale, "en")

    assert (language.tag, language.catalogue.tag) == (tag, catalogue)


@pytest.mark.parametrize(("site", "tag"), [("de-AT", "de-AT"), ("fr", "en"), ("junk", "en"), ("", "en")])
def test_a_reader_of_an_unknown_language_is_addressed_in_that_of_the_site(site, tag):
    assert for_locale("ja-JP", site).tag == tag
    assert for_locale(None, site).tag == tag


def test_the_first_language_that_we_have_is_taken():
    assert for_locales([None, "fr", "de-CH", "en"], "en").tag == "de-CH"


def test_figures_and_dates_are_those_of_the_region():
    austrian, swiss = for_locale("de-AT", "en"), for_locale("de-CH", "en")

    assert (austrian.number(83.333), swiss.number(83.333)) == ("83,3", "83.3")
    assert (austrian.month("2026-01"), swiss.month("2026-01")) == ("Jänner 2026", "Januar 2026")


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
    assert for_locale("en", "en").closing(instant, zone) == shown


def test_a_language_may_be_asked_for_by_many_threads_at_once():
    found = []
    threads = [threading.Thread(target=lambda: found.append(for_locale("de-LI", "en"))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert {language.gettext("Hi,") for language in found} == {for_locale("de-LI", "en").gettext("Hi,")}


# What a catalogue says, and what it cannot.


def test_a_message_is_said_in_the_language(polish):
    assert rendered('{{ _("Hi %(name)s,", name=name) }}', polish, name="Ada") == "Cześć, Ada!"


@pytest.mark.parametrize(
    ("count", "shown"),
    [(1, "1 quiz"), (2, "2 quizy"), (5, "5 quizów"), (22, "22 quizy"), (1.5, "1.5 quizy"), (0, "0 quizów")],
)
def test_a_count_takes_its_form(polish, count, shown):
    assert rendered('{{ ngettext("%(n)s quiz", "%(n)s quizzes", n, n=n) }}', polish, n=count) == shown


@pytest.mark.parametrize(
    ("count", "shown"), [(1, "1 day"), (2, "2 days"), (21, "21 days"), (0.5, "0.5 days")]
)
def test_a_count_without_translation_takes_the_english_form(polish, count, shown):
    assert rendered('{{ ngettext("%(n)s day", "%(n)s days", n, n=n) }}', polish, n=count) == shown


@pytest.mark.parametrize("message", ["Take a quiz", "See all quizzes", "Nobody has seen this", "best"])
def test_a_missing_a_fuzzy_and_an_unknown_message_are_said_in_english(polish, message):
    assert rendered(f'{{{{ _("{message}") }}}}', polish) == message


def test_a_translation_with_a_wrong_placeholder_is_not_used(polish):
    source = '{{ _("Average: %(average)s", average=7) }}'

    assert rendered(source, polish) == "Average: 7"


def test_a_stray_per_cent_sign_stands_for_itself(polish):
    assert rendered('{{ _("half of it: 50%%") }}', polish) == "połowa: 50% i %d"
    assert rendered('{{ _("half of it: 50%%") }}', Catalogue("en")) == "half of it: 50%"


def test_a_context_tells_messages_apart(polish):
    assert rendered('{{ pgettext("rank", "best") }}', polish, autoescape=False) == "najlepszy <b>"


def test_messages_are_translated_wherever_they_stand(polish):
    source = '{% set all = [_("Hi %(name)s,", name=who), _("x")] %}{{ all | join(" ") if _("y") else "" }}'

    assert rendered(source, polish, who="Ada") == "Cześć, Ada! x"


def test_code_and_templates_are_told_the_same():
    german = for_locale("de", "en")

    assert german.gettext("closes %(day)s, %(time)s", day="A", time="B") == rendered(
        '{{ _("closes %(day)s, %(time)s", day="A", time="B") }}', german.catalogue
    )
    assert german.ngettext("%(num)s absurdity", "%(num)s absurdities", 2) == "2 absurdities"
    assert german.npgettext("nowhere", "one", "many", 1) == "one"
    assert german.pgettext("nowhere", "50%% of %(what)s", what="it") == "50% of it"


# What templates may and may not do.


def test_messages_and_values_are_escaped_in_html_and_markup_is_kept(polish):
    source = '{{ _("<%(a)s & %(b)s>", a=a, b=b) }}{{ pgettext("rank", "best") }}'

    html = rendered(source, polish, a="<i>", b=Markup("<b>x</b>"))

    assert html == "&lt;&lt;i&gt; &amp; <b>x</b>&gt;najlepszy &lt;b&gt;"
    assert rendered('{{ _("<%(a)s>", a=a) }}', polish, autoescape=False, a="<i>") == "<<i>>"


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("{{ _(name) }}", "literal"),
        ('{{ _("Hi " ~ name) }}', "literal"),
        ('{{ ngettext("one", n) }}', "literal"),
        ('{{ ngettext("one", "many") }}', "a count"),
        ('{{ _("Hi", name) }}', "by name"),
        ('{{ _("Hi %(name)s", **facts) }}', "by name"),
        ('{{ _("Hi %(name)s", nam="Ada") }}', "has a place for name"),
    ],
)
def test_a_call_that_could_not_be_translated_is_found_when_the_template_is_read(source, said):
    with pytest.raises(TemplateSyntaxError, match=said) as caught:
        rendered("\n" + source, Catalogue("en"), name="Ada")
    assert (caught.value.name, caught.value.lineno) == ("x", 2)


def test_a_value_that_the_facts_do_not_hold_fails_as_it_does_elsewhere():
    with pytest.raises(Exception, match="nickname"):
        rendered('{{ _("Hi %(name)s", name=nickname) }}', Catalogue("en"))


def test_filters_write_for_the_reader():
    source = "{{ 83.33 | percent }} {{ 1204 | number }} {{ '2026-01' | month_name(later=-1) }} {{ at | day }}"
    at = datetime(2026, 11, 24, tzinfo=UTC)

    german = for_locale("de", "en")

    assert (
        rendered(source, german.catalogue, locale=german, at=at) == "83,3\xa0% 1.204 Dezember Di., 24. Nov."
    )


# Languages that nobody speaks.


def test_accents_lengthen_and_mark_a_message_and_leave_its_placeholders():
    made = pseudo.message_maker("en-XA")("Hi %(name)s, 100%% of the quizzes")

    assert made.startswith("⟦") and made.endswith("⟧")
    assert "%(name)s" in made and "100%%" in made
    assert not set("Hiofthequizzes") & set(made.replace("%(name)s", ""))
    assert len(made) > 1.2 * len("Hi %(name)s, 100%% of the quizzes")


def test_right_to_left_is_really_written_from_right_to_left():
    language = for_locale("ar-XB", "en")

    assert language.direction == "rtl"
    assert {bidirectional(letter) for letter in language.gettext("Take a quiz")} == {"AL", "WS"}
    assert language.gettext("Take %(n)s", n=5).endswith(" 5")


def test_a_language_that_nobody_speaks_is_not_offered():
    assert catalogues.available() >= {"en", "de"}
    assert not catalogues.available() & pseudo.MAKE_UP.keys()


def test_languages_do_not_pile_up():
    """However many locales a platform holds, what is kept is bounded by the regions of our languages."""
    for number in range(3000):
        for_locale(f"de-x-{number}", "en")

    assert for_locale("de-x-1", "en") is for_locale("de", "en")
