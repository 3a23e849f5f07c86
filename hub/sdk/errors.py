"""Every error of the hub, in one tree. Facts are attributes, never parsed from text.

HubError
├── ProviderError               a provider did not do what we asked
│   ├── UnavailableError          retry later (5xx, network, time-out)
│   │   └── RateLimitError          retry after `retry_after`
│   ├── CredentialsError          pause the connection, ask a person (401, 403)
│   ├── RejectedError             stop and show the provider's words (other 4xx)
│   │   ├── RecipientError            never again to this address (opted out, bounced)
│   │   └── GoneError                 the endpoint is gone for good: disable (410)
│   └── UnexpectedResponseError   stop: their API drifted (junk in a 2xx)
├── WebhookError                an inbound webhook can't be accepted
│   ├── SignatureError            forged, broken or too old: 401
│   └── PayloadError              signed, but not readable
├── PluginError                 a plugin is broken
├── SettingsError               a setting is missing or wrong
├── UnreadyError                the database (or its schema) can't be used now
└── UserError                   the person's request can't be done
    ├── NotFoundError             404
    ├── ForbiddenError            403
    ├── ConflictError             409
    └── InvalidError              422, with `fields`

Three places translate: HTTP status → error in the SDK's client, error → delivery
state in `deliver`, error → HTTP answer in `api`. A message tells a person what
happened and what to do next; it holds no secret and no payload.
"""

from collections.abc import Mapping
from typing import Any


class HubError(Exception):
    """Base of all errors of the hub; `str()` is fit to be shown to a person."""


class ProviderError(HubError):
    """A provider did not do what we asked.

    `status` is the HTTP status, `code` the provider's own error code, `reference`
    its id for support. `outcome_unknown` is true where the request may have taken
    effect all the same (500, 502, 504, a read that broke off).
    """

    def __init__(
        self,
        message: str,
        *,
        status: int | None = None,
        code: str | None = None,
        reference: str | None = None,
        outcome_unknown: bool = False,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.reference = reference
        self.outcome_unknown = outcome_unknown


class UnavailableError(ProviderError):
    """The provider can't answer now; the same request may succeed later.

    `only_this` is set where it does answer, and only what this request is about is
    not to be had: one full mailbox is no outage of the mail server.
    """

    only_this = False


class RateLimitError(UnavailableError):
    """Too many requests; `retry_after` is in seconds, None if not told."""

    def __init__(
        self,
        message: str,
        *,
        retry_after: float | None = None,
        status: int | None = 429,
        code: str | None = None,
        reference: str | None = None,
    ) -> None:
        super().__init__(message, status=status, code=code, reference=reference)
        self.retry_after = retry_after


class CredentialsError(ProviderError):
    """The credentials are refused: the connection waits for a person."""


class RejectedError(ProviderError):
    """The provider understood and refused; asking again changes nothing."""


class RecipientError(RejectedError):
    """This address takes nothing (more) from this sender: `opted_out`, or it doesn't
    exist. The hub notes it and writes to it no more."""

    def __init__(self, message: str, *, opted_out: bool, **about: Any) -> None:
        super().__init__(message, **about)
        self.opted_out = opted_out


class GoneError(RejectedError):
    """The endpoint says it will never take anything again: its connection is
    disabled and admins are told."""


class UnexpectedResponseError(ProviderError):
    """The answer is not what the provider documents: its API drifted."""


class WebhookError(HubError):
    """An inbound webhook can't be accepted."""


class SignatureError(WebhookError):
    """The signature is missing, wrong or too old."""


class PayloadError(WebhookError):
    """The request is signed, but its content can't be read."""


class PluginError(HubError):
    """A plugin is broken: it doesn't import, describe itself or keep a contract."""


class SettingsError(HubError):
    """A setting is missing or wrong; the message names it and says what to write."""


class UnreadyError(HubError):
    """The database can't be used now: down, busy, or its schema is older."""


class UserError(HubError):
    """The person's request can't be done as asked."""


class NotFoundError(UserError):
    """There is no such thing."""


class ForbiddenError(UserError):
    """The role of the person or token doesn't allow it."""


class ConflictError(UserError):
    """The thing's present state doesn't allow it."""


class InvalidError(UserError):
    """The values given are not valid; `fields` maps a field to what is wrong."""

    def __init__(
        self, message: str, fields: Mapping[str, object] | None = None
    ) -> None:
        super().__init__(message)
        self.fields: dict[str, object] = dict(fields or {})
