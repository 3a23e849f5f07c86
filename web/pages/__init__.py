"""The pages, one module per area."""

from flask import Flask


def register(app: Flask) -> None:
    """Add all pages."""
    from web.pages import (
        asking,
        bell,
        bulk,
        catalogue,
        companies,
        connections,
        contacts,
        credit_notes,
        dashboard,
        debits,
        entry,
        invoices,
        links,
        money,
        payments,
        people,
        preferences,
        quotes,
        refunds,
        sending,
        settings,
        syncs,
        texts,
        trail,
        tryit,
        writing,
    )

    for module in (
        *(bell, companies, connections, dashboard, entry, invoices, payments),
        *(people, quotes, settings, trail, tryit),
        *(bulk, catalogue, contacts, credit_notes, money, syncs),
        *(debits, links, refunds),
        *(asking, preferences, sending, texts, writing),
    ):
        app.register_blueprint(module.pages)
