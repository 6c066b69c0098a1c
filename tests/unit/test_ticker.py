"""The progress that a command shows, on a terminal and elsewhere."""

import io
from contextlib import suppress

import pytest

from quizmail.cli.output import Ticker


class Terminal(io.StringIO):
    def isatty(self):
        return True


class Seconds:
    """A clock that is moved by hand."""

    def __init__(self):
        self.now = 1000.0

    def __call__(self):
        return self.now


def count_to(number, stream, pause):
    """Count to `number` with so many seconds after each, and return what the stream then holds."""
    clock = Seconds()
    with Ticker("sending", stream, clock) as ticker:
        for done in range(1, number + 1):
            ticker.count(done)
            clock.now += pause
    return stream.getvalue()


def test_on_a_terminal_one_line_changes_at_most_once_a_second():
    assert count_to(5, Terminal(), pause=0.5) == (
        "\rsending: 1 done\rsending: 3 done\rsending: 5 done\rsending: 5 done\n"
    )


def test_elsewhere_there_is_a_plain_line_at_most_once_in_ten_seconds():
    assert count_to(7, io.StringIO(), pause=4) == "sending: 4 done\nsending: 7 done\n"


def test_elsewhere_what_takes_no_time_is_one_line():
    assert count_to(4, io.StringIO(), pause=0) == "sending: 4 done\n"


def test_elsewhere_no_line_is_said_twice():
    assert count_to(2, io.StringIO(), pause=20) == "sending: 2 done\n"


def test_it_is_shown_on_standard_output_unless_told_otherwise(capsys):
    with Ticker("sending") as ticker:
        ticker.count(3)

    assert capsys.readouterr() == ("sending: 3 done\n", "")


def test_where_there_was_nothing_to_do_the_last_line_says_so():
    assert count_to(0, io.StringIO(), pause=0) == "sending: nothing\n"


def test_the_last_line_says_the_result_and_leaves_nothing_of_a_longer_line():
    stream = Terminal()
    with Ticker("reminders", stream, Seconds()) as ticker:
        ticker.judged(63)
        ticker.conclude("nobody")

    assert stream.getvalue() == "\rreminders: 63 judged\rreminders: nobody   \n"


def read_until_it_fails(stream, pages):
    """Read so many pages of users before a failure, and return what the stream then holds."""
    with suppress(OSError), Ticker("users", stream, Seconds()) as ticker:
        for page in range(1, pages + 1):
            ticker.read(1000 * page)
        raise OSError
    return stream.getvalue()


def test_after_a_failure_the_line_ends_and_says_how_far_it_came():
    assert read_until_it_fails(io.StringIO(), pages=2) == "users: 2000 read\n"
    assert read_until_it_fails(Terminal(), pages=2) == "\rusers: 1000 read\rusers: 2000 read\n"


@pytest.mark.parametrize("stream", [Terminal, io.StringIO])
def test_a_failure_before_anything_was_done_gets_no_line(stream):
    assert read_until_it_fails(stream(), pages=0) == ""
