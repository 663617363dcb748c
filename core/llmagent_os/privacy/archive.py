"""The archive of ``/export``: everything that is kept about a person, as one zip file that opens anywhere.

==================  ==================================================================================================
``README.txt``      what is in the archive, in plain words
``data/KIND.json``  what the stores keep, one file a kind: ``profile.json``, ``interactions.json`` and so on
``files/...``       the files that the person sent, and those that were made for them
``calendar.ics``    and the like: what plugins give for other programs. In a chat they are also sent beside the archive
==================  ==================================================================================================

The names are the same on every platform, and the texts are UTF-8.
"""

from __future__ import annotations

import asyncio
import io
import json
import zipfile
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

import msgspec
import structlog

from llmagent_os.languages import LazyText, gettext, lazy_gettext
from llmagent_os.privacy.outgoing_store import MADE
from llmagent_os.privacy.stores import DataSubject, FileToExport, Stores

_log = structlog.stdlib.get_logger(__name__)

#: The name under which the archive is sent. An archive holds no earlier archive.
ARCHIVE_NAME = "your-data.zip"

#: The largest archive that is sent in a chat, in bytes: Discord takes no larger file.
MAX_CHAT_BYTES = 10 * 1024 * 1024

#: What a kind of data is, for the person who reads the archive. Kinds that are not here are listed by name.
KINDS: Mapping[str, LazyText] = {
    "profile": lazy_gettext("your profile, and its last changes"),
    "profiles": lazy_gettext("the profiles that your other accounts had before you linked them"),
    "consent": lazy_gettext("what you allowed, and when"),
    "interactions": lazy_gettext("what you wrote, what I answered, and what a model wrote for it"),
    "conversations": lazy_gettext("transcripts, such as that of the web chat"),
    "rewards": lazy_gettext("your reactions, and other signs of what you thought of replies"),
    "records": lazy_gettext("what plugins keep for you, such as your events"),
    "timers": lazy_gettext("when plugins want to speak to you, such as reminders"),
    "held": lazy_gettext("messages of yours that I answer when I am at work again"),
    "silences": lazy_gettext("where I am silent because of you, and until when"),
    "platform_admins": lazy_gettext("which workspaces and groups you administer, as the platform said"),
    "open_questions": lazy_gettext("questions for a reason that are still open"),
    "identities": lazy_gettext("your accounts that you linked"),
    "memories": lazy_gettext("what you told me about yourself, and where you said it"),
    "contacts": lazy_gettext("the names by which others find you"),
    "encounters": lazy_gettext("the groups in which you wrote, as pseudonyms"),
    "members": lazy_gettext("that you were let in"),
    "requests": lazy_gettext("your request to be let in"),
    "link_codes": lazy_gettext("open codes of /link"),
    "guesses": lazy_gettext("how many wrong codes you gave in the last hour"),
    "canaries": lazy_gettext("conversations in which a new version of a model was tested"),
    "personas": lazy_gettext("what kind of person each bot takes you for"),
    "inbox": lazy_gettext("what you wrote that waits for an answer, or could not be answered"),
    "files": lazy_gettext("the files that you sent; they are in the folder files"),
    "outgoing": lazy_gettext("the files that were made for you; they are in the folder files"),
    "secrets": lazy_gettext("the names of passwords that you gave; the passwords are not in here"),
    "loras": lazy_gettext("versions of models that were trained on you, among others"),
    "trainings": lazy_gettext("the trainings of a model of your own"),
    "damaged": lazy_gettext("what is kept about you and cannot be read, as it is"),
}


class Archive(msgspec.Struct, frozen=True):
    """A finished archive."""

    content: bytes  #: of the zip file
    left_out: tuple[str, ...] = ()  #: the names of files that did not fit, or could not be read


async def make_archive(
    stores: Stores,
    subject: DataSubject,
    given: Mapping[str, bytes],
    now: datetime,
    max_bytes: int | None = None,
) -> Archive:
    """Make the archive of a person.

    Args:
        stores: whatever keeps something about people.
        subject: the person.
        given: more files at the top of the archive, by name, such as ``calendar.ics``.
        now: the present moment; the archive says it.
        max_bytes: of the whole archive. Files that do not fit any more are left out, and are named in it. None: any
            size.

    Raises:
        LLMAgentOSError: a store cannot be read.
    """
    data = await stores.export(subject)
    files = await stores.files(subject)
    return await asyncio.to_thread(_zipped, subject, data, files, given, now, max_bytes)


def _zipped(
    subject: DataSubject,
    data: Mapping[str, Any],
    files: Iterable[FileToExport],
    given: Mapping[str, bytes],
    now: datetime,
    max_bytes: int | None,
) -> Archive:
    buffer, left_out, names = io.BytesIO(), list[str](), set[str]()
    date = (max(now.year, 1980), *now.timetuple()[1:6])  # the format begins in 1980
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:

        def add(name: str, content: bytes) -> None:
            names.add(name)
            archive.writestr(zipfile.ZipInfo(name, date), content, zipfile.ZIP_DEFLATED)

        kinds = {kind: kept for kind, kept in data.items() if kept not in ([], {}, None)}
        for kind, kept in kinds.items():
            add(f"data/{kind}.json", json.dumps(kept, indent=2, ensure_ascii=False).encode(errors="backslashreplace"))
        for name, content in given.items():
            add(name, content)
        for file in sorted(files, key=lambda file: file.size):  # the small ones first: more of them fit
            folder, _, last = file.name.rpartition("/")
            if last == ARCHIVE_NAME or (folder == MADE and last in given):  # an earlier export
                continue
            if max_bytes is not None and buffer.tell() + file.size > max_bytes * 0.97:  # the rest is the directory
                left_out.append(file.name)
                continue
            try:
                add(_unused(f"files/{file.name}", names), file.read())
            except OSError as error:
                _log.error("a file is missing in an export", file=file.name, error=repr(error))
                left_out.append(file.name)
        add("README.txt", _readme(subject, kinds, given, left_out, now).encode())
    return Archive(buffer.getvalue(), tuple(left_out))


def _unused(name: str, used: set[str]) -> str:
    """``name``, or with a number before its last part where the archive has it already."""
    folder, _, last = name.rpartition("/")
    numbered = (f"{folder}/{number}-{last}" for number in range(2, len(used) + 3))
    return name if name not in used else next(each for each in numbered if each not in used)


def _readme(
    subject: DataSubject, kinds: Mapping[str, Any], given: Iterable[str], left_out: Iterable[str], now: datetime
) -> str:
    moment = f"{now:%Y-%m-%d %H:%M %Z}".strip()
    lines = [
        gettext("This is everything that the bot keeps about you, as of {moment}.", moment=moment),
        gettext("Your accounts: {accounts}.", accounts=", ".join(subject.identities)),
        "",
        *(f"data/{kind}.json: {KINDS.get(kind, kind)}" for kind in kinds),
        *(gettext("{name}: for other programs, such as your calendar program", name=name) for name in given),
        gettext("files/: the files that you sent, and those that were made for you"),
    ]
    if missing := list(left_out):
        lines += [
            "",
            gettext(
                "These files did not fit, or could not be read. Whoever runs the bot can give you an archive with them "
                "(llmagent-os profile export --zip FILE USER):"
            ),
            *(f"  {name}" for name in missing),
        ]
    lines += ["", gettext("Write /forget to the bot to have all of it erased."), ""]
    return "\n".join(lines)
