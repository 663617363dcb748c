"""Replies in Slack's look: mrkdwn, and Block Kit where there is a card, buttons or much text."""

from __future__ import annotations

import html
from typing import Any

import msgspec

from llmagent_os.adapter import Button, Card, Reply
from llmagent_os.markup import PLAIN, SLACK, pieces, render

SECTION = 3000  #: characters of one section's text
SECTIONS = 4  #: of text in one message: more is another message
FIELDS = 10  #: of one section
FIELD = 1900  #: characters of one field
BUTTONS = 25  #: in one row of actions
LABEL = 75  #: characters of a button's label


class Post(msgspec.Struct, frozen=True):
    """One message to be posted."""

    text: str  #: mrkdwn where there are no blocks; else what notifications show
    blocks: tuple[dict[str, Any], ...] = ()

    def arguments(self) -> dict[str, Any]:
        """For ``chat.postMessage`` and its like."""
        return {"text": self.text, "blocks": list(self.blocks) if self.blocks else None}


def posts(reply: Reply) -> tuple[Post, ...]:
    """The messages that ``reply`` becomes, in order; card and buttons are on the last."""
    texts = pieces(reply.text, SLACK, SECTION)
    groups = [texts[at : at + SECTIONS] for at in range(0, len(texts), SECTIONS)] or [()]
    found: list[Post] = []
    for number, group in enumerate(groups):
        last = number + 1 == len(groups)
        blocks = [_section(text) for text in group]
        if last and reply.card is not None:
            blocks += _card(reply.card)
        if last and reply.buttons:
            blocks += _actions(reply.buttons)
        if len(blocks) == 1 and group:
            found.append(Post(group[0]))
        else:
            whole = reply.text if len(groups) == 1 else "\n".join(group)
            found.append(Post(_notification(whole), tuple(blocks[:50])))
    return tuple(found)


def chosen(blocks: list[Any], value: str) -> list[dict[str, Any]]:
    """``blocks`` of a message one of whose buttons was pressed: no buttons any more, and which it was."""
    kept: list[dict[str, Any]] = []
    for block in blocks:
        if not isinstance(block, dict):
            continue
        each: dict[str, Any] = block  # pyright: ignore[reportUnknownVariableType]
        if each.get("type") != "actions":
            kept.append(each)
            continue
        for element in each.get("elements", ()):
            if element.get("value") == value:
                label = html.escape(str(element.get("text", {}).get("text", "")), quote=False)
                kept.append({"type": "context", "elements": [{"type": "mrkdwn", "text": f"✓ {label}"}]})
    return kept


def _section(text: str) -> dict[str, Any]:
    return {"type": "section", "text": {"type": "mrkdwn", "text": text}}


def _card(card: Card) -> list[dict[str, Any]]:
    blocks: list[dict[str, Any]] = []
    if card.title:
        blocks.append(_section(f"*{html.escape(card.title, quote=False)[: SECTION - 2]}*"))
    fields = [
        {"type": "mrkdwn", "text": f"*{html.escape(label, quote=False)}*\n{html.escape(text, quote=False)}"[:FIELD]}
        for label, text in card.rows
    ]
    blocks += [{"type": "section", "fields": fields[at : at + FIELDS]} for at in range(0, len(fields), FIELDS)]
    return blocks[:40]


def _actions(buttons: tuple[Button, ...]) -> list[dict[str, Any]]:
    elements: list[dict[str, Any]] = []
    for number, button in enumerate(buttons):
        label = button.label if len(button.label) <= LABEL else f"{button.label[: LABEL - 1]}…"
        element: dict[str, Any] = {
            "type": "button",
            "action_id": f"b{number}",
            "text": {"type": "plain_text", "text": label, "emoji": True},
            "value": button.value,
        }
        if button.style in ("primary", "danger"):
            element["style"] = button.style
        elements.append(element)
    return [{"type": "actions", "elements": elements[at : at + BUTTONS]} for at in range(0, len(elements), BUTTONS)]


def _notification(markdown: str) -> str:
    text = render(markdown, PLAIN)
    return html.escape(text if len(text) <= SECTION else f"{text[: SECTION - 1]}…", quote=False)
