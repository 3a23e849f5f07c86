"""What Slack refuses about a message, in its own words.

https://docs.slack.dev/reference/block-kit/blocks
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

MOST_TEXT, MOST_BLOCK_TEXT, MOST_ATTACHMENTS, MOST_BLOCKS = 40_000, 13_200, 100, 50
PLAIN: Final = frozenset({"plain_text"})
EITHER: Final = frozenset({"plain_text", "mrkdwn"})
UNCHECKED: Final = frozenset(
    {"divider", "image", "input", "rich_text", "video", "file"}
)

Problems = Iterator[tuple[str, str]]


def refusal(body: Mapping[str, Any]) -> tuple[str, list[str]] | None:
    """Return the error's word and its details; None for a message that is fine."""
    text, attachments = body.get("text") or "", body.get("attachments") or []
    blocks = [("/blocks", body.get("blocks") or [])]
    if not isinstance(text, str) or not _are_objects(attachments):
        return "invalid_arguments", []
    if len(attachments) > MOST_ATTACHMENTS:
        return "too_many_attachments", []
    if not (text.strip() or blocks[0][1] or attachments):
        return "no_text", []
    if len(text) > MOST_TEXT:
        return "msg_too_long", []
    blocks += [
        (f"/attachments/{number}/blocks", attachment.get("blocks") or [])
        for number, attachment in enumerate(attachments)
    ]
    return _blocks_refusal(blocks)


def _blocks_refusal(groups: list[tuple[str, Any]]) -> tuple[str, list[str]] | None:
    found = [
        f"{what} [json-pointer:{pointer}]"
        for at, blocks in groups
        for what, pointer in _problems(blocks, at)
    ]
    if found:
        return "invalid_blocks", found
    if sum(_length(blocks) for _, blocks in groups) > MOST_BLOCK_TEXT:
        return "msg_blocks_too_long", []
    return None


def _problems(blocks: Any, at: str) -> Problems:
    if not isinstance(blocks, list):
        yield "must be an array", at
        return
    if len(blocks) > MOST_BLOCKS:
        yield f"no more than {MOST_BLOCKS} items allowed", at
    ids = [b["block_id"] for b in blocks if isinstance(b, dict) and b.get("block_id")]
    if len(ids) != len({str(id) for id in ids}):
        yield "block_id must be unique", at
    for number, block in enumerate(blocks):
        pointer = f"{at}/{number}"
        if not isinstance(block, dict):
            yield "must be an object", pointer
            continue
        yield from _limited(block, "block_id", 255, pointer)
        kind = str(block.get("type"))
        if kind in CHECKS:
            yield from CHECKS[kind](block, pointer)
        elif kind not in UNCHECKED:
            yield f"unsupported type: {kind}", f"{pointer}/type"


def _header(block: Mapping[str, Any], at: str) -> Problems:
    yield from _text(block.get("text"), f"{at}/text", 150, PLAIN)


def _section(block: Mapping[str, Any], at: str) -> Problems:
    if "text" not in block and not block.get("fields"):
        yield "missing required field: text", at
    if "text" in block:
        yield from _text(block["text"], f"{at}/text", 3000, EITHER)
    yield from _list(block.get("fields", []), f"{at}/fields", 10)
    for number, field in enumerate(_items(block.get("fields"))):
        yield from _text(field, f"{at}/fields/{number}", 2000, EITHER)


def _context(block: Mapping[str, Any], at: str) -> Problems:
    yield from _list(block.get("elements"), f"{at}/elements", 10)
    for number, element in enumerate(_items(block.get("elements"))):
        if not (isinstance(element, dict) and element.get("type") == "image"):
            yield from _text(element, f"{at}/elements/{number}", 2000, EITHER)


def _actions(block: Mapping[str, Any], at: str) -> Problems:
    elements = _items(block.get("elements"))
    yield from _list(block.get("elements"), f"{at}/elements", 25)
    ids = [e.get("action_id") for e in elements if isinstance(e, dict)]
    if len(ids) != len({str(id) for id in ids}):
        yield "action_id must be unique", f"{at}/elements"
    for number, element in enumerate(elements):
        pointer = f"{at}/elements/{number}"
        if not isinstance(element, dict):
            yield "must be an object", pointer
        elif element.get("type") == "button":
            yield from _text(element.get("text"), f"{pointer}/text", 75, PLAIN)
            for key, limit in (("value", 2000), ("url", 3000), ("action_id", 255)):
                yield from _limited(element, key, limit, pointer)
            yield from _confirm(element.get("confirm"), f"{pointer}/confirm")


def _confirm(value: Any, at: str) -> Problems:
    if value is None:
        return
    if not isinstance(value, dict):
        yield "must be an object", at
        return
    for key, limit, kinds in (
        ("title", 100, PLAIN),
        ("text", 300, EITHER),
        ("confirm", 30, PLAIN),
        ("deny", 30, PLAIN),
    ):
        yield from _text(value.get(key), f"{at}/{key}", limit, kinds)


CHECKS: Final[Mapping[str, Callable[[Mapping[str, Any], str], Problems]]] = {
    "header": _header,
    "section": _section,
    "context": _context,
    "actions": _actions,
}


def _text(value: Any, at: str, limit: int, kinds: frozenset[str]) -> Problems:
    if not isinstance(value, dict) or value.get("type") not in kinds:
        yield f"must be a text object of type {' or '.join(sorted(kinds))}", at
    elif not isinstance(value.get("text"), str) or not value["text"]:
        yield "must be more than 0 characters", f"{at}/text"
    elif len(value["text"]) > limit:
        yield f"must be less than {limit + 1} characters", f"{at}/text"


def _limited(value: Mapping[str, Any], key: str, limit: int, at: str) -> Problems:
    if len(str(value.get(key, ""))) > limit:
        yield f"must be less than {limit + 1} characters", f"{at}/{key}"


def _list(value: Any, at: str, most: int) -> Problems:
    if not isinstance(value, list):
        yield "must be an array", at
    elif len(value) > most:
        yield f"no more than {most} items allowed", at


def _are_objects(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(item, dict) for item in value)


def _items(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _length(value: Any) -> int:
    """Count the characters of all texts below a value."""
    if isinstance(value, dict):
        text = value.get("text")
        own = len(text) if isinstance(text, str) else _length(text)
        return own + sum(_length(value.get(key)) for key in ("fields", "elements"))
    return sum(map(_length, value)) if isinstance(value, list) else 0
