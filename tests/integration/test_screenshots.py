"""Mails and pages look as they did when their pictures were last looked at and kept (`make pictures`)."""

import json

import pytest

from tests.support import pictures


@pytest.fixture(scope="module")
def here(browser):
    """The browser, if it draws as the one did that drew the kept pictures."""
    kept = json.loads(pictures.DRAWN_WITH.read_text())
    if kept != pictures.drawn_with(browser):
        pytest.skip(f"the kept pictures were drawn by {kept['browser']} with other fonts than are here")
    return browser


@pytest.fixture(scope="module")
def taken(here, tmp_path_factory):
    pages = tmp_path_factory.mktemp("pages")
    pictures.write_pages(pages)
    return dict(pictures.take(here, pages))


@pytest.mark.parametrize("name", pictures.PICTURES)
def test_it_looks_as_it_was_kept(here, taken, name, tmp_path):
    kept = (pictures.KEPT / f"{name}.png").read_bytes()

    differing = pictures.difference(here, kept, taken[name])

    if differing > pictures.PIXELS:
        (tmp_path / f"{name}.png").write_bytes(taken[name])
        pytest.fail(f"{differing} pixels differ: see {tmp_path}, then `make pictures` to keep it")


def test_a_difference_is_seen(here, taken):
    light, dark = taken["reminder-320-light"], taken["reminder-320-dark"]

    assert pictures.difference(here, light, light) == 0
    assert pictures.difference(here, light, dark) > 100_000
    assert pictures.difference(here, light, taken["report-320-light"]) > 100_000


def test_every_kept_picture_is_compared():
    assert {path.stem for path in pictures.KEPT.glob("*.png")} == set(pictures.PICTURES)
