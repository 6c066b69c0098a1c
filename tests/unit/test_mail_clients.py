"""What every mail needs, eight big mail clients have; what they lack, it can do without."""

import re
from functools import cache

from tests.support import caniemail
from tests.support.gallery import faults, specimens

EIGHT = {
    "gmail.desktop-webmail",
    "gmail.mobile-webmail",
    "gmail.android",
    "outlook.windows",
    "outlook.outlook-com",
    "apple-mail.ios",
    "yahoo.desktop-webmail",
    "mail-ru.desktop-webmail",
}

#: What at least one of the eight does not know, and why no reader misses anything there.
NOT_LOAD_BEARING = {
    "css-border-radius": "corners are square",
    "css-color-scheme": "the client chooses the colours, as it would without it",
    "css-display-none": "the preheader has no height, and one pixel of text in the colour behind it",
    "css-height": "the bar's line height holds it open",
    "css-max-height": "Outlook hides the preheader by mso-hide",
    "css-overflow": "Outlook hides the preheader by mso-hide",
    "css-overflow-wrap": "a single word that is too long widens the mail",
    "css-table-layout": "columns are as wide as their widths say, where their words allow it",
    "css-white-space": "the word New may be broken in two",
    "css-word-break": "a single word that is too long widens the mail",
    "html-aria-hidden": "a letter that repeats what is beside it is read aloud",
    "html-body": "the colour behind the card also stands in the outermost table",
    "html-style": "style sheets hold only what may be missing: narrow screens, dark mode, the pointer",
}
#: What the data knows nothing about, and why it may be used.
NO_DATA = {
    "?color": "as old as style sheets",
    "?font-family": "every list ends with a generic family",
    "?mso-hide": "for Outlook on Windows only",
    "?-webkit-text-size-adjust": "for phones that enlarge text by themselves",
    "?-ms-text-size-adjust": "for phones that enlarge text by themselves",
}


@cache
def asked():
    """Everything that the mails ask for, each with the name of one that asks it."""
    return {each: mail.name for mail in specimens() for each in caniemail.asked_inline(mail.document)}


def test_the_data_is_about_the_eight():
    assert set(caniemail.data()["clients"]) == EIGHT


def test_no_mail_needs_what_one_of_eight_big_clients_does_not_know():
    lacking = {
        feature: (mail, caniemail.without(feature))
        for feature, mail in asked().items()
        if not feature.startswith("?") and caniemail.without(feature)
    }

    assert lacking.keys() - NOT_LOAD_BEARING.keys() == set(), lacking


def test_what_the_data_knows_nothing_about_is_named():
    assert {each for each in asked() if each.startswith("?")} - NO_DATA.keys() == set()


def test_no_exception_is_made_that_no_mail_needs():
    assert (NOT_LOAD_BEARING.keys() | NO_DATA.keys()) - asked().keys() == set()


def test_layout_rests_on_nothing_that_outlook_or_gmail_lacks():
    forbidden = re.compile(
        r"css-(display-(flex|grid)|variables|position|float|background-image|gap)$|html-semantics|html-svg"
    )

    assert not [each for each in asked() if forbidden.match(each)]


def test_cells_alone_are_padded_where_the_layout_rests_on_it():
    """Outlook on Windows pads no other element; a link or a badge without padding is merely smaller."""
    padded = re.compile(r"<(\w+)[^>]*?style=\"[^\"]*?padding")

    assert not faults(lambda mail: set(padded.findall(mail.parts.html)) - {"td", "a", "span", "body"})


def test_the_style_sheet_is_smaller_than_gmail_takes():
    sheet = re.compile("(?s)<style.*?</style>")

    assert not faults(lambda mail: len("".join(sheet.findall(mail.parts.html))) >= 16_000)
