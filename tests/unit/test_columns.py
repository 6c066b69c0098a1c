"""Values as platforms keep them: ids, booleans, numbers, texts."""

from decimal import Decimal
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quizmail.errors import UnknownUser
from quizmail.platform import columns, ids

UUID_TEXT = "6f9619ff-8b86-4d01-b42d-00cf4fc964ff"
INTEGER, SMALL, TEXT = 23, 21, 25


@pytest.mark.parametrize(
    ("raw", "key"),
    [
        (0, "0"),
        (42, "42"),
        ("42", "42"),
        ("ada@example.com", "ada@example.com"),
        (UUID(UUID_TEXT), UUID_TEXT),
        (Decimal("42"), "42"),
        (b"\x00\xff", "00ff"),
    ],
)
def test_a_key_is_the_text_of_the_id(raw, key):
    assert ids.key_of(raw) == key


@given(st.one_of(st.integers(-(2**63), 2**63 - 1), st.text(), st.binary(min_size=12)))
def test_an_id_is_among_the_candidates_for_its_own_key(raw):
    assert raw in ids.sqlite_candidates(ids.key_of(raw))


@pytest.mark.parametrize("key", ["9223372036854775808", "042", "4.2", "", "٤٢"])
def test_what_is_no_whole_number_of_64_bits_is_never_looked_up_as_one(key):
    assert not any(isinstance(value, int) for value in ids.sqlite_candidates(key))


def test_a_lone_surrogate_is_nobodys_id():
    with pytest.raises(UnknownUser):
        ids.sqlite_candidates("\ud800")
    with pytest.raises(UnknownUser):
        ids.postgresql_encoder(TEXT)("\ud800")


@pytest.mark.parametrize(
    ("oid", "key"),
    [
        (INTEGER, "2147483648"),
        (SMALL, "32768"),
        (INTEGER, "ada"),
        (INTEGER, "042"),
        (INTEGER, ""),
        (INTEGER, "9" * 5000),
        (ids.UUID_OID, "42"),
        (ids.UUID_OID, UUID_TEXT.upper()),
        (ids.NUMERIC_OID, "NaN"),
        (ids.NUMERIC_OID, "many"),
        (ids.NUMERIC_OID, "1e999999999"),
        (ids.BYTES_OID, "xyz"),
        (TEXT, "with\0nul"),
    ],
)
def test_a_key_that_the_column_cannot_hold_is_nobodys(oid, key):
    with pytest.raises(UnknownUser) as caught:
        ids.postgresql_encoder(oid)(key)
    assert len(str(caught.value)) < 200


@pytest.mark.parametrize(
    ("oid", "raw"),
    [
        (INTEGER, -7),
        (ids.UUID_OID, UUID(UUID_TEXT)),
        (ids.NUMERIC_OID, Decimal("42.50")),
        (ids.BYTES_OID, b"\x01\x02"),
        (TEXT, "42"),
    ],
)
def test_a_key_is_encoded_to_the_type_of_the_column(oid, raw):
    assert ids.postgresql_encoder(oid)(ids.key_of(raw)) == raw


@pytest.mark.parametrize("raw", [0, 42, "42", 'ada\'s "id"', b"\x00\xff", 4.5])
def test_a_cursor_keeps_the_type_of_the_id(raw):
    back = ids.from_cursor(ids.to_cursor(raw), str)

    assert back == raw and type(back) is type(raw)


def test_a_cursor_gives_a_uuid_back_through_the_columns_encoder():
    encode = ids.postgresql_encoder(ids.UUID_OID)

    assert ids.from_cursor(ids.to_cursor(UUID(UUID_TEXT)), encode) == UUID(UUID_TEXT)


@pytest.mark.parametrize("raw", [True, 1, 2, 1.0, "1", "t", "TRUE", " yes ", "y", "on", "Active"])
def test_true_has_many_spellings(raw):
    assert columns.flag(raw, default=False) is True


@pytest.mark.parametrize(
    "raw", [False, 0, 0.0, Decimal("0"), "0", "f", "FALSE", "no", "off", "", " ", "none"]
)
def test_false_has_many_spellings(raw):
    assert columns.flag(raw, default=True) is False


@pytest.mark.parametrize("default", [True, False])
def test_null_is_the_default(default):
    assert columns.flag(None, default=default) is default


@pytest.mark.parametrize(
    ("raw", "line"),
    [
        ("Ada", "Ada"),
        ("  Ada  Lovelace ", "Ada  Lovelace"),
        ("Ada\r\nBcc: eve@example.com", "Ada Bcc: eve@example.com"),
        ("Ada\x00\x1b[31m\u2028", "Ada [31m"),
        ("Ngũgĩ wa Thiong'o", "Ngũgĩ wa Thiong'o"),
        ("<b>Ada</b>", "<b>Ada</b>"),
        (None, ""),
        (42, "42"),
    ],
)
def test_a_line_has_no_control_characters(raw, line):
    assert columns.line(raw, 200) == line


@given(st.one_of(st.none(), st.text(max_size=500), st.integers()))
def test_a_line_is_printable_and_never_too_long(raw):
    line = columns.line(raw, 100)

    assert line.isprintable() and len(line) <= 100 and line == line.strip()


def test_a_name_of_ten_thousand_characters_is_cut():
    assert columns.line("x" * 10_000, columns.LONGEST_NAME) == "x" * 200


@pytest.mark.parametrize(
    ("raw", "number"),
    [
        (3, 3),
        ("3", 3),
        (3.0, 3),
        (True, 1),
        (0, None),
        (None, None),
        (-1, None),
        ("many", None),
        ("inf", None),
    ],
)
def test_a_limit_of_nothing_is_no_limit(raw, number):
    assert columns.positive(raw) == number


@pytest.mark.parametrize(
    ("raw", "minutes"),
    [(30, 30), ("30", 30), ("00:30", 30), ("1:30", 90), ("0:05:00", 5), ("soon", None), (None, None)],
)
def test_a_duration_is_a_number_or_a_clock(raw, minutes):
    assert columns.minutes(raw) == minutes


@pytest.mark.parametrize(
    ("raw", "url"),
    [
        ("https://quiz.example.com/q/1", "https://quiz.example.com/q/1"),
        (" http://quiz.example.com ", "http://quiz.example.com"),
        ("javascript:alert(1)", None),
        ("#", None),
        ("https://a b", None),
        ("https://a\nb", None),
        (7, None),
        (None, None),
    ],
)
def test_only_a_web_address_is_linked(raw, url):
    assert columns.web_address(raw) == url
