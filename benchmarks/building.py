"""Milliseconds to build one mail: from the facts on its row to the bytes that are sent."""

import time
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from benchmarks.figures import Figure
from benchmarks.scene import Scene, scene
from quizmail.message.dkim import Signer
from quizmail.models import Delivery
from quizmail.outbox.work import Work, load
from quizmail.states import Kind
from quizmail.wiring import utc_now

#: How many different mails of each kind are built, and how often each.
MAILS = 200
ROUNDS = 5

#: How often one mail is signed.
SIGNATURES = 200

#: Milliseconds.
TARGET = 0.3
SIGNING_TARGET = 1.5


def measure(folder: Path) -> list[Figure]:
    """Build mails of both kinds in one thread."""
    with scene(folder, MAILS, 1) as made:
        built = [
            Figure(f"building a {kind}", _milliseconds(made, kind), "ms", 3, at_most=TARGET) for kind in Kind
        ]
        return [
            *built,
            Figure("signing it, rsa-2048", _signing(made, folder), "ms", 3, at_most=SIGNING_TARGET),
        ]


def _milliseconds(made: Scene, kind: Kind) -> float:
    run = made.engine.by_hand.run(made.slots[kind])
    rows = Delivery.select(Delivery.id).where(Delivery.run == run.id).tuples()
    works = [work for (row_id,) in rows if (work := load(row_id))]
    _build(made, works)  # the first round reads the templates
    started = time.perf_counter()
    for _ in range(ROUNDS):
        _build(made, works)
    return (time.perf_counter() - started) * 1000 / (ROUNDS * len(works))


def _signing(made: Scene, folder: Path) -> float:
    """Sign one reminder again and again, with a key that is made for it."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    file = folder / "dkim.pem"
    file.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    signer = Signer.from_file("example.com", "bench", file)
    [row_id] = Delivery.select(Delivery.id).where(Delivery.kind == Kind.REMINDER).limit(1).tuples().first()
    work = load(row_id)
    assert work is not None
    content, now = _compose(made, work), utc_now()
    signer.sign(content, now)
    started = time.perf_counter()
    for _ in range(SIGNATURES):
        signer.sign(content, now)
    return (time.perf_counter() - started) * 1000 / SIGNATURES


def _build(made: Scene, works: list[Work]) -> None:
    for work in works:
        _compose(made, work)


def _compose(made: Scene, work: Work) -> bytes:
    key, address = (work.user_id, work.period), f"user{work.user_id}@example.com"
    composer = made.engine.composer
    mail = composer.compose(work.kind, key, work.recipient_id, address, work.facts, utc_now(), work.id)
    return mail.content
