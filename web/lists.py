"""Lists on pages: filters and cursor from the address, links that keep them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from flask import request, url_for

from hub.core.queries import listing
from hub.core.queries.listing import Listing
from hub.core.queries.paging import Page


@dataclass(frozen=True)
class Shown:
    """One page of a list as a template needs it."""

    items: Sequence[Any]
    filters: dict[str, str]
    next_url: str | None
    first_url: str | None

    def __bool__(self) -> bool:
        return bool(self.items)


def shown(session: Any, wanted: Listing) -> Shown:
    """Read one page of a list as the address asks for it."""
    known = wanted.parameters()
    given = {
        name: value.strip()
        for name, value in request.args.items()
        if name in known and value.strip()
    }
    cursor = request.args.get("cursor")
    page: Page[Any] = listing.rows(session, wanted, given, cursor=cursor)
    return Shown(
        page.items,
        given,
        _here(given, page.next_cursor) if page.next_cursor else None,
        _here(given, None) if cursor else None,
    )


def _here(filters: dict[str, str], cursor: str | None) -> str:
    values: dict[str, Any] = {**(request.view_args or {}), **filters}
    if cursor:
        values["cursor"] = cursor
    return url_for(request.endpoint or "", **values)
