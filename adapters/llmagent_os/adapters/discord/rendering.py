"""A reply as Discord's messages: text in pieces that fit; card, buttons and files are part of the last message."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import discord
import msgspec
import structlog

from llmagent_os.adapter import Button, Card, Reply, Thumbs
from llmagent_os.adapter_kit.button_values import ButtonValues
from llmagent_os.adapter_kit.choice_menus import PLACEHOLDER, divided
from llmagent_os.adapters.discord.payloads import BUTTON, MENU
from llmagent_os.adapters.discord.thumbs import thumbs_row
from llmagent_os.events import Conversation
from llmagent_os.languages import gettext, lazy_gettext
from llmagent_os.markup import DISCORD, pieces
from llmagent_os.markup.shortening import shorten

_log = structlog.stdlib.get_logger(__name__)

MESSAGE_CHARACTERS = 2000  #: of one message
FILE_BYTES = 10 * 1024 * 1024  #: of one file, in direct messages and in servers without boosts
MESSAGE_FILES = 10  #: of one message
DESCRIPTION_CHARACTERS = 1024  #: of a file
CUSTOM_ID_BYTES = 100  #: of a button's value, which Discord calls custom_id

EMBED_FIELDS = 25  #: of one embed
_FIELD_NAME, _FIELD_VALUE, _EMBED = 256, 1024, 6000  # characters: of a field's name and value, of an embed in all
_LABEL = 80  # characters of a label
_MENU_OPTIONS, _MENUS = 25, 3  # options of a menu, menus of a message with rows of buttons and of thumbs
_ROW_BUTTONS = 5  # of one row
_STYLES = {"primary": 1, "default": 2, "danger": 4}
_INVISIBLE = "\u200b"  #: where Discord takes no empty text


class OutgoingMessage(msgspec.Struct, frozen=True):
    """One message to be sent."""

    content: str
    embeds: tuple[dict[str, Any], ...] = ()
    components: tuple[dict[str, Any], ...] = ()
    files: tuple[str, ...] = ()  #: paths
    descriptions: tuple[str, ...] = ()  #: of the files, in order: what pictures show, in words; empty for others
    card_text: str = ""  #: what the embed shows, for where no embeds are allowed

    def body(self) -> dict[str, Any]:
        """The message as a request's JSON. Mentions in a model's text notify nobody."""
        return {
            "content": self.content,
            "embeds": list(self.embeds),
            "components": list(self.components),
            "allowed_mentions": {"parse": [], "replied_user": True},
        }

    def is_shown_in(self, message: dict[str, Any]) -> bool:
        """Whether Discord's ``message`` is this one, and not a draft of it."""
        return (
            message.get("content", "").strip() == self.content.strip()
            and bool(message.get("components")) == bool(self.components)
            and len(message.get("attachments") or ()) == len(self.files)
        )

    def without_extras(self) -> OutgoingMessage:
        """The message without what a server may forbid: the card as words, and a note in place of files."""
        told = " ".join(filter(None, self.descriptions))
        may_not = gettext("(I may not attach files here.)")
        note = f"\n\n{may_not} {told}".rstrip() if self.files else ""
        note = shorten(note, MESSAGE_CHARACTERS // 2)
        card = f"\n{self.card_text}" if self.card_text else ""
        return OutgoingMessage(shorten(self.content + card, MESSAGE_CHARACTERS - len(note)) + note, (), self.components)


async def outgoing_messages(reply: Reply, buttons: ButtonValues) -> list[OutgoingMessage]:
    """The messages that ``reply`` becomes; the same at every try."""
    paths, notes = await asyncio.to_thread(_sendable, reply.all_files) if reply.all_files else ([], [])
    text = "\n\n".join((reply.body, *notes)) if notes else reply.body
    texts = list(pieces(text, DISCORD, MESSAGE_CHARACTERS))
    embeds = () if reply.card is None else (_embed(reply.card),)
    thumbs = (thumbs_row(Thumbs()),) if reply.asks_feedback else ()
    components = (*await _components(reply, buttons), *thumbs)
    if not texts or (not texts[-1].strip() and not (embeds or paths)):
        texts = [*texts[:-1], "" if embeds or paths else _INVISIBLE]
    messages = [OutgoingMessage(piece) for piece in texts[:-1]]
    in_words = "" if reply.card is None else discord.utils.escape_markdown(reply.card.as_text())
    told = [shorten(reply.alternatives.get(path, ""), DESCRIPTION_CHARACTERS) for path in paths]
    for start in range(0, max(len(paths), 1), MESSAGE_FILES):
        files, descriptions = paths[start : start + MESSAGE_FILES], told[start : start + MESSAGE_FILES]
        first = (texts[-1], embeds, components) if not start else ("", (), ())
        words = "" if start else in_words
        messages.append(OutgoingMessage(*first, tuple(files), tuple(descriptions), words))
    return messages


def draft_text(text: str) -> str:
    """The beginning of ``text`` that fits into one message, while more is being written; empty: nothing to show."""
    shown = pieces(text, DISCORD, MESSAGE_CHARACTERS - 2)
    if not shown or not shown[0].strip():
        return ""
    return shown[0] if len(shown) == 1 else f"{shown[0]} …"


def nonce_of(key: str, channel: str, number: int, attempt: int = 0) -> str:
    """The nonce of one message of a reply, under which Discord takes the message once; at most 25 characters.

    Args:
        key: of the reply.
        channel: where the message goes.
        number: of the message in the reply, from 0.
        attempt: counts messages that were deleted and are to be sent anew.
    """
    return hashlib.sha256(f"{key}\x1f{channel}\x1f{number}\x1f{attempt}".encode()).hexdigest()[:25]


def with_nonce(nonce: str) -> dict[str, Any]:
    """The fields of a message that make Discord drop a second one with the same nonce."""
    return {"nonce": nonce, "enforce_nonce": True}


def reference_to(conversation: Conversation, message_id: str | None) -> dict[str, Any]:
    """The fields of a message that show which message it answers; none in a direct conversation."""
    if conversation.kind == "direct" or not message_id or not message_id.isdecimal():
        return {}
    return {"message_reference": {"message_id": message_id, "fail_if_not_exists": False}}


def _embed(card: Card) -> dict[str, Any]:
    """``card`` as an embed, cut at Discord's limits."""
    title = _plain(card.title, _FIELD_NAME)
    left = _EMBED - len(title)
    fields: list[dict[str, Any]] = []
    for label, value in card.rows[:EMBED_FIELDS]:
        name, text = _plain(label, _FIELD_NAME) or _INVISIBLE, _plain(value, _FIELD_VALUE) or _INVISIBLE
        left -= len(name) + len(text)
        if left < 0:
            break
        fields.append({"name": name, "value": text, "inline": False})
    return ({"title": title} if title or not fields else {}) | {"fields": fields}


def _plain(text: str, limit: int) -> str:
    return shorten(discord.utils.escape_markdown(text), limit)


async def _components(reply: Reply, buttons: ButtonValues) -> tuple[dict[str, Any], ...]:
    once: dict[str, Button] = {}  # Discord takes no two buttons with the same value
    for button in reply.buttons:
        once.setdefault(await buttons.carried(button.value), button)
    offered = [msgspec.structs.replace(button, value=carried) for carried, button in once.items()]
    shown = divided(offered, one_tap=reply.under is not None)
    most = _MENU_OPTIONS * _MENUS
    if len(shown.menu) > most:
        _log.warning("discord: only the first choices are shown", most=most, count=len(shown.menu))
    rows: list[list[dict[str, Any]]] = [
        [_menu(start, shown.menu[start : start + _MENU_OPTIONS])]
        for start in range(0, min(len(shown.menu), most), _MENU_OPTIONS)
    ]
    pressed = [
        {"type": BUTTON, "style": _STYLES[each.style], "label": _label(each), "custom_id": each.value}
        for each in shown.buttons
    ]
    rows += [pressed[start : start + _ROW_BUTTONS] for start in range(0, len(pressed), _ROW_BUTTONS)]
    return tuple({"type": 1, "components": row} for row in rows)


def _menu(start: int, choices: Sequence[Button]) -> dict[str, Any]:
    options = [{"label": _label(each), "value": each.value} for each in choices]
    return {"type": MENU, "custom_id": f"menu:{start}", "placeholder": str(PLACEHOLDER), "options": options}


def _label(button: Button) -> str:
    return button.label[:_LABEL].strip() or _INVISIBLE


def _sendable(files: Sequence[str]) -> tuple[list[str], list[str]]:
    """The files that can be sent, and notes about those that cannot."""
    paths: list[str] = []
    notes: list[str] = []
    for file in files:
        path = Path(file)
        try:
            size = path.stat().st_size
        except OSError as error:
            _log.error("discord: a file of a reply cannot be read", error=repr(error))
            notes.append(gettext("(The file {name} could not be read.)", name=path.name))
            continue
        if size > FILE_BYTES:
            text = lazy_gettext("(The file {name} is larger than the {size} MB that Discord takes.)")
            notes.append(text.format(name=path.name, size=FILE_BYTES // 1024**2))
        else:
            paths.append(file)
    return paths, notes
