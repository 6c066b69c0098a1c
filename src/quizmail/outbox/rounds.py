"""Which of the released deliveries one message names, so that one worker sends them over one connection."""

from collections.abc import Collection, Sequence

#: The most deliveries of one round.
LARGEST = 16

#: A round has more than one delivery only when there are enough for so many rounds: a few mails are shared by
#: many threads.
SPREAD = 32


def share_out(delivery_ids: Sequence[int], alone: Collection[int], waiting: int) -> list[list[int]]:
    """Return the rounds in which released deliveries are to be sent, in their order.

    Args:
        alone: those of them that get a round of their own, because no try came of an earlier release. One
            that kills whoever takes it must not take others along again.
        waiting: how many deliveries wait for a worker already.
    """
    size = max(1, min(LARGEST, (len(delivery_ids) + waiting) // SPREAD))
    rounds: list[list[int]] = [[each] for each in delivery_ids if each in alone]
    others = [each for each in delivery_ids if each not in alone]
    return rounds + [others[start : start + size] for start in range(0, len(others), size)]
