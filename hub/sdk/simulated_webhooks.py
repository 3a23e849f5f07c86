"""How a simulator sends its webhooks: in a thread, signed, again if refused."""

import heapq
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import requests

# Providers try again for days; a simulator is watched while it does.
REDELIVER_AFTER = (0.5, 1.0, 2.0, 4.0)
HOLD_SECONDS = 3.0
_TIMEOUT = 10.0

Sign = Callable[["SentWebhook"], Mapping[str, str]]


@dataclass
class SentWebhook:
    """A webhook of a simulator. `statuses` has what each try was answered
    (0: no answer); a redelivery keeps `id` and body and is signed anew. `url` is where
    it goes, if not where all of them go."""

    id: str
    body: bytes
    content_type: str
    url: str = ""
    statuses: list[int] = field(default_factory=list)
    gave_up: bool = False

    def shown(self) -> dict[str, Any]:
        """Describe it for `GET /_sim/state`."""
        return {
            "id": self.id,
            "statuses": list(self.statuses),
            "gave_up": self.gave_up,
            "body": self.body.decode(errors="replace"),
        }


class WebhookSender:
    """Posts webhooks to `url` in the background, one after the other."""

    def __init__(self, sign: Sign) -> None:
        self.url = ""
        self.sent: deque[SentWebhook] = deque(maxlen=1000)
        self._sign = sign
        self._due: list[tuple[float, int, SentWebhook]] = []
        self._held: list[SentWebhook] = []
        self._hold = self._twice = self._number = self._in_flight = 0
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None
        self._closed = False

    def hold(self, count: int) -> None:
        """Keep the next `count` webhooks back and send them in reverse order."""
        with self._changed:
            self._hold = count

    def duplicate(self, count: int) -> None:
        """Send each of the next `count` webhooks twice."""
        with self._changed:
            self._twice = count

    def send(self, webhook: SentWebhook) -> None:
        """Send a webhook soon; without a URL it is only remembered."""
        with self._changed:
            self.sent.append(webhook)
            if not (webhook.url or self.url) or self._closed:
                return
            copies = 2 if self._twice > 0 else 1
            self._twice -= copies - 1
            if self._hold > 0:
                self._hold -= 1
                self._held += [webhook] * copies
                if self._hold == 0:
                    self._release()
            else:
                for _ in range(copies):
                    self._push(webhook, 0.0)
            self._start()

    def wait_idle(self, timeout: float = 10.0) -> None:
        """Wait until everything is delivered or given up; TimeoutError if not."""
        with self._changed:
            idle = self._changed.wait_for(
                lambda: not (self._due or self._held or self._in_flight), timeout
            )
        if not idle:
            raise TimeoutError("the simulator still has webhooks to send")

    def forget(self) -> None:
        """Drop what is waiting and what was sent."""
        with self._changed:
            self._due, self._held, self._hold, self._twice = [], [], 0, 0
            self.sent.clear()
            self._changed.notify_all()

    def close(self) -> None:
        """End the thread after the webhook under way."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def _push(self, webhook: SentWebhook, after: float) -> None:
        self._number += 1
        heapq.heappush(self._due, (time.monotonic() + after, self._number, webhook))
        self._changed.notify_all()

    def _release(self) -> None:
        for webhook in reversed(self._held):
            self._push(webhook, 0.0)
        self._held, self._hold = [], 0

    def _start(self) -> None:
        if self._thread is None or not self._thread.is_alive():
            self._thread = threading.Thread(target=self._run, daemon=True)
            self._thread.start()

    def _run(self) -> None:
        with requests.Session() as session:
            session.trust_env = False
            while webhook := self._next():
                try:
                    self._try(session, webhook)
                finally:
                    with self._changed:
                        self._in_flight -= 1
                        self._changed.notify_all()

    def _next(self) -> SentWebhook | None:
        """Wait for the next one that is due; None once closed."""
        with self._changed:
            while not self._closed:
                wait = self._due[0][0] - time.monotonic() if self._due else None
                if wait is not None and wait <= 0:
                    self._in_flight += 1
                    return heapq.heappop(self._due)[2]
                if self._held and wait is None:
                    # Fewer came than were to be held: nobody waits for ever.
                    if not self._changed.wait(HOLD_SECONDS):
                        self._release()
                    continue
                self._changed.wait(wait)
            return None

    def _try(self, session: requests.Session, webhook: SentWebhook) -> None:
        headers = {"Content-Type": webhook.content_type, **self._sign(webhook)}
        try:
            status = session.post(
                webhook.url or self.url,
                data=webhook.body,
                headers=headers,
                timeout=_TIMEOUT,
                allow_redirects=False,
            ).status_code
        except requests.RequestException:
            status = 0
        with self._changed:
            webhook.statuses.append(status)
            if 200 <= status < 300:
                return
            tries = len(webhook.statuses)
            if tries > len(REDELIVER_AFTER):
                webhook.gave_up = True
            else:
                self._push(webhook, REDELIVER_AFTER[tries - 1])
