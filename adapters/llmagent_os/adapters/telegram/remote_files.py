"""Files that Telegram holds: what a message says about the files that came with it."""

from __future__ import annotations

from mimetypes import guess_extension

import msgspec
from telegram import Message as TelegramMessage

from llmagent_os.adapter_kit.files import UNKNOWN_TYPE


class RemoteFile(msgspec.Struct, frozen=True):
    """A file that Telegram holds."""

    file_id: str
    name: str
    content_type: str
    size: int = 0  #: bytes, as Telegram says; 0: Telegram does not say
    voice: bool = False


def files_of(message: TelegramMessage) -> list[RemoteFile]:
    """The files of ``message``. Of a photo, the largest size."""
    found: list[RemoteFile] = []
    if message.photo:
        largest = max(message.photo, key=lambda photo: photo.width * photo.height)
        name = f"photo-{message.message_id}.jpg"
        found.append(RemoteFile(largest.file_id, name, "image/jpeg", largest.file_size or 0))
    if (voice := message.voice) is not None:
        kind = voice.mime_type or "audio/ogg"
        found.append(RemoteFile(voice.file_id, f"voice{_ending(kind, '.ogg')}", kind, voice.file_size or 0, True))
    if (note := message.video_note) is not None:
        found.append(RemoteFile(note.file_id, "video-note.mp4", "video/mp4", note.file_size or 0))
    # An animation comes as a document too, for old clients.
    for kind, file in (
        ("audio", message.audio),
        ("video", message.video),
        ("animation", message.animation),
        ("document", None if message.animation is not None else message.document),
    ):
        if file is not None:
            content_type = file.mime_type or UNKNOWN_TYPE
            name = file.file_name or kind + _ending(content_type, "")
            found.append(RemoteFile(file.file_id, name, content_type, file.file_size or 0))
    return found


def _ending(content_type: str, otherwise: str) -> str:
    return otherwise or guess_extension(content_type.partition(";")[0]) or ""
