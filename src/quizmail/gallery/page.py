"""The page that shows every mail: plain HTML without a script, which a browser opens from a file."""

from collections.abc import Sequence
from html import escape
from itertools import groupby
from typing import NamedTuple

#: The mode reaches the mails through the frames' colour scheme, the width through their own width.
_STYLE = """
:root { color-scheme: light dark; font: 1rem/1.5 system-ui, sans-serif; }
:root:has(#light:checked) { color-scheme: light; }
:root:has(#dark:checked) { color-scheme: dark; }
body { margin: 0; background: Canvas; color: CanvasText; }
header, main { padding: 0 1.5rem; }
header { display: flex; flex-wrap: wrap; gap: .5rem 2rem; align-items: center;
  position: sticky; top: 0; z-index: 1; background: Canvas; border-bottom: 1px solid GrayText; }
h1 { font-size: 1.25rem; margin: .75rem 0; }
fieldset { border: 0; margin: 0; padding: 0; display: flex; gap: .25rem 1rem; flex-wrap: wrap; }
legend { position: absolute; clip-path: inset(50%); }
label { display: inline-flex; align-items: center; min-height: 44px; gap: .35rem; }
label input { width: 1.1rem; height: 1.1rem; }
section { border-bottom: 1px solid GrayText; padding-bottom: 1rem; }
.mails { display: flex; gap: 1.5rem; overflow-x: auto; align-items: flex-start; padding-bottom: .5rem; }
article { flex: none; }
article p { max-width: 40rem; margin: .25rem 0; overflow-wrap: anywhere; }
iframe { display: block; width: 640px; height: 900px; border: 1px solid GrayText; background: Canvas; }
:root:has(#phone:checked) iframe { width: 320px; }
:root:has(#desktop:checked) iframe { width: 1000px; }
:root:has(#phone:checked) article p { max-width: 20rem; }
pre { max-width: 40rem; overflow: auto; max-height: 30rem; }
""".strip()

_CHOICES = (
    ("Colours", "mode", (("system", "as the system"), ("light", "light"), ("dark", "dark"))),
    ("Width", "width", (("usual", "640"), ("phone", "320"), ("desktop", "1000"))),
)


class Entry(NamedTuple):
    """One mail on the page; `size` is the message's, in bytes."""

    kind: str
    state: str
    locale: str
    name: str
    sender: str
    subject: str
    text: str
    size: int


def page(entries: Sequence[Entry]) -> str:
    """Return the page; the mails of a kind in one state stand side by side.

    Beside the page lie the mails as ``<name>.html``, ``.txt`` and ``.eml``. It refers to nothing else.
    """
    locales = list(dict.fromkeys(entry.locale for entry in entries))
    hide = "".join(
        f"\n:root:has(#only-{each}:checked) article:not([data-locale={each}]) {{ display: none; }}"
        for each in locales
    )
    chosen = [("every", "all"), *((f"only-{each}", each) for each in locales)]
    controls = "".join(_choice(*each) for each in (*_CHOICES, ("Locale", "locale", chosen)))
    sections = "".join(
        _section(kind, state, list(group))
        for (kind, state), group in groupby(entries, key=lambda entry: (entry.kind, entry.state))
    )
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>Every mail</title>\n<style>\n{_STYLE}{hide}\n</style>\n</head>\n<body>\n"
        f"<header>\n<h1>Every mail</h1>\n{controls}</header>\n<main>\n{sections}</main>\n</body>\n</html>\n"
    )


def _choice(legend: str, name: str, options: Sequence[tuple[str, str]]) -> str:
    inputs = "".join(
        f'<label><input type="radio" name="{name}" id="{each}"{checked}>{label}</label>\n'
        for (each, label), checked in zip(options, (" checked", *[""] * len(options)), strict=False)
    )
    return f"<fieldset>\n<legend>{legend}</legend>\n{inputs}</fieldset>\n"


def _section(kind: str, state: str, entries: Sequence[Entry]) -> str:
    mails = "".join(map(_article, entries))
    title = f"{kind}: {state.replace('-', ' ')}"
    return (
        f'<section id="{kind}-{state}">\n<h2>{title}</h2>\n'
        f'<div class="mails" tabindex="0" role="region" aria-label="{title}">\n{mails}</div>\n</section>\n'
    )


def _article(entry: Entry) -> str:
    files = " · ".join(
        f'<a href="{entry.name}.{suffix}">{label}</a>'
        for suffix, label in (("html", "HTML"), ("txt", "text"), ("eml", f"message, {entry.size:,} bytes"))
    )
    return (
        f'<article data-locale="{entry.locale}">\n'
        f"<p>{entry.locale} · {files}</p>\n"
        f'<p>From <bdi>{escape(entry.sender)}</bdi><br><b dir="auto">{escape(entry.subject)}</b></p>\n'
        f'<iframe src="{entry.name}.html" title="{entry.name}" loading="lazy"></iframe>\n'
        "<details><summary>The text part</summary>"
        f'<pre tabindex="0" dir="auto">{escape(entry.text)}</pre></details>\n'
        "</article>\n"
    )
