"""The commands of the suppression list: who is not mailed, and why."""

import csv
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import Any, TextIO

import click

from quizmail import suppressions as service
from quizmail import wiring
from quizmail.cli.output import as_json, from_csv_cell, table, words, write_csv
from quizmail.errors import QuizmailError

_LONGEST_NAMED = 20


@click.group()
def suppressions() -> None:
    """Look at the addresses that must not be mailed, and change them."""
    wiring.open_database(wiring.current_settings())


@suppressions.command(name="list")
@click.option("--full", is_flag=True, help="Show the addresses in full.")
@click.option("--json", "json_wanted", is_flag=True, help="For machines.")
def list_(full: bool, json_wanted: bool) -> None:
    """List who is suppressed, why and since when; addresses are masked."""
    rows = list(_rows(full))
    click.echo(as_json(rows) if json_wanted else table(service.COLUMNS, rows))


@suppressions.command()
@click.argument("address")
@click.option("--reason", default="by hand", show_default=True)
def add(address: str, reason: str) -> None:
    """Mail ADDRESS no more."""
    added = service.add(address, reason, wiring.utc_now())
    click.echo("suppressed" if added else "it was suppressed before")


@suppressions.command()
@click.argument("address")
def remove(address: str) -> None:
    """Allow ADDRESS to be mailed again."""
    if not service.remove(address):
        raise QuizmailError("this address is not suppressed")
    click.echo("no longer suppressed")


@suppressions.command()
def export() -> None:
    """Write the whole list as CSV to standard output, with the addresses in full."""
    write_csv(service.COLUMNS, _rows(full=True))


@suppressions.command(name="import")
@click.argument("file", type=click.File(encoding="utf-8-sig", errors="replace"))
def import_(file: TextIO) -> None:
    """Add the addresses of a CSV FILE with a column `address`; - is standard input.

    The columns reason, code, evidence and since are read if they are there; what is listed stays as it is.
    """
    counts, wrong = service.take_in(_lines(file), wiring.utc_now())
    click.echo(words(counts) if counts else "the file has no lines")
    if wrong:
        named = ", ".join(str(number) for number in wrong[:_LONGEST_NAMED])
        more = " …" if len(wrong) > _LONGEST_NAMED else ""
        raise QuizmailError(f"not understood were the entries {named}{more}")


COMMANDS = (suppressions,)


def _rows(full: bool) -> Iterator[Mapping[str, Any]]:
    for entry in service.entries():
        yield asdict(entry if full else service.masked(entry))


def _lines(file: TextIO) -> Iterator[Mapping[str, str]]:
    reader = csv.DictReader(file, restval="")
    try:
        if "address" not in (reader.fieldnames or []):
            raise QuizmailError("the first line names no column `address`")
        for line in reader:
            # What stands beyond the last column comes as a list, under None.
            yield {name: from_csv_cell(cell) for name, cell in line.items() if isinstance(cell, str)}
    except csv.Error as problem:
        raise QuizmailError(f"line {reader.line_num} is no CSV: {problem}") from None
