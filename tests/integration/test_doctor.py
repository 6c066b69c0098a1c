"""The doctor on a deployment of real parts, well and ill: Redis, PostgreSQL, SMTP over TLS, all processes."""

import json
import ssl
from datetime import UTC, datetime, timedelta

import pytest
import trustme

from quizmail.dispatch import tick_name
from quizmail.doctor import Grade, relay
from quizmail.mailer import Relay, examine
from quizmail.models import Moment
from quizmail.states import Kind
from tests.support.platforms import NativePlatform
from tests.support.processes import wait_until
from tests.support.smtp_server import OFFERS, SmtpServer
from tests.support.stack import Stack, long_ago


@pytest.fixture(scope="module")
def authority():
    return trustme.CA()


@pytest.fixture
def ca_file(authority, tmp_path):
    path = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(path)
    return path


def secured(authority, expires_at=None):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1", not_after=expires_at).configure_cert(context)
    return SmtpServer(
        tls=context, offers=(*OFFERS, "STARTTLS", "AUTH PLAIN", "DSN"), login=("quiz", "pw-of-quiz")
    )


def findings(ran):
    told = json.loads(ran.output)
    return {(each["area"], each["grade"]) for each in told["findings"]}, told


def test_a_deployment_that_runs_is_well_where_it_is_and_ill_where_it_is_not(
    authority, ca_file, tmp_path, postgresql_url, second_postgresql_url
):
    with NativePlatform(postgresql_url) as site, secured(authority) as server:
        site.quiz("Capitals", created_at=long_ago())
        site.user("ada@example.com", last_seen_at=long_ago())
        settings = {
            "MAIL_USE_TLS": "true",
            "MAIL_CA_FILE": str(ca_file),
            "MAIL_USERNAME": "quiz",
            "MAIL_PASSWORD": "pw-of-quiz",
        }
        with Stack(tmp_path, site, server.port, second_postgresql_url, **settings) as stack:
            stack.environment["BASE_URL"] = f"http://127.0.0.1:{stack.environment['PORT']}"
            stack.start_redis()
            for process in ("worker", "web"):
                stack.start(process)
            for kind in Kind:  # The scheduler would take until the next whole minute.
                Moment.create(name=tick_name(kind), at=datetime.now(UTC))
            wait_until(lambda: ("web", "ok") in findings(stack.run("doctor", "--json"))[0], "the web process")

            graded, told = findings(stack.run("doctor", "--json"))

    well = ("our database", "Redis", "processes", "mail server", "web", "clock", "zone data", "quiz platform")
    assert graded >= {(area, "ok") for area in well}
    # The address of a test, its links and its sender are nobody's.
    assert {area for area, grade in graded if grade == "bad"} == {"settings", "sender's domain"}
    offers = next(each["said"] for each in told["findings"] if "it offers" in each["said"])
    assert "PIPELINING" in offers
    assert "TLSv1.3" in str(told)
    assert "pw-of-quiz" not in str(told)
    assert server.inbox == []


def test_a_certificate_near_its_end_is_bad(authority, ca_file):
    now = datetime.now(UTC)
    with secured(authority, now + timedelta(days=5)) as server:
        mail = Relay(host=server.host, port=server.port, use_tls=True, ca_file=ca_file, username="quiz")
        offer = examine(mail)
        found = list(relay.check(mail, now))

    assert offer.tls == "TLSv1.3"
    assert not offer.logged_in
    assert any("ends in 4 days" in each.said for each in found if each.grade is Grade.BAD)


def test_a_certificate_that_nobody_vouches_for_is_bad(authority):
    with secured(authority) as server:
        mail = Relay(host=server.host, port=server.port, use_tls=True)
        (finding,) = relay.check(mail, datetime.now(UTC))

    assert finding.grade is Grade.BAD
    assert "is not trusted" in finding.said
    assert "MAIL_CA_FILE" in finding.to_do
