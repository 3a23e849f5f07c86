"""What all tables share: base class, types and ids."""

import hashlib
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    DateTime,
    Integer,
    MetaData,
    String,
    TypeDecorator,
)
from sqlalchemy.engine import Dialect
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
from ulid import ULID

from hub.sdk.clock import now
from hub.sdk.text import clean

NAMING = {
    "ix": "ix_%(column_0_N_label)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}


class UTCDateTime(TypeDecorator[datetime]):
    """Aware UTC on both databases; SQLite would give it back naive."""

    impl = DateTime(timezone=True)
    cache_ok = True

    @property
    def python_type(self) -> type[datetime]:
        """What filters and cursors are read as."""
        return datetime

    def process_bind_param(
        self, value: datetime | None, dialect: Dialect
    ) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a time without a zone can't be stored")
        return value.astimezone(UTC)

    def process_result_value(
        self, value: datetime | None, dialect: Dialect
    ) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value


class StoredText(TypeDecorator[str]):
    """Text as both databases can hold it, whatever came in: a value that can't be
    written would otherwise be tried for ever (hub.sdk.text)."""

    impl = String
    cache_ok = True

    @property
    def python_type(self) -> type[str]:
        """What filters and cursors are read as."""
        return str

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        return None if value is None else clean(value)


class DecimalText(TypeDecorator[Decimal]):
    """Exact decimals as text: SQLite would turn a NUMERIC into a float."""

    impl = String
    cache_ok = True

    @property
    def python_type(self) -> type[Decimal]:
        """What filters and cursors are read as."""
        return Decimal

    def process_bind_param(self, value: Decimal | None, dialect: Dialect) -> str | None:
        return None if value is None else f"{value:f}"

    def process_result_value(
        self, value: str | None, dialect: Dialect
    ) -> Decimal | None:
        return None if value is None else Decimal(value)


class Base(DeclarativeBase):
    """Base of all tables."""

    metadata = MetaData(naming_convention=NAMING)
    type_annotation_map = {  # noqa: RUF012 — SQLAlchemy reads it as a class attribute
        datetime: UTCDateTime,
        str: StoredText,
        Decimal: DecimalText,
        dict[str, Any]: JSON,
        list[Any]: JSON,
        int: BigInteger().with_variant(Integer, "sqlite"),
    }


def new_id(prefix: str) -> str:
    """Make an id such as `inv_01j…`: opaque outside, roughly ordered by time."""
    return f"{prefix}_{str(ULID()).lower()}"


def same_id(prefix: str, *parts: str) -> str:
    """Make the id that these parts always give: whoever adds it twice adds it once."""
    text = "\n".join(parts).encode()
    return f"{prefix}_{hashlib.sha256(text).hexdigest()[:26]}"


class Stamped:
    """Mixin: when the row was made and last changed."""

    created_at: Mapped[datetime] = mapped_column(default=now)
    updated_at: Mapped[datetime] = mapped_column(default=now, onupdate=now)
