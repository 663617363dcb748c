"""Names files in a ``.gitignore``, so that no secret is committed."""

from __future__ import annotations

from collections.abc import Mapping
from fnmatch import fnmatchcase
from pathlib import Path


def secret_files(env_file: Path) -> dict[str, str]:
    """The patterns of the files with the secrets of an installation, each with an example of a name.

    >>> secret_files(Path(".env"))
    {'.env': '.env', '.env.old*': '.env.old1', '..env-*.staged': '..env-x.staged'}
    """
    name = env_file.name
    return {name: name, f"{name}.old*": f"{name}.old1", f".{name}-*.staged": f".{name}-x.staged"}


def with_ignored(text: str, patterns: Mapping[str, str]) -> str:
    r"""Return the text of a ``.gitignore`` that ignores files. What it ignores already is not named again.

    As in Git, the last line that fits a name decides, and a ``!`` takes it back.

    Args:
        text: as it is.
        patterns: each with an example of a name that it fits.

    >>> print(with_ignored("*.log\n.env*\n!.env\n", {".env": ".env", ".env.old*": ".env.old1"}), end="")
    *.log
    .env*
    !.env
    .env
    """
    missing = [pattern for pattern, example in patterns.items() if not _ignores(text, example)]
    if not missing:
        return text
    end = "\r\n" if "\r\n" in text else "\n"
    lead = text if not text or text.endswith("\n") else text + end
    return lead + "".join(each + end for each in missing)


def _ignores(text: str, name: str) -> bool:
    ignored = False
    for line in text.splitlines():
        pattern = line.rstrip()
        back = pattern.startswith("!")
        if fnmatchcase(name, pattern.removeprefix("!").removeprefix("/")):
            ignored = not back
    return ignored
