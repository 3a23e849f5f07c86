"""External references."""

import pytest
from sqlalchemy import select

from hub.boot import Hub
from hub.core import references
from hub.core.models import Connection, ExternalRef
from hub.sdk.errors import ConflictError
from tests.parts.hub import connect
from tests.parts.ledger import all_of


def save(hub: Hub, entity: str, at: Connection, id: str, **values) -> None:
    with hub.write() as session:
        kind = values.pop("kind", "invoice")
        references.save(session, entity, at.id, kind, id, **values)


def test_reference_is_found_both_ways(hub: Hub, till: Connection) -> None:
    save(hub, "invoice:inv_1", till, "X-1", url="https://till.test/X-1")
    with hub.read() as session:
        id = references.find(session, "invoice:inv_1", till.id, "invoice")
        entity = references.find_entity(session, till.id, "invoice", "X-1")
        (row,) = session.scalars(select(ExternalRef))

        assert references.find(session, "invoice:inv_1", till.id, "bill") is None
        assert references.find_entity(session, till.id, "invoice", "X-2") is None
    assert ("X-1", "invoice:inv_1", "https://till.test/X-1") == (id, entity, row.url)


def test_saving_again_changes_nothing(hub: Hub, till: Connection) -> None:
    save(hub, "invoice:inv_1", till, "X-1", url="https://till.test/X-1")
    save(hub, "invoice:inv_1", till, "X-1")
    (row,) = all_of(hub, ExternalRef)

    assert "https://till.test/X-1" == row.url


def test_new_id_takes_the_old_ones_place(hub: Hub, till: Connection) -> None:
    save(hub, "invoice:inv_1", till, "X-1")
    save(hub, "invoice:inv_1", till, "X-2")

    assert ["X-2"] == [row.external_id for row in all_of(hub, ExternalRef)]


def test_id_belongs_to_one_object(hub: Hub, till: Connection) -> None:
    save(hub, "invoice:inv_1", till, "X-1")
    with pytest.raises(ConflictError, match="invoice:inv_1"):
        save(hub, "invoice:inv_2", till, "X-1")
    save(hub, "invoice:inv_2", till, "X-1", kind="bill")
    save(hub, "invoice:inv_2", connect(hub, "till", "till-2"), "X-1")

    assert 3 == len(all_of(hub, ExternalRef))
