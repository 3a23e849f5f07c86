"""Recorded requests as files: headers, a blank line, the body's bytes untouched.

A first line `METHOD target` may say what isn't a POST to the connection's URL itself;
the target is relative to it: `GET /status?x=1`.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from urllib.parse import urlsplit

from hub.sdk.webhooks import (
    Headers,
    InboundWebhook,
    WebhookRequest,
    read_query,
)

_REQUEST_LINE = re.compile(r"(?P<method>[A-Z]+) /?(?P<target>\S*)( HTTP/[\d.]+)?")


@dataclass(frozen=True, kw_only=True)
class Sample:
    """One recorded webhook."""

    name: str
    headers: tuple[tuple[str, str], ...]
    body: bytes
    method: str = "POST"
    target: str = ""

    def request(
        self, webhook_url: str, received_at: datetime, key: bytes | None = None
    ) -> WebhookRequest:
        """Return it as the hub hands it to `verify_webhook`."""
        parts = urlsplit(self.target)
        return WebhookRequest(
            method=self.method,
            path=parts.path,
            url=f"{webhook_url}/{self.target}" if self.target else webhook_url,
            headers=Headers(self.headers),
            query=read_query(parts.query),
            body=self.body,
            received_at=received_at,
            key=key,
        )

    def webhook(self, received_at: datetime) -> InboundWebhook:
        """Return it as the hub hands it to `handle_webhook`."""
        parts = urlsplit(self.target)
        return InboundWebhook(
            id=f"whk_{self.name}",
            path=parts.path,
            query=read_query(parts.query),
            headers=Headers(self.headers),
            body=self.body,
            received_at=received_at,
        )


def read(path: Path) -> Sample:
    """Read a sample file; ValueError if it is none."""
    head, mark, body = _split(path.read_bytes())
    lines = head.decode("latin-1").splitlines()
    if not mark or not lines:
        raise ValueError(f"{path.name} has no blank line between headers and body")
    first = _REQUEST_LINE.fullmatch(lines[0])
    named = {"method": first["method"], "target": first["target"]} if first else {}
    headers = [line.partition(":") for line in lines[1 if first else 0 :]]
    if not all(colon for _, colon, _ in headers):
        raise ValueError(f"{path.name} has a line among its headers that is none")
    return Sample(
        name=path.stem,
        headers=tuple((name.strip(), value.strip()) for name, _, value in headers),
        body=body,
        **named,
    )


def write(path: Path, headers: Mapping[str, str], body: bytes) -> None:
    """Write a sample file."""
    head = "".join(f"{name}: {value}\n" for name, value in headers.items())
    path.write_bytes(head.encode("latin-1") + b"\n" + body)


def _split(raw: bytes) -> tuple[bytes, bytes, bytes]:
    found = re.search(rb"\r?\n\r?\n", raw)
    if found is None:
        return raw, b"", b""
    return raw[: found.start()], found[0], raw[found.end() :]
