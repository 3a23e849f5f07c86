"""The pages, one module per area."""

from flask import Flask


def register(app: Flask) -> None:
    """Add all pages."""
    from web.pages import (
        bell,
        companies,
        connections,
        dashboard,
        entry,
        invoices,
        payments,
        people,
        quotes,
        settings,
        trail,
        tryit,
    )

    for module in (
        *(bell, companies, connections, dashboard, entry, invoices, payments),
        *(people, quotes, settings, trail, tryit),
    ):
        app.register_blueprint(module.pages)
