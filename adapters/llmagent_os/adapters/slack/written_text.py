"""What a message says, as Slack's markup: its text or blocks, and the messages that are shared in it.

Nothing of it is trusted: what does not have the documented form is left out (https://docs.slack.dev/reference/block-kit).
"""

from __future__ import annotations

import html
from collections.abc import Iterator
from typing import Any, cast

import msgspec

from llmagent_os.adapters.slack.payloads import FilePayload

MAX_QUOTES = 20  #: shared messages that are read of one message
MAX_QUOTED_FILES = 20  #: files of shared messages that are fetched with one message

_BROADCASTS = ("here", "channel", "everyone")

#: What Slack writes where an attachment has no text.
_NO_TEXT = ("[no preview available]", "")


class SharedMessage(msgspec.Struct, frozen=True):
    """A message that a person shared or forwarded, or what an app wrote in an attachment."""

    author: str  #: who wrote it, as markup; empty: unknown
    markup: str
    files: tuple[FilePayload, ...] = ()


def own_markup(text: str | None, blocks: object) -> str:
    """What the sender of a message wrote: the text, or else what the blocks say."""
    return text if text and text.strip() else markup_of_blocks(blocks)


def shared_messages(attachments: object) -> list[SharedMessage]:
    """The messages that are shared in a message. Previews of links are left out."""
    found: list[SharedMessage] = []
    for attachment in _dicts(attachments)[:MAX_QUOTES]:
        is_message = any(attachment.get(key) for key in ("is_share", "is_msg_unfurl", "message_blocks"))
        if not is_message and any(attachment.get(key) for key in ("from_url", "original_url", "title_link")):
            continue
        files = tuple(_files(attachment.get("files")))[:MAX_QUOTED_FILES]
        markup = _attachment_markup(attachment)
        if markup or files:
            found.append(SharedMessage(_author(attachment), markup, files))
    return found


def markup_of_blocks(blocks: object) -> str:
    """The words of Block Kit's blocks, one block a line."""
    return "\n".join(line for block in _dicts(blocks) if (line := _block(block).strip()))


def _author(attachment: dict[str, Any]) -> str:
    name = _string(attachment.get("author_name")) or _string(attachment.get("author_subname"))
    user = _string(attachment.get("author_id"))
    return _escaped(name) if name else f"<@{user}>" if user else ""


def _attachment_markup(attachment: dict[str, Any]) -> str:
    shared = [_dict(each.get("message")).get("blocks") for each in _dicts(attachment.get("message_blocks"))]
    fields = [(_string(each.get("title")), _string(each.get("value"))) for each in _dicts(attachment.get("fields"))]
    text = _string(attachment.get("text"))
    if not text.strip():
        text = "\n".join(filter(None, map(markup_of_blocks, shared))) or markup_of_blocks(attachment.get("blocks"))
    said = [_string(attachment.get("pretext")), _string(attachment.get("title")), text, *map(": ".join, fields)]
    lines = [each for each in said if each.strip()]
    fallback = _string(attachment.get("fallback"))
    return "\n".join(lines) or ("" if fallback in _NO_TEXT else fallback)


def _block(block: dict[str, Any]) -> str:
    match block.get("type"):
        case "rich_text":
            return "\n".join(_rich(each) for each in _dicts(block.get("elements")))
        case "section":
            parts = [_words(block.get("text")), *map(_words, _dicts(block.get("fields")))]
            return "\n".join(filter(None, parts))
        case "context":
            return " ".join(filter(None, map(_words, _dicts(block.get("elements")))))
        case "image" | "video":
            return _words(block.get("title")) or _escaped(_string(block.get("alt_text")))
        case "markdown":
            return _escaped(_string(block.get("text")))
        case _:  # a header has a text; a divider, and buttons that nobody can press here, have none
            return _words(block.get("text"))


def _words(element: object) -> str:
    """A text object, or the description of a picture."""
    known = _dict(element)
    text = _string(known.get("text")) or _string(known.get("alt_text"))
    return text if known.get("type") == "mrkdwn" else _escaped(text)


def _rich(element: dict[str, Any]) -> str:
    parts = _dicts(element.get("elements"))
    match element.get("type"):
        case "rich_text_list":
            indent, offset = _number(element.get("indent")), _number(element.get("offset"))
            ordered = element.get("style") == "ordered"
            return "\n".join(
                f"{'  ' * min(indent, 9)}{f'{offset + number}.' if ordered else '-'} {_rich(part)}"
                for number, part in enumerate(parts, 1)
            )
        case "rich_text_quote":
            return "\n".join(f"&gt; {line}" for line in "".join(map(_rich_part, parts)).split("\n"))
        case _:
            return "".join(map(_rich_part, parts))


def _rich_part(part: dict[str, Any]) -> str:
    match part.get("type"):
        case "user":
            return f"<@{_id(part.get('user_id'))}>"
        case "channel":
            return f"<#{_id(part.get('channel_id'))}>"
        case "usergroup":
            return "<!subteam^>"
        case "broadcast":
            where = _string(part.get("range"))
            return f"<!{where}>" if where in _BROADCASTS else ""
        case "link":
            url, label = _id(part.get("url")), _escaped(_string(part.get("text"))).replace("|", "¦")
            return f"<{url}|{label}>" if label else f"<{url}>"
        case "emoji":
            return f":{_escaped(_string(part.get('name')))}:"
        case "date":
            fallback = _escaped(_string(part.get("fallback"))).replace("|", "¦")
            return f"<!date^{_number(part.get('timestamp'))}^|{fallback}>"
        case _:
            return _escaped(_string(part.get("text")))


def _files(raw: object) -> Iterator[FilePayload]:
    for each in _dicts(raw):
        try:
            yield msgspec.convert(each, FilePayload)
        except msgspec.ValidationError:
            continue


def _escaped(text: str) -> str:
    return html.escape(text, quote=False)


def _id(value: object) -> str:
    """An id or an address inside of ``<`` and ``>``."""
    return _string(value).replace("<", "").replace(">", "").replace("|", "%7C")


def _string(value: object) -> str:
    return value if isinstance(value, str) else ""


def _number(value: object) -> int:
    return value if isinstance(value, int) and 0 <= value < 1 << 40 else 0


def _dict(value: object) -> dict[str, Any]:
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}


def _dicts(value: object) -> list[dict[str, Any]]:
    if not isinstance(value, list):
        return []
    return [cast("dict[str, Any]", each) for each in cast("list[object]", value) if isinstance(each, dict)]
