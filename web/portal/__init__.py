"""The portal: what clients of the MSP see and do, by a link and without signing in."""

from flask import Flask


def register(app: Flask) -> None:
    """Add the portal to the application."""
    from web.portal import (  # noqa: F401
        debits,
        entrance,
        figures,
        paying,
        quotes,
        unsubscribing,
        views,
    )

    for each in (figures.number, figures.price, figures.onday):
        app.jinja_env.filters[each.__name__] = each
    app.register_blueprint(entrance.pages)
    app.register_blueprint(unsubscribing.pages)
