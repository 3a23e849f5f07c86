"""What is kept of a call to a provider."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, kw_only=True)
class CallRecord:
    """One call as it may be kept: secrets are out, excerpts are short."""

    plugin: str
    connection: str
    method: str
    url: str
    status: int | None
    error: str
    duration_ms: int
    request_size: int
    response_size: int
    request_excerpt: str
    response_excerpt: str
    started_at: datetime


@dataclass
class Noted:
    """What is known of a call while it is made; the excerpts are fit to be kept."""

    status: int | None = None
    size: int = 0
    request: str = ""
    answer: str = ""
