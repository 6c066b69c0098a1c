"""The envelope senders that we make, and what is read from them when they come back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quizmail.returns import ReturnPaths

KEY, FORMER_KEY = "a key of sixteen characters", "another key that was used before"
ADA = "Ada@example.com"

PATHS = ReturnPaths("bounces.example.com", [KEY])
IDS = st.integers(min_value=1, max_value=2**63 - 1)


@given(delivery_id=IDS, address=st.emails())
def test_a_return_path_is_read_back(delivery_id, address):
    returned = PATHS.read(PATHS.address(delivery_id, address))

    assert returned.delivery_id == delivery_id
    assert returned.was_mailed_to(address)
    assert returned.was_mailed_to(address.lower())


@given(delivery_id=IDS)
def test_a_return_path_fits_every_server(delivery_id):
    # A name with letters that no token can have by chance.
    address = PATHS.address(delivery_id, "lovelace-1890@example.com")
    local, _, domain = address.partition("@")

    assert len(local) <= 64
    assert local == local.lower()
    assert domain == "bounces.example.com"
    assert "lovelace" not in local
    assert "1890" not in local


@pytest.mark.parametrize("change", [str.upper, str.title, str.swapcase, lambda text: f" <{text}> "])
def test_a_return_path_survives_what_servers_do_to_it(change):
    assert PATHS.read(change(PATHS.address(7, ADA))).delivery_id == 7


def test_a_return_path_is_read_at_a_domain_that_was_given_up():
    assert PATHS.read(ReturnPaths("old.example.com", [KEY]).address(7, ADA)).delivery_id == 7


def test_it_speaks_of_the_one_address_that_was_mailed():
    returned = PATHS.read(PATHS.address(7, ADA))

    assert returned.was_mailed_to("ADA@EXAMPLE.COM")
    assert not returned.was_mailed_to("grace@example.com")
    assert not returned.was_mailed_to("")


def test_every_key_of_ours_verifies_and_the_first_signs():
    old, new = ReturnPaths("b.example.com", [FORMER_KEY]), ReturnPaths("b.example.com", [KEY, FORMER_KEY])

    assert new.read(old.address(7, ADA)).was_mailed_to(ADA)
    assert PATHS.read(new.address(7, ADA)).was_mailed_to(ADA)
    assert PATHS.read(old.address(7, ADA)) is None


@given(position=st.integers(0, 39), letter=st.sampled_from("abcdefghijklmnopqrstuvwxyz234567"))
def test_a_token_of_which_one_letter_was_changed_is_refused(position, letter):
    token = PATHS.token(7, ADA)
    changed = token[:position] + letter + token[position + 1 :]

    assert (PATHS.read_token(changed) is None) == (changed != token)


@given(st.text())
def test_anything_else_is_refused(text):
    assert PATHS.read(text) is None
    assert PATHS.read_token(text) is None


@pytest.mark.parametrize("form", ["{token}@b.example.com", "other+{token}@b.example.com", "bounce+{token}"])
def test_a_token_elsewhere_than_after_the_plus_is_no_return_path(form):
    assert PATHS.read(form.format(token=PATHS.token(7, ADA))) is None


def test_without_a_key_nothing_can_be_signed():
    with pytest.raises(ValueError, match="key"):
        ReturnPaths("b.example.com", [])


def test_a_key_is_not_shown():
    assert KEY not in repr(PATHS.read(PATHS.address(7, ADA)))
