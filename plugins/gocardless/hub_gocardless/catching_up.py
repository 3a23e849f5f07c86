"""Events whose webhooks got lost: read from GoCardless, with the facts' same ids."""

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final

from hub.sdk import clock
from hub.sdk.context import Context
from hub.sdk.errors import PluginError, RejectedError
from hub.sdk.facts import Fact
from hub.sdk.sync import Page
from hub_gocardless import client, events, schemas

# Where a connection begins: what is older was settled without the hub.
_BEGINNING: Final = timedelta(days=1)
# Events are listed a little after their own time.
_OVERLAP: Final = timedelta(minutes=10)
_LIMIT: Final = "100"
_NOT_FOUND: Final = 404


@dataclass(frozen=True, kw_only=True)
class _Cursor:
    """Lists run from the newest event to the oldest. While one is walked, `after` is
    the place reached and `newest` where the next walk begins."""

    since: str
    newest: str
    after: str | None = None


def pages(ctx: Context, cursor: str | None) -> Iterator[Page]:
    """Yield what happened since the last time, page by page."""
    at, fetched = _read(cursor, ctx), events.Fetched(ctx)
    while True:
        items, after = client.page(ctx, "events", _asked(at))
        known = [_event(item) for item in items]
        moments = [clock.parse(at.newest), *(each["created_at"] for each in known)]
        newest = clock.iso(max(moments))
        at = replace(at, newest=newest, after=after)
        facts = [fact for each in known for fact in _facts(each, fetched)]
        if after is None:
            done = _Cursor(since=newest, newest=newest)
            yield Page(facts=tuple(facts), cursor=_written(done))
            return
        yield Page(facts=tuple(facts), cursor=_written(at))


def _asked(at: _Cursor) -> dict[str, str]:
    since = clock.iso(clock.parse(at.since) - _OVERLAP)
    asked = {"created_at[gt]": since, "limit": _LIMIT}
    return asked | ({"after": at.after} if at.after else {})


def _event(item: object) -> dict[str, Any]:
    (event,) = events.understood(lambda: [schemas.read(schemas.Event, item, "event")])
    return event


def _facts(event: dict[str, Any], fetched: events.Fetched) -> list[Fact]:
    try:
        return events.facts_of(event, fetched)
    except RejectedError as error:
        # Of a thing that was deleted there is nothing left to know.
        if error.status == _NOT_FOUND:
            return []
        raise


def _read(cursor: str | None, ctx: Context) -> _Cursor:
    if cursor is None:
        return _new(ctx.now() - _BEGINNING)
    try:
        return _Cursor(**json.loads(cursor))
    except (TypeError, ValueError):
        raise PluginError("The cursor is none of GoCardless's.") from None


def _new(since: datetime) -> _Cursor:
    return _Cursor(since=clock.iso(since), newest=clock.iso(since))


def _written(cursor: _Cursor) -> str:
    return json.dumps(asdict(cursor))
