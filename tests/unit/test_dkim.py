"""DKIM signatures, as another implementation verifies them."""

import re
import subprocess
import sys
from datetime import UTC, datetime

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from quizmail.errors import ConfigurationError
from quizmail.message import Signer, list_id
from quizmail.parsing import Mailbox
from quizmail.rendering import Parts
from quizmail.states import Kind
from tests.support import signing
from tests.support.mails import composed, read, render

AT = datetime(2026, 11, 23, 17, 0, tzinfo=UTC)
FEEDBACK = ("Feedback-ID", "reminder_2026-11:kind_reminder:lang_en:quizmaster")
SIGNED = {
    "from",
    "to",
    "subject",
    "date",
    "message-id",
    "mime-version",
    "content-type",
    "list-id",
    "list-unsubscribe",
    "list-unsubscribe-post",
    "feedback-id",
    "auto-submitted",
}


@pytest.fixture(scope="module", params=signing.ALGORITHMS)
def signer(request, tmp_path_factory):
    return signing.signer(tmp_path_factory.mktemp("keys"), request.param)


@pytest.fixture(scope="module")
def quick(tmp_path_factory):
    return signing.signer(tmp_path_factory.mktemp("keys"), "ed25519")


def tags(message: bytes) -> dict[str, str]:
    value = re.sub(r"\s", "", read(message)["DKIM-Signature"])
    return dict(tag.split("=", 1) for tag in value.split(";"))


def signed(signer: Signer, parts: Parts = Parts("Hello", "Hello.\n", "<p>Hello.</p>\n"), **changes):  # noqa: B008
    return signer.sign(composed(parts, **{"extra": [FEEDBACK], **changes}), AT)


@pytest.mark.parametrize("kind", Kind)
@pytest.mark.parametrize("name", ["Ada", "Jörg Müller", "محمد بن سلمان", '"Q" <x@y>', "x" * 99])
def test_every_kind_of_mail_verifies(signer, kind, name):
    raw = signed(
        signer,
        render(kind, name=name),
        recipient=Mailbox(name, "ada@example.org"),
        sender=Mailbox(name, "quiz@example.com"),
        list_id=list_id(kind, "example.com", name),
    )

    assert signing.verifies(raw)


SUBJECTS = {
    "plain": "plain",
    "spaced": "two  spaces",
    "encoded": "Grüße " * 40,
    "folded": "word " * 60,
    "emoji": "😀" * 90,
    "one word": "x" * 990,
}


@pytest.mark.parametrize("subject", SUBJECTS.values(), ids=SUBJECTS)
@pytest.mark.parametrize("length", [30, 76, 300, 900])
def test_folded_and_long_headers_verify(signer, subject, length):
    url = "https://mail.example.com/u/".ljust(length, "x")
    mailto = "mailto:unsubscribe@example.com?subject=".ljust(length + 20, "x")[:900]
    raw = signed(signer, Parts(subject, "x", "x"), unsubscribe_url=url, unsubscribe_mailto=mailto)

    assert signing.verifies(raw)


def test_a_mail_with_a_long_list_verifies(signer):
    text = "\n".join(f".{number} — quiz   number\t{number} " + "и" * 90 for number in range(500))

    assert signing.verifies(signed(signer, Parts("x", text, f"<p>{text}</p>")))


@given(st.text(max_size=200), st.text(max_size=500), st.text(max_size=120))
def test_whatever_it_says_it_verifies(quick, subject, text, name):
    raw = signed(quick, Parts(subject, text, text), recipient=Mailbox(name, "a@example.org"))

    assert signing.verifies(raw)


@given(st.text(alphabet="a \t\r\n", max_size=60).map(lambda text: re.sub("\r?\n|\r", "\r\n", text)))
@settings(max_examples=200)
def test_white_space_counts_as_another_implementation_counts_it(quick, white):
    message = f"From: a@example.com\r\nSubject:  a \t b\r\n\tc \r\n\r\n{white}\r\n".encode()

    assert signing.verifies(quick.sign(message, AT))


def test_the_signature_says_what_it_covers(signer):
    said = tags(signed(signer))

    assert said["v"] == "1"
    assert said["a"] in {"rsa-sha256", "ed25519-sha256"}
    assert said["c"] == "relaxed/relaxed"
    assert (said["d"], said["s"]) == (signing.DOMAIN, signing.SELECTOR)
    assert said["t"] == str(int(AT.timestamp()))
    assert "l" not in said
    assert set(said["h"].split(":")) == SIGNED
    assert sorted(said["h"].split(":")) == sorted([*SIGNED, "from"])


def test_a_header_that_a_mail_lacks_is_not_said_to_be_signed(quick):
    assert "feedback-id" not in tags(signed(quick, extra=[]))["h"]
    assert "reply-to" in tags(signed(quick, extra=[("Reply-To", "a@example.com")]))["h"]


def test_the_signature_is_on_top_and_its_lines_are_short(signer):
    lines = signed(signer).split(b"\r\n\r\n")[0].split(b"\r\n")

    assert lines[0].startswith(b"DKIM-Signature: v=1; ")
    assert max(len(line) for line in lines) <= 78
    assert all(b" " not in line.strip() for line in lines if line.startswith(b" b="))


@pytest.mark.parametrize("name", sorted(SIGNED))
def test_a_changed_header_does_not_verify(quick, name):
    raw = signed(quick)
    changed = re.sub(rb"(?im)^(" + name.encode() + rb": *[^\r]*)", rb"\1.", raw, count=1)

    assert changed != raw
    assert not signing.verifies(changed)


@pytest.mark.parametrize("name", sorted(SIGNED))
def test_a_lost_header_does_not_verify(quick, name):
    raw = signed(quick)
    lost = re.sub(rb"(?ims)^" + name.encode() + rb":.*?\r\n(?! )", b"", raw, count=1)

    assert lost != raw
    assert not signing.verifies(lost)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (b"Hello.", b"Hell0."),
        (b"Hello. x", b"Hello.x"),
        (b"\r\n\r\n--=_", b"\r\n\r\nmore\r\n--=_"),
        (b"--\r\n", b"--\r\nmore\r\n"),
    ],
)
def test_a_changed_body_does_not_verify(signer, before, after):
    raw = signed(signer, Parts("x", "Hello. x", "x"))

    assert signing.verifies(raw)
    assert not signing.verifies(raw.replace(before, after))


def test_another_from_does_not_verify(signer):
    raw = signed(signer)
    head, _, rest = raw.partition(b"From: ")

    assert not signing.verifies(head + b"From: Mallory <m@example.net>\r\nFrom: " + rest)
    assert not signing.verifies(raw.replace(b"\r\nTo: ", b"\r\nFrom: Mallory <m@example.net>\r\nTo: "))
    assert not signing.verifies(b"From: Mallory <m@example.net>\r\n" + raw)


def test_what_relays_do_on_the_way_leaves_it_valid(signer):
    raw = signed(signer, Parts("a long subject " * 9, "x", "x"))
    moved = b"Received: from a by b; now\r\n" + raw.replace(b"Subject: ", b"subject:  ")
    refolded = moved.replace(b"a long subject a", b"a long subject\r\n\ta").replace(
        b"--\r\n", b"-- \r\n\r\n\r\n"
    )

    assert refolded not in (raw, moved)
    assert signing.verifies(refolded)


def test_the_key_of_another_domain_does_not_verify(tmp_path):
    path = signing.key_file(tmp_path, "ed25519")
    stranger = Signer.from_file("example.net", signing.SELECTOR, path)

    assert not signing.verifies(signed(stranger))


@pytest.mark.parametrize("form", [PrivateFormat.PKCS8, PrivateFormat.TraditionalOpenSSL])
def test_an_rsa_key_may_be_in_either_of_its_usual_forms(tmp_path, form):
    path = signing.key_file(tmp_path, "rsa", form)

    assert signing.verifies(signed(Signer.from_file(signing.DOMAIN, signing.SELECTOR, path)))


def unusable(form: str) -> bytes:
    """Files that hold no key that signs."""
    key, curve = signing.private_key("rsa"), ec.generate_private_key(ec.SECP256R1())
    pem, pkcs8 = Encoding.PEM, PrivateFormat.PKCS8
    forms = {
        "empty": lambda: b"",
        "nonsense": lambda: b"-----BEGIN PRIVATE KEY-----\nc2VjcmV0\n-----END PRIVATE KEY-----\n",
        "locked": lambda: key.private_bytes(pem, pkcs8, BestAvailableEncryption(b"pw")),
        "public": lambda: key.public_key().public_bytes(pem, PublicFormat.SubjectPublicKeyInfo),
        "binary": lambda: key.private_bytes(Encoding.DER, pkcs8, NoEncryption()),
        "curve": lambda: curve.private_bytes(pem, pkcs8, NoEncryption()),
        "short": lambda: a_short_key().private_bytes(pem, pkcs8, NoEncryption()),
    }
    return forms[form]()


def a_short_key() -> rsa.RSAPrivateKey:
    """An RSA key of 511 bits, which no library generates any more."""
    p, q, e = 2**256 - 189, 2**255 - 19, 65537
    d = pow(e, -1, (p - 1) * (q - 1))
    public = rsa.RSAPublicNumbers(e, p * q)
    numbers = rsa.RSAPrivateNumbers(p, q, d, d % (p - 1), d % (q - 1), rsa.rsa_crt_iqmp(p, q), public)
    return numbers.private_key(unsafe_skip_rsa_key_validation=True)


@pytest.mark.parametrize("form", ["empty", "nonsense", "locked", "public", "binary", "curve", "short"])
def test_a_key_that_cannot_sign_is_one_clear_line(tmp_path, form):
    path = tmp_path / "key.pem"
    path.write_bytes(unusable(form))

    with pytest.raises(ConfigurationError) as refused:
        Signer.from_file("example.com", "mail", path)

    (line,) = refused.value.problems
    assert line == (
        f"DKIM_KEY_FILE: {str(path)!r} should hold an RSA key of at least 1024 bits or an Ed25519 key, "
        "in PEM, without a password"
    )


def test_a_key_file_that_cannot_be_read_is_one_clear_line(tmp_path):
    with pytest.raises(ConfigurationError, match=r"^DKIM_KEY_FILE: '.*' cannot be read \(Is a directory\)"):
        Signer.from_file("example.com", "mail", tmp_path)


def test_who_signs_nothing_does_not_load_the_key_library():
    program = (
        "import sys, quizmail.wiring\n"
        "sys.exit(any(name.startswith('cryptography.hazmat') for name in sys.modules))"
    )

    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
