"""The portal: what clients of the MSP see and do, by a link and without signing in."""

from flask import Flask


def register(app: Flask) -> None:
    """Add the portal to the application."""
    from web.portal import debits, entrance, figures, paying, quotes, views  # noqa: F401

    for each in (figures.number, figures.price, figures.onday):
        app.jinja_env.filters[each.__name__] = each
    app.register_blueprint(entrance.pages)
