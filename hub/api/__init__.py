"""JSON over HTTP: translate, call the core, translate back."""

from flask import Flask

PREFIX = "/api/v1"


def register(app: Flask) -> None:
    """Add the API to the application."""
    from hub.api import invoices, payments
    from hub.api.blueprint import HubApi

    app.config.update(
        API_TITLE="The hub",
        API_VERSION="v1",
        OPENAPI_VERSION="3.1.0",
        OPENAPI_URL_PREFIX=PREFIX,
        OPENAPI_JSON_PATH="openapi.json",
    )
    api = HubApi(app)
    for module in (invoices, payments):
        api.register_blueprint(module.blueprint, url_prefix=PREFIX)
