"""What Teams refuses about a message, or takes and never shows.

https://learn.microsoft.com/microsoftteams/platform/task-modules-and-cards/cards/cards-reference
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final

MOST_BYTES: Final = 28 * 1024
MOST_ACTIONS: Final = 6
CARD: Final = "application/vnd.microsoft.card.adaptive"
VERSIONS: Final = frozenset({"1.0", "1.1", "1.2", "1.3", "1.4"})
# Nothing that asks for something: behind a workflow there is no bot to be told.
ELEMENTS: Final = frozenset(
    {
        *("TextBlock", "RichTextBlock", "FactSet", "Container", "ColumnSet"),
        *("Column", "Image", "ImageSet", "ActionSet"),
    }
)
ACTIONS: Final = frozenset(
    {"Action.OpenUrl", "Action.ShowCard", "Action.ToggleVisibility"}
)
STYLES: Final = frozenset(
    {"default", "emphasis", "good", "attention", "warning", "accent"}
)
HOLDERS: Final = ("body", "items", "columns")


def problem(message: Mapping[str, Any]) -> str:
    """Say what is wrong first; "" for a message that is fine."""
    return next(_problems(message), "")


def _problems(message: Mapping[str, Any]) -> Iterator[str]:
    attachments = message.get("attachments")
    if message.get("type") != "message":
        yield "Property 'type' must be 'message'."
    if not isinstance(attachments, list) or not attachments:
        kind = "Null" if attachments is None else type(attachments).__name__
        yield f"The result of 'foreach' is of type '{kind}', not a valid array."
        return
    for attachment in attachments:
        if not isinstance(attachment, dict) or attachment.get("contentType") != CARD:
            yield f"An attachment's contentType must be '{CARD}'."
        else:
            yield from _of_card(attachment.get("content"))


def _of_card(card: Any) -> Iterator[str]:
    if not isinstance(card, dict) or card.get("type") != "AdaptiveCard":
        yield "Property 'type' must be 'AdaptiveCard'."
        return
    if card.get("version") not in VERSIONS:
        yield "We're sorry, this card couldn't be displayed: version must be ≤ 1.4."
    if card.get("refresh") or card.get("authentication"):
        yield "A card from a workflow can't be refreshed."
    yield from _of_element(card, "card")


def _of_element(element: Mapping[str, Any], at: str) -> Iterator[str]:
    for key in HOLDERS:
        for number, child in enumerate(_list(element.get(key))):
            place = f"{at}.{key}[{number}]"
            fallback = "Column" if key == "columns" else None
            kind = child.get("type", fallback) if isinstance(child, dict) else None
            if kind not in ELEMENTS:
                yield f"{place}: no element '{kind}' can be shown."
            else:
                yield from _of_kind(child, kind, place)
                yield from _of_element(child, place)
    actions = _list(element.get("actions"))
    if len(actions) > MOST_ACTIONS:
        yield f"{at}: no more than {MOST_ACTIONS} actions are shown."
    for action in actions:
        yield from _of_action(action, at)


def _of_kind(element: Mapping[str, Any], kind: str, at: str) -> Iterator[str]:
    if kind == "TextBlock" and not isinstance(element.get("text"), str):
        yield f"{at}: a TextBlock's text must be a string."
    if element.get("style", "default") not in STYLES and kind == "Container":
        yield f"{at}: there is no container style '{element['style']}'."
    if kind == "FactSet":
        for fact in _list(element.get("facts")):
            words = [fact.get("title"), fact.get("value")] if fact else [None]
            if not all(isinstance(word, str) for word in words):
                yield f"{at}: a fact's title and value must be strings."


def _of_action(action: Any, at: str) -> Iterator[str]:
    kind = action.get("type") if isinstance(action, dict) else None
    if kind not in ACTIONS:
        yield f"{at}: the action '{kind}' needs a bot."
    elif kind == "Action.OpenUrl":
        url = action.get("url")
        if not isinstance(url, str) or not url.startswith(("https://", "http://")):
            yield f"{at}: only web addresses can be opened."


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
