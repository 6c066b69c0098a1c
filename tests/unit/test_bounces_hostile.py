"""Messages that nobody should send: whatever they are, they are read in bounded time and never raise."""

import base64

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quizmail.bounces.mime import LARGEST, parse, parts
from quizmail.bounces.reading import Action, read
from tests.support.returning import complaint, delivery_report

REPORT = delivery_report(to="bounce+x@bounces.example.com")
WORDS = [
    b"Content-Type: multipart/report; boundary=b\r\n",
    b"Content-Type: message/delivery-status\r\n",
    b"Content-Type: message/feedback-report\n",
    b"Content-Type: message/rfc822\n",
    b"Content-Transfer-Encoding: base64\n",
    b"Content-Transfer-Encoding: quoted-printable\n",
    b"Content-Type: text/plain; charset=\xff; name*0*=x''%ff\n",
    b"--b\r\n",
    b"--b--\n",
    b"\n",
    b"\r\n\r\n",
    b"Status: 5.1.1\n",
    b"Action: failed\n",
    b"Final-Recipient: rfc822; ada@example.com\n",
    b"To: =?utf-8?b?//8=?= <ada@example.com>\n",
    b"Subject: \xff\xfe =?x-unknown?q?=ff?=\n",
    b" folded\n",
    b"\x00",
]


@given(st.binary(max_size=2000))
def test_any_bytes_are_read(raw):
    read(raw, "someone@example.com")


@settings(max_examples=300)
@given(st.lists(st.one_of(st.sampled_from(WORDS), st.binary(max_size=20)), max_size=30))
def test_any_mixture_of_what_reports_are_made_of_is_read(pieces):
    read(b"".join(pieces))


@settings(max_examples=300)
@given(st.sampled_from([REPORT, complaint("Original-Rcpt-To: <a@b.example>\n")]), st.data())
def test_a_report_cut_or_damaged_anywhere_is_read(report, data):
    start = data.draw(st.integers(0, len(report)))
    end = data.draw(st.integers(start, len(report)))
    read(report[:start] + data.draw(st.binary(max_size=10)) + report[end:])


@pytest.mark.parametrize(
    "raw",
    [
        b"Content-Type: multipart/report; boundary=b" + b";" * LARGEST,
        b"Content-Type: multipart/mixed; boundary=b\n\n" + b"--b\n" * (LARGEST // 4),
        b"Content-Type: multipart/mixed; boundary=b\n\n"
        + b"--b\nContent-Type: multipart/mixed; boundary=b\n\n" * 20_000,
        b"Content-Type: multipart/mixed; boundary=b\n\n--b\n" + b"Content-Type: message/rfc822\n\n" * 30_000,
        b"X: y\n" * 200_000,
        b"\n" * LARGEST,
        b"a" * LARGEST,
        b"To: " + b"a@" * (LARGEST // 2),
        b"Subject:" + b" \n" * (LARGEST // 2),
        b"Content-Type: message/delivery-status\n\nStatus: 5.1.1\nDiagnostic-Code: " + b"5." * (LARGEST // 2),
        b"Content-Type: message/delivery-status\n\n" + b"Status: 5.1.1\n\n" * 50_000,
        b"Content-Type: message/delivery-status\nContent-Transfer-Encoding: base64\n\n" + b"A" * LARGEST,
    ],
    ids=str,
)
def test_what_is_made_to_be_slow_is_read_all_the_same(raw):
    letter = read(raw)

    assert len(letter.fates) <= 2000


def test_of_a_huge_message_the_beginning_counts():
    report = delivery_report(
        to="bounce+x@bounces.example.com", returned="To: ada@example.com\n\n" + "x" * 50_000_000
    )

    [fate] = read(report).fates
    assert (fate.action, fate.status, fate.addresses) == (Action.FAILED, "5.1.1", ("ada@example.com",))


def test_a_report_inside_of_another_message_is_found_and_one_inside_of_a_returned_mail_is_not():
    wrapped = (
        b"Content-Type: multipart/mixed; boundary=outer\n\n--outer\n" + REPORT + b"\n--outer\n\nfooter\n"
    )
    returned = (
        b"Content-Type: multipart/mixed; boundary=outer\n\n--outer\nContent-Type: message/rfc822\n\n" + REPORT
    )

    assert len(read(wrapped).fates) == 1
    assert not read(returned).fates


def test_an_encoded_report_is_decoded():
    status = base64.b64encode(b"Reporting-MTA: dns; x\n\nAction: failed\nStatus: 5.2.2\n")
    raw = (
        b"Content-Type: multipart/report; boundary=b\n\n--b\nContent-Type: message/delivery-status\n"
        b"Content-Transfer-Encoding: base64\n\n" + status + b"\n--b--\n"
    )

    assert [fate.status for fate in read(raw).fates] == ["5.2.2"]


def test_parts_are_split_at_their_own_boundary_only():
    raw = (
        b'Content-Type: multipart/mixed; boundary="a b"\n\n--a b\n\none\n--a bc\n--a b  \r\n\ntwo\n--a b--\n'
    )

    assert [part.content for part in parts(parse(raw))][1:3] == [b"one\n--a bc\n", b"two\n"]
