"""Which installed plugins a bot has: those that its TOML file names, and what was switched since.

The file of a bot in a folder is changed itself, and keeps its comments. A bot that ships in a package has a file in the
data folder, which says what is switched on and off: the package is replaced by every upgrade.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import cast

import msgspec
import tomlkit

from llmagent_os.config.toml_changes import Name, Value, with_values
from llmagent_os.config.toml_tables import read_file
from llmagent_os.errors import ConfigError

#: The folder inside the data folder with what was switched, and with requests to a running host.
PLUGINS_FOLDER = "plugins"

_HEAD = "# What `llmagent-os plugins` and /plugins have switched for this bot, besides what its bot.toml says.\n"


class Chosen(msgspec.Struct, frozen=True):
    """What a bot has."""

    plugins: tuple[str, ...]  #: names of installed plugins
    permissions: tuple[str, ...]  #: patterns of what their tools may do


class _Switched(msgspec.Struct):
    """The file of a bot that ships in a package."""

    enabled: list[str] = msgspec.field(default_factory=list[str])
    disabled: list[str] = msgspec.field(default_factory=list[str])
    permissions: list[str] = msgspec.field(default_factory=list[str])
    withdrawn: list[str] = msgspec.field(default_factory=list[str])  # permissions that bot.toml gives and nobody needs


@dataclass(frozen=True)
class PluginChoice:
    """The choice of one bot."""

    bot: str  #: its name
    file: Path  #: its TOML file
    is_shipped: bool  #: the file is in a package
    folder: Path  #: :data:`PLUGINS_FOLDER` of the data folder

    @property
    def switches(self) -> Path:
        """The file of what was switched, where the bot's own file is not to be changed."""
        return self.folder / f"{self.bot}.toml"

    @property
    def changed_file(self) -> Path:
        """The file that :meth:`switch` changes."""
        return self.switches if self.is_shipped else self.file

    def chosen(self) -> Chosen:
        """Read what the bot has now.

        Raises:
            ConfigError: a file cannot be read.
        """
        values = read_file(self.file).values
        return self.applied(Chosen(_texts(values.get("plugins")), _texts(values.get("permissions"))))

    def applied(self, named: Chosen) -> Chosen:
        """What the bot has whose TOML file names ``named``.

        Raises:
            ConfigError: the file of what was switched cannot be read.
        """
        if not self.is_shipped or not self.switches.is_file():
            return named
        switched = self._switched()
        plugins = [*named.plugins, *(each for each in switched.enabled if each not in named.plugins)]
        more = [each for each in switched.permissions if each not in named.permissions]
        return Chosen(
            tuple(each for each in plugins if each not in switched.disabled),
            tuple(each for each in (*named.permissions, *more) if each not in switched.withdrawn),
        )

    def switch(self, plugin: str, *, on: bool, permissions: Iterable[str] = (), gone: Iterable[str] = ()) -> bool:
        """Enable or disable a plugin.

        Args:
            plugin: its name.
            on: whether the bot has it from now on.
            permissions: that its tools need. Those that the bot does not give yet are given.
            gone: patterns of permissions that no plugin needs any more.

        Returns:
            Whether anything was changed.

        Raises:
            ConfigError: the file cannot be read or written.
        """
        now = self.chosen()
        missing = [each for each in permissions if not any(fnmatchcase(each, pattern) for pattern in now.permissions)]
        if (plugin in now.plugins) == on and not (on and missing):
            return False
        if self.is_shipped:
            self._switch_shipped(plugin, on, missing if on else [], [*gone])
        else:
            self._switch_own(plugin, on, missing if on else [], [*gone])
        return True

    def _switch_own(self, plugin: str, on: bool, missing: list[str], gone: list[str]) -> None:
        values = read_file(self.file).values
        changes: dict[Name, Value] = {}
        for name, add, remove in (
            ("plugins", [plugin] if on else [], [] if on else [plugin]),
            ("permissions", missing, gone),
        ):
            there = _texts(values.get(name))
            wanted = [*(each for each in there if each not in remove), *(each for each in add if each not in there)]
            if wanted != [*there]:
                changes[(name,)] = wanted
        try:
            text = self.file.read_bytes().decode("utf-8-sig")
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigError(f"{self.file} cannot be read: {error}") from error
        try:
            changed = with_values(text, changes)
        except ConfigError as error:
            raise ConfigError(f"{self.file} cannot be changed: {error}") from error
        _write(self.file, changed)

    def _switch_shipped(self, plugin: str, on: bool, missing: list[str], gone: list[str]) -> None:
        switched = self._switched() if self.switches.is_file() else _Switched()
        switched.enabled = [each for each in switched.enabled if each != plugin] + ([plugin] if on else [])
        switched.disabled = [each for each in switched.disabled if each != plugin] + ([] if on else [plugin])
        switched.permissions = [each for each in (*switched.permissions, *missing) if each not in gone]
        kept = [each for each in switched.withdrawn if each not in switched.permissions]
        switched.withdrawn = [*kept, *(each for each in gone if each not in kept)] if not on else kept
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        _write(self.switches, _HEAD + tomlkit.dumps(msgspec.to_builtins(switched)))

    def _switched(self) -> _Switched:
        document = read_file(self.switches)
        try:
            return msgspec.convert(document.values, _Switched)
        except msgspec.ValidationError as error:
            raise ConfigError(f"{self.switches} cannot be read: {error}; correct it, or remove the file") from error


def _texts(values: object) -> tuple[str, ...]:
    return tuple(str(each) for each in cast("list[object]", values)) if isinstance(values, list) else ()


def _write(file: Path, text: str) -> None:
    """Write a file in one step: a host that reads it meanwhile reads the old text or the new one."""
    part = file.with_name(f".{file.name}.part")
    try:
        part.write_bytes(text.encode())
        if file.exists():
            part.chmod(file.stat().st_mode)
        part.replace(file)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise ConfigError(f"{file} cannot be written: {error.strerror or error}") from error
