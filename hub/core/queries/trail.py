"""The trail: webhook → facts → events → deliveries → attempts → API calls."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from sqlalchemy import and_, func, or_, select
from sqlalchemy.orm import Session, selectinload

from hub.core.models import (
    ApiCall,
    Attempt,
    Delivery,
    Event,
    FactRow,
    InboundWebhook,
    Notification,
    Payment,
)

_MOST = 100


@dataclass(frozen=True, kw_only=True)
class WebhookTrail:
    """What became of one webhook."""

    facts: Sequence[FactRow]
    events: Sequence[Event]
    deliveries: Sequence[Delivery]
    calls: Sequence[ApiCall]
    replays: Sequence[InboundWebhook]


@dataclass(frozen=True, kw_only=True)
class EventTrail:
    """Where an event came from and where it went."""

    fact: FactRow | None
    deliveries: Sequence[Delivery]
    notified: int


@dataclass(frozen=True, kw_only=True)
class DeliveryTrail:
    """The tries of one delivery and its calls."""

    attempts: Sequence[Attempt]
    calls: Sequence[ApiCall]
    replays: Sequence[Delivery]


@dataclass(frozen=True, kw_only=True)
class PaidTrail:
    """The newest payment of an invoice, from its webhooks to who was told."""

    payments: Sequence[Payment]
    webhooks: Sequence[InboundWebhook]
    events: Sequence[Event]
    deliveries: Sequence[Delivery]


def of_webhook(session: Session, webhook_id: str) -> WebhookTrail:
    """Follow a webhook to its end."""
    facts = session.scalars(
        select(FactRow)
        .where(FactRow.webhook_id == webhook_id)
        .order_by(FactRow.created_at, FactRow.id)
        .limit(_MOST)
    ).all()
    # Money that a person matched later was published without its fact.
    subjects = [fact.subject for fact in facts if fact.subject]
    later = and_(Event.fact_id.is_(None), Event.subject.in_(subjects))
    events = session.scalars(
        select(Event)
        .where(or_(Event.fact_id.in_([fact.id for fact in facts]), later))
        .order_by(Event.id)
        .limit(_MOST)
    ).all()
    return WebhookTrail(
        facts=facts,
        events=events,
        deliveries=_deliveries(session, [event.id for event in events]),
        calls=_calls(session, webhook_id=webhook_id),
        replays=session.scalars(
            select(InboundWebhook)
            .where(InboundWebhook.replay_of == webhook_id)
            .order_by(InboundWebhook.received_at)
        ).all(),
    )


def of_event(session: Session, event: Event) -> EventTrail:
    """Look both ways from an event."""
    notified = select(func.count()).where(Notification.event_id == event.id)
    return EventTrail(
        fact=session.get(FactRow, event.fact_id) if event.fact_id else None,
        deliveries=_deliveries(session, [event.id]),
        notified=session.scalar(notified) or 0,
    )


def of_delivery(session: Session, delivery_id: str) -> DeliveryTrail:
    """The tries of a delivery, oldest first."""
    return DeliveryTrail(
        attempts=session.scalars(
            select(Attempt)
            .where(Attempt.delivery_id == delivery_id)
            .order_by(Attempt.number)
        ).all(),
        calls=_calls(session, delivery_id=delivery_id),
        replays=session.scalars(
            select(Delivery)
            .where(Delivery.replay_of == delivery_id)
            .order_by(Delivery.created_at)
        ).all(),
    )


def of_paid(session: Session, invoice_id: str) -> PaidTrail:
    """Follow the newest payment of an invoice from its webhooks to who was told."""
    payments = session.scalars(
        select(Payment)
        .where(Payment.invoice_id == invoice_id)
        .order_by(Payment.created_at.desc())
        .limit(1)
    ).all()
    subjects = [f"payment:{payment.id}" for payment in payments]
    heard = select(FactRow.webhook_id).where(FactRow.subject.in_(subjects))
    webhooks = session.scalars(
        select(InboundWebhook)
        .where(InboundWebhook.id.in_(heard))
        .order_by(InboundWebhook.received_at)
    ).all()
    events = about(session, subjects)
    return PaidTrail(
        payments=payments,
        webhooks=webhooks,
        events=events,
        deliveries=_deliveries(session, [event.id for event in events]),
    )


def about(session: Session, subjects: Collection[str]) -> Sequence[Event]:
    """The events about these things, oldest first."""
    return session.scalars(
        select(Event)
        .where(Event.subject.in_(list(subjects)))
        .order_by(Event.id)
        .limit(_MOST)
    ).all()


def _deliveries(session: Session, events: Sequence[int]) -> Sequence[Delivery]:
    return session.scalars(
        select(Delivery)
        .options(selectinload(Delivery.event))
        .where(Delivery.event_id.in_(events))
        .order_by(Delivery.created_at, Delivery.id)
        .limit(_MOST)
    ).all()


def _calls(
    session: Session, *, webhook_id: str | None = None, delivery_id: str | None = None
) -> Sequence[ApiCall]:
    wanted = select(ApiCall).order_by(ApiCall.created_at, ApiCall.id).limit(_MOST)
    if webhook_id is not None:
        return session.scalars(wanted.where(ApiCall.webhook_id == webhook_id)).all()
    return session.scalars(wanted.where(ApiCall.delivery_id == delivery_id)).all()
