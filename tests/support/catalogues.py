"""What there is to translate: the messages of templates and code, and the words that nobody marked."""

import re
from collections.abc import Iterator
from functools import cache
from html import unescape
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.frontend import CommandLineInterface
from babel.messages.pofile import read_po
from jinja2 import Environment, nodes

PROJECT = Path(__file__).parents[2]
SHIPPED = sorted((PROJECT / "src/quizmail/locales").glob("*/LC_MESSAGES/quizmail.po"))

#: Attributes that are read out or shown.
_SPOKEN = re.compile(r"\b(?:alt|title|aria-label|placeholder)=\"([^\"]*)\"")
_UNSEEN = re.compile(r"(?s)<!--.*?-->|<style.*?</style>|<!doctype[^>]*>|<[^>]*>")
_WORD = re.compile(r"[^\W\d_]{2,}")


@cache
def messages(folder: Path) -> Catalog:
    """What `make translations` finds now; its file is written into `folder`."""
    target = folder / "quizmail.pot"
    sources = [str(PROJECT / "templates"), str(PROJECT / "src/quizmail")]
    mapping = str(PROJECT / "pyproject.toml")
    CommandLineInterface().run(["pybabel", "-q", "extract", "-F", mapping, "-o", str(target), *sources])
    with target.open("rb") as file:
        return read_po(file)


def shipped(path: Path) -> Catalog:
    with path.open("rb") as file:
        return read_po(file, locale=path.parts[-3])


def unmarked(source: str) -> list[str]:
    """The words of a template that readers see and that stand in no message."""
    tree = Environment(trim_blocks=True, lstrip_blocks=True).parse(source)
    seen = "".join(
        piece.data if isinstance(piece, nodes.TemplateData) else "\ue000"
        for output in tree.find_all(nodes.Output)
        for piece in output.nodes
    )
    spoken = [*_SPOKEN.findall(seen), _UNSEEN.sub(" ", seen), *_constants(tree)]
    return [word for text in spoken for word in _WORD.findall(unescape(text))]


def _constants(tree: nodes.Template) -> Iterator[str]:
    """The literals that are written as they are, or by way of a variable."""
    for output in tree.find_all(nodes.Output):
        for expression in output.nodes:
            yield from _said(expression)
    for assignment in tree.find_all(nodes.Assign):
        yield from _said(assignment.node)


def _said(expression: nodes.Node | None) -> Iterator[str]:
    match expression:
        case nodes.Const(value=str() as text):
            yield text
        case nodes.CondExpr():
            yield from _said(expression.expr1)
            yield from _said(expression.expr2)
        case nodes.Filter():
            yield from _said(expression.node)
        case nodes.And() | nodes.Or():
            yield from _said(expression.left)
            yield from _said(expression.right)
        case nodes.Concat():
            for each in expression.nodes:
                yield from _said(each)
        case nodes.List() | nodes.Tuple():
            for each in expression.items:
                yield from _said(each)
