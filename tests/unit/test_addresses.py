"""Which addresses can be mailed."""

import email_validator
import pytest
from hypothesis import given
from hypothesis import strategies as st

from quizmail.platform.addresses import masked, normalised, why_not_mailable


@pytest.mark.parametrize(
    ("raw", "address"),
    [
        ("ada@example.com", "ada@example.com"),
        ("  ada@example.com\n", "ada@example.com"),
        ("Ada.Lovelace+quiz@EXAMPLE.com", "Ada.Lovelace+quiz@example.com"),
        ("o'brien@school.test", "o'brien@school.test"),
        ("ada@bücher.example", "ada@xn--bcher-kva.example"),
        ("ada@xn--bcher-kva.example", "ada@xn--bcher-kva.example"),
        (f"{'x' * 64}@example.com", f"{'x' * 64}@example.com"),
    ],
)
def test_a_mailable_address_is_put_into_its_normal_form(raw, address):
    assert normalised(raw) == address


@pytest.mark.parametrize(
    ("raw", "why"),
    [
        (None, "missing"),
        ("", "missing"),
        ("   ", "missing"),
        (42, "missing"),
        ("ada", "no_domain"),
        ("ada@", "no_domain"),
        ("@example.com", "no_domain"),
        ("ada@localhost", "no_domain"),
        ("user3@local", "no_domain"),
        ("ada@printer.local", "malformed"),
        ("ada@example.invalid", "malformed"),
        ("ada@site.localhost", "malformed"),
        ("ada lovelace@example.com", "malformed"),
        ("ada@exam ple.com", "malformed"),
        ("ada@example.com\r\nBcc: eve@example.com", "malformed"),
        ("ada\n@example.com", "malformed"),
        ("ada@@example.com", "malformed"),
        (".ada@example.com", "malformed"),
        ("ada..l@example.com", "malformed"),
        ("ada@-example.com", "malformed"),
        ("ada@example..com", "malformed"),
        ("ada@example.c0m1", "malformed"),
        ("ada@127.0.0.1", "malformed"),
        ('"ada"@example.com', "malformed"),
        ("<ada@example.com>", "malformed"),
        (f"{'x' * 65}@example.com", "malformed"),
        (f"ada@{'x' * 63}.{'x' * 63}.{'x' * 63}.{'x' * 63}.com", "malformed"),
        (f"ada@{'x' * 10_000}.com", "malformed"),
        ("ädä@example.com", "local_part_not_ascii"),
    ],
)
def test_an_address_that_cannot_be_mailed_is_none_and_the_reason_a_word(raw, why):
    assert normalised(raw) is None
    assert why_not_mailable(raw) == why


@given(
    st.text("aZ9._-+'@ é", min_size=1, max_size=12),
    st.lists(st.text("aZ9-é", max_size=6), min_size=1, max_size=3).map(".".join),
)
def test_the_quick_way_gives_the_same_answer_as_the_library(local, domain):
    raw = f"{local}@{domain}"
    try:
        judged = email_validator.validate_email(
            raw.strip(), check_deliverability=False, allow_smtputf8=False, test_environment=True
        ).ascii_email
    except email_validator.EmailNotValidError:
        judged = None

    assert normalised(raw) == judged


def test_a_masked_address_gives_nobody_away():
    assert masked("ada.lovelace@mail.example.com") == "a…@m….com"
