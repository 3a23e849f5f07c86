"""Alembic's environment: always the connection handed over by hub.schema."""

from typing import Any, Literal

from alembic import context
from alembic.autogenerate.api import AutogenContext

from hub.core.models import Base
from hub.core.models.base import DecimalText, StoredText, UTCDateTime


def _render(kind: str, value: Any, autogen: AutogenContext) -> str | Literal[False]:
    """Migrations hold plain SQLAlchemy types, so that they never change later."""
    if kind == "type" and isinstance(value, UTCDateTime):
        return "sa.DateTime(timezone=True)"
    if kind == "type" and isinstance(value, DecimalText | StoredText):
        return "sa.String()"
    return False


context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    render_as_batch=True,
    render_item=_render,
    compare_type=True,
    transaction_per_migration=False,
)
context.run_migrations()
