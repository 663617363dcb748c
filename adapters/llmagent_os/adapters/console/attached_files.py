"""Files in the terminal: ``/attach PATH``, or a line that is the path of a file, as a terminal writes a dropped one."""

from __future__ import annotations

import io
import mimetypes
import os
import re
import shlex
from pathlib import Path

import msgspec

from llmagent_os.adapter_kit.files import UNKNOWN_TYPE, Files
from llmagent_os.adapters.console.recordings import QUOTES, file_chunks
from llmagent_os.errors import BadEventError
from llmagent_os.events import Attachment
from llmagent_os.languages import gettext, lazy_gettext

_ATTACH = re.compile(r"/attach(?:\s+(.*))?", re.DOTALL)

_USAGE = lazy_gettext("write `/attach PATH`, or `/attach PATH` and what I should do with the file")


class Attached(msgspec.Struct, frozen=True):
    """A file that a line names, and the words behind it."""

    path: Path
    words: str = ""


def attached_in(line: str) -> Attached | None:
    """The file that ``line`` attaches; None: the line is something else.

    Raises:
        BadEventError: the line begins with ``/attach``, and names no file that can be read; the message says why.
    """
    command = _ATTACH.fullmatch(line)
    if command is not None:
        path, words = _divided(command[1] or "")
        _check(path)
        return Attached(path, words)
    text = line.strip().strip(QUOTES).removeprefix("file://")
    if "\n" in text or not text.startswith(("/", "~/", "./", "../")):
        return None
    path = _path(text.replace("\\ ", " "))
    return Attached(path) if _is_file(path) else None


async def keep_attached(files: Files, person: str, event_id: str, attached: Attached) -> Attachment:
    """A copy of the file, as the bot keeps what people send on other platforms.

    Raises:
        BadEventError: it is too large, or cannot be read.
    """
    path = attached.path
    content_type = mimetypes.guess_type(path.name)[0] or UNKNOWN_TYPE
    kept = await files.keep(person, event_id, path.name, content_type, file_chunks(path))
    if kept.problem:
        raise BadEventError(gettext("{path} is not attached: {why}", path=path, why=kept.problem))
    return kept


def _divided(given: str) -> tuple[Path, str]:
    """The path at the beginning of what stands behind ``/attach``, and the words after it.

    A path with spaces stands in quotes, or has a backslash before each. Without them the longest beginning that is a
    file is taken.
    """
    words = given.strip().split(" ")
    for count in range(len(words), 0, -1):
        path = _path(" ".join(words[:count]))
        if words != [""] and _is_file(path):
            return path, " ".join(words[count:]).strip()
    rest = io.StringIO(given.strip())
    lexer = shlex.shlex(rest, posix=True, punctuation_chars=False)
    lexer.whitespace_split, lexer.commenters = True, ""
    try:
        first = lexer.get_token()
    except ValueError:
        missing = gettext("a quotation mark is missing in “{text}”", text=given.strip()[:80])
        raise BadEventError(missing) from None
    if not first:
        raise BadEventError(gettext("no file is named: {usage}", usage=_USAGE))
    return _path(first.removeprefix("file://")), rest.read().strip()


def _path(text: str) -> Path:
    try:
        return Path(text).expanduser()
    except RuntimeError:  # "~nobody": there is no such user
        return Path(text)


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):  # too long for a name
        return False


def _check(path: Path) -> None:
    try:
        if not path.exists():
            raise BadEventError(gettext("there is no file “{path}”: {usage}", path=path, usage=_USAGE))
        if not path.is_file():
            raise BadEventError(gettext("“{path}” is no file: attach the files in a folder one by one", path=path))
        if not path.stat().st_size:
            raise BadEventError(gettext("the file “{path}” is empty", path=path))
        if not os.access(path, os.R_OK):
            raise BadEventError(gettext("you may not read the file “{path}”", path=path))
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else str(error)
        unread = gettext("the file “{path}” cannot be read: {why}", path=str(path)[:200], why=why)
        raise BadEventError(unread) from None
