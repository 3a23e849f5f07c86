"""A provider's answer, and the error that a bad one or none means."""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from email.utils import parsedate_to_datetime
from ssl import SSLCertVerificationError
from typing import Any

from requests import exceptions
from urllib3.exceptions import ReadTimeoutError

from hub.sdk import clock
from hub.sdk.errors import (
    CredentialsError,
    HubError,
    PluginError,
    ProviderError,
    RateLimitError,
    RejectedError,
    UnavailableError,
    UnexpectedResponseError,
)
from hub.sdk.text import clean, clean_all, may_hold_halves
from hub.sdk.transport import Call
from hub.sdk.webhooks import Headers

LONGEST_WAIT = 7 * 24 * 3600.0


@dataclass(frozen=True)
class Reply:
    """What the provider answered."""

    status: int
    headers: Headers = field(default_factory=lambda: Headers(()), repr=False)
    content: bytes = field(default=b"", repr=False)

    @property
    def text(self) -> str:
        """The body as text, whatever it takes."""
        return clean(self.content.decode("utf-8", errors="replace"))

    def json(self) -> Any:
        """Return the body as JSON, fractions as Decimal: money is never a float.

        Raises UnexpectedResponseError for anything else.
        """
        try:
            value = json.loads(
                self.content, parse_float=Decimal, parse_constant=_no_constant
            )
            return clean_all(value) if may_hold_halves(self.content) else value
        except (ValueError, RecursionError):
            pass
        # Out here, so that the body is in no traceback.
        raise UnexpectedResponseError(
            f"The provider's answer (HTTP {self.status}) is not JSON as it documents. "
            "See its status page; if it lasts, the plugin needs an update.",
            status=self.status,
        )


Explain = Callable[[Reply], ProviderError | None]


def status_error(title: str, reply: Reply, *, reads: bool) -> ProviderError | None:
    """Return the error a status means by itself; None for 2xx.

    `reads` says that the request changes nothing, so that its outcome is no matter.
    """
    status, said = reply.status, f"(HTTP {reply.status})"
    wait = retry_after(reply.headers.get("Retry-After"))
    if 200 <= status < 300:
        return None
    if status in (401, 403):
        return CredentialsError(
            f"{title} refused our credentials {said}. Check them on the connection's "
            "page, or authorize it again.",
            status=status,
        )
    if status == 429 or (status == 503 and wait is not None):
        return RateLimitError(
            f"{title} asks us to wait {said}. It is tried again by itself.",
            retry_after=wait,
            status=status,
        )
    if status == 408 or status >= 500:
        return UnavailableError(
            f"{title} can't answer now {said}. It is tried again by itself.",
            status=status,
            outcome_unknown=not reads and _may_have_worked(status),
        )
    if 400 <= status < 500:
        return RejectedError(
            f"{title} refused the request {said}. Trying it again as it is will not "
            "help; see the call's details.",
            status=status,
        )
    return UnexpectedResponseError(
        f"{title} answered with {said[1:-1]}, which the plugin does not expect. If "
        "api_base_url is set, check it.",
        status=status,
    )


def no_answer_error(
    title: str, error: Exception, call: Call, *, reads: bool
) -> HubError:
    """Return the error that a call without a whole answer means.

    The words of `error` are not repeated: they may hold the URL.
    """
    if isinstance(error, exceptions.InvalidURL | exceptions.InvalidHeader):
        return PluginError(f"The plugin of {title} built a call that can't be sent.")
    if isinstance(error, exceptions.ContentDecodingError):
        return UnexpectedResponseError(
            f"{title}'s answer is damaged: its compression can't be undone.",
            outcome_unknown=not reads,
        )
    unproven = exceptions.SSLError | SSLCertVerificationError
    if isinstance(error, unproven) and not call.sent:
        return UnavailableError(
            f"The certificate of {title} could not be checked, so nothing was sent. If "
            "a proxy stands between, name its certificates in REQUESTS_CA_BUNDLE."
        )
    if not _may_have_left(error, call):
        return UnavailableError(
            f"{title} could not be reached; nothing was sent. It is tried again by "
            "itself."
        )
    what = "took too long" if _is_late(error, call) else "broke off the connection"
    doubt = "" if reads else " It is not known whether the request took effect."
    return UnavailableError(f"{title} {what}.{doubt}", outcome_unknown=not reads)


def _is_late(error: Exception, call: Call) -> bool:
    late = exceptions.Timeout | TimeoutError | ReadTimeoutError
    return call.is_over() or any(isinstance(e, late) for e in (error, *error.args))


def _may_have_left(error: Exception, call: Call) -> bool:
    if call.sent is None:
        # A stand-in took the place of the connection.
        return not isinstance(error, exceptions.ConnectTimeout)
    return call.sent


def _may_have_worked(status: int) -> bool:
    """Tell whether a request answered so may have taken effect all the same.

    A gateway (502, 504) doesn't know. Nor does a program that failed on its way
    (500): Stripe and PayPal both call its result unknown, and taking it for a
    definite failure would send money again under a new idempotency key. 408 and
    503 are answered in place of doing it.
    """
    return status not in (408, 503)


def retry_after(value: str | None) -> float | None:
    """Read a Retry-After header, seconds or a date, as seconds from now.

    None if there is none or it can't be read; never more than a week.
    """
    if value is None:
        return None
    value = value.strip()
    if re.fullmatch(r"\d{1,12}(\.\d{1,6})?", value, re.ASCII):
        return min(float(value), LONGEST_WAIT)
    try:
        seconds = (parsedate_to_datetime(value) - clock.now()).total_seconds()
    except (ValueError, TypeError, OverflowError):
        return None
    return min(max(seconds, 0.0), LONGEST_WAIT)


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")
