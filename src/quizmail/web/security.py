"""The headers that every page bears."""

from flask import Response

#: No script, no foreign content, no frame around it. A page may replace it by a policy of its own.
_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'"
)

_HEADERS = {
    "Content-Security-Policy": _POLICY,
    "Referrer-Policy": "no-referrer",  # The address of the page is the reader's key.
    "X-Content-Type-Options": "nosniff",
    "X-Robots-Tag": "noindex, nofollow",
    "Cache-Control": "no-store",
}


def guard(response: Response) -> Response:
    """Add the headers that `response` has none of its own for."""
    for name, value in _HEADERS.items():
        response.headers.setdefault(name, value)
    return response
