"""Every mail is below 80 KB, whatever quizzes are called: those that do not fit are counted, not named."""

import re
from datetime import UTC, datetime
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quizmail.facts import CATEGORIES_SHOWN, QUIZZES_SHOWN, SHOWN
from quizmail.states import Kind
from tests.support import signing
from tests.support.facts import a_quiz, a_result
from tests.support.gallery import composer
from tests.support.mails import FACTS, visible

AT = datetime(2026, 11, 23, 17, 0, tzinfo=UTC)
PERIODS = {Kind.REMINDER: "2026-11-23", Kind.REPORT: "2026-10"}
NUMBERS = {Kind.REMINDER: SHOWN, Kind.REPORT: QUIZZES_SHOWN}
SHIPPED = composer()

#: A letter of each is one byte, three, four, two, or an entity of up to five.
SCRIPTS = {"latin": "w", "thai": "ก", "emoji": "🎲", "hebrew": "א", "escaped": '&"<'}
#: The longest addresses that are links. A mail has = as =3D and & as &amp;.
ADDRESSES = {letter: "https://" + letter * 2000 for letter in ("a", "=", "&", "🎲")}

each_kind = pytest.mark.parametrize("kind", Kind)
each_script = pytest.mark.parametrize("script", SCRIPTS)
each_address = pytest.mark.parametrize("address", ADDRESSES)


@pytest.fixture(scope="module")
def signs(tmp_path_factory):
    path = signing.key_file(tmp_path_factory.mktemp("keys"))
    return {"DKIM_DOMAIN": signing.DOMAIN, "DKIM_SELECTOR": signing.SELECTOR, "DKIM_KEY_FILE": str(path)}


@pytest.fixture(scope="module")
def without_address(signs):
    """A composer that signs, of a site that has no address: the button of a reminder leads to a quiz."""
    return composer(SITE_URL="", **signs)


def quizzes(kind, titles, category="Geography", url=None):
    """Quizzes as a mail of `kind` lists them."""
    if kind is Kind.REMINDER:
        return [a_quiz(title=each, category=category, url=url, minutes=1_000_000) for each in titles]
    often = {"taken": 1_000_000, "rank": 1_000_000, "of": 1_000_000}
    return [a_result(title=each, category=category, best=99.9, **often) for each in titles]


def numbered(number, letters):
    """Titles that begin with a number of two digits and are longer than a mail shows them."""
    return [f"{each:02} {letters * 300}" for each in range(number)]


def longest(kind, script, address, number=None, locale="en"):
    """Facts that are all as long as a mail shows them, with `number` quizzes or as many as it names."""
    letters, url = SCRIPTS[script] * 300, ADDRESSES[address]
    named = quizzes(kind, numbered(number or NUMBERS[kind], SCRIPTS[script]), letters, url)
    facts = FACTS[kind](name=letters, locale=locale, quizzes=named, more=3)
    if kind is Kind.REMINDER:
        return facts
    category = {"name": letters, "taken": 1_000_000, "average": 87.65, "before": 76.54}
    return {
        **facts,
        "categories": [category] * CATEGORIES_SHOWN,
        "strongest": letters,
        "weakest": letters,
        "suggestion": {"id": "21", "title": letters, "category": letters, "url": url},
    }


def compose(kind, facts, by=SHIPPED):
    return by.compose(kind, ("7", PERIODS[kind]), 12, "ada@example.org", facts, AT, 42)


def named(mail):
    """The numbers with which the titles in the text begin; those in the HTML are the same."""
    numbers = re.findall(r"(?m)^\* \u2068?(\d\d) ", mail.parts.text)
    assert re.findall(r'<span\s+class="title"[^>]*>(\d\d) ', mail.parts.html) == numbers
    return [int(each) for each in numbers]


def counted(mail):
    """How many more quizzes the text speaks of; the HTML says the same."""
    said = re.search(r"And (\d+) more \w+", mail.parts.text)
    assert (said[0] in visible(mail.parts.html)) if said else "more quiz" not in mail.parts.html
    return int(said[1]) if said else 0


@each_kind
@each_script
@each_address
def test_a_mail_is_below_80_kb_in_every_language_though_all_it_says_is_as_long_as_can_be(
    kind, script, address
):
    sizes = {
        (number, locale): len(compose(kind, longest(kind, script, address, number, locale)).content)
        for number, locale in product((NUMBERS[kind], 1), ("en", "de", "ar-XB"))
    }

    assert max(sizes.values()) < 80_000, sizes


@each_kind
@each_address
@pytest.mark.parametrize("number", [None, 1])
def test_a_signed_mail_to_a_site_without_an_address_is_below_80_kb(without_address, kind, address, number):
    mail = compose(kind, longest(kind, "emoji", address, number, "ar-XB"), without_address)

    assert len(mail.content) < 80_000


@each_kind
@each_script
@each_address
def test_the_first_quizzes_are_named_and_the_others_counted_in_both_parts(kind, script, address):
    mail = compose(kind, longest(kind, script, address))
    numbers = named(mail)

    assert numbers == list(range(len(numbers)))
    assert len(numbers) + counted(mail) == NUMBERS[kind] + 3
    assert kind is Kind.REPORT or "8 quizzes are waiting for you" in mail.parts.text


@pytest.mark.parametrize(
    ("kind", "script", "address"),
    [(Kind.REPORT, script, "a") for script in ("thai", "emoji", "hebrew", "escaped")]
    + [(Kind.REMINDER, "latin", address) for address in ("=", "&")],
)
def test_as_many_quizzes_are_named_as_fit(kind, script, address):
    facts = longest(kind, script, address)
    mail = compose(kind, facts)
    number = len(named(mail))

    def with_only(number):
        others = len(facts["quizzes"]) - number
        return {**facts, "quizzes": facts["quizzes"][:number], "more": facts["more"] + others}

    assert 1 < number < NUMBERS[kind]
    assert compose(kind, with_only(number)) == mail
    assert compose(kind, with_only(number + 1)) == mail


@each_kind
def test_the_same_facts_give_the_same_mail_and_are_not_changed(kind):
    facts = longest(kind, "emoji", "&")

    assert compose(kind, facts) == compose(kind, facts)
    assert facts == longest(kind, "emoji", "&")


@each_kind
@each_script
def test_titles_of_a_usual_length_are_all_named(kind, script):
    titles = [each[:60] for each in numbered(NUMBERS[kind], SCRIPTS[script])]
    url = "https://quiz.example.com/quizzes/7"

    mail = compose(kind, FACTS[kind](quizzes=quizzes(kind, titles, url=url), more=0))

    assert len(named(mail)) == NUMBERS[kind] and counted(mail) == 0


def test_the_signature_is_part_of_the_size(signs):
    """Of mails that are ever shorter, the first that fits without its signature does not fit with it."""
    mails = (
        FACTS[Kind.REMINDER](quizzes=quizzes(Kind.REMINDER, numbered(5, "w"), url="https://" + "=" * length))
        for length in range(2000, 0, -1)
    )
    facts = next(each for each in mails if len(named(compose(Kind.REMINDER, each))) == 5)
    signed = compose(Kind.REMINDER, facts, composer(**signs))

    assert len(named(signed)) == 4 and len(signed.content) < 80_000


def test_a_reminder_names_a_quiz_even_where_the_site_says_too_much_of_itself():
    wordy = composer(BRAND_FOOTER="Made in London " * 5_000)

    assert named(compose(Kind.REMINDER, longest(Kind.REMINDER, "latin", "a"), wordy)) == [0]


@settings(deadline=None)
@given(
    st.sampled_from(Kind),
    st.lists(st.tuples(st.sampled_from([*SCRIPTS]), st.integers(4, 300)), min_size=1, max_size=20),
    st.text(max_size=2000),
)
def test_a_mail_in_mixed_scripts_is_below_80_kb_and_counts_what_it_does_not_name(kind, written, path):
    titles = [
        numbered(20, SCRIPTS[script])[number][:length]
        for number, (script, length) in enumerate(written[: NUMBERS[kind]])
    ]
    facts = FACTS[kind](quizzes=quizzes(kind, titles, url=f"https://quiz.example.com/{path}"), more=0)
    mail = compose(kind, facts)

    assert len(mail.content) < 80_000
    assert len(named(mail)) + counted(mail) == len(titles)
