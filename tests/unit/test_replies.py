"""The table of reply codes, row by row; this list is written from the standards, not from the code."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from quizmail.mailer import Stage
from quizmail.replies import Fate, Measure, consequence_of, consequence_of_report

RETRY, REJECT = Fate
NOTHING, SUPPRESS, SOFT, SLOW, DOMAIN, KIND, ALL = Measure

ROWS = """
    dead address            rcpt  550 5.1.1   reject suppress
    dead address            rcpt  551 5.1.1   reject suppress
    dead address            rcpt  553 5.1.3   reject suppress
    dead domain             rcpt  550 5.1.2   reject suppress
    ambiguous address       rcpt  550 5.1.4   reject suppress
    moved address           rcpt  551 5.1.6   reject suppress
    null MX                 rcpt  550 5.1.10  reject suppress
    null MX                 rcpt  556 5.1.10  reject suppress
    dead, said of the body  body  550 5.1.1   reject suppress
    dead, said of DATA      data  550 5.1.1   reject suppress
    new owner               rcpt  550 5.7.17  reject suppress
    new owner of the domain rcpt  550 5.7.18  reject suppress
    disabled account        rcpt  525 5.7.13  reject suppress
    disabled mailbox        rcpt  550 5.2.1   reject suppress
    disabled, of the body   body  550 5.2.1   reject nothing
    new owner, of the body  body  550 5.7.17  reject nothing

    full mailbox            rcpt  452 4.2.2   retry  soft_hit
    full mailbox            body  452 4.2.2   retry  soft_hit
    full mailbox            rcpt  552 5.2.2   retry  soft_hit
    full mailbox            body  552 5.2.2   retry  soft_hit
    too big for the mailbox rcpt  552 5.2.3   retry  soft_hit
    storage exceeded        rcpt  552 -       retry  nothing
    system full             rcpt  452 4.3.1   retry  nothing
    system full             mail  452 4.3.1   retry  nothing
    message too big         mail  552 5.3.4   reject hold_kind
    message too big         body  554 5.3.4   reject hold_kind

    no answer from the host rcpt  421 4.4.1   retry  slow_domain
    no answer from the host rcpt  451 4.4.1   retry  slow_domain
    bad connection          rcpt  451 4.4.2   retry  slow_domain
    congestion              body  451 4.4.5   retry  slow_domain

    rate                    rcpt  421 4.7.0   retry  slow_domain
    rate                    body  421 4.7.28  retry  slow_domain
    Gmail: too quickly      rcpt  450 4.2.1   retry  slow_domain
    reputation              rcpt  451 4.7.1   retry  slow_domain
    no DMARC alignment      body  421 4.7.32  retry  slow_domain
    no DMARC alignment      body  450 4.7.32  retry  slow_domain
    reputation              body  550 5.7.38  reject slow_domain
    the relay's own rate    mail  421 4.7.0   retry  hold_all
    the relay's own rate    mail  450 4.2.1   retry  hold_all
    the relay's own trouble mail  451 4.4.2   retry  hold_all
    the relay is closing    rcpt  421 -       retry  hold_all

    policy                  rcpt  550 5.7.1   reject hold_domain
    policy                  body  554 5.7.1   reject hold_domain
    DKIM                    body  550 5.7.20  retry  hold_domain
    SPF                     body  550 5.7.23  retry  hold_domain
    Gmail: unauthenticated  body  550 5.7.26  retry  hold_domain
    REQUIRETLS              rcpt  550 5.7.30  retry  hold_domain
    Outlook: no DMARC       body  550 5.7.515 retry  hold_domain

    bad sender              rcpt  550 5.1.7   retry  hold_all
    sender's domain         mail  553 5.1.8   retry  hold_all
    sender has a null MX    rcpt  550 5.7.27  retry  hold_all
    any 5yz to MAIL         mail  550 -       retry  hold_all
    any 5yz to MAIL         mail  550 5.1.1   retry  hold_all
    any 5yz to MAIL         mail  555 5.5.4   retry  hold_all
    login wanted            mail  530 5.7.0   retry  hold_all
    login wanted            rcpt  530 -       retry  hold_all
    login refused           login 535 5.7.8   retry  hold_all
    login fails just now    login 454 4.7.0   retry  hold_all
    no service              connect 554 -     retry  hold_all

    protocol                rcpt  503 5.5.1   reject hold_kind
    protocol                rcpt  500 -       reject hold_kind
    protocol                data  502 -       reject hold_kind
    protocol                data  504 -       reject hold_kind
    parameters              rcpt  555 5.5.4   reject hold_kind
    content                 body  554 5.6.0   reject hold_kind
    content                 body  550 5.6.2   reject hold_kind

    bare 550                rcpt  550 -       reject soft_hit
    550 that says no more   rcpt  550 5.0.0   reject soft_hit
    550 that says no more   rcpt  550 5.1.0   reject soft_hit
    550 that says no more   rcpt  550 5.5.0   reject soft_hit
    bare 550 to DATA        data  550 -       reject nothing
    bare 550 to the body    body  550 -       reject nothing
    554 without a reason    body  554 -       reject nothing

    greylisting             rcpt  450 4.2.0   retry  nothing
    unknown 4yz             body  499 -       retry  nothing
    unknown 4yz             rcpt  422 4.9.9   retry  nothing
    unknown 5yz             rcpt  599 5.9.9   reject nothing
    a code of another class rcpt  450 5.1.1   retry  nothing
"""


def rows():
    for line in filter(None, map(str.strip, ROWS.splitlines())):
        *words, stage, code, enhanced, fate, measure = line.split()
        case = (stage, int(code), None if enhanced == "-" else enhanced, Fate(fate), Measure(measure))
        yield pytest.param(*case, id=f"{' '.join(words)}-{stage}-{code}-{enhanced}")


@pytest.mark.parametrize(("stage", "code", "enhanced", "fate", "measure"), list(rows()))
def test_a_reply_is_judged_by_its_row(stage, code, enhanced, fate, measure):
    verdict = consequence_of(stage, code, enhanced)

    assert (verdict.fate, verdict.measure) == (fate, measure)
    assert verdict.meaning and verdict.source


STAGES = st.sampled_from(Stage)
CODES = st.integers(400, 599)
ENHANCED = st.none() | st.builds("{}.{}.{}".format, st.integers(2, 5), st.integers(0, 9), st.integers(0, 999))


@given(STAGES, CODES, ENHANCED)
@example(Stage.BODY, 450, "5.7.38")
def test_every_refusal_has_a_verdict_and_a_temporary_one_is_never_a_rejection(stage, code, enhanced):
    verdict = consequence_of(stage, code, enhanced)

    assert code >= 500 or verdict.fate is RETRY


@given(STAGES, CODES, ENHANCED)
def test_an_address_is_only_accused_by_a_reply_that_may_speak_of_it(stage, code, enhanced):
    measure = consequence_of(stage, code, enhanced).measure
    of_addresses = bool(enhanced) and enhanced.startswith("5.1.")

    if measure is SUPPRESS:
        assert code >= 500 and (stage is Stage.RCPT or (stage in {Stage.DATA, Stage.BODY} and of_addresses))
    if measure is SOFT:
        assert stage not in {Stage.CONNECT, Stage.LOGIN, Stage.MAIL}


@pytest.mark.parametrize("code", [250, 354, 399, 600, -1])
def test_what_is_no_refusal_is_not_judged(code):
    with pytest.raises(ValueError, match="no refusal"):
        consequence_of("rcpt", code)


@pytest.mark.parametrize(
    ("statuses", "measure"),
    [
        ("5.1.1 5.1.2 5.1.3 5.1.4 5.1.6 5.1.10 5.2.1 5.7.13 5.7.17 5.7.18", SUPPRESS),
        ("5.2.2 5.2.3 4.2.2 4.4.7 4.4.1 4.2.1 4.0.0 5.0.0 5.1.0 5.2.0 5.4.4 5.4.1", SOFT),
        ("5.7.0 5.7.509 4.7.0 4.7.28 4.3.1 5.3.0 5.9.9 4.9.9", NOTHING),
    ],
)
def test_a_reports_status_says_what_it_means_for_the_address(statuses, measure):
    assert {status: consequence_of_report(status).measure for status in statuses.split()} == dict.fromkeys(
        statuses.split(), measure
    )


@pytest.mark.parametrize("status", ["5.7.1", "5.7.26", "5.3.4", "5.1.8", "5.6.0", "5.5.2", "5.7.38"])
def test_a_report_on_policy_or_a_fault_of_ours_accuses_no_address(status):
    assert consequence_of_report(status).measure not in {SUPPRESS, SOFT}
