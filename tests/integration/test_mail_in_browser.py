"""Both mails in a real browser: nothing overflows, links are big enough to hit, and dark mode is dark."""

import json
import re
import shutil
import subprocess
from html import escape, unescape

import pytest

from quizmail.states import Kind
from tests.support.facts import a_quiz, a_result
from tests.support.mails import render

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium here")

#: Loads each mail in a frame of its own width (a window cannot be as narrow) and measures it.
PAGE = """<!doctype html><body>%s<script>
const seen = [];
onload = () => {
  for (const frame of document.querySelectorAll("iframe")) {
    const page = frame.contentDocument, root = page.documentElement;
    const links = [...page.querySelectorAll("a")].map(link => link.getBoundingClientRect().height);
    const card = page.querySelector(".card");
    seen.push({
      id: frame.id, width: root.clientWidth, content: root.scrollWidth,
      cut: [...page.querySelectorAll("td")].filter(cell => cell.scrollWidth > cell.clientWidth + 1).length,
      lowest: Math.min(...links), card: frame.contentWindow.getComputedStyle(card).backgroundColor,
      shell: Math.round(card.getBoundingClientRect().width),
    });
  }
  document.body.textContent = JSON.stringify(seen);
};
</script></body>"""

LONG = {
    Kind.REMINDER: {
        "name": "N" * 300,
        "quizzes": [a_quiz(title="W" * 300, category="C" * 300), a_quiz(title="ما هي؟ " * 30)],
        "more": 695,
    },
    Kind.REPORT: {
        "name": "N" * 300,
        "taken": 12_345,
        "rank": 12_345,
        "of": 1_234_567,
        "quizzes": [a_result(title="W" * 300, category="C" * 300, best=-1234.5), a_result(best=None)],
    },
}
MAILS = [(kind, label, changes) for kind in Kind for label, changes in (("usual", {}), ("long", LONG[kind]))]


def chromium(folder, page, *options):
    """Run the browser on `page` without a window and return what it prints."""
    path = folder / "page.html"
    path.write_text(page, encoding="utf-8")
    command = [CHROMIUM, "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
    command += ["--hide-scrollbars", f"--user-data-dir={folder / 'profile'}", *options, path.as_uri()]
    return subprocess.run(command, capture_output=True, check=True, timeout=120).stdout.decode()


@pytest.fixture(scope="module", params=["light", "dark"])
def measured(request, tmp_path_factory):
    """The mode, and what the browser measured of every mail at 320 and at 1000 pixels."""
    frames = "".join(
        f'<iframe id="{kind}-{label}-{width}" width="{width}" height="900" style="border:0" '
        f'srcdoc="{escape(render(kind, **changes).html)}"></iframe>'
        for kind, label, changes in MAILS
        for width in (320, 1000)
    )
    mode = ["--blink-settings=preferredColorScheme=0"] if request.param == "dark" else []
    shown = chromium(tmp_path_factory.mktemp("browser"), PAGE % frames, "--dump-dom", *mode)
    return request.param, json.loads(unescape(re.search(r"(?s)<body>(.*?)</body>", shown)[1]))


def test_nothing_overflows(measured):
    _, mails = measured

    assert len(mails) == 8
    for mail in mails:
        assert mail["content"] <= mail["width"], mail
        assert mail["cut"] == 0, mail


def test_the_card_is_as_wide_as_a_phone_allows_and_600_pixels_on_a_desktop(measured):
    _, mails = measured

    assert {mail["shell"] for mail in mails if mail["width"] == 1000} == {600}
    assert all(mail["shell"] >= 300 for mail in mails if mail["width"] == 320)


def test_every_link_is_at_least_44_pixels_high(measured):
    _, mails = measured

    assert min(mail["lowest"] for mail in mails) >= 44


def test_the_card_is_dark_in_dark_mode_only(measured):
    mode, mails = measured

    assert {mail["card"] for mail in mails} == {"rgb(30, 26, 40)" if mode == "dark" else "rgb(255, 255, 255)"}


@pytest.mark.parametrize("kind", list(Kind))
def test_a_mail_can_be_pictured(tmp_path, kind):
    picture = tmp_path / "mail.png"

    chromium(tmp_path, render(kind).html, "--window-size=1000,1200", f"--screenshot={picture}")

    assert picture.read_bytes().startswith(b"\x89PNG") and picture.stat().st_size > 10_000
