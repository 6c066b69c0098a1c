"""The reader's pages: stop a kind of mail, choose, take it back; and a mail as a web page.

They need no login, cookie or script: whoever holds a link has read the mail that it was in. ``mail_pages``
returns them as a blueprint that any Flask application can mount.
"""

import time
from collections.abc import Callable
from datetime import datetime
from typing import Any, NoReturn
from zoneinfo import ZoneInfo

from flask import Blueprint, Response, abort, make_response, request
from werkzeug.exceptions import HTTPException, NotFound, TooManyRequests

from quizmail import database, preferences
from quizmail.errors import InvalidToken
from quizmail.preferences import Choices
from quizmail.rendering.translations import Language, for_locales
from quizmail.settings import Settings
from quizmail.states import Kind
from quizmail.web import forms, viewing
from quizmail.web.forgeries import Forgeries
from quizmail.web.security import guard
from quizmail.web.templates import Templates
from quizmail.wiring import links_of, renderer_of, utc_now


def mail_pages(settings: Settings, clock: Callable[[], datetime] = utc_now) -> Blueprint:
    """Return the blueprint ``quizmail`` with ``/u/<token>`` and ``/v/<token>``; our tables must be bound.

    It may be mounted under a prefix, with which BASE_URL must end then, and its POSTs must be exempt from the
    application's CSRF protection: a mailbox provider has none of its tokens.
    """
    blueprint = Blueprint("quizmail", __name__)
    pages = _Pages(settings, clock)
    blueprint.add_url_rule("/u/<token>", "preferences", pages.show, methods=["GET"])
    blueprint.add_url_rule("/u/<token>", "change", pages.change, methods=["POST"])
    blueprint.add_url_rule("/v/<token>", "view", pages.view, methods=["GET"])
    blueprint.register_error_handler(404, pages.missing)
    blueprint.register_error_handler(429, pages.missing)
    blueprint.after_request(guard)

    @blueprint.teardown_request
    def give_back(problem: BaseException | None) -> None:
        """Give the database connection back."""
        database.give_back(failed=problem is not None)

    return blueprint


class _Pages:
    """What the blueprint answers."""

    def __init__(self, settings: Settings, clock: Callable[[], datetime]) -> None:
        self._site_locale = settings.site_locale
        self._links = links_of(settings)
        self._renderer = renderer_of(settings)
        self._templates = Templates(settings)
        self._forgeries = Forgeries()
        self._clock = clock

    def show(self, token: str) -> Response:
        """Show what holds, and change nothing: mail scanners follow links (RFC 8058 section 1)."""
        recipient_id, kind = self._named(self._links.read, token)
        return self._page(recipient_id, kind, preferences.read(recipient_id))

    def change(self, token: str) -> Response:
        """Do what the form says, at once, and show what holds then: no redirect (RFC 8058 section 3.1).

        It is idempotent. Of somebody whom we have forgotten there is nothing to change.
        """
        recipient_id, kind = self._named(self._links.read, token)
        before = preferences.read(recipient_id)
        if before is None:
            return self._page(recipient_id, kind, None)
        try:
            after = forms.after(before, kind, request.form, self._clock())
        except ValueError:
            abort(400)
        preferences.write(recipient_id, before, after)
        undo = {} if request.form.get("action") == "undo" else forms.way_back(before, after)
        return self._page(recipient_id, kind, after, saved=True, undo=undo)

    def view(self, token: str) -> Response:
        """Show a mail as a page, from the facts that were frozen for it; 404 when they are not kept."""
        delivery_id = self._named(self._links.read_view, token)
        html = viewing.page(delivery_id, self._renderer, self._links)
        if html is None:
            abort(404)
        response = make_response(html)
        response.headers["Content-Security-Policy"] = viewing.POLICY
        return response

    def missing(self, problem: HTTPException) -> Response:
        """Answer for every link that leads nowhere in the same words, whatever the reason."""
        html = self._templates.render("missing", self._language(None), patience=problem.code == 429)
        response = make_response(html, problem.code)
        if isinstance(problem, TooManyRequests) and problem.retry_after:
            response.headers["Retry-After"] = str(problem.retry_after)
        return response

    def _page(self, recipient_id: int, kind: Kind, choices: Choices | None, **known: Any) -> Response:
        reader, now = preferences.reader(recipient_id), self._clock()
        paused = None
        if choices and choices.paused_until and choices.paused_at(now):
            paused = choices.paused_until.astimezone(ZoneInfo(reader.zone)).date()
        shown = {"saved": False, "undo": {}, **known, "kind": kind, "choices": choices, "paused": paused}
        language = self._language(reader.locale)
        response = make_response(self._templates.render("preferences", language, **shown))
        response.headers["Content-Language"] = language.tag
        return response

    def _language(self, locale: str | None) -> Language:
        accepted = [tag for tag, _ in request.accept_languages]
        return for_locales([locale, *accepted[:10]], self._site_locale)

    def _named(self, read: Callable[[str], Any], token: str) -> Any:
        """Return what `token` stands for. Only those that are forged are counted and limited."""
        try:
            return read(token)
        except InvalidToken:
            self._refuse()

    def _refuse(self) -> NoReturn:
        # The address of the connection: whatever a header says, the forger may have written himself.
        wait = self._forgeries.wait(request.remote_addr, time.monotonic())
        raise TooManyRequests(retry_after=wait) if wait else NotFound
