"""What the documentation's pages show as code."""

import re
from functools import cache
from pathlib import Path

PROJECT = Path(__file__).parents[2]
README = PROJECT / "README.md"

BLOCK = re.compile(r"^ *```(\w*)\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)


@cache
def text_of(page):
    return page.read_text(encoding="utf-8")


def blocks(page, language):
    return [content for each, content in BLOCK.findall(text_of(page)) if each == language]


def code(page):
    """Return every command line and every inline code of the page."""
    lines = [line.partition(" # ")[0].strip() for block in blocks(page, "sh") for line in block.splitlines()]
    return [*lines, *re.findall(r"(?<!`)`([^`\n]+)`(?!`)", BLOCK.sub("", text_of(page)))]
