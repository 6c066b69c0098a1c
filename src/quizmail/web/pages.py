"""The reader's pages: stop a kind of mail, and take it back. A blueprint that any Flask app can mount."""

from collections.abc import Sequence
from pathlib import Path

from flask import Blueprint, Response, abort, make_response, request
from jinja2 import Environment, FileSystemLoader

from quizmail import recipients
from quizmail.errors import InvalidToken
from quizmail.links import Links
from quizmail.rendering import Site
from quizmail.states import Kind, Preference

#: What the reader reads instead of the name of a kind.
KIND_NAMES = {Kind.REMINDER: "daily reminders", Kind.REPORT: "monthly reports"}


def mail_pages(links: Links, site: Site, folders: Sequence[Path]) -> Blueprint:
    """Return the blueprint with ``/u/<token>``; `folders` names where ``pages/*.html`` are looked for.

    A GET changes nothing, because mail scanners follow links (RFC 8058 section 1). A POST stops the kind
    at once, without a login, a cookie or a redirect (RFC 8058 sections 3.1 and 3.2); it is idempotent.
    """
    blueprint = Blueprint("mail_pages", __name__)
    templates = Environment(loader=FileSystemLoader(folders), autoescape=True)
    page = templates.get_template("pages/unsubscribe.html")

    def show(kind: Kind, preference: Preference) -> Response:
        html = page.render(site=site, kind_name=KIND_NAMES[kind], off=preference is Preference.OFF)
        response = make_response(html)
        response.headers["Referrer-Policy"] = "no-referrer"
        response.headers["Content-Security-Policy"] = (
            "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; frame-ancestors 'none'"
        )
        response.headers["Cache-Control"] = "no-store"
        return response

    def named(token: str) -> tuple[int, Kind]:
        try:
            return links.read(token)
        except InvalidToken:
            abort(404)

    @blueprint.get("/u/<token>")
    def confirm(token: str) -> Response:
        """Show what the reader may do, and what holds now."""
        recipient_id, kind = named(token)
        return show(kind, recipients.preference(recipient_id, kind) or Preference.OFF)

    @blueprint.post("/u/<token>")
    def change(token: str) -> Response:
        """Stop the kind of mail, or begin it again when the form says so."""
        recipient_id, kind = named(token)
        wanted = Preference.ON if request.form.get("action") == "subscribe" else Preference.OFF
        # Of somebody whom we have forgotten nothing is kept, so nothing will be sent either.
        known = recipients.set_preference(recipient_id, kind, wanted)
        return show(kind, wanted if known else Preference.OFF)

    return blueprint
