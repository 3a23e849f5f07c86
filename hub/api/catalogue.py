"""Products, devices, tickets and time entries over HTTP."""

from typing import Any

import marshmallow as ma
from marshmallow import fields

from hub.api.access import WRITERS, actor, allowed, the_hub
from hub.api.blueprint import Resources
from hub.api.fields import Exact, Moment, Referenced, Text
from hub.api.lists import readable, show, with_references
from hub.core.ledger import catalogue
from hub.core.queries.listing import (
    DEVICES,
    PRODUCTS,
    TICKETS,
    TIME_ENTRIES,
    Listing,
)

blueprint = Resources(
    "catalogue", __name__, description="What is sold, looked after and worked on."
)


class ProductValues(ma.Schema):
    """A product; new ones need code, name, unit_price and currency."""

    code = Text()
    name = Text()
    description = Text(most=1000)
    unit_price = Exact()
    currency = Text()
    tax_rate = Exact()
    active = fields.Boolean()


class DeviceValues(ma.Schema):
    """A device; new ones need a name."""

    company_id = Text(allow_none=True)
    name = Text()
    kind = Text()
    serial_number = Text()
    operating_system = Text()
    state = Text()
    last_seen_at = Moment(allow_none=True)


class TicketValues(ma.Schema):
    """A ticket; new ones need company_id and title."""

    company_id = Text()
    number = Text()
    title = Text()
    state = Text()
    priority = Text()


class TimeEntryValues(ma.Schema):
    """Time worked; new ones need company_id, person, started_at and minutes."""

    company_id = Text()
    ticket_id = Text(allow_none=True)
    invoice_id = Text(allow_none=True)
    person = Text()
    description = Text(most=2000)
    started_at = Moment()
    minutes = fields.Integer(strict=True)
    billable = fields.Boolean()
    hourly_rate = Exact(allow_none=True)
    currency = Text()


class Product(Referenced, ProductValues):
    """A product."""


class Device(Referenced, DeviceValues):
    """A device."""


class Ticket(Referenced, TicketValues):
    """A ticket."""


class TimeEntry(Referenced, TimeEntryValues):
    """A time entry."""


def _resource(
    path: str,
    known: Listing,
    shown: type[ma.Schema],
    values: type[ma.Schema],
) -> None:
    """Add list, detail, POST and PATCH of one kind."""
    kind: Any = known.model
    prepare = with_references(known.word.replace(" ", "_"))
    readable(blueprint, path, known, shown, prepare=prepare)

    @allowed(*WRITERS)
    @blueprint.arguments(values)
    @blueprint.response(201, shown)
    def create(values: dict[str, Any]) -> Any:
        with the_hub().write() as session:
            made = catalogue.create(session, kind, values, actor=actor())
            return show(session, known, made.id, prepare)

    @allowed(*WRITERS)
    @blueprint.arguments(values)
    @blueprint.response(200, shown)
    def update(values: dict[str, Any], id: str) -> Any:
        with the_hub().write() as session:
            catalogue.update(session, kind, id, values, actor=actor())
            return show(session, known, id, prepare)

    create.__doc__, update.__doc__ = f"Create: {known.word}.", f"Change: {known.word}."
    create.__name__, update.__name__ = f"create_{path[1:]}", f"update_{path[1:]}"
    blueprint.route(path, methods=["POST"])(create)
    blueprint.route(f"{path}/<string:id>", methods=["PATCH"])(update)


_resource("/products", PRODUCTS, Product, ProductValues)
_resource("/devices", DEVICES, Device, DeviceValues)
_resource("/tickets", TICKETS, Ticket, TicketValues)
_resource("/time-entries", TIME_ENTRIES, TimeEntry, TimeEntryValues)


@blueprint.route("/time-entries/<string:id>", methods=["DELETE"])
@allowed(*WRITERS)
@blueprint.response(204)
def delete_time_entry(id: str) -> None:
    """Delete a time entry that is not invoiced."""
    with the_hub().write() as session:
        catalogue.delete_time_entry(session, id, actor=actor())
