"""What a server says, when it says several things at once."""

import socket

import pytest

from quizmail.mailer.lines import Lines


@pytest.fixture
def ends():
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield Lines(ours), theirs


def come(lines, theirs, said):
    """Have `said` come after a line that is read."""
    theirs.sendall(b"250 first\r\n" + said)
    theirs.shutdown(socket.SHUT_WR)
    assert lines.readline(8193) == b"250 first\r\n"


def test_a_whole_reply_that_came_with_another_is_taken(ends):
    come(*ends, b"354 go on\r\n250 more\r\n")
    lines, _ = ends

    assert lines.whole_reply() == (354, b"go on\r")
    assert lines.readline(8193) == b"250 more\r\n"
    assert not lines.has_more


@pytest.mark.parametrize(
    "said",
    [b"", b"354 half", b"250-one\r\n250 two\r\n", b"250\r\n", b"2x0 no\r\n", b"250 " + b"x" * 8187 + b"\r\n"],
    ids=["nothing", "half", "several lines", "no text", "no code", "too long"],
)
def test_everything_else_is_left_where_it_is(ends, said):
    lines, theirs = ends
    come(lines, theirs, said)

    assert lines.whole_reply() is None
    assert lines.readline(8193) == said.partition(b"\n")[0] + (b"\n" if b"\n" in said else b"")
