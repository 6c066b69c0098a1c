"""The mailer: one mail after the other over a kept connection, each up to the 354 and then its body.

Where the server takes commands in groups, the next mail is announced right behind a body, so that a mail
costs one round trip.
"""

import time
from collections.abc import Callable, Sequence

from quizmail.mailer.connection import Connection, connect
from quizmail.mailer.failures import unexpected
from quizmail.mailer.transaction import (
    LONE_DOT,
    SAID,
    Command,
    ask,
    commands,
    converse,
    hand_over,
    is_expected,
    what_counts,
)
from quizmail.mailer.values import Envelope, NoAnswer, Ready, Relay, Reply, Stage

#: Seconds. What a firewall has silently forgotten meanwhile would cost a whole time-out to find out.
_LONGEST_IDLE = 60.0

#: Seconds. A server that took longer for the last body is told of the next mail only when it has answered: by
#: then that mail may not be wanted any more, and to take it back costs the connection.
_QUICK = 5.0

#: The login is missing or refused (RFC 4954 section 6): never the mail's fault.
_LOGIN_DEMANDED = frozenset({530, 534, 535, 538})


class Mailer:
    """Hands mails to one relay. Not to be shared between threads: each has its own.

    Every wait for the network is bounded by the relay's two timeouts; only the look-up of its host
    name takes the resolver's own time. After a time-out, a 421 or a reply that has no place where it
    came, the connection is closed and never used again: a late answer would be read as the next
    mail's. An interrupt (any BaseException) closes it, too.
    """

    def __init__(self, relay: Relay, clock: Callable[[], float] = time.monotonic) -> None:
        self._relay = relay
        self._clock = clock
        self._timeout = relay.command_timeout.total_seconds()
        self._patience = relay.body_timeout.total_seconds()
        self._connection: Connection | None = None
        self._ready = False
        self._ahead: Envelope | None = None  # what was announced behind the last body
        self._refused = False  # the last transaction was, and RSET must clear it away
        self._is_slow = False  # the last body was answered late
        self._used_at = 0.0

    def open(self, envelope: Envelope) -> Ready | Reply | NoAnswer:
        """Announce a mail: connect and log in when there is no connection yet, then MAIL, RCPT and DATA.

        A kept connection that turns out to be closed is replaced once, silently.

        Returns:
            Ready when the server said 354: ``body`` or ``abandon`` must follow.
            Reply when it refused MAIL, RCPT or DATA; the first refusal counts.
            NoAnswer when the mail was not judged: no connection, no login, no proper reply.

        Raises:
            ValueError: when the envelope's addresses or its id cannot stand in a command.
        """
        is_said = self._ahead is envelope
        if not is_said:
            # What cannot stand in a command is refused before anything is opened.
            commands(envelope, sized=False, reports=True)
        try:
            return self._open(envelope, is_said)
        except BaseException:
            self.abandon()
            raise

    def _open(self, envelope: Envelope, is_said: bool) -> Ready | Reply | NoAnswer:
        if not is_said:
            self._retire()
        if self._connection is not None:
            announced = SAID if is_said else _commands(self._connection, envelope)
            answer = self._announce(self._connection, announced)
            if not _is_stale(answer):
                return answer
            self.abandon()
        connection = connect(self._relay)
        if isinstance(connection, NoAnswer):
            return connection
        self._connection = connection
        return self._announce(connection, _commands(connection, envelope))

    def body(self, message: bytes, ahead: Envelope | None = None) -> Reply | NoAnswer:
        """Send the message and wait for the answer; only after ``open`` returned Ready.

        Args:
            ahead: the next mail. If the server takes commands in groups, and was quick with the last body,
                it is announced behind this one (RFC 2920 section 3.1); ``open`` with the same object must
                follow, and reads the answers.

        Returns:
            Reply when the server answered with 2yz, 4yz or 5yz.
            NoAnswer otherwise: the server may or may not have the mail.
        """
        if not self._ready or self._connection is None:
            raise RuntimeError("body() follows open() when that has returned Ready")
        self._ready, begun = False, self._clock()
        try:
            behind = self._announcement(self._connection, ahead)
            answer = hand_over(self._connection.smtp, message, self._timeout, self._patience, behind)
            self._used_at = self._clock()
            self._is_slow = self._used_at - begun >= _QUICK
        except BaseException:
            self.abandon()
            raise
        if not is_expected(answer):
            self.abandon()
            return what_counts(answer)
        self._refused = isinstance(answer, Reply) and not answer.is_positive
        return answer

    def has_word(self) -> bool:
        """Say whether the server waits already for the body of the mail announced behind the last one.

        ``open`` then waits for nothing: all answers have come together with the last body's, and all are yes.
        """
        kept = self._connection
        if kept is None or self._ahead is None:
            return False
        return [code[:1] for code in kept.replies.codes()] == [b"2", b"2", b"3"]

    def abandon(self) -> None:
        """Close the socket in the middle of whatever it is. Never raises.

        After Ready this takes the mail back: without the final dot there is none.
        """
        self._ready = self._refused = False
        self._ahead = None
        if self._connection is not None:
            self._connection.drop()
            self._connection = None

    def close(self) -> None:
        """Say QUIT, wait two seconds at most for the answer, and close. Never raises."""
        if self._connection is not None and not self._ready and self._ahead is None:
            self._connection.close()
        self.abandon()

    def _retire(self) -> None:
        """Close the kept connection when it has served its time or cannot be trusted with another mail."""
        kept = self._connection
        if kept is None:
            return
        if self._ready or self._ahead is not None or kept.replies.speak_unbidden():
            self.abandon()
        elif self._is_worn(kept):
            self.close()
        elif self._refused and not self._reset(kept):
            self.abandon()

    def _is_worn(self, kept: Connection) -> bool:
        idle = self._clock() - self._used_at
        return kept.mails >= self._relay.messages_per_connection or idle > _LONGEST_IDLE

    def _reset(self, kept: Connection) -> bool:
        self._refused = False
        answer = ask(kept.smtp, Stage.MAIL, b"RSET\r\n", self._timeout)
        return isinstance(answer, Reply) and answer.is_positive

    def _announcement(self, connection: Connection, ahead: Envelope | None) -> bytes:
        """Return what announces `ahead` behind a body, and remember it; nothing if that must wait."""
        if ahead is None or not connection.smtp.has_extn("pipelining"):
            return b""
        if self._is_slow or connection.mails >= self._relay.messages_per_connection:
            return b""
        try:
            announced = _commands(connection, ahead)
        except ValueError:  # It concerns the next mail: ``open`` says it.
            return b""
        self._ahead = ahead
        return b"".join(words for _, words in announced)

    def _announce(self, connection: Connection, announced: Sequence[Command]) -> Ready | Reply | NoAnswer:
        connection.mails += 1
        self._used_at = self._clock()
        self._ahead, self._refused = None, False
        answers: list[Reply] = []
        for answer in converse(connection.smtp, announced, self._timeout):
            if isinstance(answer, NoAnswer) or not is_expected(answer):
                self.abandon()
                return _first_refusal(answers) or what_counts(answer)
            answers.append(answer)
            if answer.code >= 400 and not connection.smtp.has_extn("pipelining"):
                break
        return self._settle(connection, answers)

    def _settle(self, connection: Connection, answers: list[Reply]) -> Ready | Reply | NoAnswer:
        """Return what well-formed `answers` come to, and leave the connection fit for the next mail."""
        refusal = _first_refusal(answers)
        if refusal is None:
            if connection.replies.has_more:
                self.abandon()
                return NoAnswer(Stage.DATA, unexpected(-1, "more than the 354"))
            self._ready = True
            return Ready()
        self._refused = True
        if isinstance(refusal, NoAnswer) or (
            answers[-1].code == 354 and not self._take_back(connection, answers)
        ):
            self.abandon()
        return refusal

    def _take_back(self, connection: Connection, answers: list[Reply]) -> bool:
        """End a DATA that was let in although the mail was refused; tell whether the connection is fit still.

        RFC 2920 section 3.1: a lone dot, which must be refused. To a server that has accepted the
        recipient it is not sent: the recipient would get an empty mail.
        """
        if any(answer.stage is Stage.RCPT and answer.is_positive for answer in answers):
            return False
        answer = ask(connection.smtp, Stage.BODY, LONE_DOT, self._timeout)
        return isinstance(answer, Reply) and is_expected(answer) and not answer.is_positive


def _commands(connection: Connection, envelope: Envelope) -> list[Command]:
    offers = connection.smtp.has_extn
    return commands(envelope, sized=offers("size"), reports=offers("dsn"))


def _first_refusal(answers: list[Reply]) -> Reply | NoAnswer | None:
    refusal = next((answer for answer in answers if answer.code >= 400), None)
    if refusal is not None and refusal.code in _LOGIN_DEMANDED:
        return NoAnswer(Stage.LOGIN, f"login refused: {refusal.code} {refusal.text}")
    return refusal


def _is_stale(answer: Ready | Reply | NoAnswer) -> bool:
    """Tell whether a kept connection failed at its first command: it was closed, or is not where we think.

    A server that closes says 421; one that thinks of another transaction says 503.
    """
    if isinstance(answer, Ready) or answer.stage is not Stage.MAIL:
        return False
    return isinstance(answer, NoAnswer) or answer.code in (421, 503)
