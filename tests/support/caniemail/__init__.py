"""What eight big mail clients understand, by the data of caniemail.com, and what a mail asks of them.

The data is a part of https://github.com/hteumeuleu/caniemail (MIT): the features of HTML and CSS, and
of each client the version that was tested last.
"""

import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import tinycss2

_TAGS = {
    "table": "table",
    "div": "div",
    "span": "span",
    "p": "p",
    "b": "strong",
    "strong": "strong",
    "img": "img",
    "body": "body",
    "style": "style",
    "bdi": "bdi",
    "hr": "hr",
    "ul": "lists",
    "ol": "lists",
    "svg": "svg",
    "pre": "pre",
    **dict.fromkeys(("h1", "h2", "h3", "h4", "h5", "h6"), "h1-h6"),
    **dict.fromkeys(("main", "section", "article", "header", "footer", "nav", "figure"), "semantics"),
}
_ATTRIBUTES = {
    *("role", "lang", "dir", "align", "valign", "width", "height", "cellpadding", "cellspacing", "hidden"),
    *("aria-hidden", "aria-label", "aria-labelledby", "aria-describedby", "background", "srcset", "target"),
}
#: Longhands of which the data knows the shorthand.
_SHORTHANDS = ("padding", "margin", "border-radius", "border", "background", "outline", "list-style")
_DISPLAYS = {"none": "css-display-none", "flex": "css-display-flex", "grid": "css-display-grid"}
_FUNCTIONS = {"var": "css-variables", "calc": "css-unit-calc", "rgb": "css-rgb", "rgba": "css-rgba"}


@cache
def data() -> dict:
    """The data as it is kept: ``clients`` and ``support``."""
    return json.loads((Path(__file__).parent / "data.json").read_text(encoding="utf-8"))


def without(feature: str) -> set[str]:
    """The clients that do not support `feature` at all."""
    answers = zip(data()["clients"], data()["support"][feature], strict=True)
    return {client for client, answer in answers if answer == "n"}


def asked_inline(document) -> Iterator[str]:
    """Yield what the elements of a parsed `document` and their style attributes ask of a client.

    A feature is named as the data names it (``css-padding``); a property or an element of which the data
    knows nothing as itself, with a question mark before it. What stands in a style sheet is left out.
    """
    for element in document.iter():
        if isinstance(element.tag, str):
            yield from _asked_by(element)


def _asked_by(element) -> Iterator[str]:
    if element.tag in _TAGS:
        yield f"html-{_TAGS[element.tag]}"
    yield from (f"html-{name}" for name in element.attrib if name in _ATTRIBUTES)
    for declaration in tinycss2.parse_blocks_contents(element.get("style", ""), skip_whitespace=True):
        assert declaration.type == "declaration", f"{element.tag}: {declaration}"
        yield _property(declaration.lower_name)
        if declaration.important:
            yield "css-important"
        yield from _values(declaration)


def _property(name: str) -> str:
    names = (name, *(short for short in _SHORTHANDS if name.startswith(f"{short}-")))
    return next((f"css-{each}" for each in names if f"css-{each}" in data()["support"]), f"?{name}")


def _values(declaration) -> Iterator[str]:
    for token in declaration.value:
        if token.type == "ident" and declaration.lower_name == "display":
            yield _DISPLAYS.get(token.lower_value, "css-display")
        elif token.type == "dimension":
            yield f"css-unit-{token.lower_unit}"
        elif token.type == "percentage":
            yield "css-unit-percent"
        elif token.type == "function":
            yield _FUNCTIONS.get(token.lower_name, f"?{token.lower_name}()")
        elif token.type == "url":
            yield "css-background-image"
