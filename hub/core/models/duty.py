"""Periodic duties of the scheduler, and the workers that are alive."""

from datetime import datetime, timedelta

from sqlalchemy.orm import Mapped, mapped_column

from hub.core.models.base import Base


class Duty(Base):
    """A periodic duty, claimed by a conditional UPDATE (ROAD 27)."""

    __tablename__ = "duties"

    name: Mapped[str] = mapped_column(primary_key=True)
    next_at: Mapped[datetime]
    claim: Mapped[str | None]
    lease_until: Mapped[datetime | None]
    last_run_at: Mapped[datetime | None]
    last_error: Mapped[str] = mapped_column(default="")


# A process that was seen within this time is alive.
ALIVE = timedelta(seconds=15)


class Worker(Base):
    """A process that takes work; seen within 15 s means alive."""

    __tablename__ = "workers"

    id: Mapped[str] = mapped_column(primary_key=True)
    kind: Mapped[str]  # process, deliver, scheduler, web
    started_at: Mapped[datetime]
    seen_at: Mapped[datetime]
    # Marks of the encryption keys it has, not the keys.
    key_marks: Mapped[str] = mapped_column(default="")
