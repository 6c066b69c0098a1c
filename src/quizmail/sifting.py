"""Who on a page may be due: the judge is asked early, and more is found out only of whom that leaves.

Most get no mail, and what their rows say is reason enough: nobody needs to know what is open to a reader who
was here an hour ago.
"""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from quizmail.audience import Account, Audience, Member, Quiz
from quizmail.platform.members import later
from quizmail.rules import Person, Verdict
from quizmail.states import Kind, NotDue

#: What no attempt that was not looked for yet changes; an account that is too new may have been active.
FINAL = frozenset(NotDue) - {NotDue.ACCOUNT_TOO_NEW}


@dataclass(frozen=True)
class Sieve:
    """Finds the members of a page who may be due, and counts the others by reason. Two or three queries.

    ``judge``: ``rules.decide`` for one kind and one instant. ``taken``, ``forgotten``: by user id, as in
    ``rules.Person``.
    """

    audience: Audience
    judge: Callable[[Person], Verdict]
    at: datetime
    taken: Mapping[str, int]
    forgotten: Collection[str]
    _answers: dict[tuple[bool, bool, int, bool], Verdict] = field(default_factory=dict, init=False)

    def sift(
        self, kind: Kind, accounts: Iterable[Account], catalogue: Sequence[Quiz]
    ) -> tuple[list[Member], Counter[NotDue]]:
        """Return who may be due, with what is open to them for a reminder, and why the others are not."""
        not_due: Counter[NotDue] = Counter()
        left = []
        verdict_on = self._report_to if kind is Kind.REPORT else self._reminder_to
        for account in accounts:
            verdict = verdict_on(account)
            if isinstance(verdict, NotDue) and verdict in FINAL:
                not_due[verdict] += 1
            else:
                left.append(account)
        if kind is Kind.REPORT:
            return self.audience.members(left, {}), not_due
        return self._quiet(left, catalogue, not_due), not_due

    def _reminder_to(self, account: Account) -> Verdict:
        return self.judge(self._person(account, account.last_seen_at))

    def _report_to(self, account: Account) -> Verdict:
        """Ask about nothing but what decides on a report, so that the answer holds for all who are alike."""
        key = account.user_id
        alike = (account.active, account.is_staff, self.taken.get(key, 0), key in self.forgotten)
        if alike not in self._answers:
            active, is_staff, taken, forgotten = alike
            person = Person("", None, active=active, is_staff=is_staff, taken=taken, forgotten=forgotten)
            self._answers[alike] = self.judge(person)
        return self._answers[alike]

    def _quiet(
        self, accounts: Sequence[Account], catalogue: Sequence[Quiz], not_due: Counter[NotDue]
    ) -> list[Member]:
        """Ask again with the last attempts, and look what is open to those who may still be due."""
        finished = self.audience.last_finished(self.at, [account.user_id for account in accounts])
        left = []
        for account in accounts:
            last_activity = later(account.last_seen_at, finished.get(account.user_id))
            verdict = self.judge(self._person(account, last_activity))
            if isinstance(verdict, NotDue):
                not_due[verdict] += 1
            else:
                left.append(account)
        available = self.audience.available(self.at, [account.user_id for account in left], catalogue)
        return self.audience.members(left, finished, available)

    def _person(self, account: Account, last_activity: datetime | None) -> Person:
        """Return the user as if some quiz were open to him, and nothing else against a mail."""
        key = account.user_id
        return Person(
            user_id=key,
            address=None,
            active=account.active,
            is_staff=account.is_staff,
            created_at=account.created_at,
            last_activity=last_activity,
            available=1,
            taken=self.taken.get(key, 0),
            forgotten=key in self.forgotten,
            zone=account.zone,
        )
