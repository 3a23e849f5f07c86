"""JSON over HTTP: translate, call the core, translate back."""

from flask import Flask

from hub.boot import Hub
from hub.sdk.errors import HubError

PREFIX = "/api/v1"
_DOCUMENT = {
    "API_TITLE": "The hub",
    "API_VERSION": "v1",
    "OPENAPI_VERSION": "3.1.0",
    "OPENAPI_URL_PREFIX": PREFIX,
    "OPENAPI_JSON_PATH": "openapi.json",
}


def register(app: Flask) -> None:
    """Add the API to the application."""
    from hub.api import (
        catalogue,
        charges,
        companies,
        connections,
        credit_notes,
        deliveries,
        event_schemas,
        events,
        invoices,
        mandates,
        message_templates,
        notifications,
        payments,
        plugins,
        portal_links,
        problems,
        quotes,
        reference,
        road,
        sending,
        tokens,
    )
    from hub.api.blueprint import HubApi

    app.config.update(_DOCUMENT)
    app.register_error_handler(HubError, problems.of_hub_error)
    api = HubApi(app)
    for module in (
        *(companies, invoices, payments, charges, credit_notes, quotes, catalogue),
        *(mandates, portal_links, events, event_schemas, deliveries, road),
        *(notifications, plugins, connections, sending, tokens),
        message_templates,
    ):
        api.register_blueprint(module.blueprint, url_prefix=PREFIX)
    hub: Hub = app.extensions["hub"]
    reference.register(app, api.document, hub.settings.base_url)
