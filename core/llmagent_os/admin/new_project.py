"""``llmagent-os new``: writes a plugin or a bot that runs, with a test and a README. Nothing is overwritten."""

from __future__ import annotations

import keyword
import re
from collections.abc import Mapping
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path
from string import Template

from llmagent_os.errors import ConfigError
from llmagent_os.tools.declared_tools import RESERVED

#: By the name of a template, where its text goes. ``$package`` and ``$name`` are filled in there, too.
_PLUGIN = {
    "pyproject.toml.txt": "pyproject.toml",
    "init.py.txt": "src/$package/__init__.py",
    "plugin.py.txt": "src/$package/plugin.py",
    "test_plugin.py.txt": "tests/test_$name.py",
    "bot.toml.txt": "bot.toml",
    "README.md.txt": "README.md",
    "gitignore.txt": ".gitignore",
}
_BOT = {
    "bot.toml.txt": "bot.toml",
    "knowledge.md.txt": "knowledge.md",
    "test_bot.py.txt": "test_${package}.py",
    "README.md.txt": "README.md",
    "gitignore.txt": ".gitignore",
}


def new_plugin(name: str, parent: Path) -> str:
    """Write a package with a plugin into a new folder.

    Args:
        name: of the plugin.
        parent: where the folder is made.

    Returns:
        What can be done next.

    Raises:
        ConfigError: the name cannot be one, the folder is there already, or it cannot be written.
    """
    if not re.fullmatch(r"[a-z][a-z0-9_]{0,39}", name) or keyword.iskeyword(name) or name in RESERVED:
        raise ConfigError(
            f"a plugin cannot be called {name!r}: write a to z, 0 to 9 and _, a small letter first, at most 40 of "
            f"them, and none of Python's own words or {', '.join(RESERVED)}"
        )
    dashed = name.replace("_", "-")
    stem = "".join(part.capitalize() for part in name.split("_"))
    values = {
        "name": name,
        "dashed": dashed,
        "distribution": f"llmagent-os-{dashed}",
        "package": f"llmagent_os_{name}",
        "kind": f"{stem}Plugin",
        "kind_stem": stem,
        "title": "a list for each person",
        "version": version("llmagent-os"),
    }
    folder = _written(parent / name, "plugin", _PLUGIN, values)
    return "\n".join(
        [
            f"{folder} is a plugin that runs. Try it, type /{name} lemons, and save src/llmagent_os_{name}/plugin.py:",
            f"  llmagent-os chat {folder}/bot.toml",
            "Test it (pip install pytest):",
            f"  python -m pytest {folder}",
            "Install it, and give it to a bot:",
            f"  pip install {folder.resolve()}",
            f"  llmagent-os plugins info {name}",
            f"  llmagent-os plugins enable {name} --bot BOT",
        ]
    )


def new_bot(name: str, parent: Path) -> str:
    """Write a bot into a new folder.

    Args:
        name: of the bot.
        parent: where the folder is made.

    Returns:
        What can be done next.

    Raises:
        ConfigError: the name cannot be one, the folder is there already, or it cannot be written.
    """
    if not re.fullmatch(r"[a-z][a-z0-9_-]{0,39}", name):
        raise ConfigError(
            f"a bot cannot be called {name!r}: write a to z, 0 to 9, _ and -, a small letter first, at most 40 of them"
        )
    values = {"name": name, "package": name.replace("-", "_"), "title": name.replace("-", " ").capitalize()}
    folder = _written(parent / name, "bot", _BOT, values)
    return "\n".join(
        [
            f"{folder} is a bot that runs. Check its file, and talk to it:",
            f"  llmagent-os bot check {folder}",
            f"  llmagent-os chat {folder}",
            "Open it in the browser, and on the platforms whose tokens are in .env:",
            f"  llmagent-os run {folder}",
            "Test it (pip install pytest):",
            f"  python -m pytest {folder}",
        ]
    )


def _written(folder: Path, kind: str, wanted: Mapping[str, str], values: Mapping[str, str]) -> Path:
    templates = files("llmagent_os.admin") / "templates" / kind
    try:
        folder.mkdir(parents=True)
        for template, place in wanted.items():
            file = folder / Template(place).substitute(values)
            file.parent.mkdir(parents=True, exist_ok=True)
            text = (templates / template).read_text(encoding="utf-8")
            file.write_text(Template(text).substitute(values), encoding="utf-8")
    except FileExistsError:
        raise ConfigError(f"{folder} is there already; nothing was written") from None
    except OSError as error:
        raise ConfigError(f"{folder} cannot be written: {error.strerror or error}") from error
    return folder
