"""The tables, one file per noun."""

from hub.core.models.api_call import ApiCall
from hub.core.models.audit import AuditEntry, IdempotencyKey
from hub.core.models.base import Base, new_id, same_id
from hub.core.models.company import Company, Consent, Contact
from hub.core.models.connection import (
    Connection,
    ConnectionState,
    Outage,
    PluginSwitch,
    Revision,
)
from hub.core.models.credit import Allocation, CreditNote
from hub.core.models.delivery import Attempt, Delivery
from hub.core.models.device import Device
from hub.core.models.duty import Duty, Worker
from hub.core.models.event import Event
from hub.core.models.fact import FactRow, FactSource
from hub.core.models.invoice import Charge, Counter, Invoice, InvoiceLine
from hub.core.models.mandate import Mandate, MandateRequest
from hub.core.models.notification import Notification
from hub.core.models.payment import Movement, Payment, Payout
from hub.core.models.portal import PortalLink
from hub.core.models.product import Product
from hub.core.models.quote import Quote, QuoteLine
from hub.core.models.reference import ExternalRef
from hub.core.models.refund_request import RefundRequest
from hub.core.models.sending import (
    AddressBlock,
    DailySend,
    Digest,
    MessageTemplate,
    SendingPolicy,
    SendingRule,
    SentMessage,
)
from hub.core.models.sync_run import SyncRun
from hub.core.models.user import SignInLink, Token, User
from hub.core.models.webhook import InboundWebhook
from hub.core.models.work import Ticket, TimeEntry

__all__ = [
    "AddressBlock",
    "Allocation",
    "ApiCall",
    "Attempt",
    "AuditEntry",
    "Base",
    "Charge",
    "Company",
    "Connection",
    "ConnectionState",
    "Consent",
    "Contact",
    "Counter",
    "CreditNote",
    "DailySend",
    "Delivery",
    "Device",
    "Digest",
    "Duty",
    "Event",
    "ExternalRef",
    "FactRow",
    "FactSource",
    "IdempotencyKey",
    "InboundWebhook",
    "Invoice",
    "InvoiceLine",
    "Mandate",
    "MandateRequest",
    "MessageTemplate",
    "Movement",
    "Notification",
    "Outage",
    "Payment",
    "Payout",
    "PluginSwitch",
    "PortalLink",
    "Product",
    "Quote",
    "QuoteLine",
    "RefundRequest",
    "Revision",
    "SendingPolicy",
    "SendingRule",
    "SentMessage",
    "SignInLink",
    "SyncRun",
    "Ticket",
    "TimeEntry",
    "Token",
    "User",
    "Worker",
    "new_id",
    "same_id",
]
