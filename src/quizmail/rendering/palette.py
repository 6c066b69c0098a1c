"""The colours of the mails: those of ``palette.toml``, and the brand's in their place."""

import tomllib
from typing import Any

from jinja2 import BaseLoader, Environment

from quizmail.errors import CompositionError
from quizmail.parsing import contrast_with_white
from quizmail.rendering.content import Brand

#: WCAG 2.2, 1.4.3: how much text must stand out from what it stands on.
_LEAST_CONTRAST = 4.5


def load(loader: BaseLoader, brand: Brand) -> dict[str, Any]:
    """Return ``light`` and ``dark``, each a colour by its name, and ``tints``.

    Raises:
        CompositionError: when the file cannot be read.
    """
    source, _, _ = loader.get_source(Environment(), "palette.toml")  # noqa: S701 - nothing is rendered
    try:
        palette = tomllib.loads(source)
    except tomllib.TOMLDecodeError as problem:
        raise CompositionError(f"palette.toml: {problem}") from problem
    if brand.color:
        for mode in ("light", "dark"):
            palette[mode] |= {"brand": brand.color, "on_brand": "#ffffff"}
    if brand.accent_color:
        palette["light"] |= {"accent": brand.accent_color, "on_accent": "#ffffff"}
        palette["dark"] |= {"accent": lightened(brand.accent_color, palette["dark"]["card"])}
    return palette


def lightened(color: str, behind: str) -> str:
    """Return `color` mixed with as little white as makes it stand out from the dark colour `behind`."""
    mixed = color
    for white in range(0, 101, 5):
        channels = (int(color[place : place + 2], 16) for place in (1, 3, 5))
        mixed = "#" + "".join(f"{value + (255 - value) * white // 100:02x}" for value in channels)
        if contrast_with_white(behind) / contrast_with_white(mixed) >= _LEAST_CONTRAST:
            break
    return mixed
