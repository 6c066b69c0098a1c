"""The Flask application and the server that runs it."""

from flask import Flask, Response, jsonify
from waitress import serve as serve_wsgi

from quizmail import database, status
from quizmail.settings import Settings
from quizmail.web.pages import mail_pages
from quizmail.web.security import guard
from quizmail.wiring import utc_now

#: No form of ours is near this long, in bytes.
_LONGEST_BODY = 64 * 1024


def create_app(settings: Settings) -> Flask:
    """Return the application; our tables must be bound."""
    app = Flask(__name__, static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = _LONGEST_BODY
    app.register_blueprint(mail_pages(settings))
    if settings.demo:
        from quizmail.demo.pages import inbox_pages

        app.register_blueprint(inbox_pages(settings.demo_inbox))
    app.after_request(guard)

    @app.get("/healthz")
    def healthz() -> tuple[Response, int]:
        """Answer 503 when the last tick is over three minutes old: an outside monitor can tell."""
        silent = status.silent(utc_now())
        return jsonify(ok=not silent, silent=silent), 503 if silent else 200

    @app.teardown_request
    def give_back(problem: BaseException | None) -> None:
        """Give the database connection back."""
        database.give_back(failed=problem is not None)

    return app


def serve(settings: Settings) -> None:
    """Serve the application on PORT until the process is told to stop."""
    where = {"host": settings.web_host, "port": settings.port}
    serve_wsgi(create_app(settings), **where, ident=None, threads=8, max_request_body_size=_LONGEST_BODY)
