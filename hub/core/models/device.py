"""Devices the MSP looks after."""

from datetime import datetime

from sqlalchemy import ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from hub.core.models.base import Base, Stamped, new_id


class Device(Stamped, Base):
    """A device. States: active, retired. `kind`: server, workstation, …"""

    __tablename__ = "devices"

    id: Mapped[str] = mapped_column(primary_key=True, default=lambda: new_id("dev"))
    company_id: Mapped[str | None] = mapped_column(
        ForeignKey("companies.id"), index=True
    )
    name: Mapped[str]
    kind: Mapped[str] = mapped_column(default="")
    serial_number: Mapped[str] = mapped_column(default="")
    operating_system: Mapped[str] = mapped_column(default="")
    state: Mapped[str] = mapped_column(default="active")
    last_seen_at: Mapped[datetime | None]
