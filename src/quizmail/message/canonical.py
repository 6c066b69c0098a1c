"""The promise that a message needs no mending."""


class Canonical(bytes):
    """A message in which CR and LF stand together only, as line ends (RFC 5322 section 2.3).

    Whoever makes one answers for it. Looking through all other bytes takes as long as a statement.
    """

    __slots__ = ()
