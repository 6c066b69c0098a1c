"""Measure and print: ``python -m benchmarks`` from the repository's folder, or ``make bench``."""

import argparse
import signal
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from benchmarks import building, planning, sending
from benchmarks.figures import Figure, table
from benchmarks.machine import load, machine
from benchmarks.servers import Failed

PARTS = ("planning", "sending", "building")

Measurement = Callable[[Path], tuple[str, list[Figure]]]


def main() -> int:
    """Print what was measured; exit code 1 when something could not be."""
    chosen = _arguments()
    # An end by kill(1) leaves nothing behind, either.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    print(f"machine   {machine()}\nbefore    {load()}")
    try:
        for title, measurement in _measurements(chosen):
            with tempfile.TemporaryDirectory(prefix="quizmail-bench-") as folder:
                described, figures = measurement(Path(folder))
            print(f"\n{title}{described and f' ({described})'}\n{table(figures)}", flush=True)
    except Failed as problem:
        print(problem, file=sys.stderr)
        return 1
    return 0


def _measurements(chosen: argparse.Namespace) -> Iterator[tuple[str, Measurement]]:
    parts = chosen.only or PARTS
    if "planning" in parts:
        yield "planning", lambda folder: planning.on_sqlite(folder, chosen.users)
        if chosen.postgresql:
            yield "planning", lambda folder: planning.on_postgresql(folder, chosen.users)
    if "sending" in parts:
        workers = f"{sending.PROCESSES} processes of {sending.THREADS} threads"
        yield f"sending, {workers}", lambda folder: sending.measure(folder, chosen.mails)
    if "building" in parts:
        yield "building, one thread", lambda folder: ("", building.measure(folder))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--users", type=_number, default=100_000, help="users to be planned (%(default)s)")
    parser.add_argument("--mails", type=_number, default=10_000, help="mails to be sent (%(default)s)")
    parser.add_argument(
        "--only", choices=PARTS, action="append", help="measure this part only; may be repeated"
    )
    parser.add_argument("--postgresql", action="store_true", help="plan on PostgreSQL, too")
    return parser.parse_args()


def _number(text: str) -> int:
    number = int(text)
    if not 100 <= number <= 1_000_000 or number % planning.DUE_EVERY:
        raise argparse.ArgumentTypeError(f"{text}: a multiple of {planning.DUE_EVERY} from 100 to 1000000")
    return number


if __name__ == "__main__":
    sys.exit(main())
