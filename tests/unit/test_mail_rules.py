"""Every mail of the gallery, read back from its bytes, keeps the rules of the standards and the providers."""

import re
from email.utils import parsedate_to_datetime

from quizmail.gallery.reminders import HOSTILE
from tests.support.gallery import POSTAL_LINES, SITE_NAME, faults, specimens
from tests.support.mails import body, visible

ONCE = (
    *("From", "To", "Subject", "Date", "Message-ID", "MIME-Version", "Content-Type", "Content-Language"),
    *("List-Id", "List-Unsubscribe", "List-Unsubscribe-Post", "Auto-Submitted", "Precedence"),
    *("X-Auto-Response-Suppress", "Feedback-ID"),
)
LINK = re.compile(r"https?://[^\s<>\"]+")
NUMBER = re.compile(r"\d[\d,.:]*\d|\d")
LEFT_OVER = re.compile(r"\{\{|\{%|\{#|%\(|\bNone\b|\bundefined\b|\bnan\b|[\ue000\ue001\ufffd]|\s,|\bTODO\b")
ENCODED_WORD = re.compile(r"=\?[^?\s]+\?[bBqQ]\?[^?\s]*\?=")


def head_of(mail) -> list[str]:
    """The header lines as they travel, folded."""
    return mail.raw.partition(b"\r\n\r\n")[0].decode("ascii").split("\r\n")


def text_of(mail) -> str:
    return body(mail.message, "plain")


def html_of(mail) -> str:
    return body(mail.message, "html")


def without_samples(text: str) -> str:
    """`text` without what the hostile sample typed, on one line and possibly cut."""
    typed = " ".join(HOSTILE.split())
    cut = (re.escape(typed[:length]) + "…?" for length in range(len(typed), 20, -1))
    return re.sub("|".join(cut), "x", text)


# Structure and headers.


def test_a_mail_has_two_parts_without_a_defect_the_plain_one_first():
    def wrong(mail):
        types = [part.get_content_type() for part in mail.message.walk()]
        defects = [part.defects for part in mail.message.walk() if part.defects]
        return types != ["multipart/alternative", "text/plain", "text/html"] or defects

    assert not faults(wrong)


def test_the_parts_arrive_as_they_were_written():
    def wrong(mail):
        written = (mail.parts.text.rstrip(), mail.parts.html.rstrip(), mail.parts.subject)
        return (text_of(mail).rstrip(), html_of(mail).rstrip(), mail.message["Subject"]) != written

    assert not faults(wrong)


def test_every_header_is_there_exactly_once():
    assert not faults(lambda mail: sorted(mail.message.keys()) != sorted(ONCE) and mail.message.keys())


def test_every_message_has_an_id_of_its_own_with_a_domain():
    ids = [mail.message["Message-ID"] for mail in specimens()]

    assert len(set(ids)) == len(ids)
    assert all(re.fullmatch(r"<[a-z0-9.-]{1,64}@[a-z0-9.-]{1,255}>", each) for each in ids)


def test_the_date_is_that_of_the_completed_message_in_utc():
    assert not faults(lambda mail: parsedate_to_datetime(mail.message["Date"]) != mail.sample.at)
    assert not faults(lambda mail: not mail.message["Date"].endswith(" +0000"))


def test_lists_can_be_told_apart_and_left_with_one_click():
    def wrong(mail):
        links = mail.message["List-Unsubscribe"]
        return not (
            re.fullmatch(r"<https://mail\.example\.com/u/[\w.-]+>, <mailto:[^\s<>,]+>", links)
            and mail.message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
            and mail.message["List-Id"].endswith(f"<{mail.sample.kind.plural}.example.com>")
            and len(mail.message["List-Id"]) <= 255
        )

    assert not faults(wrong)


def test_automatic_answers_are_not_asked_for():
    asked = {"Auto-Submitted": "auto-generated", "Precedence": "bulk", "X-Auto-Response-Suppress": "All"}

    assert not faults(lambda mail: any(mail.message[name] != value for name, value in asked.items()))


def test_the_feedback_id_names_no_reader_and_repeats_nothing():
    def wrong(mail):
        fields = mail.message["Feedback-ID"].split(":")
        return len(fields) != 4 or len(set(fields)) != 4 or not 5 <= len(fields[-1]) <= 15

    assert not faults(wrong)


def test_headers_and_bodies_are_ascii_in_lines_that_every_server_takes():
    def too_long(mail):
        # A line without a space between its words cannot be folded.
        head = [line for line in head_of(mail) if len(line) > 78 and " " in line.partition(": ")[2].strip()]
        bodies = [line for line in mail.raw.partition(b"\r\n\r\n")[2].split(b"\r\n") if len(line) > 76]
        return head + bodies

    assert not faults(too_long)
    assert not faults(lambda mail: max(map(len, mail.raw.split(b"\r\n"))) > 998)
    assert not faults(lambda mail: not mail.raw.isascii())
    assert not faults(lambda mail: re.search(rb"(?<!\r)\n|\r(?!\n)", mail.raw))


def test_encoded_words_are_short_and_stand_only_where_they_may():
    def wrong(mail):
        unfolded = re.sub(r"\r\n(?=[ \t])", "", "\r\n".join(head_of(mail))).split("\r\n")
        holders = {line.partition(":")[0] for line in unfolded if "=?" in line}
        quoted = [line for line in unfolded if re.search(r'"[^"]*=\?|<[^>]*=\?', line)]
        long = [word for line in unfolded for word in ENCODED_WORD.findall(line) if len(word) > 75]
        return (holders - {"From", "To", "Subject", "List-Id"}) or quoted or long

    assert not faults(wrong)


def test_no_name_or_title_starts_a_header():
    assert not faults(lambda mail: any(line.lower().startswith("bcc") for line in head_of(mail)))


def test_a_mail_is_smaller_than_the_size_at_which_gmail_cuts():
    assert not faults(lambda mail: len(mail.raw) >= 80_000 and len(mail.raw))


# What the two parts say.


def test_both_parts_say_the_same_numbers():
    def wrong(mail):
        text = set(NUMBER.findall(LINK.sub("", text_of(mail))))
        return text ^ set(NUMBER.findall(visible(html_of(mail))))

    assert not faults(wrong)


def test_both_parts_have_the_same_links_and_all_are_whole_https_addresses():
    def wrong(mail):
        links = {link.get("href") for link in mail.document.findall(".//a")}
        return (links ^ set(LINK.findall(text_of(mail)))) or {
            x for x in links if not x.startswith("https://")
        }

    assert not faults(wrong)


def test_both_parts_say_how_to_stop_and_who_writes():
    def missing(mail):
        stop = mail.message["List-Unsubscribe"].partition(">")[0].lstrip("<")
        shown = {"text": text_of(mail), "html": visible(html_of(mail))}
        lines = [*POSTAL_LINES, SITE_NAME]
        said = [(part, line) for part, text in shown.items() for line in lines if line not in text]
        return said or stop not in text_of(mail) or f'href="{stop}"' not in html_of(mail)

    assert not faults(missing)


def test_nothing_of_a_template_is_left_over():
    def found(mail):
        said = (mail.parts.subject, text_of(mail), visible(html_of(mail)))
        return [match[0] for part in said for match in LEFT_OVER.finditer(without_samples(part))]

    assert not faults(found)


def test_what_people_wrote_is_shown_as_they_wrote_it_and_never_becomes_markup():
    hostile = [mail for mail in specimens() if mail.sample.state == "hostile-names"]
    typed = '<b>"Tom"</b> Bcc: x@example.net'

    assert len(hostile) == 6
    for mail in hostile:
        assert typed in text_of(mail), mail.name
        assert typed in "".join(mail.document.itertext()), mail.name
        assert not [b for b in mail.document.iter("b") if (b.text or "").startswith('"Tom"')], mail.name
    assert not faults(lambda mail: "javascript:" in mail.raw.decode("ascii").lower())
