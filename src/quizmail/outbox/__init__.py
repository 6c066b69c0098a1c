"""The outbox: the only code that changes a delivery's state.

One row per (kind, user, period), unique. ``plan`` writes it with its facts, ``release`` marks it when it may
go, ``rounds`` says with which others it goes, ``claim`` takes it between the server's 354 and the first byte
of the body, and its outcome follows the server's answer.

What must survive a power cut is the claim: a mail whose claim was lost could be sent again. It is synced to
disk before the body begins (``quizmail.database``), and so is what an operator orders. What may be lost
without breaking a promise: an outcome (the row is found ``sending`` and becomes ``unknown``), a release
(the bell rings again), a planned page (it is planned again from the run's cursor).
"""
