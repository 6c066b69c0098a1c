"""What the doctor says of the sender's domain, on name servers of the test's own."""

from base64 import b64encode
from dataclasses import replace
from datetime import timedelta

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa

from quizmail.doctor import Area, Grade, names, senders
from quizmail.doctor.dmarc import policy
from quizmail.doctor.names import NoAnswerFromNames, tags
from quizmail.doctor.running import run
from quizmail.doctor.spf import check as check_spf
from quizmail.message.published import public_key
from quizmail.settings import load
from tests.support.configuration import environment

GOOD = {
    ("quiz.org", "MX"): ["10 mx.quiz.org."],
    ("quiz.org", "TXT"): ["site-verification=1", "v=spf1 include:_spf.relay.net -all"],
    ("_spf.relay.net", "TXT"): ["v=spf1 ip4:192.0.2.0/24 a:out.relay.net ~all"],
    ("_dmarc.quiz.org", "TXT"): ["v=DMARC1; p=none; rua=mailto:dmarc@quiz.org"],
    ("bounces.quiz.org", "MX"): ["10 mx.quiz.org."],
    ("bounces.quiz.org", "TXT"): ["v=spf1 include:_spf.relay.net -all"],
}


def names_with(changes=()):
    records = GOOD | dict(changes)
    return lambda name, kind: records.get((name, kind), [])


def settings(sender="Quizzes <noreply@quiz.org>", **changes):
    return load(environment(MAIL_DEFAULT_SENDER=sender, **changes))


def said(chosen, changes=()):
    """Return the findings as {grade: everything said}."""
    found = list(senders.check(chosen, names_with(changes)))
    return {grade: " / ".join(each.said for each in found if each.grade is grade) for grade in Grade}


@pytest.fixture(scope="session")
def rsa_key():
    return rsa.generate_private_key(65537, 2048)


def key_file(tmp_path, key):
    file = tmp_path / "dkim.pem"
    shape = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    file.write_bytes(key.private_bytes(*shape))
    return file


def signing(tmp_path, key, domain="quiz.org"):
    file = key_file(tmp_path, key)
    return settings(DKIM_DOMAIN=domain, DKIM_SELECTOR="s1", DKIM_KEY_FILE=str(file)), public_key(file)


def test_a_domain_that_is_set_up_well_is_only_asked_who_signs():
    found = said(settings())

    assert found[Grade.BAD] == ""
    assert "does not sign" in found[Grade.NOTE]
    assert "takes mail at mx.quiz.org" in found[Grade.OK]
    assert "SPF record with 2 look-ups" in found[Grade.OK]
    assert "p=none" in found[Grade.OK]
    assert "aligned" in found[Grade.OK]


def test_the_example_sender_is_named_and_no_record_of_it_is_asked_for():
    (finding,) = senders.check(settings("Q <noreply@example.com>"), lambda *_: pytest.fail("asked"))

    assert finding.grade is Grade.BAD
    assert "MAIL_DEFAULT_SENDER" in finding.to_do


def test_each_senders_domain_is_looked_at():
    chosen = settings(MAIL_REPORT_SENDER="R <reports@other.org>")

    assert "other.org has no MX record" in said(chosen)[Grade.BAD]
    assert senders.from_domains(chosen) == ["other.org", "quiz.org"]


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({("quiz.org", "TXT"): []}, "quiz.org has no SPF record"),
        ({("quiz.org", "TXT"): ["v=spf1 -all", "v=spf1 mx -all"]}, "has 2 SPF records"),
        ({("quiz.org", "TXT"): ["v=spf1 +all"]}, "lets everybody send"),
        ({("_dmarc.quiz.org", "TXT"): []}, "quiz.org has no DMARC record"),
        ({("_dmarc.quiz.org", "TXT"): ["v=DMARC1; rua=mailto:a@b.c"]}, "has no policy"),
        ({("quiz.org", "MX"): ["0 ."]}, "takes no mail (null MX"),
        ({("quiz.org", "MX"): []}, "answers to our mails have nowhere to go"),
    ],
)
def test_what_is_missing_or_wrong_is_bad(changes, expected):
    assert expected in said(settings(), changes)[Grade.BAD]


def test_every_bad_finding_says_what_to_do():
    empty = {key: [] for key in GOOD}
    found = list(senders.check(settings(BOUNCE_DOMAIN="bounces.quiz.org"), names_with(empty)))

    assert {finding.grade for finding in found} >= {Grade.BAD}
    assert all(finding.to_do for finding in found if finding.grade is Grade.BAD)


def test_the_bounce_domain_needs_a_host_and_is_the_one_that_spf_is_about():
    chosen = settings(BOUNCE_DOMAIN="bounces.quiz.org")

    assert said(chosen)[Grade.BAD] == ""
    broken = said(chosen, {("bounces.quiz.org", "MX"): [], ("bounces.quiz.org", "TXT"): []})[Grade.BAD]
    assert "bounces (BOUNCE_DOMAIN) have nowhere to go" in broken
    assert "bounces.quiz.org has no SPF record" in broken


def test_spf_records_that_include_too_much_are_counted_through():
    chain = {(f"s{i}.org", "TXT"): [f"v=spf1 include:s{i + 1}.org -all"] for i in range(20)}

    (finding,) = check_spf(Area("x"), names_with(chain), "s0.org")

    assert finding.grade is Grade.BAD
    assert "needs more than 10 look-ups" in finding.said


def test_spf_records_that_include_each_other_come_to_an_end():
    loop = {
        (name, "TXT"): [f"v=spf1 include:{other} -all"]
        for name, other in (("a.org", "b.org"), ("b.org", "a.org"))
    }

    (finding,) = check_spf(Area("x"), names_with(loop), "a.org")

    assert finding.grade is Grade.OK


@pytest.mark.parametrize("kind", ["rsa", "ed25519"])
def test_the_published_key_is_compared_with_the_file(tmp_path, rsa_key, kind):
    key = rsa_key if kind == "rsa" else ed25519.Ed25519PrivateKey.generate()
    chosen, (algorithm, public) = signing(tmp_path, key)
    name = ("s1._domainkey.quiz.org", "TXT")

    assert algorithm == kind
    split = f"v=DKIM1; k={kind}; p={public[:20]} {public[20:]}"
    assert "is that of DKIM_KEY_FILE" in said(chosen, {name: [split]})[Grade.OK]
    other = f"v=DKIM1; k={kind}; p=AAAA{public[4:]}"
    assert "every signature fails" in said(chosen, {name: [other]})[Grade.BAD]
    assert "revoked" in said(chosen, {name: [f"v=DKIM1; k={kind}; p="]})[Grade.BAD]
    assert "no DKIM record" in said(chosen)[Grade.BAD]


def test_a_bare_rsa_key_is_the_same_key(tmp_path, rsa_key):
    chosen, _ = signing(tmp_path, rsa_key)
    bare = rsa_key.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.PKCS1)
    record = f"v=DKIM1; p={b64encode(bare).decode()}"

    assert "is that of" in said(chosen, {("s1._domainkey.quiz.org", "TXT"): [record]})[Grade.OK]


def test_the_missing_record_is_spelled_out(tmp_path, rsa_key):
    chosen, (_, public) = signing(tmp_path, rsa_key)

    found = senders.check(chosen, names_with())

    assert any(
        f'publish TXT s1._domainkey.quiz.org "v=DKIM1; k=rsa; p={public}"' == each.to_do for each in found
    )


@pytest.mark.parametrize(
    ("sender", "dkim", "records", "grade"),
    [
        ("mail.quiz.org", "quiz.org", {}, Grade.OK),
        ("quiz.org", "mail.quiz.org", {}, Grade.OK),
        ("quiz.org", "relay.net", {}, Grade.NOTE),  # by SPF alone
        (
            "quiz.org",
            "mail.quiz.org",
            {("_dmarc.quiz.org", "TXT"): ["v=DMARC1; p=none; adkim=s"]},
            Grade.NOTE,
        ),
    ],
)
def test_alignment_is_relaxed_unless_the_domain_is_strict(tmp_path, rsa_key, sender, dkim, records, grade):
    chosen, _ = signing(tmp_path, rsa_key, dkim)
    chosen = replace(chosen, mail_default_sender=settings(f"Q <a@{sender}>").mail_default_sender)

    assert "aligned" in said(chosen, records)[grade]


def test_what_is_aligned_with_nothing_is_bad(tmp_path, rsa_key):
    chosen, _ = signing(tmp_path, rsa_key, "relay.net")

    found = said(replace(chosen, bounce_domain="bounces.relay.net"))

    assert "not aligned" in found[Grade.BAD]


def test_the_record_nearest_to_the_domain_counts_and_the_highest_names_the_organisation():
    records = {("_dmarc.news.quiz.org", "TXT"): ["v=DMARC1; p=reject"]}

    organisation, record = policy(names_with(records), "news.quiz.org")

    assert (organisation, record["p"]) == ("quiz.org", "reject")


def test_name_servers_that_do_not_answer_are_a_finding_and_no_verdict_on_the_domain():
    def silence(name, kind):
        raise NoAnswerFromNames(f"the name servers do not answer for {name} {kind}")

    (finding,) = run({senders.AREA: lambda: senders.check(settings(), silence)}, timedelta(seconds=20))

    assert finding.grade is Grade.BAD
    assert "name servers do not answer" in finding.said


def test_tags_are_read_whatever_their_spacing():
    assert tags(" V=DMARC1 ;P = none;; rua=mailto:a@b.c ; ") == {
        "v": "DMARC1",
        "p": "none",
        "rua": "mailto:a@b.c",
    }


def test_strings_of_a_long_record_are_joined():
    class Record:
        strings = (b"v=DKIM1; p=", b"AAAA")

    assert names._text(Record(), "TXT") == "v=DKIM1; p=AAAA"
