"""Why no connection to the relay could be had: one clear line for each exception that says so."""

import smtplib
import socket
import ssl

from quizmail.mailer.values import Relay, Stage, printable_line


def cause_of(error: Exception, stage: Stage, relay: Relay) -> str:
    """Return one line that says what went wrong, and where an operator can look."""
    match error:
        case smtplib.SMTPResponseException():
            return _refused(error, stage)
        case smtplib.SMTPNotSupportedError():
            return _not_offered(stage)
        case smtplib.SMTPServerDisconnected():
            return f"{relay.address} {silence(error)}"
        case smtplib.SMTPException():
            return printable_line(f"login refused: {error}")
        case UnicodeError():
            return _not_ascii(stage, relay)
        case OSError():
            return printable_line(_unreachable(error, relay))
    return printable_line(str(error))


def silence(error: BaseException) -> str:
    """Return how a conversation ended without an answer.

    smtplib calls a time-out a disconnection, too; only the context of its error tells them apart.
    """
    if isinstance(error, TimeoutError) or isinstance(error.__context__, TimeoutError):
        return "did not answer in time"
    return "closed the connection"


def _refused(error: smtplib.SMTPResponseException, stage: Stage) -> str:
    match error:
        case smtplib.SMTPConnectError():
            what = "greeting"
        case smtplib.SMTPHeloError():
            what = "EHLO"
        case _:
            what = "login" if stage is Stage.LOGIN else "STARTTLS"
    answer = printable_line(error.smtp_error)
    if not 400 <= error.smtp_code <= 599:
        return unexpected(error.smtp_code, f"{answer} (to {what})")
    return f"{what} refused: {error.smtp_code} {answer}"


def unexpected(code: int, text: str) -> str:
    """Return how to call a reply that has no place where it came; smtplib gives -1 to what is no reply."""
    return printable_line(f"unexpected reply: {code if code >= 0 else ''} {text}")


def _not_offered(stage: Stage) -> str:
    if stage is Stage.LOGIN:
        return "login refused: a password is set, but the server offers no AUTH"
    return "STARTTLS is wanted (MAIL_USE_TLS), but the server does not offer it"


def _not_ascii(stage: Stage, relay: Relay) -> str:
    if stage is Stage.LOGIN:
        return "login refused: the login name or the password holds characters outside ASCII"
    return printable_line(f"{relay.host} is not a host name")


def _unreachable(error: OSError, relay: Relay) -> str:
    match error:
        case ssl.SSLCertVerificationError():
            return f"the certificate of {relay.address} is not trusted: {error.verify_message}"
        case ssl.SSLError():
            return f"no TLS with {relay.address}: {error.reason}"
        case ConnectionRefusedError():
            return f"connection refused by {relay.address}"
        case TimeoutError():
            return f"{relay.address} did not answer in time"
        case socket.gaierror():
            return f"the host name {relay.host} is unknown"
    return f"no connection to {relay.address}: {error.strerror or error}"
