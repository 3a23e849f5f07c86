"""The pages: server-rendered, for people."""

from flask import Flask


def register(app: Flask) -> None:
    """Add pages, sign-in and the live feed to the application."""
    from web import feed, security, session

    session.register(app)
    security.register(app)
    feed.register(app)
