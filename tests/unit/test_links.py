from urllib.parse import parse_qs, unquote, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st
from itsdangerous import URLSafeSerializer

from quizmail.errors import InvalidToken
from quizmail.links import Links
from quizmail.states import Kind

KEY = "a key of sixteen characters"
FORMER_KEY = "another key that was used before"


@pytest.fixture
def links():
    return Links("https://mail.example.com", [KEY])


def token_of(url):
    return url.rpartition("/")[2]


@given(recipient_id=st.integers(min_value=1, max_value=2**63 - 1), kind=st.sampled_from(Kind))
def test_a_token_is_read_back(recipient_id, kind):
    links = Links("https://mail.example.com", [KEY])

    assert links.read(token_of(links.unsubscribe(recipient_id, kind))) == (recipient_id, kind)


def test_a_link_is_a_plain_address_below_the_base_url(links):
    url = links.unsubscribe(12, Kind.REMINDER)

    assert url.startswith("https://mail.example.com/u/")
    assert url.isascii() and len(url) < 120


def test_a_slash_at_the_end_of_the_base_url_is_not_doubled():
    url = Links("https://example.com/mail/", [KEY]).unsubscribe(12, Kind.REPORT)

    assert url.startswith("https://example.com/mail/u/")


def test_the_same_link_is_made_every_time(links):
    assert links.unsubscribe(12, Kind.REMINDER) == links.unsubscribe(12, Kind.REMINDER)


def test_a_token_signed_with_a_former_key_is_accepted():
    token = token_of(Links("https://mail.example.com", [FORMER_KEY]).unsubscribe(12, Kind.REMINDER))

    assert Links("https://mail.example.com", [KEY, FORMER_KEY]).read(token) == (12, Kind.REMINDER)


def test_the_newest_key_signs():
    token = token_of(Links("https://mail.example.com", [KEY, FORMER_KEY]).unsubscribe(12, Kind.REMINDER))

    assert Links("https://mail.example.com", [KEY]).read(token) == (12, Kind.REMINDER)


def test_a_token_signed_with_a_key_that_was_dropped_is_refused():
    token = token_of(Links("https://mail.example.com", [FORMER_KEY]).unsubscribe(12, Kind.REMINDER))

    with pytest.raises(InvalidToken):
        Links("https://mail.example.com", [KEY]).read(token)


def test_every_truncation_is_refused(links):
    token = token_of(links.unsubscribe(12, Kind.REMINDER))

    for length in range(len(token)):
        with pytest.raises(InvalidToken):
            links.read(token[:length])


def test_every_change_of_one_character_is_refused(links):
    token = token_of(links.unsubscribe(12, Kind.REMINDER))

    for place, character in enumerate(token):
        for other in "AB_.=é ":
            if other != character:
                with pytest.raises(InvalidToken):
                    links.read(token[:place] + other + token[place + 1 :])


def test_the_last_character_has_one_spelling(links):
    token = token_of(links.unsubscribe(12, Kind.REMINDER))
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    accepted = []

    for last in alphabet:
        try:
            links.read(token[:-1] + last)
        except InvalidToken:
            continue
        accepted.append(last)

    assert accepted == [token[-1]]


@given(st.text(max_size=300))
def test_whatever_else_is_refused(token):
    with pytest.raises(InvalidToken):
        Links("https://mail.example.com", [KEY]).read(token)


def test_an_absurdly_long_token_is_refused(links):
    with pytest.raises(InvalidToken):
        links.read("A" * 1_000_000)


def test_a_token_signed_for_another_purpose_is_refused(links):
    token = URLSafeSerializer(KEY, salt="something else").dumps([12, "reminder"])

    with pytest.raises(InvalidToken):
        links.read(token)


@pytest.mark.parametrize("payload", [None, [], [12], [12, "newsletter"], ["x", "report"], {"a": 1}, 5])
def test_a_signed_token_with_another_payload_is_refused(links, payload):
    token = links._tokens.dumps(payload)

    with pytest.raises(InvalidToken):
        links.read(token)


# Of ids much longer than these, itsdangerous may find that they can be compressed.
@given(row_id=st.integers(min_value=0, max_value=2**31 - 1), kind=st.sampled_from(Kind))
def test_tokens_are_those_that_itsdangerous_makes(row_id, kind):
    links = Links("https://mail.example.com", [KEY, FORMER_KEY])

    assert token_of(links.unsubscribe(row_id, kind)) == links._tokens.dumps([row_id, kind.value])
    assert token_of(links.view(row_id)) == links._views.dumps(row_id)


def test_links_without_a_key_cannot_be_made():
    with pytest.raises(ValueError, match="at least one key"):
        Links("https://mail.example.com", [])


@given(delivery_id=st.integers(min_value=1, max_value=2**63 - 1))
def test_a_view_token_is_read_back(delivery_id):
    links = Links("https://mail.example.com/quiz", [KEY])
    url = links.view(delivery_id)

    assert url.startswith("https://mail.example.com/quiz/v/")
    assert links.read_view(token_of(url)) == delivery_id


def test_a_view_token_signed_with_a_former_key_is_accepted():
    token = token_of(Links("https://mail.example.com", [FORMER_KEY]).view(12))

    assert Links("https://mail.example.com", [KEY, FORMER_KEY]).read_view(token) == 12
    with pytest.raises(InvalidToken):
        Links("https://mail.example.com", [KEY]).read_view(token)


def test_one_kind_of_token_does_not_do_for_the_other(links):
    with pytest.raises(InvalidToken):
        links.read(token_of(links.view(12)))
    with pytest.raises(InvalidToken):
        links.read_view(token_of(links.unsubscribe(12, Kind.REMINDER)))


@pytest.mark.parametrize("payload", [None, "12", [12], 1.5, {"a": 1}])
def test_a_signed_view_token_with_another_payload_is_refused(links, payload):
    with pytest.raises(InvalidToken):
        links.read_view(links._views.dumps(payload))


@given(st.text(max_size=300))
def test_whatever_else_is_no_view_token(token):
    with pytest.raises(InvalidToken):
        Links("https://mail.example.com", [KEY]).read_view(token)


def test_without_an_address_there_is_no_link_to_unsubscribe_by_mail(links):
    assert links.mailto(12, Kind.REMINDER) is None


def test_the_mail_that_unsubscribes_bears_the_token_in_its_subject():
    links = Links("https://mail.example.com", [KEY], "stop+quiz@example.com")
    link = urlsplit(links.mailto(12, Kind.REPORT))

    assert (link.scheme, unquote(link.path)) == ("mailto", "stop+quiz@example.com")
    (subject,) = parse_qs(link.query)["subject"]
    assert links.read_subject(subject) == (12, Kind.REPORT)
    assert links.read_subject(f"Re: {subject}\r\n (sent from my phone)") == (12, Kind.REPORT)


@pytest.mark.parametrize("address", ["a?b@example.com", "a&b@example.com", "a%b@example.com", "a>b@x.com"])
def test_an_odd_address_cannot_break_the_link_out(address):
    link = Links("https://mail.example.com", [KEY], address).mailto(12, Kind.REPORT)

    assert unquote(urlsplit(link).path) == address
    assert ">" not in link and " " not in link and link.isascii()


@pytest.mark.parametrize("subject", ["", "unsubscribe", "unsubscribe me WzEsInJlbWluZGVyIl0.x", "é" * 300])
def test_a_subject_without_a_token_is_refused(links, subject):
    with pytest.raises(InvalidToken):
        links.read_subject(subject)
