"""A reply as Slack's messages: mrkdwn, and Block Kit where there is a card, buttons or a long text."""

from __future__ import annotations

import html
from typing import Any

import msgspec

from llmagent_os.adapter import Button, Card, Reply, Table
from llmagent_os.adapter_kit.choice_menus import PLACEHOLDER, DividedChoices, divided
from llmagent_os.adapters.slack.feedback_block import feedback_block
from llmagent_os.markup import PLAIN, SLACK, pieces, render
from llmagent_os.markup.shortening import shorten

SECTION_CHARACTERS = 3000  #: of one section's text
MESSAGE_SECTIONS = 4  #: of text in one message; a longer text becomes several messages
MESSAGE_BLOCKS = 50  #: of one message
CARD_BLOCKS = 40  #: of one card
SECTION_FIELDS = 10  #: of one section
FIELD_CHARACTERS = 1900  #: of one field
ROW_BUTTONS = 25  #: in one row of actions
MENU_OPTIONS = 100  #: of one menu
VALUE_BYTES = 150  #: of an option's value
LABEL_CHARACTERS = 75  #: of a button's label
TABLE_ROWS, TABLE_COLUMNS, TABLE_CHARACTERS = 100, 20, 10_000  #: of a table block, of which a message has one


class OutgoingMessage(msgspec.Struct, frozen=True):
    """One message to be posted."""

    text: str  #: mrkdwn if there are no blocks; otherwise what notifications show
    blocks: tuple[dict[str, Any], ...] = ()
    asks_feedback: bool = False  #: the last block is the one with the feedback buttons
    choices: tuple[
        str, ...
    ] = ()  #: what can be pressed or chosen and is not in ``text``, for where no blocks are shown

    @property
    def without_feedback(self) -> OutgoingMessage:
        """The message without its feedback buttons."""
        blocks = self.blocks[:-1] if self.asks_feedback else self.blocks
        if len(blocks) == 1 and blocks[0]["type"] == "section" and "text" in blocks[0]:
            return OutgoingMessage(blocks[0]["text"]["text"])
        return OutgoingMessage(self.text, blocks, choices=self.choices)

    @property
    def simpler(self) -> tuple[OutgoingMessage, ...]:
        """What to post in place of the message where Slack refuses its blocks, in order."""
        bare = self.without_feedback
        less = (bare,) if self.asks_feedback else ()
        return (*less, OutgoingMessage(_with_list(self.text, self.choices))) if bare.blocks else less

    def arguments(self) -> dict[str, Any]:
        """The arguments of ``chat.postMessage`` and similar methods."""
        return {"text": self.text, "blocks": list(self.blocks) if self.blocks else None}


def outgoing_messages(reply: Reply) -> tuple[OutgoingMessage, ...]:
    """The messages that ``reply`` becomes, in order. Table, card and buttons are part of the last one."""
    table = reply.table if reply.table is not None and _is_block(reply.table) else None
    texts = pieces(reply.body if table is None else reply.text, SLACK, SECTION_CHARACTERS)
    groups = [texts[at : at + MESSAGE_SECTIONS] for at in range(0, len(texts), MESSAGE_SECTIONS)] or [()]
    messages: list[OutgoingMessage] = []
    shown = divided(reply.buttons, one_tap=reply.under is not None)
    for number, group in enumerate(groups):
        last = number + 1 == len(groups)
        blocks = [_section(text) for text in group]
        if last and table is not None:
            blocks.append(_table(table))
        if last and reply.card is not None:
            blocks += _card(reply.card)
        if last and reply.buttons:
            blocks += _actions(shown)
        blocks = blocks[: MESSAGE_BLOCKS - 1]
        asks_feedback = last and reply.asks_feedback
        if asks_feedback:
            blocks.append(feedback_block())
        if len(blocks) == 1 and group:
            messages.append(OutgoingMessage(group[0]))
        else:
            whole = reply.body if len(groups) == 1 else "\n".join(group)
            choices = tuple(button.label for button in reply.buttons) if last else ()
            text = _notification(whole)
            if shown.menu:  # nobody sees the options before the menu is opened
                text, choices = _with_list(text, choices), ()
            messages.append(OutgoingMessage(text, tuple(blocks), asks_feedback, choices))
    return tuple(messages)


def draft_text(markdown: str) -> str:
    """The beginning of ``markdown`` that fits into one message, while more is being written."""
    (shown, *_) = pieces(markdown, SLACK, SECTION_CHARACTERS)
    return shown


def with_choice(blocks: list[Any], value: str) -> list[dict[str, Any]]:
    """A message's blocks after ``value`` was pressed or chosen: its label in place of the buttons and the menu."""
    kept: list[dict[str, Any]] = []
    for raw in blocks:
        if not isinstance(raw, dict):
            continue
        block: dict[str, Any] = raw  # pyright: ignore[reportUnknownVariableType]
        if block.get("type") != "actions":
            kept.append(block)
            continue
        elements = [each for element in block.get("elements", ()) for each in (element, *element.get("options", ()))]
        for element in elements:
            if element.get("value") == value:
                label = html.escape(str(element.get("text", {}).get("text", "")), quote=False)
                kept.append({"type": "context", "elements": [{"type": "mrkdwn", "text": f"✓ {label}"}]})
    return kept


def _section(text: str) -> dict[str, Any]:
    return {"type": "section", "text": {"type": "mrkdwn", "text": text}}


def _card(card: Card) -> list[dict[str, Any]]:
    blocks: list[dict[str, Any]] = []
    if card.title:
        blocks.append(_section(f"*{html.escape(card.title, quote=False)[: SECTION_CHARACTERS - 2]}*"))
    fields = [
        {
            "type": "mrkdwn",
            "text": f"*{html.escape(label, quote=False)}*\n{html.escape(text, quote=False)}"[:FIELD_CHARACTERS],
        }
        for label, text in card.rows
    ]
    blocks += [
        {"type": "section", "fields": fields[at : at + SECTION_FIELDS]} for at in range(0, len(fields), SECTION_FIELDS)
    ]
    return blocks[:CARD_BLOCKS]


def _is_block(table: Table) -> bool:
    """Whether Slack takes ``table`` as a block. A larger one becomes columns of text."""
    rows = (table.head, *table.rows)
    within = len(rows) <= TABLE_ROWS and len(table.head) <= TABLE_COLUMNS
    return within and sum(len(cell) for row in rows for cell in row) <= TABLE_CHARACTERS


def _table(table: Table) -> dict[str, Any]:
    rows = [[{"type": "raw_text", "text": cell or " "} for cell in row] for row in (table.head, *table.rows)]
    return {"type": "table", "rows": rows}


def _actions(shown: DividedChoices) -> list[dict[str, Any]]:
    elements = [_menu(shown.menu)] if shown.menu else []
    for number, button in enumerate(shown.buttons):
        label = shorten(button.label, LABEL_CHARACTERS)
        element: dict[str, Any] = {
            "type": "button",
            "action_id": f"b{number}",
            "text": {"type": "plain_text", "text": label, "emoji": True},
            "value": button.value,
        }
        if button.style in ("primary", "danger"):
            element["style"] = button.style
        elements.append(element)
    return [
        {"type": "actions", "elements": elements[at : at + ROW_BUTTONS]} for at in range(0, len(elements), ROW_BUTTONS)
    ]


def _menu(choices: tuple[Button, ...]) -> dict[str, Any]:
    options = [
        {
            "text": {"type": "plain_text", "text": shorten(choice.label, LABEL_CHARACTERS), "emoji": True},
            "value": choice.value,
        }
        for choice in choices[:MENU_OPTIONS]
    ]
    placeholder = {"type": "plain_text", "text": str(PLACEHOLDER)}
    return {"type": "static_select", "action_id": "menu", "placeholder": placeholder, "options": options}


def _with_list(text: str, choices: tuple[str, ...]) -> str:
    return "\n".join((text, *(f"• {html.escape(label, quote=False)}" for label in choices)))


def _notification(markdown: str) -> str:
    return html.escape(shorten(render(markdown, PLAIN), SECTION_CHARACTERS), quote=False)
