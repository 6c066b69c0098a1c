"""Two languages that nobody speaks, made of the English sentences, to see what translation will do.

``en-XA`` has accents on its letters, is longer by about a third and stands in brackets: what appears without
them is not translated. ``ar-XB`` has Arabic letters instead of Latin ones and is written from right to
left. Placeholders stay as they are.
"""

import re
from collections.abc import Callable

_PARTS = re.compile(r"(%%|%\(\w+\)s)")
_LATIN = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_ACCENTED = str.maketrans(_LATIN, "ÅƁÇÐÉƑĜĤÎĴĶĻṀÑÖÞǪŔŠŢÛṼŴẊÝŽåƀçðéƒĝĥîĵķļɱñöþǫŕšţûṽŵẋýž")
_ARABIC = str.maketrans(_LATIN, "ابجدهفغحيجكلمنوبقرستعفوخيز" * 2)
_VOWELS = re.compile("[åéîöûÅÉÎÖÛ]")

#: How the letters of each are changed.
MAKE_UP: dict[str, Callable[[str], str]] = {
    "en-XA": lambda text: text.translate(_ACCENTED),
    "ar-XB": lambda text: text.translate(_ARABIC),
}


def message_maker(tag: str) -> Callable[[str], str]:
    """Return what makes a message of an English one: its text changed, its placeholders kept."""
    change = MAKE_UP[tag]

    def made_up(source: str) -> str:
        parts = _PARTS.split(source)
        parts[::2] = (change(text) for text in parts[::2])
        if tag == "ar-XB":
            return "".join(parts)
        parts[::2] = (_VOWELS.sub(r"\g<0>\g<0>", text) for text in parts[::2])
        return f"⟦{''.join(parts)}⟧"

    return made_up
