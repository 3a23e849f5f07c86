"""Events that others report through the API: anomalies, alerts, their own kinds."""

import json
import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any, TypeVar

from sqlalchemy.orm import Session

from hub.core import audit
from hub.core.ledger import checks, companies, invoices
from hub.core.ledger.snapshots import company_data, invoice_data
from hub.core.models import Company, Event, Invoice, new_id
from hub.core.publish import publish
from hub.sdk.errors import InvalidError, NotFoundError

_Row = TypeVar("_Row", Company, Invoice)

_TYPE = re.compile(r"alert\.(raised|resolved)|invoice\.anomaly|custom(\.[a-z0-9_]+)+")
_MOST = 16_384  # bytes of JSON
_ANOMALY: checks.Spec = {
    "invoice_id": checks.text(50, needed=True),
    "score": checks.number(0, 1),
    "reason": checks.text(1000, needed=True),
}


def emit(
    session: Session, type: str, data: Mapping[str, Any], *, actor: str = audit.HUB
) -> Event:
    """Publish an event of type invoice.anomaly (invoice_id, score, reason),
    alert.raised, alert.resolved or custom.…; `company_id` in the data names whom it
    is about. InvalidError for another type or data that can't be used."""
    if not _TYPE.fullmatch(type):
        text = "Types are invoice.anomaly, alert.raised, alert.resolved and custom.*."
        raise InvalidError(f"{type!r} can't be emitted. {text}", {"type": [text]})
    id = new_id("emi")
    if type == "invoice.anomaly":
        subject, content = _anomaly(session, data)
    else:
        subject, content = _free(session, type, data, id)
    event = publish(session, type, subject=subject, key=f"emit:{id}", data=content)
    audit.record(session, actor, "event.emitted", subject, type=type)
    return event


def _anomaly(session: Session, data: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    score = data.get("score")
    exact = {**data, "score": Decimal(str(score)) if _is_float(score) else score}
    given = checks.checked(_ANOMALY, exact, needed=tuple(_ANOMALY))
    invoice = _known(invoices.get, session, "invoice_id", given["invoice_id"])
    content = {
        **invoice_data(invoice),
        "score": f"{given['score']:f}",
        "reason": given["reason"],
    }
    return f"invoice:{invoice.id}", content


def _known(
    get: Callable[[Session, str], _Row], session: Session, field: str, id: str
) -> _Row:
    """What the data names must be there; a wrong id is wrong data, not a 404."""
    try:
        return get(session, id)
    except NotFoundError as error:
        raise InvalidError(str(error), {field: [str(error)]}) from error


def _is_float(value: object) -> bool:
    return isinstance(value, float) and value == value  # noqa: PLR0124 - not NaN


def _free(
    session: Session, type: str, data: Mapping[str, Any], id: str
) -> tuple[str, dict[str, Any]]:
    _check_size(data)
    company_id = data.get("company_id")
    company = (
        _known(companies.get, session, "company_id", str(company_id))
        if company_id
        else None
    )
    content = {**data, "company": company_data(company)}
    if company:
        return f"company:{company.id}", content
    return f"{type.partition('.')[0]}:{id}", content


def _check_size(data: Mapping[str, Any]) -> None:
    try:
        size = len(json.dumps(dict(data), allow_nan=False))
    except (TypeError, ValueError):
        size = _MOST + 1
    if size > _MOST:
        text = f"Data must be a JSON object of at most {_MOST} bytes."
        raise InvalidError(text, {"data": [text]})
