"""The command that shows every mail in every state and language."""

from pathlib import Path

import click

from quizmail import wiring
from quizmail.gallery import write_gallery


@click.command()
@click.option("--out", "folder", type=click.Path(path_type=Path), default=Path("var/preview"))
def gallery(folder: Path) -> None:
    """Write every mail, state and language to files and one page that shows them; send nothing.

    The people and quizzes are invented; the sender, the templates and the brand are those that are set.
    """
    click.echo(write_gallery(wiring.composer_of(wiring.current_settings()), folder))


COMMANDS = (gallery,)
