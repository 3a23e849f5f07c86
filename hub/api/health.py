"""`/healthz` for the process, `/readyz` for its work, `/metrics` for Prometheus."""

import json
import os

from flask import Blueprint, Response
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client import REGISTRY as OWN_PROCESS
from prometheus_client.multiprocess import MultiProcessCollector

from hub.boot import Hub
from hub.core.vitals import health
from hub.core.vitals.gauges import Gauges


def blueprint(hub: Hub) -> Blueprint:
    """Serve the three; none of them needs a token or tells a secret."""
    made = Blueprint("health", __name__)

    @made.get("/healthz")
    def healthz() -> Response:
        return _json({"status": "ok"}, 200)

    @made.get("/readyz")
    def readyz() -> Response:
        found = health.check(hub)
        return _json(found.told(), 200 if found.ready else 503)

    @made.get("/metrics")
    def metrics() -> Response:
        waiting = CollectorRegistry()
        waiting.register(Gauges(hub))
        text = generate_latest(_counters()) + generate_latest(waiting)
        return Response(text, content_type=CONTENT_TYPE_LATEST)

    return made


def _counters() -> CollectorRegistry:
    """Those of this process, or of all web processes that share a folder."""
    if "PROMETHEUS_MULTIPROC_DIR" not in os.environ:
        return OWN_PROCESS
    together = CollectorRegistry()
    MultiProcessCollector(together)  # type: ignore[no-untyped-call]
    return together


def _json(value: object, status: int) -> Response:
    return Response(json.dumps(value), status, content_type="application/json")
