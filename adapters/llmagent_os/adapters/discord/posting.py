"""A reply as Discord's messages: text in pieces that fit, and on the last one the card, the buttons and the files."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import discord
import msgspec
import structlog

from llmagent_os.adapter import Button, Card, Reply
from llmagent_os.adapter_kit.button_values import ButtonValues
from llmagent_os.markup import DISCORD, pieces

_log = structlog.stdlib.get_logger(__name__)

CHARACTERS = 2000  #: of one message
FILE_BYTES = 10 * 1024 * 1024  #: of one file, in servers that nobody has boosted and in direct messages

_FILES = 10  #: of one message
_FIELDS, _NAME, _VALUE, _TOTAL = 25, 256, 1024, 6000  # of an embed, in characters but for the first
VALUE = 100  #: bytes of a button's value, which Discord calls custom_id
_ROW, _ROWS, _LABEL = 5, 5, 80  # of buttons
_STYLES = {"primary": 1, "default": 2, "danger": 4}
_EMPTY = "\u200b"  #: where Discord wants something


class Part(msgspec.Struct, frozen=True):
    """One message."""

    content: str
    embeds: tuple[dict[str, Any], ...] = ()
    components: tuple[dict[str, Any], ...] = ()
    files: tuple[str, ...] = ()  #: paths

    def body(self) -> dict[str, Any]:
        """As a request's JSON. Nobody is called by what a model says."""
        return {
            "content": self.content,
            "embeds": list(self.embeds),
            "components": list(self.components),
            "allowed_mentions": {"parse": [], "replied_user": True},
        }

    def is_shown_in(self, message: dict[str, Any]) -> bool:
        """Whether Discord's message is this one, and no draft of it."""
        return (
            message.get("content", "").strip() == self.content.strip()
            and bool(message.get("components")) == bool(self.components)
            and len(message.get("attachments") or ()) == len(self.files)
        )

    def plain(self) -> Part:
        """Without what a server may forbid, saying so where it is missed."""
        note = "\n\n(I may not attach files here.)" if self.files else ""
        return Part(self.content[: CHARACTERS - len(note)] + note, (), self.components)


async def parts_of(reply: Reply, buttons: ButtonValues) -> list[Part]:
    """The messages that ``reply`` becomes; the same at every try."""
    paths, notes = await asyncio.to_thread(_sendable, reply.files) if reply.files else ([], [])
    text = "\n\n".join((reply.text, *notes)) if notes else reply.text
    texts = list(pieces(text, DISCORD, CHARACTERS))
    embeds = () if reply.card is None else (embed_of(reply.card),)
    components = await _components(reply.buttons, buttons)
    if not texts or (not texts[-1].strip() and not (embeds or paths)):
        texts = [*texts[:-1], "" if embeds or paths else _EMPTY]
    parts = [Part(each) for each in texts[:-1]]
    parts.append(Part(texts[-1], embeds, components, tuple(paths[:_FILES])))
    parts += [Part("", (), (), tuple(paths[start : start + _FILES])) for start in range(_FILES, len(paths), _FILES)]
    return parts


def draft_of(text: str) -> str:
    """The beginning of ``text``, as much as fits, as it looks while more is written."""
    shown = pieces(text, DISCORD, CHARACTERS - 2)
    if not shown or not shown[0].strip():
        return ""
    return shown[0] if len(shown) == 1 else f"{shown[0]} …"


def nonce_of(key: str, channel: str, number: int, attempt: int = 0) -> str:
    """The name under which Discord takes one message once: at most 25 characters."""
    return hashlib.sha256(f"{key}\x1f{channel}\x1f{number}\x1f{attempt}".encode()).hexdigest()[:25]


def embed_of(card: Card) -> dict[str, Any]:
    """The card as an embed, cut where Discord's limits are: the reply's text is complete without it."""
    title = _plain(card.title, _NAME)
    left = _TOTAL - len(title)
    fields: list[dict[str, Any]] = []
    for label, value in card.rows[:_FIELDS]:
        field = {"name": _plain(label, _NAME) or _EMPTY, "value": _plain(value, _VALUE) or _EMPTY, "inline": False}
        left -= len(str(field["name"])) + len(str(field["value"]))
        if left < 0:
            break
        fields.append(field)
    return {"title": title or _EMPTY, "fields": fields}


def _plain(text: str, limit: int) -> str:
    shown = discord.utils.escape_markdown(text)
    return shown if len(shown) <= limit else f"{shown[: limit - 1]}…"


async def _components(offered: Sequence[Button], buttons: ButtonValues) -> tuple[dict[str, Any], ...]:
    shown: dict[str, dict[str, Any]] = {}
    for button in offered:
        custom_id = await buttons.carried(button.value)
        if custom_id not in shown:  # Discord takes no two buttons that do the same
            label = button.label[:_LABEL].strip() or _EMPTY
            shown[custom_id] = {"type": 2, "style": _STYLES[button.style], "label": label, "custom_id": custom_id}
    every = list(shown.values())
    if len(every) > _ROW * _ROWS:
        _log.warning("discord: a message has no more buttons than the first", most=_ROW * _ROWS, count=len(every))
    rows = range(0, min(len(every), _ROW * _ROWS), _ROW)
    return tuple({"type": 1, "components": every[start : start + _ROW]} for start in rows)


def _sendable(files: Sequence[str]) -> tuple[list[str], list[str]]:
    """The files that can be sent, and what to say of the others."""
    paths: list[str] = []
    notes: list[str] = []
    for file in files:
        path = Path(file)
        try:
            size = path.stat().st_size
        except OSError as error:
            _log.error("discord: a file of a reply cannot be read", error=repr(error))
            notes.append(f"(The file {path.name} could not be read.)")
            continue
        if size > FILE_BYTES:
            notes.append(f"(The file {path.name} is larger than the {FILE_BYTES // 1024**2} MB that Discord takes.)")
        else:
            paths.append(file)
    return paths, notes
