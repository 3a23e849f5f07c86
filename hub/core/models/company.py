"""Companies (the MSP's clients), their contacts and those contacts' consent."""

from datetime import datetime

from sqlalchemy import ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column, relationship

from hub.core.models.base import Base, Stamped, new_id


class Company(Stamped, Base):
    """A client of the MSP. `time_zone` and `country` None: the hub's own."""

    __tablename__ = "companies"

    id: Mapped[str] = mapped_column(primary_key=True, default=lambda: new_id("com"))
    name: Mapped[str]
    currency: Mapped[str]
    country: Mapped[str | None]
    time_zone: Mapped[str | None]
    email: Mapped[str | None]
    phone: Mapped[str | None]
    sms_notifications_enabled: Mapped[bool] = mapped_column(default=False)
    autobill: Mapped[bool] = mapped_column(default=False)
    mandate_id: Mapped[str | None]

    contacts: Mapped[list["Contact"]] = relationship(
        back_populates="company", cascade="all, delete-orphan", order_by="Contact.id"
    )


class Contact(Stamped, Base):
    """A person at a company."""

    __tablename__ = "contacts"

    id: Mapped[str] = mapped_column(primary_key=True, default=lambda: new_id("con"))
    company_id: Mapped[str] = mapped_column(ForeignKey("companies.id"), index=True)
    name: Mapped[str]
    email: Mapped[str | None]
    phone: Mapped[str | None]

    company: Mapped[Company] = relationship(back_populates="contacts")
    consents: Mapped[list["Consent"]] = relationship(
        cascade="all, delete-orphan", order_by="Consent.at, Consent.id"
    )


class Consent(Base):
    """One giving or withdrawing of consent; the newest per channel counts."""

    __tablename__ = "consents"
    __table_args__ = (Index(None, "contact_id", "channel", "at"),)

    id: Mapped[str] = mapped_column(primary_key=True, default=lambda: new_id("cns"))
    contact_id: Mapped[str] = mapped_column(ForeignKey("contacts.id"))
    channel: Mapped[str]  # sms, email
    given: Mapped[bool]
    at: Mapped[datetime]
    how: Mapped[str]
    by: Mapped[str]
