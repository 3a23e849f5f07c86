"""One page of a sync: facts and the cursor to go on from."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from hub.sdk.facts import Fact


@dataclass(frozen=True, kw_only=True)
class Page:
    """Facts of one page; `cursor` is kept with them in one commit. None: done."""

    facts: tuple[Fact, ...]
    cursor: str | None


@dataclass(frozen=True, kw_only=True)
class Change:
    """One planned change at the other side (plan/apply of books and PSA)."""

    kind: str
    entity: str
    action: str
    data: Mapping[str, Any]
