"""The one clock. Everything that asks for the time asks here."""

from datetime import UTC, datetime


def now() -> datetime:
    """Return the present time, aware, in UTC."""
    return datetime.now(UTC)


def parse(text: str) -> datetime:
    """Read an ISO 8601 time with an offset (`Z` too) as UTC.

    Raises ValueError where there is no offset: a provider's local time would
    otherwise be taken for UTC in silence.
    """
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(f"{text!r} has no UTC offset")
    return moment.astimezone(UTC)


def iso(moment: datetime) -> str:
    """Write a time as ISO 8601 in UTC with `Z`."""
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")
