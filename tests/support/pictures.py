"""The kept pictures: taken anew by `make pictures`, and compared with what is shown now.

A picture depends on the fonts and the browser that drew it. Beside the pictures lies what they were drawn
with; where that differs, nothing can be said by comparing, and nothing is.
"""

import base64
import json
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from quizmail import database, models, wiring
from quizmail.gallery import LOCALES, write_gallery
from quizmail.settings import load
from quizmail.states import Kind
from quizmail.web.app import create_app
from tests.support.browser import CHROMIUM, Browser
from tests.support.configuration import environment
from tests.support.gallery import POSTAL_LINES, composer

PROJECT = Path(__file__).parents[2]
KEPT = PROJECT / "tests" / "screenshots"
DRAWN_WITH = KEPT / "drawn-with.json"
README = PROJECT / "docs" / "images"

#: A difference of so many steps of 255 in a channel, or of so many pixels, is none: a letter has more.
STEPS, PIXELS = 24, 40

_RIGHT_TO_LEFT = LOCALES[-1]
#: Name of a kept picture -> the page, the width and the mode that it shows.
PICTURES = {
    f"{name}-{width}-{mode}": (page, width, mode)
    for name, page in (
        ("reminder", "reminder-usual-en"),
        ("report", "report-usual-en"),
        ("preferences", "preferences"),
    )
    for width in (320, 1000)
    for mode in ("light", "dark")
} | {"report-320-right-to-left": (f"report-usual-{_RIGHT_TO_LEFT}", 320, "light")}

#: How wide a few words are in the fonts that mails and pages ask for.
_FONTS = """
["-apple-system, Roboto, Helvetica, Arial, sans-serif", "system-ui, sans-serif", "serif"].map(font => {
  const pen = document.createElement("canvas").getContext("2d");
  return ["400 17px ", "800 30px "].map(size => {
    pen.font = size + font;
    return pen.measureText("Quizzes: 1,204 öffnen — ما هي؟").width;
  });
})
"""
#: How many pixels differ; all of them when the sizes do.
_COMPARE = """
(async sources => {
  const [kept, now] = await Promise.all(sources.map(async source => {
    const image = new Image();
    image.src = "data:image/png;base64," + source;
    await image.decode();
    const canvas = new OffscreenCanvas(image.width, image.height), pen = canvas.getContext("2d");
    pen.drawImage(image, 0, 0);
    return pen.getImageData(0, 0, image.width, image.height);
  }));
  if (kept.width !== now.width || kept.height !== now.height) return kept.width * kept.height;
  let differing = 0;
  for (let i = 0; i < kept.data.length; i += 4)
    if ([0, 1, 2].some(j => Math.abs(kept.data[i + j] - now.data[i + j]) > %d)) differing++;
  return differing;
})(%s)
"""


def drawn_with(browser: Browser) -> dict:
    """What decides how a page looks here, besides the page: the browser, and the widths of words."""
    browser.open("about:blank")
    product = browser.call("Browser.getVersion")["product"]
    return {"browser": product.partition(".")[0], "widths": browser.evaluate(_FONTS)}


def write_pages(folder: Path) -> None:
    """Write the gallery and the preference page into `folder`; our tables are bound to a file there."""
    write_gallery(composer(), folder)
    settings = load(environment(POSTAL_ADDRESS="\n".join(POSTAL_LINES)))
    opened = database.connect(f"sqlite:///{folder}/quizmail.db")
    models.bind(opened)
    database.migrate(datetime(2026, 1, 1, tzinfo=UTC))
    recipient = models.Recipient.create(user_id="7")
    link = wiring.links_of(settings).unsubscribe(recipient.id, Kind.REMINDER)
    answer = create_app(settings).test_client().get(link.removeprefix(settings.base_url))
    (folder / "preferences.html").write_text(answer.text, encoding="utf-8")
    opened.close()


def take(browser: Browser, folder: Path) -> Iterator[tuple[str, bytes]]:
    """Yield the name of every kept picture and what it looks like now; the pages are in `folder`."""
    for name, (page, width, mode) in PICTURES.items():
        browser.open(folder / f"{page}.html", width, dark=mode == "dark")
        yield name, browser.picture(width)


def difference(browser: Browser, kept: bytes, now: bytes) -> int:
    """How many pixels differ visibly between two PNGs; all of them when their sizes do."""
    sources = [base64.b64encode(each).decode("ascii") for each in (kept, now)]
    return browser.evaluate(_COMPARE % (STEPS, json.dumps(sources)))


def main() -> None:
    """Take every picture anew: those that are compared, and those of the README."""
    if CHROMIUM is None:
        raise SystemExit("Pictures are taken by Chromium, and there is none on the PATH.")
    KEPT.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as temporary:
        pages = Path(temporary, "pages")
        write_pages(pages)
        browser = Browser(Path(temporary, "profile"))
        for name, picture in take(browser, pages):
            (KEPT / f"{name}.png").write_bytes(picture)
        DRAWN_WITH.write_text(json.dumps(drawn_with(browser), indent=1) + "\n")
        for kind in Kind:
            browser.open(pages / f"{kind}-usual-en.html", 640)
            (README / f"{kind}.png").write_bytes(browser.picture(640))
        browser.close()


if __name__ == "__main__":
    main()
