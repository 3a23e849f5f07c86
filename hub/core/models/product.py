"""Products and services the MSP sells."""

from decimal import Decimal

from sqlalchemy.orm import Mapped, mapped_column

from hub.core.models.base import Base, Stamped, new_id


class Product(Stamped, Base):
    """A product; `unit_price` in major units of `currency`, `tax_rate` in percent."""

    __tablename__ = "products"

    id: Mapped[str] = mapped_column(primary_key=True, default=lambda: new_id("pro"))
    code: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]
    description: Mapped[str] = mapped_column(default="")
    unit_price: Mapped[Decimal]
    currency: Mapped[str]
    tax_rate: Mapped[Decimal] = mapped_column(default=Decimal(0))
    active: Mapped[bool] = mapped_column(default=True)
