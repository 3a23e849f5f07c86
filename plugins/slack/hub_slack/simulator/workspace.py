"""What a simulated workspace holds: channels, threads, and the ways back to people."""

from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from hub.sdk import clock

KEPT, SHOWN, WAYS = 20_000, 50, 1_000
# https://docs.slack.dev/interactivity/handling-user-interaction
MOST_ANSWERS: Final = 5
ANSWERABLE: Final = timedelta(minutes=30)


@dataclass(frozen=True)
class Posted:
    """A message in a channel; `private`: an answer that one person sees."""

    ts: str
    channel: str
    at: datetime
    body: Mapping[str, Any]
    private: bool = False

    @property
    def thread(self) -> str:
        """The message it answers; "" if it stands in the channel by itself."""
        return str(self.body.get("thread_ts") or "")

    @property
    def is_broadcast(self) -> bool:
        """True for a reply that the channel is shown too."""
        return bool(self.thread and self.body.get("reply_broadcast"))


@dataclass
class Shown:
    """A message as the channel shows it, with the replies below it."""

    posted: Posted
    replies: list[Posted] = field(default_factory=list)


@dataclass
class WayBack:
    """A response_url: whom an answer is for, and how often it was used."""

    channel: str
    until: datetime
    used: int = 0


class Workspace:
    """Channels with their messages, the newest kept."""

    def __init__(self) -> None:
        self.count = 0
        self.messages: deque[Posted] = deque(maxlen=KEPT)
        self.answers: deque[Posted] = deque(maxlen=KEPT)
        self.channels: dict[str, deque[Posted]] = {}
        self._ways: dict[int, WayBack] = {}

    def post(
        self,
        channel: str,
        body: Mapping[str, Any],
        number: int,
        *,
        private: bool = False,
    ) -> Posted:
        """Keep a message. A reply to what isn't there comes into the channel, as in
        Slack, which says nothing about it."""
        now = clock.now()
        ts = f"{int(now.timestamp())}.{number % 1_000_000:06d}"
        body = self._threaded(channel, body)
        posted = Posted(ts, channel, now, body, private)
        if private:
            self.answers.append(posted)
        else:
            self.count += 1
            self.messages.append(posted)
        self.channels.setdefault(channel, deque(maxlen=SHOWN)).append(posted)
        return posted

    def find(self, ts: str) -> Posted | None:
        """Return a message that all can see."""
        return next((each for each in self.messages if each.ts == ts), None)

    def delete(self, ts: str) -> Posted | None:
        """Take a message away, and return it."""
        posted = self.find(ts)
        if posted is not None:
            self.messages.remove(posted)
            held = self.channels[posted.channel]
            if posted in held:
                held.remove(posted)
        return posted

    def shown(self, name: str) -> list[Shown]:
        """Return what a channel shows, newest first."""
        messages = self.channels.get(f"#{name}") or self.channels.get(name) or ()
        roots = {each.ts: Shown(each) for each in messages if not each.thread}
        stream = []
        for each in messages:
            root = roots.get(each.thread)
            if root is not None:
                root.replies.append(each)
            if each.ts in roots:
                stream.append(roots[each.ts])
            elif root is None or each.is_broadcast:
                stream.append(Shown(each))
        return stream[::-1]

    def open_way(self, number: int, channel: str) -> None:
        """Note that somebody waits for an answer."""
        self._ways[number] = WayBack(channel, clock.now() + ANSWERABLE)
        for old in list(self._ways)[:-WAYS]:
            del self._ways[old]

    def use_way(self, number: int) -> tuple[str, str]:
        """Return the channel to answer in, else the word that refuses it."""
        way = self._ways.get(number)
        if way is None or clock.now() > way.until:
            return "", "expired_url"
        if way.used >= MOST_ANSWERS:
            return "", "used_url"
        way.used += 1
        return way.channel, ""

    def _threaded(self, channel: str, body: Mapping[str, Any]) -> Mapping[str, Any]:
        parent = self.find(str(body.get("thread_ts") or ""))
        if parent is not None and parent.channel == channel:
            # A reply to a reply belongs to the same thread.
            return {**body, "thread_ts": parent.thread or parent.ts}
        ignored = ("thread_ts", "reply_broadcast")
        return {name: value for name, value in body.items() if name not in ignored}


def closed(channel: str) -> tuple[str, list[str]] | None:
    """Return the refusal of a channel that takes nothing."""
    words = {
        "": "channel_not_found",
        "missing": "channel_not_found",
        "archived": "is_archived",
    }
    word = words.get(channel.removeprefix("#"))
    return (word, []) if word else None


def button(posted: Posted, form: Mapping[str, str]) -> Mapping[str, Any] | None:
    """Find the element of a message that a form names."""
    wanted = form.get("block_id"), form.get("action_id")
    for block in _blocks(posted.body):
        for element in block.get("elements") or []:
            if wanted == (block.get("block_id", ""), element.get("action_id")):
                return {**element, "block_id": wanted[0]}
    return None


def _blocks(body: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    for holder in (body, *(body.get("attachments") or [])):
        yield from holder.get("blocks") or []
