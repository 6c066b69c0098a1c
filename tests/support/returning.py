"""What mail servers send back: delivery reports, complaints, vacation notes."""

BOUNDARY = "=_report"


def delivery_report(
    recipient="ada@example.com",
    *,
    to="postmaster@example.com",
    status="5.1.1",
    action="failed",
    diagnostic="smtp; 550 5.1.1 nobody here",
    envid=None,
    fields=None,
    returned=None,
    headers="",
):
    """A report as RFC 3464 wants it. `fields`: all of the recipients' groups, in place of the one."""
    message = f"Original-Envelope-Id: {envid}\n" if envid else ""
    group = f"Final-Recipient: rfc822; {recipient}\nAction: {action}\nStatus: {status}\n"
    group += f"Diagnostic-Code: {diagnostic}\n" if diagnostic else ""
    return _report(
        to,
        "delivery-status",
        f"{message}Reporting-MTA: dns; mx.example.net\n\n{group if fields is None else fields}",
        returned if returned is not None else f"To: Ada <{recipient}>\nSubject: Quizzes\n",
        f"Auto-Submitted: auto-replied\n{headers}",
    )


def complaint(fields, returned="Subject: Quizzes\n", *, type="abuse", to="fbl@example.com"):
    """A feedback report as RFC 5965 wants it."""
    about = f"Feedback-Type: {type}\nUser-Agent: Provider/1.0\nVersion: 1\n{fields}"
    return _report(to, "feedback-report", about, returned, "")


def letter(to, subject="Hello", headers="", body="I am away."):
    return f"From: Somebody <s@example.net>\nTo: {to}\nSubject: {subject}\n{headers}\n{body}\n".encode()


def _report(to, type, about, returned, headers):
    return f"""From: MAILER-DAEMON@example.net
To: <{to}>
Subject: Undelivered Mail Returned to Sender
{headers}MIME-Version: 1.0
Content-Type: multipart/report; report-type={type};
\tboundary="{BOUNDARY}"

This is a MIME-encapsulated message.

--{BOUNDARY}
Content-Type: text/plain; charset=us-ascii

Your mail is in the words below; they decide nothing: 5.7.1 spam!

--{BOUNDARY}
Content-Type: message/{type}

{about}
--{BOUNDARY}
Content-Type: text/rfc822-headers

{returned}
--{BOUNDARY}--
""".encode()
