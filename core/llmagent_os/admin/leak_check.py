"""What other users of the machine can read or change, and tokens that stand in logs. Nothing is changed."""

from __future__ import annotations

import stat
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path

from llmagent_os.admin.findings import Finding
from llmagent_os.config import Settings
from llmagent_os.privacy.credentials import token_patterns

SHOWN = 3  #: paths that one finding names
MIN_SECRET = 8  #: characters; a shorter value would be found in any text
#: The end of a log that is searched, in bytes.
SEARCHED_BYTES = 50_000_000

_OTHERS = stat.S_IRWXG | stat.S_IRWXO
_MAY_WRITE = stat.S_IWGRP | stat.S_IWOTH


def check_files(settings: Settings, env_file: Path | None, code: Iterable[Path]) -> Iterator[Finding]:
    """Check the rights of files.

    Args:
        settings: where the data and the key are.
        env_file: with tokens; None: there is none.
        code: folders whose files are run by the bot, or decide what it does.
    """
    data = settings.data
    if data.is_dir():
        open_ = [path for path in (data, *data.rglob("*")) if _mode(path) & _OTHERS]
        text = f"other users of this machine may open {_named(open_)}"
        remedy = f"chmod -R go= {data}"
        yield Finding("files", "problem", text, remedy) if open_ else Finding("files", "ok", f"{data} is yours alone")
    for path in (env_file, settings.encryption_key_file):
        if path is not None and _mode(path) & _OTHERS:
            text = f"{path} holds secrets, and other users of this machine may open it"
            yield Finding("files", "problem", text, f"chmod 600 {path}")
    key = settings.encryption_key_file
    if key is not None and key.resolve().is_relative_to(data.resolve()):
        text = f"the key {key} is in the data folder: whoever copies the data has the key as well"
        yield Finding("files", "problem", text, "move it elsewhere, and out of the backups of the data")
    for folder in code:
        changeable = [
            path for path in (folder, *folder.glob("*.py"), *folder.glob("*.toml")) if _mode(path) & _MAY_WRITE
        ]
        if changeable:
            text = f"other users of this machine may change what the bot runs: {_named(changeable)}"
            yield Finding("files", "problem", text, f"chmod -R go-w {folder}")


def check_logs(settings: Settings, logs: Iterable[Path]) -> Iterator[Finding]:
    """Search logs for this installation's secrets, and for tokens of any kind.

    Args:
        settings: with the secrets.
        logs: files; those of the data folder are searched too.
    """
    files = [*logs, *(path for path in settings.data.rglob("*.log") if path.is_file())]
    secrets = [value for value in settings.secret_values() if len(value) >= MIN_SECRET]
    for file in files:
        try:
            lines = _lines_with_tokens(file, secrets)
        except OSError as error:
            yield Finding(
                "logs", "problem", f"{file} cannot be read: {error.strerror}", "name a file that you may read"
            )
            continue
        if lines:
            where = ", ".join(map(str, lines[:SHOWN]))
            text = f"{file} holds {len(lines)} lines with a token or a password (line {where})"
            yield Finding("logs", "problem", text, "replace these tokens, then delete the log")
        else:
            yield Finding("logs", "ok", f"no token in {file}")
    if not files:
        text = "no log was searched: the bot writes it to its terminal or service; name one with --log FILE"
        yield Finding("logs", "note", text)


def _lines_with_tokens(file: Path, secrets: list[str]) -> list[int]:
    """The numbers of lines that hold a token, in the last part of a file."""
    with file.open("rb") as opened:
        size = file.stat().st_size
        opened.seek(max(0, size - SEARCHED_BYTES))
        texts = (raw.decode("utf-8", "replace") for raw in opened)
        patterns = token_patterns()
        return [
            number
            for number, text in enumerate(texts, 1)
            if any(secret in text for secret in secrets) or any(pattern.search(text) for pattern in patterns)
        ]


def _mode(path: Path) -> int:
    """The rights of a file; 0: it is not there, or is a link."""
    try:
        return 0 if path.is_symlink() else path.stat().st_mode
    except OSError:
        return 0


def _named(paths: list[Path]) -> str:
    more = f" and {len(paths) - SHOWN} more" if len(paths) > SHOWN else ""
    return ", ".join(map(str, islice(paths, SHOWN))) + more
