"""The oracle: a mail server, in a process of its own, whose file of accepted mails is the truth.

A mail is in the file, flushed and synced, before the server acknowledges it. Until it is told to heal,
it misbehaves by plan: for each stage a list of actions, one for each passing of the stage.
"""

import email
import json
import os
import re
import socket
import ssl
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import trustme

from tests.chaos.history import Teller
from tests.support.smtp_server import Accepted, Action, At, SmtpServer

LOGIN = ("quizmail", "a-password-of-the-tests")

#: Who is told of trouble, in a world in which anybody is.
ADMINISTRATOR = "administrator@example.com"

#: After this mark an action at RCPT lets DATA in although the recipient was refused.
AND_354 = " (and 354)"


class Misbehaviour:
    """What the server does at each passing of a stage; well-behaved when the plan is used up."""

    def __init__(self, plan: Mapping[str, list[Action]], latency: float, teller: Teller) -> None:
        self._plan = {At(stage): list(actions) for stage, actions in plan.items()}
        self._latency = latency
        self._teller = teller
        self._lock = threading.Lock()
        self._let_in: set[int] = set()
        self.server: SmtpServer | None = None

    def heal(self) -> None:
        with self._lock:
            self._plan.clear()
            self._latency = 0

    def __call__(self, at: At, session: int, message: int) -> Action:
        with self._lock:
            if at is At.DATA and session in self._let_in:
                self._let_in.discard(session)
                return "354 go on, then"
            left = self._plan.get(at)
            action = left.pop(0) if left else None
            if isinstance(action, str) and action.endswith(AND_354):
                self._let_in.add(session)
                action = action.removesuffix(AND_354)
        if action is not None:
            recipients = self.server.sessions[session - 1].recipients if self.server else []
            self._teller.tell("misbehaved", stage=at, action=action, session=session, to=recipients)
        elif at is At.DOT and self._latency:
            return f"slow {self._latency}"
        return action


class Book:
    """The file of accepted mails, one JSON object a line."""

    def __init__(self, path: Path, teller: Teller) -> None:
        self._file = path.open("a")
        self._lock = threading.Lock()
        self._teller = teller

    def write(self, mail: Accepted) -> None:
        if mail.recipient == ADMINISTRATOR:
            self._teller.tell("alerted", subject=str(email.message_from_bytes(mail.content)["Subject"]))
            return
        entry = entry_of(mail)
        with self._lock:
            self._file.write(json.dumps(entry) + "\n")
            self._file.flush()
            os.fsync(self._file.fileno())
        self._teller.tell("accepted", **entry)


def entry_of(mail: Accepted) -> dict[str, Any]:
    """Return what identifies a mail: read from the bytes that came, not from what the engine says."""
    message = email.message_from_bytes(mail.content)
    message_id = str(message["Message-ID"]).strip()
    kind = re.search(r"<(\w+)s\.", str(message["List-Id"]))
    user = re.match(r"user(\d+)@", mail.recipient)
    period = re.search(r"\d{4}-\d{2}(-\d{2})?", message_id)
    return {
        "message_id": message_id,
        "recipient": mail.recipient,
        "kind": kind and kind[1],
        "user": user and user[1],
        "period": period and period[0],
        "whole": mail.content.rstrip().endswith(b"--") and message.is_multipart(),
    }


def certificates(folder: Path) -> Mapping[bool, ssl.SSLContext]:
    """Write ``ca.pem`` and return the server's contexts: with the right certificate and with a wrong one."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(folder / "ca.pem"))
    contexts = {}
    for good, name in ((True, "127.0.0.1"), (False, "elsewhere.example")):
        contexts[good] = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert(name).configure_cert(contexts[good])
    return contexts


def main(orders: str) -> None:
    """Serve by `orders` (JSON) until killed; obey what comes to the control socket."""
    given = json.loads(orders)
    folder = Path(given["folder"])
    teller = Teller(folder / "history.sock", "oracle")
    misbehaviour = Misbehaviour(given["plan"], given["latency"], teller)
    contexts = certificates(folder) if given["tls"] else {}
    control = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    control.bind(str(folder / "oracle.sock"))
    server = SmtpServer(
        misbehaviour,
        offers=[*given["offers"], *(["STARTTLS"] if given["tls"] else [])],
        login=LOGIN if given["login"] else None,
        tls=contexts.get(given["tls"] == "good"),
        on_accept=Book(folder / "accepted.jsonl", teller).write,
        port=given["port"],
    )
    misbehaviour.server = server
    teller.tell("listens", port=server.port)
    while True:
        word, _, number = control.recv(1000).decode().partition(" ")
        if word == "refuse":
            with server.refusing():
                server.stopping.wait(float(number))
        elif word == "heal":
            misbehaviour.heal()
            server.tls = contexts.get(True)
        teller.tell("obeyed", word=word)
