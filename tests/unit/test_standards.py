"""Every rule of the standards and of the big providers, and which test holds us to it.

A row names tests as ``file: name``, files without ``test_``; or says, as a ``Why``, what keeps a machine
from checking it here.
"""

import ast
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]


class Why(str):
    """Why no test can check a rule."""


FORMAT = {
    "RFC 5322 3.6.4: one Message-ID, unique, the same on every try": [
        "mail_rules: test_every_message_has_an_id_of_its_own_with_a_domain",
        "message: test_a_message_id_depends_on_kind_user_and_period_only",
        "message: test_a_message_id_is_well_formed_and_gives_no_id_away",
    ],
    "RFC 5322 3.6.1: Date is when the message was completed, in UTC as +0000": [
        "mail_rules: test_the_date_is_that_of_the_completed_message_in_utc",
        "message: test_the_date_is_in_utc_whatever_zone_it_came_in",
    ],
    "RFC 5322 2.1.1: lines of at most 998 octets, and 78 where they can be folded": [
        "mail_rules: test_headers_and_bodies_are_ascii_in_lines_that_every_server_takes",
        "message: test_a_long_plain_subject_is_folded_at_spaces",
    ],
    "RFC 2045 6.7, 6.8: encoded body lines of at most 76 characters": [
        "mail_rules: test_headers_and_bodies_are_ascii_in_lines_that_every_server_takes",
        "message: test_body_lines_have_at_most_76_characters",
    ],
    "RFC 2047 2, 5: encoded words are short and stand only in text and phrases": [
        "mail_rules: test_encoded_words_are_short_and_stand_only_where_they_may",
        "message: test_encoded_words_are_short_and_split_no_character",
        "message: test_the_unsubscribe_address_stays_whole_on_one_line",
    ],
    "RFC 2046 5.1.4: alternatives, the plain one first": [
        "mail_rules: test_a_mail_has_two_parts_without_a_defect_the_plain_one_first"
    ],
    "RFC 6531: no local part beyond ASCII; domains as A-labels": [
        "addresses: test_a_mailable_address_is_put_into_its_normal_form",
        "addresses: test_an_address_that_cannot_be_mailed_is_none_and_the_reason_a_word",
    ],
    "RFC 5322 3.6: no header twice": ["mail_rules: test_every_header_is_there_exactly_once"],
    "RFC 5321 4.5.3.1: addresses of a length that servers take": [
        "addresses: test_an_address_that_cannot_be_mailed_is_none_and_the_reason_a_word",
        "returns: test_a_return_path_fits_every_server",
    ],
}

LISTS = {
    "RFC 8058 3.1, RFC 2369 2: one List-Unsubscribe, https first, nothing added in its brackets": [
        "mail_rules: test_lists_can_be_told_apart_and_left_with_one_click",
        "message: test_the_one_click_address_is_preferred_to_the_mail_address",
        "message: test_a_comma_in_the_unsubscribe_address_does_not_make_two_of_it",
    ],
    "RFC 8058 3.1: List-Unsubscribe-Post says One-Click": [
        "mail_rules: test_lists_can_be_told_apart_and_left_with_one_click"
    ],
    "RFC 8058 4: both are signed": ["dkim: test_the_signature_says_what_it_covers"],
    "RFC 8058 3.1, 3.2: a POST without cookies, in both forms, without a redirect, idempotent": [
        "web: test_one_click_stops_that_kind_at_once",
        "web: test_no_answer_sets_a_cookie_or_may_be_kept_framed_or_indexed",
        "web: test_a_forged_token_is_not_found_and_changes_nothing",
    ],
    "RFC 8058 1: a GET changes nothing": ["web: test_a_get_changes_nothing_and_shows_what_a_click_would_do"],
    "RFC 2919: one List-Id of at most 255 octets, stable": [
        "mail_rules: test_lists_can_be_told_apart_and_left_with_one_click",
        "message: test_a_list_id_ends_in_a_stable_identifier",
        "composing: test_identifiers_stay_what_they_have_always_been",
    ],
    "RFC 3834 5, Precedence and X-Auto-Response-Suppress: no automatic answers": [
        "mail_rules: test_automatic_answers_are_not_asked_for"
    ],
    "Google 6254652: one Feedback-ID, a sender of 5 to 15 characters, no reader, no field twice": [
        "mail_rules: test_the_feedback_id_names_no_reader_and_repeats_nothing",
        "composing: test_no_field_of_the_feedback_id_says_what_another_one_says_or_who_the_reader_is",
    ],
}

REPLIES = {
    "RFC 5321 4.2.1: the first digit decides, never the text": [
        "mailer: test_a_replys_class_is_its_first_digit",
        "replies: test_every_refusal_has_a_verdict_and_a_temporary_one_is_never_a_rejection",
        "bounces: test_the_words_of_a_report_decide_nothing",
    ],
    "RFC 3463, every class of codes: what is done about it": [
        "replies: test_a_reply_is_judged_by_its_row",
        "replies: test_an_address_is_only_accused_by_a_reply_that_may_speak_of_it",
    ],
    "Dead address: suppressed at once": ["consequences: test_a_dead_address_is_suppressed_at_once"],
    "Full mailbox: never on the first hit": [
        "consequences: test_a_full_mailbox_is_only_noted",
        "bounces: test_soft_failures_suppress_after_three_days",
    ],
    "Rate and reputation: the domain rests, the address is spared": [
        "consequences: test_a_rate_reply_rests_the_domain_and_spares_the_address"
    ],
    "Our sender is refused: everything is held, no try is used up": [
        "consequences: test_a_relay_that_refuses_our_sender_holds_everything_and_burns_no_try"
    ],
    "Our fault in the content: its kind is held, the address is spared": [
        "consequences: test_our_own_fault_in_the_content_holds_the_kind_and_spares_the_address"
    ],
    "RFC 5321 4.5.4.1: tries end, for a reminder with the reader's day": [
        "delivery: test_five_temporary_refusals_end_in_rejected",
        "delivery: test_a_mail_whose_time_has_passed_expires",
    ],
}

TRANSPORT = {
    "RFC 5321 4.5.3.2: the answer to the body is waited for longest": [
        "mailer_body: test_the_answer_to_the_body_is_waited_for_longer_than_that_to_a_command"
    ],
    "RFC 1047: no answer after the body is never tried again by itself": [
        "delivery: test_no_answer_after_the_body_is_unknown_and_stays_so"
    ],
    "RFC 5321 4.1: connections are kept, reset and quit": [
        "mailer: test_the_connection_is_kept_and_replaced_after_so_many_mails",
        "mailer: test_a_connection_idle_for_over_a_minute_is_replaced",
        "mailer_announcing: test_a_refusal_is_a_reply_and_the_connection_goes_on_after_rset",
    ],
    "RFC 2920: commands are grouped where that is offered, and every answer counts": [
        "mailer: test_commands_are_grouped_only_when_the_server_offers_it",
        "mailer_announcing: test_the_first_refusal_counts_whatever_follows_it",
    ],
    "Certificates are verified": [
        "mailer_tls: test_a_certificate_of_an_unknown_authority_refuses",
        "mailer_tls: test_a_certificate_of_another_name_refuses",
    ],
    "RFC 3207 6: nothing that was said before STARTTLS counts after it": [
        "mailer_connecting: test_starttls_that_fails_is_no_answer_and_never_goes_on_in_clear",
        "mailer_tls: test_what_the_server_says_unasked_is_noticed_over_tls",
    ],
    "RFC 3461: reports of failure and delay are asked for where they are offered": [
        "mailer_reports: test_reports_of_failure_and_delay_are_asked_for_where_they_are_offered"
    ],
}

AUTHENTICATION = {
    "RFC 6376, 8301, 8463: rsa-sha256 and ed25519, verified by another implementation": [
        "dkim: test_every_kind_of_mail_verifies",
        "dkim: test_a_key_that_cannot_sign_is_one_clear_line",
    ],
    "RFC 6376 5.4: what is signed; From once more than it is there": [
        "dkim: test_the_signature_says_what_it_covers",
        "dkim: test_another_from_does_not_verify",
    ],
    "RFC 7489 3.1: From is aligned with the signature or with SPF": [
        "doctor_senders: test_what_is_aligned_with_nothing_is_bad",
        "doctor_senders: test_alignment_is_relaxed_unless_the_domain_is_strict",
    ],
}

PROVIDERS = {
    "Gmail, Yahoo: SPF, DKIM and DMARC are published": [
        "doctor_senders: test_what_is_missing_or_wrong_is_bad"
    ],
    "Gmail: each list has its own List-Id, and may have its own From": [
        "mail_rules: test_lists_can_be_told_apart_and_left_with_one_click",
        "composing: test_each_kind_may_have_a_sender_of_its_own",
    ],
    "Gmail, Yahoo: one click and a visible link, obeyed within two days": [
        "mail_rules: test_both_parts_say_how_to_stop_and_who_writes",
        "delivery: test_who_unsubscribed_after_planning_is_skipped",
        "delivery: test_a_stop_while_the_server_was_being_asked_is_obeyed",
    ],
    "Gmail: forward and reverse DNS, TLS of the sending host": Why("the relay's own, not ours to set"),
    "Gmail, Yahoo: spam rate below 0.3 %": Why("only the provider counts it"),
    "Gmail: 5,000 mails a day make a bulk sender for good": Why("a status that the provider keeps"),
    "Microsoft: 550 5.7.515 for who is not authenticated": ["replies: test_a_reply_is_judged_by_its_row"],
}

DOCUMENT = {
    "Two parts, the text with every link and the same numbers": [
        "mail_rules: test_both_parts_have_the_same_links_and_all_are_whole_https_addresses",
        "mail_rules: test_both_parts_say_the_same_numbers",
    ],
    "Doctype, title, charset, viewport, color-scheme": ["mail_documents: test_a_document_says_what_it_is"],
    "Language and direction": [
        "mail_documents: test_a_document_names_its_language_and_direction_and_so_does_the_message"
    ],
    "A hidden preheader of 40 to 130 characters, filled up": [
        "mail_documents: test_the_preheader_comes_first_and_is_of_a_length_that_is_shown",
        "mail_documents: test_the_preheader_is_filled_up_so_that_the_body_does_not_follow_it",
    ],
    "Below 102 KB, by a margin; what must be seen is not cut off": [
        "mail_rules: test_a_mail_is_smaller_than_the_size_at_which_gmail_cuts"
    ],
    "No script, form, outer style sheet, frame, position": [
        "mail_documents: test_nothing_is_in_it_that_clients_refuse"
    ],
    "Pictures with words, sizes and https": [
        "mail_documents: test_every_picture_has_a_size_and_words_and_travels_encrypted"
    ],
    "Layout tables say that they are": ["mail_documents: test_every_table_is_for_layout_and_says_so"],
    "One first heading": ["mail_documents: test_there_is_one_first_heading"],
    "Contrast of 4.5 to 1, light and dark": [
        "rendering: test_every_text_has_enough_contrast",
        "mail_in_browser: test_axe_finds_nothing_in_a_mail",
    ],
    "Text of 14 pixels and more, targets of 44": [
        "mail_documents: test_text_is_never_smaller_than_14_pixels",
        "mail_in_browser: test_every_link_is_at_least_44_pixels_high",
    ],
    "A button that Outlook shows": ["mail_documents: test_a_button_is_one_for_outlook_too"],
    "Unsubscribe link and postal address, visible": [
        "mail_rules: test_both_parts_say_how_to_stop_and_who_writes"
    ],
    "Absolute https links": [
        "mail_rules: test_both_parts_have_the_same_links_and_all_are_whole_https_addresses"
    ],
    "Nothing of a template left over": ["mail_rules: test_nothing_of_a_template_is_left_over"],
    "What people wrote is escaped": [
        "mail_rules: test_what_people_wrote_is_shown_as_they_wrote_it_and_never_becomes_markup",
        "mail_rules: test_no_name_or_title_starts_a_header",
    ],
    "Parses without errors": ["mail_documents: test_the_html_parses_without_errors"],
    "Styles in the elements; a sheet below 16 KB that may be missing": [
        "mail_clients: test_no_mail_needs_what_one_of_eight_big_clients_does_not_know",
        "mail_clients: test_the_style_sheet_is_smaller_than_gmail_takes",
    ],
    "Padding on cells only, where it matters to Outlook": [
        "mail_clients: test_cells_alone_are_padded_where_the_layout_rests_on_it"
    ],
    "Dark mode that survives forced inversion": Why(
        "each client inverts in its own secret way; that dark mode is dark is tested, see mail_in_browser"
    ),
}

TABLE = FORMAT | LISTS | REPLIES | TRANSPORT | AUTHENTICATION | PROVIDERS | DOCUMENT


def known() -> set[str]:
    """Every test that there is, as the table names it."""
    return {
        f"{path.stem.removeprefix('test_')}: {node.name}"
        for path in TESTS.glob("*/test_*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
    }


def test_every_rule_has_a_test_that_exists_or_says_why_it_has_none():
    named = {name for row in TABLE.values() if not isinstance(row, Why) for name in row}

    assert named - known() == set()
    assert all(TABLE.values())


@pytest.mark.parametrize("part", [FORMAT, LISTS, REPLIES, TRANSPORT, AUTHENTICATION, DOCUMENT])
def test_hardly_a_rule_goes_unchecked(part):
    assert len([row for row in part.values() if isinstance(row, Why)]) <= 1
