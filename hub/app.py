"""The web application: API, webhooks and pages put together for one hub."""

from datetime import timedelta
from typing import Final

from flask import Flask
from werkzeug.middleware.proxy_fix import ProxyFix

import web
from hub import api, boot, log, settings
from hub.api import health, webhooks
from hub.boot import Hub
from hub.core.vitals import presence

MAX_BODY: Final = 1024 * 1024


def wsgi() -> Flask:
    """Make the application for a server process; gunicorn calls it in each worker.

    It doesn't touch the database: a worker that starts while the database is away
    has to live until it is back.
    """
    given = settings.load()
    log.configure(given)
    # The first webhook shouldn't wait for this import.
    import rq  # noqa: F401

    hub = boot.start(given)
    app = create_app(hub)
    presence.keep_beating(hub, "web")
    web.stop_on_sigterm(app)
    return app


def create_app(hub: Hub) -> Flask:
    """Put the application together."""
    app = Flask("hub", static_folder=None)
    app.extensions["hub"] = hub
    app.config.update(
        SECRET_KEY=hub.secret_key,
        MAX_CONTENT_LENGTH=MAX_BODY,
        MAX_FORM_MEMORY_SIZE=MAX_BODY,
        SESSION_COOKIE_NAME="hub",
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_SECURE=hub.settings.base_url.startswith("https://"),
        PERMANENT_SESSION_LIFETIME=timedelta(days=7),
    )
    app.wsgi_app = webhooks.Webhooks(hub, app.wsgi_app)  # type: ignore[assignment,method-assign]
    _trust_proxies(app, hub.settings.trusted_proxies)
    app.register_blueprint(health.blueprint(hub))
    api.register(app)
    web.register(app)
    return app


def _trust_proxies(app: Flask, count: int) -> None:
    """Believe the forwarded address, host and scheme of so many proxies and no more:
    anybody can send these headers."""
    if count:
        app.wsgi_app = ProxyFix(  # type: ignore[method-assign]
            app.wsgi_app, x_for=count, x_proto=count, x_host=count
        )
