"""The demo's web pages: the inbox, every mail in it, and a stand-in for the quiz platform's own pages.

Mails hold what strangers wrote. Everything is escaped, a mail's HTML is only ever shown inside a
sandbox, and the Content-Security-Policy of every page forbids scripts.
"""

from collections import Counter
from itertools import islice
from pathlib import Path

from flask import Blueprint, Response, abort, make_response, render_template, request

from quizmail.demo.inbox import Inbox, is_name
from quizmail.demo.mails import OTHER, content, mail, mails, opening_links_outside
from quizmail.states import Kind

_PAGE = 50  # mails

_PAGE_POLICY = (
    "default-src 'none'; style-src 'self'; img-src data:; frame-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'self'"
)
_MAIL_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; form-action 'none'; "
    "sandbox allow-popups allow-popups-to-escape-sandbox; frame-ancestors 'self'"
)


def inbox_pages(folder: Path) -> Blueprint:
    """Return the pages ``/inbox``, ``/inbox/<name>`` and ``/quiz`` over the mails stored in `folder`."""
    inbox = Inbox(folder.resolve())
    pages = Blueprint(
        "inbox",
        __name__,
        template_folder="templates",
        static_folder="static",
        static_url_path="/inbox/static",
    )

    @pages.after_request
    def guard(response: Response) -> Response:
        response.headers.setdefault("Content-Security-Policy", _PAGE_POLICY)
        response.headers["X-Content-Type-Options"] = "nosniff"
        response.headers["Referrer-Policy"] = "no-referrer"
        return response

    @pages.get("/inbox")
    def listing() -> str:
        return _listing(inbox)

    @pages.get("/inbox/<name>")
    def reading(name: str) -> str:
        return _reading(inbox, _existing(inbox, name))

    @pages.get("/inbox/<name>/html")
    def html(name: str) -> Response:
        body = content(inbox, _existing(inbox, name)).html
        response = make_response(opening_links_outside(body))
        response.headers["Content-Security-Policy"] = _MAIL_POLICY
        return response

    @pages.get("/inbox/<name>/source")
    def source(name: str) -> Response:
        return Response(inbox.read(_existing(inbox, name)), mimetype="text/plain")

    @pages.get("/quiz")
    @pages.get("/quiz/<int:quiz>")
    def platform(quiz: int | None = None) -> str:
        return render_template("inbox/platform.html", quiz=quiz)

    return pages


def _existing(inbox: Inbox, name: str) -> str:
    if not is_name(name) or name not in inbox.names():
        abort(404)
    return name


def _listing(inbox: Inbox) -> str:
    kind, words = request.args.get("kind", ""), request.args.get("q", "").strip()
    before = request.args.get("before", "")
    everything = list(mails(inbox))
    found = [each for each in everything if each.matches(kind, words)]
    rest = (each for each in found if not before or each.name < before)
    shown = list(islice(rest, _PAGE))
    return render_template(
        "inbox/list.html",
        shown=shown,
        found=len(found),
        more=next(rest, None) is not None,
        counts=Counter(each.kind for each in everything),
        total=len(everything),
        kinds=[*(each.value for each in Kind), OTHER],
        kind=kind,
        words=words,
        before=before,
    )


def _reading(inbox: Inbox, name: str) -> str:
    names = inbox.names()
    at = names.index(name)
    return render_template(
        "inbox/mail.html",
        mail=mail(inbox, name),
        content=content(inbox, name),
        newer=names[at - 1] if at else None,
        older=names[at + 1] if at + 1 < len(names) else None,
    )
