"""The pages: server-rendered, for people."""

from pathlib import Path

from flask import Flask, send_from_directory
from jinja2 import FileSystemLoader
from werkzeug.wrappers import Response

_HERE = Path(__file__).parent
_KEPT_FOR = 3600


def register(app: Flask) -> None:
    """Add pages, sign-in and the live feed to the application."""
    from web import (
        errors,
        feed,
        pages,
        portal,
        render,
        security,
        sending_words,
        session,
    )

    app.jinja_loader = FileSystemLoader(_HERE / "templates")
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    app.add_url_rule("/static/<path:filename>", "static", _static)
    session.register(app)
    security.register(app)
    render.register(app)
    sending_words.register(app)
    feed.register(app)
    pages.register(app)
    portal.register(app)
    errors.register(app)


def _static(filename: str) -> Response:
    return send_from_directory(_HERE / "static", filename, max_age=_KEPT_FOR)


def stop_on_sigterm(app: Flask) -> None:
    """End the live feeds when the server is told to stop."""
    from web import feed

    feed.stop_on_sigterm(app)
