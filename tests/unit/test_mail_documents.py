"""The HTML part of every mail of the gallery is a document that clients and screen readers understand."""

import re

from tests.support.gallery import branded, faults

#: Never in a mail: clients drop it, or drop the mail.
FORBIDDEN = {
    *("script", "form", "input", "button", "link", "iframe", "frame", "object", "embed", "base", "svg"),
    *("video", "audio", "canvas"),
}
RIGHT_TO_LEFT = "ar-XB"
PADDING = re.compile("[\u200c\u00a0\u034f\u00ad\\s]+")


def texts(element, size: float = 16.0, hidden: bool = False):
    """Yield each text of `element` with the font size that it has, in pixels; hidden text is left out."""
    style = element.get("style", "")
    found = re.search(r"font-size:\s*([\d.]+)px", style)
    size = float(found[1]) if found else size
    hidden = hidden or "display: none" in style or element.tag in {"style", "title", "head"}
    if not hidden:
        yield element.text or "", size
    for child in element:
        if isinstance(child.tag, str):
            yield from texts(child, size, hidden)
        if not hidden:
            yield child.tail or "", size


def preheader_of(mail) -> str:
    """What clients show beside the subject: the document's first text, which is hidden."""
    hidden = next(each for each in mail.document.find("body").iter() if (each.text or "").strip())
    assert "display: none" in hidden.get("style", ""), mail.name
    return PADDING.sub(" ", "".join(hidden.itertext())).strip()


def test_the_html_parses_without_errors():
    assert not faults(lambda mail: mail.errors)


def test_a_document_says_what_it_is():
    def wrong(mail):
        metas = {meta.get("name"): meta.get("content") for meta in mail.document.iter("meta")}
        return not (
            mail.parts.html.startswith(("<!DOCTYPE html>", "<!doctype html>"))
            and mail.document.findtext(".//title") == mail.parts.subject
            and mail.document.find(".//meta[@charset]").get("charset") == "utf-8"
            and metas["viewport"].startswith("width=device-width")
            and metas["color-scheme"] == "light dark"
        )

    assert not faults(wrong)


def test_a_document_names_its_language_and_direction_and_so_does_the_message():
    def wrong(mail):
        tag, direction = mail.document.get("lang"), mail.document.get("dir")
        expected = "rtl" if mail.sample.locale == RIGHT_TO_LEFT else "ltr"
        return (tag, direction) != (mail.sample.locale, expected) or mail.message["Content-Language"] != tag

    assert not faults(wrong)


def test_the_preheader_comes_first_and_is_of_a_length_that_is_shown():
    assert not faults(lambda mail: not 40 <= len(preheader_of(mail)) <= 130 and preheader_of(mail))


def test_the_preheader_is_filled_up_so_that_the_body_does_not_follow_it():
    assert not faults(lambda mail: mail.parts.html.count("&zwnj;&nbsp;") < 50)


def test_nothing_is_in_it_that_clients_refuse():
    def found(mail):
        tags = {element.tag for element in mail.document.iter() if isinstance(element.tag, str)} & FORBIDDEN
        handlers = {
            name for element in mail.document.iter() for name in element.attrib if name.startswith("on")
        }
        return tags | handlers

    assert not faults(found)
    styles = re.compile(r"position\s*:|javascript:|expression\(|@import|url\(", re.IGNORECASE)
    assert not faults(lambda mail: styles.search(mail.parts.html))


def test_every_picture_has_a_size_and_words_and_travels_encrypted():
    assert not faults(lambda mail: [image.attrib for image in mail.document.iter("img")])
    for mail in branded():
        [logo] = mail.document.iter("img")
        assert logo.get("src") == "https://quiz.example.com/logo.png"
        assert logo.attrib.keys() >= {"alt", "width", "height"}
        assert not mail.errors and len(mail.raw) < 80_000


def test_every_table_is_for_layout_and_says_so():
    tables = re.compile(r"<table\b[^>]*>")
    # Outlook's own tables stand in comments.
    assert not faults(lambda mail: [x for x in tables.findall(mail.parts.html) if "presentation" not in x])
    assert not faults(lambda mail: not tables.search(mail.parts.html))


def test_there_is_one_first_heading():
    assert not faults(lambda mail: len(mail.document.findall(".//h1")) != 1)


def test_text_is_never_smaller_than_14_pixels():
    def small(mail):
        return [text for text, size in texts(mail.document) if size < 14 and PADDING.sub("", text)]

    assert not faults(small)


def test_a_button_is_one_for_outlook_too():
    def wrong(mail):
        html = mail.parts.html
        return html.count("<v:roundrect") != html.count('class="button"') or "<!--[if mso]><v:" not in html

    assert not faults(wrong)
