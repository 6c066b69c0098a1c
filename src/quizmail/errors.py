"""The exceptions Quizmail raises on purpose.

QuizmailError
├── ConfigurationError      a setting is missing or wrong; the process must not start
├── SourceError             the source file or the platform's schema cannot be used
├── PlatformUnavailable     the platform's database does not answer now; later it may
├── CompositionError        a mail cannot be composed: our own fault, never the recipient's
├── UnknownUser             nobody on the platform has this id
└── InvalidToken            a link's token was not signed by us

What a mail server answers is a value (``mailer.Reply``), not an exception.
"""

from collections.abc import Sequence


class QuizmailError(Exception):
    """The base of every error that Quizmail raises on purpose."""


class ConfigurationError(QuizmailError):
    """Raised when settings are missing or wrong; ``problems`` holds one line for each."""

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = list(problems)


class SourceError(QuizmailError):
    """Raised when the source file, or a row set that it describes, cannot be used.

    The message names the file, the row set and the column.
    """


class PlatformUnavailable(QuizmailError):
    """Raised when the platform's database cannot be opened or does not answer now."""


class CompositionError(QuizmailError):
    """Raised when a template cannot be rendered with the facts it was given."""


class UnknownUser(QuizmailError):
    """Raised when a user id names nobody on the platform, or cannot be one of its ids."""


class InvalidToken(QuizmailError):
    """Raised when a token is forged, truncated or signed with a key we never had."""
