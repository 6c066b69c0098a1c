"""What comes back: delivery reports, complaints and mails that unsubscribe; read, and obeyed.

``mime`` takes a message apart, ``reading`` finds out what it says, ``obeying`` does what follows from it, and
``maildir`` goes through a folder of them.
"""

from quizmail.bounces.obeying import Desk, Finding

__all__ = ["Desk", "Finding"]
