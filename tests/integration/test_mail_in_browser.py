"""Every mail in a real browser: nothing overflows, links are easy to hit, dark is dark, and axe is content.

The mails stand in the gallery, as `make preview` writes it, and so the gallery is looked at as well.
"""

import pytest

from quizmail.gallery import INDEX, LOCALES, samples, write_gallery
from quizmail.states import Kind
from tests.support.gallery import composer

PHONE, DESKTOP = 320, 1000
BUTTONS = {PHONE: "phone", DESKTOP: "desktop"}
VIEWS = [(width, dark) for width in BUTTONS for dark in (False, True)]
each_view = pytest.mark.parametrize(
    ("width", "dark"), VIEWS, ids=lambda value: str(value) if value > 1 else "dark" if value else "light"
)

#: Loads every frame, those out of sight too.
LOAD = """
Promise.all([...document.querySelectorAll("iframe")].map(frame => new Promise(loaded => {
  if (frame.contentDocument.readyState === "complete" && frame.contentDocument.title) return loaded();
  frame.addEventListener("load", loaded, {once: true});
  frame.loading = "eager";
}))).then(() => null)
"""
MEASURE = """
new Promise(drawn => requestAnimationFrame(() => requestAnimationFrame(drawn))).then(() =>
  [...document.querySelectorAll("iframe")].map(frame => {
    const page = frame.contentDocument, root = page.documentElement, card = page.querySelector(".card");
    const boxes = [...page.querySelectorAll("a")].map(link => link.getBoundingClientRect());
    return {
      name: frame.title, width: root.clientWidth, content: root.scrollWidth,
      cut: [...page.querySelectorAll("td")].filter(cell => cell.scrollWidth > cell.clientWidth + 1).length,
      lowest: Math.min(...boxes.map(box => box.height)),
      card: frame.contentWindow.getComputedStyle(card).backgroundColor,
      shell: Math.round(card.getBoundingClientRect().width),
      outside: boxes.filter(box => box.left < 0 || box.right > root.clientWidth).length,
    };
  }))
"""
#: axe is asked about the states that differ in what they show, not in their words alone.
LOOKED_AT = [
    "reminder-usual-en",
    "reminder-hostile-names-en",
    "reminder-right-to-left-names-de",
    "reminder-bare-ar-XB",
    "report-usual-en",
    "report-not-graded-en",
    "report-hostile-names-de",
    "report-first-ar-XB",
]
#: What width and colours have a say in; the others are asked once.
CHANGING = ("color-contrast", "target-size", "link-in-text-block", "scrollable-region-focusable")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    written = tmp_path_factory.mktemp("gallery")
    write_gallery(composer(), written)
    return written


@pytest.fixture(scope="module")
def measured(browser, folder):
    """What the browser measures of every mail, by width and darkness, which the gallery's switches choose."""
    browser.open(folder / INDEX, 1400, dark=None)
    browser.evaluate(LOAD)
    found = {}
    for width, dark in VIEWS:
        mode = "dark" if dark else "light"
        browser.evaluate(
            f"for (const id of ['{BUTTONS[width]}', '{mode}']) document.getElementById(id).click()"
        )
        found[width, dark] = browser.evaluate(MEASURE)
    return found


@each_view
def test_nothing_overflows(measured, width, dark):
    mails = measured[width, dark]

    assert [mail["name"] for mail in mails] == [sample.name for sample in samples()]
    assert {mail["width"] for mail in mails} == {width}
    assert [mail for mail in mails if mail["content"] > width or mail["cut"] or mail["outside"]] == []


@each_view
def test_the_card_is_as_wide_as_a_phone_allows_and_600_pixels_on_a_desktop(measured, width, dark):
    widths = {mail["shell"] for mail in measured[width, dark]}

    assert widths == {600} if width == DESKTOP else min(widths) >= 300


@each_view
def test_every_link_is_at_least_44_pixels_high(measured, width, dark):
    assert [mail for mail in measured[width, dark] if mail["lowest"] < 44] == []


@each_view
def test_the_card_is_dark_in_dark_mode_only(measured, width, dark):
    channels = [
        int(each)
        for mail in measured[width, dark]
        for each in mail["card"].removeprefix("rgb(").removesuffix(")").split(",")
    ]

    assert max(channels) < 64 if dark else min(channels) > 192


@pytest.mark.parametrize("name", LOOKED_AT)
def test_axe_finds_nothing_in_a_mail(browser, folder, name):
    browser.open(folder / f"{name}.html", DESKTOP)
    found = browser.violations()
    for width, dark in VIEWS[1:]:
        browser.show(width, dark=dark)
        found += browser.violations(*CHANGING)

    assert found == []


def test_what_axe_looks_at_has_every_kind_and_locale():
    looked_at = [sample for sample in samples() if sample.name in LOOKED_AT]

    assert len(looked_at) == len(LOOKED_AT)
    assert {sample.kind for sample in looked_at} == set(Kind)
    assert {sample.locale for sample in looked_at} == set(LOCALES)
