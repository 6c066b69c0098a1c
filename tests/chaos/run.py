"""``python -m tests.chaos``: play as many seeds as wanted, and say all of one that breaks a promise."""

import argparse
import signal
import sys
import time
import traceback
from collections import Counter
from contextlib import ExitStack, suppress

from tests.chaos.databases import ENGINES, Engine
from tests.chaos.faults import draw
from tests.chaos.nursery import Nursery
from tests.chaos.play import Played, play


def main() -> int:
    """Return 1 if any seed broke a promise."""
    given = _arguments()
    names = list(ENGINES) if given.database == "both" else [given.database]
    totals: Counter[str] = Counter()
    failed: list[str] = []
    began = time.monotonic()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with ExitStack() as stack, suppress(KeyboardInterrupt):  # A run that is stopped says what it has done.
        nursery = stack.enter_context(Nursery())
        engines = [stack.enter_context(ENGINES[name]()) for name in names]
        for seed in range(given.first, given.first + given.seeds):
            for engine in engines:
                totals["worlds"] += 1
                if not _keeps_its_promises(seed, engine, nursery, totals, given.verbose):
                    failed.append(f"--first {seed} --seeds 1 --database {engine.name}")
    print(f"{dict(totals)} in {time.monotonic() - began:.0f} s; {len(failed)} failed")
    for again in failed:
        print(f"again: python -m tests.chaos {again}")
    return 1 if failed else 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--seeds", type=int, default=100, help="how many worlds to play (100)")
    parser.add_argument("--first", type=int, default=0, help="the first seed (0)")
    parser.add_argument("--database", choices=[*ENGINES, "both"], default="both")
    parser.add_argument("--verbose", action="store_true", help="show schedule and history of every world")
    return parser.parse_args()


def _keeps_its_promises(
    seed: int, engine: Engine, nursery: Nursery, totals: Counter[str], verbose: bool
) -> bool:
    schedule = draw(seed, engine.name)
    try:
        played = play(schedule, engine, nursery)
    except Exception:  # One world that cannot be played must not end a long run.
        print(f"seed {seed} {engine.name} CANNOT BE PLAYED\n{schedule}\n{traceback.format_exc()}", flush=True)
        return False
    totals.update(played.counts)
    _show(played, verbose)
    return not played.culprits


def _show(played: Played, verbose: bool) -> None:
    schedule = played.schedule
    word = "BROKEN" if played.culprits else "kept"
    print(
        f"seed {schedule.seed} {schedule.database} {word} {played.counts} {played.seconds:.1f} s", flush=True
    )
    if played.culprits or verbose:
        print(report(played), flush=True)


def report(played: Played) -> str:
    """Return schedule, history, the ends of the logs, and who broke a promise, for people."""
    return "\n".join([str(played.schedule), *played.history, *played.logs, *played.culprits])


if __name__ == "__main__":
    sys.exit(main())
