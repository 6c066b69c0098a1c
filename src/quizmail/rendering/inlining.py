"""CSS into style attributes, once per template instead of once per mail.

Mail clients drop style sheets, so every rule must stand in the element that it is for; doing that
to each mail would cost more than all the rest. Here it is done to a template's source. What Jinja
decides when the template is loaded (inheritance, includes, the style sheet) is rendered first, what it
decides for each mail is masked; the document that results is inlined by css-inline as a
whole, and the masks are taken off again. The outcome is the source of one flat template.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

import css_inline
from jinja2 import BaseLoader, Environment, StrictUndefined, TemplateSyntaxError

from quizmail.errors import CompositionError

#: Tags that are rendered when the template is loaded. All others wait for a mail's facts.
_STRUCTURE = frozenset({"extends", "block", "endblock", "include"})
#: Tags whose effect Jinja has in the blocks of the same template, too.
_OUTSIDE = frozenset({"set", "macro", "import", "from"})
#: Variables that have the same value in all mails of a language.
_PER_LANGUAGE = frozenset({"super()", "direction", "start", "end"})
_BEGINS = {"variable_begin": "variable_end", "block_begin": "block_end", "raw_begin": "raw_end"}

#: A mask is a number between two private-use characters, which no template contains.
_MASK = re.compile("\ue000(\\d+)\ue001")
#: Between tags a mask is a comment, which HTML parsers leave where it is even among table rows. As an
#: attribute of its own it is given an empty value.
_UNMASK = re.compile('<!--\ue002\ue000(\\d+)\ue001-->|\ue000(\\d+)\ue001(?:="")?')
_NOT_TEXT = re.compile(
    r"(<!--.*?-->|<(?:title|style)\b.*?</(?:title|style)\s*>|<[^>]*>)", re.DOTALL | re.IGNORECASE
)
_INDENTATION = re.compile(r"\s*\n\s*")
_IMPLIED = re.compile("</?tbody>")
#: Space that nobody sees, since a part of a table follows.
_UNSEEN = re.compile(r"(?<=>)\s+(?=</?t(?:able|r|d)\b)")
#: Where a line may be broken: before an attribute, between two declarations as css-inline writes them, and
#: before a part of a table.
_BREAKS = re.compile(r'(?= [a-z:-]+=")|(?<=;)(?=[a-z-]+: [^<>]*")|(?<=>)(?=</?t(?:able|r|d)\b)')

_INLINER = css_inline.CSSInliner(load_remote_stylesheets=False)


def flatten(name: str, loader: BaseLoader, known: Mapping[str, Any]) -> str:
    """Return the source of one template that renders what the HTML template `name` does, styles inlined.

    Args:
        name: the template; it may extend and include others.
        loader: where they are read from.
        known: what tags in a style sheet (a name ending in ``.css``) may refer to, and what is
            settled: ``direction``, ``start`` and ``end``.

    Raises:
        jinja2.TemplateError: when a template is missing or cannot be parsed.
        CompositionError: when HTML parsers would drop a part of the document.
    """
    masks: list[str] = []
    structure = Environment(loader=_MaskingLoader(loader, masks), undefined=StrictUndefined)  # noqa: S701
    document = structure.get_template(name).render(known)
    inlined = _INLINER.inline(_comment_masks(document))
    _check_complete(name, document, inlined, masks)
    if "<tbody" not in document:
        # Parsers add it around the first row, which for a row in a loop is once too often.
        inlined = _IMPLIED.sub("", inlined)
    compact = "\n".join(map(_wrap, _INDENTATION.split(_UNSEEN.sub("", inlined))))
    # SMTP doubles a dot at the start of a line, for which each mail would have to be copied.
    compact = compact.replace("\n.", "\n .")
    return _UNMASK.sub(lambda match: masks[int(match[1] or match[2])], compact)


class _Piece(NamedTuple):
    """Text or a whole tag of a template: its last line, its first token's kind, and how it is written."""

    line: int
    kind: str
    text: str

    @property
    def words(self) -> list[str]:
        """What a tag says."""
        return self.text.strip("{}%-+ \t\r\n").split() or [""]


class _MaskingLoader(BaseLoader):
    """Loads HTML templates with everything masked that waits for a mail's facts."""

    def __init__(self, loader: BaseLoader, masks: list[str]) -> None:
        self._loader = loader
        self._masks = masks

    def get_source(self, environment: Environment, template: str) -> tuple[str, str | None, Any]:
        """Return the masked source; a style sheet's is left as it is."""
        source, path, is_fresh = self._loader.get_source(environment, template)
        if not template.endswith(".css"):
            pieces = list(_pieces(environment, source, path))
            _check_blocks(pieces, template, path)
            source = "".join(self._masked(pieces))
        return source, path, is_fresh

    def _masked(self, pieces: Iterable[_Piece]) -> Iterator[str]:
        for piece in pieces:
            if piece.kind == "data" or _is_structure(piece):
                yield piece.text
            elif piece.kind != "comment_begin":
                self._masks.append(piece.text)
                yield f"\ue000{len(self._masks) - 1}\ue001"


def _pieces(environment: Environment, source: str, path: str | None) -> Iterator[_Piece]:
    """Split a source into text and whole tags."""
    first, text = "", ""
    for line, part, value in environment.lex(source, filename=path):
        if not first and part == "data":
            yield _Piece(line, part, value)
            continue
        first, text = first or part, text + value
        if part in (_BEGINS.get(first), "comment_end"):
            yield _Piece(line, first, text)
            first, text = "", ""


def _check_blocks(pieces: Iterable[_Piece], template: str, path: str | None) -> None:
    """Refuse what Jinja does before a parent's template begins: here only blocks get into the parent's."""
    tags = [piece for piece in pieces if piece.kind == "block_begin"]
    if not any(tag.words[0] == "extends" for tag in tags):
        return
    depth = 0
    for tag in tags:
        word = tag.words[0]
        depth += (word == "block") - (word == "endblock")
        if depth == 0 and word in _OUTSIDE:
            problem = f"{word} stands outside of every block, where it would be lost"
            raise TemplateSyntaxError(problem, tag.line, template, path)


def _is_structure(piece: _Piece) -> bool:
    words = piece.words
    if piece.kind == "variable_begin":
        return len(words) == 1 and words[0] in _PER_LANGUAGE
    return piece.kind == "block_begin" and words[0] in _STRUCTURE


def _comment_masks(document: str) -> str:
    """Turn the masks that stand in text, not in a tag or a comment, into comments."""
    pieces = _NOT_TEXT.split(document)
    pieces[::2] = (_MASK.sub("<!--\ue002\\g<0>-->", text) for text in pieces[::2])
    return "".join(pieces)


def _wrap(line: str) -> str:
    """Break a long line into such as a mail can carry, so that not every mail has to be folded."""
    lines, room = [""], 0
    for piece in _BREAKS.split(line):
        # Quoted-printable writes an equals sign in three characters, and what is masked has some twenty.
        length = len(piece) + 2 * piece.count("=") + 20 * piece.count("\ue000")
        if length > room:
            lines.append("")
            piece, room = piece.lstrip(), 74
        lines[-1] += piece
        room -= length
    return "\n".join(lines).lstrip()


def _check_complete(name: str, document: str, inlined: str, masks: list[str]) -> None:
    before, after = sorted(_MASK.findall(document)), sorted(_MASK.findall(inlined))
    if before != after:
        lost = next((mask for mask in before if before.count(mask) != after.count(mask)), before[0])
        raise CompositionError(
            f"{name}: {masks[int(lost)]} stands where HTML allows no text, and would be lost or doubled"
        )
