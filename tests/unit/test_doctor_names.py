"""Asking a real name server, on a loopback port."""

import socket
import threading
from contextlib import contextmanager

import dns.flags
import dns.message
import dns.rcode
import dns.rrset
import pytest

from quizmail.doctor.names import Names, NoAnswerFromNames

RECORDS = {
    ("quiz.org.", "TXT"): ['"v=spf1 " "-all"', '"other"'],
    ("quiz.org.", "MX"): ["10 mx.quiz.org."],
}


def answer(question):
    reply = dns.message.make_response(question)
    asked = question.question[0]
    name, kind = asked.name.to_text(), dns.rdatatype.to_text(asked.rdtype)
    if name not in {known for known, _ in RECORDS}:
        reply.set_rcode(dns.rcode.NXDOMAIN)
    elif (name, kind) in RECORDS:
        reply.answer.append(dns.rrset.from_text(name, 60, "IN", kind, *RECORDS[name, kind]))
    return reply


@contextmanager
def name_server(respond):
    """Answer every question by `respond`; with none it says nothing."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))

        def serve():
            while (received := server.recvfrom(4096))[0] != b"stop":
                if respond:
                    server.sendto(respond(dns.message.from_wire(received[0])).to_wire(), received[1])

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield server.getsockname()
        finally:
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stopper:
                stopper.sendto(b"stop", server.getsockname())
            thread.join()


def test_records_come_as_text_with_their_strings_joined():
    with name_server(answer) as where:
        names = Names([where])

        assert sorted(names("quiz.org", "TXT")) == ["other", "v=spf1 -all"]
        assert names("quiz.org", "MX") == ["10 mx.quiz.org."]


def test_no_such_name_and_no_such_record_are_none():
    with name_server(answer) as where:
        names = Names([where])

        assert names("nobody.org", "TXT") == []
        assert names("quiz.org", "A") == []


def test_silence_is_no_answer():
    with name_server(None) as where, pytest.raises(NoAnswerFromNames, match=r"quiz.org TXT"):
        Names([where], patience=0.3)("quiz.org", "TXT")
