import base64
import re
from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from quizmail.errors import CompositionError
from quizmail.formatting import one_line
from quizmail.message import list_id, message_id
from quizmail.message.encoding import encode, encode_pieces
from quizmail.parsing import Mailbox
from quizmail.rendering import Parts
from quizmail.states import Kind
from tests.support.mails import UNSUBSCRIBE_URL, body, composed, mailbox, read

NASTY = (
    "x\r\nBcc: victim@example.net",
    "x\nBcc: victim@example.net",
    "x\rBcc: victim@example.net",
    "x\u2028Bcc: victim@example.net",
    "x\x85Bcc: victim@example.net",
    "x\x00\x0b\x0cBcc: victim@example.net",
    "=?utf-8?q?x=0D=0ABcc=3A?= victim@example.net",
)
NAMES = (
    "Mueller, Jörg",
    '"quoted"',
    "back\\slash",
    "O'Brien",
    "👩‍🚀 Ada",
    "محمد بن سلمان",
    "a@b.c",
    "",
    "x" * 99,
)


def head(raw: bytes) -> list[str]:
    return raw.split(b"\r\n\r\n", 1)[0].decode("ascii").split("\r\n")


def test_a_message_has_two_parts_the_plain_one_first():
    message = read(composed())

    assert message.get_content_type() == "multipart/alternative"
    assert [part.get_content_type() for part in message.iter_parts()] == ["text/plain", "text/html"]
    assert not any(part.defects for part in message.walk())


def test_a_message_says_what_it_was_given():
    message = read(composed(Parts("Hi", "Grüße\n.\nFrom me  \n", "<p>Grüße — “x”=1</p>")))

    assert body(message, "plain") == "Grüße\n.\nFrom me\n"
    assert body(message, "html") == "<p>Grüße — “x”=1</p>\n"


def test_every_header_is_there_once():
    message = read(composed())

    names = [name.lower() for name in message.keys()]  # noqa: SIM118
    assert len(names) == len(set(names))
    assert message["From"] == "QuizMaster <noreply@example.com>"
    assert message["To"].addresses[0].addr_spec == "joerg@example.org"
    assert message["Date"] == "Mon, 23 Nov 2026 17:00:00 +0000"
    assert message["MIME-Version"] == "1.0"
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["Precedence"] == "bulk"
    assert message["X-Auto-Response-Suppress"] == "All"
    assert message["Content-Language"] == "en"
    assert message["List-Id"] == "QuizMaster reminders <reminders.example.com>"
    assert message["List-Unsubscribe"] == f"<{UNSUBSCRIBE_URL}>"
    assert message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"


def test_the_same_arguments_give_the_same_bytes():
    assert composed() == composed()


def test_the_date_is_in_utc_whatever_zone_it_came_in():
    date = datetime(2026, 11, 23, 18, tzinfo=timezone(timedelta(hours=1)))

    assert read(composed(date=date))["Date"] == "Mon, 23 Nov 2026 17:00:00 +0000"


@pytest.mark.parametrize("length", [30, 76, 77, 200, 500, 900])
def test_the_unsubscribe_address_stays_whole_on_one_line(length):
    url = "https://mail.example.com/u/".ljust(length, "x")

    assert f"List-Unsubscribe: <{url}>" in head(composed(unsubscribe_url=url))


@pytest.mark.parametrize(
    "url",
    [
        "https://x/" + "x" * 900,
        "https://x/ü",
        "https://x/ y",
        "https://x/>",
        "mailto:x@y",
        "https://x/\r\nBcc:",
    ],
)
def test_an_unsubscribe_address_that_cannot_stand_in_a_header_is_refused(url):
    with pytest.raises(CompositionError, match="unsubscribe"):
        composed(unsubscribe_url=url)


def test_a_comma_in_the_unsubscribe_address_does_not_make_two_of_it():
    message = read(composed(unsubscribe_url="https://x/u/a,b"))

    assert message["List-Unsubscribe"] == "<https://x/u/a%2Cb>"


def test_the_one_click_address_is_preferred_to_the_mail_address():
    mailto = "mailto:unsubscribe@example.com?subject=unsubscribe%20" + "x" * 60
    raw = composed(unsubscribe_mailto=mailto)

    assert read(raw)["List-Unsubscribe"] == f"<{UNSUBSCRIBE_URL}>, <{mailto}>"
    assert f" <{mailto}>" in head(raw)


@pytest.mark.parametrize(
    "mailto",
    ["x@y", "mailto:", "https://x/y", "mailto:x@y>", "mailto:x@y z", "mailto:ä@y", "mailto:x@y\r\nBcc:"],
)
def test_a_mail_address_that_cannot_stand_in_a_header_is_refused(mailto):
    with pytest.raises(CompositionError, match="unsubscribe"):
        composed(unsubscribe_mailto=mailto)


@pytest.mark.parametrize("name", NAMES)
def test_a_display_name_is_read_back(name):
    raw = composed(recipient=Mailbox(name, "a@example.org"), sender=Mailbox(name, "b@example.org"))

    assert mailbox(raw, "To") == (name, "a@example.org")
    assert mailbox(raw, "From") == (name, "b@example.org")
    assert len(read(raw)["To"].addresses) == len(read(raw)["From"].addresses) == 1


@given(st.text(max_size=300))
def test_any_name_is_read_back_on_one_line(name):
    raw = composed(recipient=Mailbox(name, "a@example.org"))

    assert mailbox(raw, "To") == (one_line(name, 100), "a@example.org")
    assert [each.addr_spec for each in read(raw)["To"].addresses] == ["a@example.org"]
    assert max(map(len, head(raw))) <= 998


@given(st.text(max_size=300))
def test_any_subject_is_read_back_on_one_line(subject):
    raw = composed(Parts(subject, "x", "x"))

    assert read(raw)["Subject"] == one_line(subject)
    assert "Subject: " + one_line(subject)[:1] == "Subject: " or any(
        x.startswith("Subject:") for x in head(raw)
    )


@given(st.text(max_size=3000))
def test_any_body_is_read_back(text):
    message = read(composed(Parts("x", text, text)))
    expected = re.sub("\r\n?", "\n", text.rstrip() + "\n")

    assert body(message, "plain") == body(message, "html") == expected


@given(st.lists(st.text(alphabet="ab=é \n<>") | st.text(alphabet="a\t\r\x00\ud800\u2028>", max_size=5)))
def test_a_body_in_pieces_is_written_as_a_whole_one_is(pieces):
    assert encode_pieces(pieces) == encode("".join(pieces))
    assert encode_pieces([*pieces, "a" * 500, ">\n"]) == encode("".join(pieces) + "a" * 500 + ">\n")


@given(st.text(alphabet="aé= \t\x07\n.€😀", max_size=2000))
@example("\t.\n" + "x" * 74 + " \ny")
def test_body_lines_have_at_most_76_characters(text):
    lines = composed(Parts("x", text, text)).split(b"\r\n")

    assert max(map(len, lines[lines.index(b"") :])) <= 76
    assert not any(line.endswith((b" ", b"\t")) for line in lines[lines.index(b"") :])
    assert not any(b"\n" in line or b"\r" in line for line in lines)


@pytest.mark.parametrize("nasty", NASTY)
def test_nothing_that_was_given_becomes_a_header(nasty):
    raw = composed(
        Parts(nasty, "x", "x"),
        recipient=Mailbox(nasty, "a@example.org"),
        sender=Mailbox(nasty, "b@example.org"),
        list_id=list_id(Kind.REMINDER, "example.com", nasty),
        extra=[("X-Note", nasty)] if nasty.isascii() else [],
    )
    message = read(raw)

    assert set(read(composed()).keys()) | {"X-Note"} >= set(message.keys())
    assert "Bcc" not in message
    assert not any(line.lower().startswith("bcc") for line in head(raw))


def test_an_encoded_word_that_somebody_typed_is_shown_as_typed():
    typed = "=?utf-8?b?aGVsbG8=?="
    message = read(composed(Parts(typed, "x", "x"), recipient=Mailbox(typed, "a@example.org")))

    assert message["Subject"] == typed
    assert message["To"].addresses[0].display_name == typed


@pytest.mark.parametrize("subject", ["äöü" * 60, "😀" * 50, "ab€" * 40, "x" * 2000])
def test_encoded_words_are_short_and_split_no_character(subject):
    lines = [line for line in head(composed(Parts(subject, "x", "x"))) if "=?" in line and "To:" not in line]

    assert max(map(len, lines)) <= 76
    for word in re.findall(r"=\?utf-8\?b\?(.*?)\?=", "".join(lines)):
        assert len(word) + len("=?utf-8?b??=") <= 75
        assert base64.b64decode(word).decode("utf-8")


def test_a_long_plain_subject_is_folded_at_spaces():
    lines = head(composed(Parts("word " * 60, "x", "x")))

    assert max(map(len, lines)) <= 78


@pytest.mark.parametrize(
    "address", ["", "nobody", "a b@example.org", "a@b\r\nc", "<a@b.c>", "jörg@example.org"]
)
def test_an_address_that_cannot_stand_in_a_header_is_refused_and_not_repeated(address):
    with pytest.raises(CompositionError) as refused:
        composed(recipient=Mailbox("", address))

    assert not address or address not in str(refused.value)


@pytest.mark.parametrize("name", ["X Note", "X-Note:", "Bcc: a@b\r\nX", "", "Ünder"])
def test_an_extra_header_with_a_bad_name_is_refused(name):
    with pytest.raises(CompositionError):
        composed(extra=[(name, "value")])


def test_an_extra_header_is_added():
    assert read(composed(extra=[("Feedback-ID", "a:b:c:d")]))["Feedback-ID"] == "a:b:c:d"


def test_a_text_that_is_mostly_not_latin_travels_as_base64():
    message = read(composed(Parts("x", "ما هي عواصم أفريقيا؟ " * 50, "x")))
    plain, html = message.iter_parts()

    assert plain["Content-Transfer-Encoding"] == "base64"
    assert html["Content-Transfer-Encoding"] == "quoted-printable"


def test_a_message_id_depends_on_kind_user_and_period_only():
    ids = {
        message_id(kind, user, period, "example.com")
        for kind in Kind
        for user in ("1", "2", "a@b.c")
        for period in ("2026-10", "2026-11")
    }

    assert len(ids) == 12
    assert message_id(Kind.REPORT, "1", "2026-10", "e.com") == message_id(
        Kind.REPORT, "1", "2026-10", "e.com"
    )


@pytest.mark.parametrize("user_id", ["a@b.c", "0", "weird > <id>\r\n", "\ud800", "ü"])
def test_a_message_id_is_well_formed_and_gives_no_id_away(user_id):
    made = message_id(Kind.REMINDER, user_id, "2026-11-23", "example.com")

    assert re.fullmatch(r"<[a-z0-9-]+(\.[a-z0-9-]+)*@example\.com>", made)
    assert len(made) < 100
    assert len(user_id) < 2 or user_id not in made


@pytest.mark.parametrize("name", ["QuizMaster", "Quiz, Inc.", "Quiz Müller", "x" * 400, ""])
def test_a_list_id_ends_in_a_stable_identifier(name):
    message = read(composed(list_id=list_id(Kind.REPORT, "example.com", name)))

    assert str(message["List-Id"]).endswith("<reports.example.com>")
    assert max(map(len, head(composed(list_id=list_id(Kind.REPORT, "example.com", name))))) <= 998
