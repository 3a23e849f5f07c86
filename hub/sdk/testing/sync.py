"""The suite for `sync`."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, ClassVar

import pytest

from hub.sdk.errors import UnavailableError
from hub.sdk.sync import Page
from hub.sdk.testing import exchanges
from hub.sdk.testing.exchanges import BROKEN_REPLIES, Exchange
from hub.sdk.testing.kit import facts_to_json, hooks_of, make_context


class SyncSuite:
    """Subclass it in tests/test_conformance.py and say:

    - `plugin`: the plugin's module; `settings`: those of the connection
    - `samples`: the folder with `sync-empty.json` (the calls of a sync that finds
      nothing), `sync-two-pages.json` (the calls of one with two pages, the second
      page's first call last) and `sync-two-pages.facts.json` (what must come out:
      `[{"cursor", "facts"}, …]`)
    """

    plugin: Any
    settings: ClassVar[Mapping[str, Any]] = {}
    samples: ClassVar[Path]
    cursor: ClassVar[str | None] = None

    def test_empty_sync_brings_no_facts(self) -> None:
        with exchanges.played(self.calls("sync-empty.json")):
            pages = list(self.pages(self.cursor))
        assert not [page.facts for page in pages if page.facts]

    def test_two_pages_say_exactly_what_the_facts_file_says(self) -> None:
        with self.two_pages() as mocker:
            came_out = [_shown(page) for page in self.pages(self.cursor)]
        text = json.dumps(came_out, indent=2, ensure_ascii=False)
        path = self.samples / "sync-two-pages.facts.json"
        assert path.exists(), f"write {path.name}; what came out:\n{text}"
        assert json.loads(path.read_bytes()) == came_out
        calls = self.calls("sync-two-pages.json")
        assert [exchange.request for exchange in calls] == exchanges.sent(mocker, calls)

    def test_same_page_twice_says_the_same(self) -> None:
        with self.two_pages():
            first = list(self.pages(self.cursor))
        with self.two_pages():
            assert first == list(self.pages(self.cursor))

    def test_page_is_handed_over_before_the_next_is_fetched(self) -> None:
        """Facts and cursor of a page are committed together, page by page."""
        with self.two_pages() as mocker:
            pages = self.pages(self.cursor)
            next(pages)
            before = mocker.call_count
            next(pages)
            assert before < mocker.call_count

    def test_sync_goes_on_from_a_pages_cursor(self) -> None:
        with self.two_pages():
            whole = list(self.pages(self.cursor))
        with self.two_pages():
            assert whole[1:] == list(self.pages(whole[0].cursor))

    def test_failed_page_moves_no_cursor(self) -> None:
        broken = BROKEN_REPLIES["500"]
        with self.two_pages(broken):
            pages = self.pages(self.cursor)
            first = next(pages)
            with pytest.raises(UnavailableError):
                next(pages)
        assert first.cursor is not None, "a first page of two says where to go on"

    def calls(self, name: str) -> list[Exchange]:
        """Read one file of calls."""
        return exchanges.read(self.samples / name)

    def two_pages(self, broken: Mapping[str, Any] | None = None) -> Any:
        """Play the provider with two pages."""
        return exchanges.played(self.calls("sync-two-pages.json"), broken)

    def pages(self, cursor: str | None) -> Iterator[Page]:
        """Start a sync."""
        ctx = make_context(self.plugin, self.settings, delivery=None)
        pages: Iterator[Page] = iter(
            hooks_of(self.plugin)["sync"](ctx=ctx, cursor=cursor)
        )
        return pages


def _shown(page: Page) -> dict[str, Any]:
    return {"cursor": page.cursor, "facts": facts_to_json(page.facts)}
