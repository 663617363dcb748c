"""The settings of a plugin in its own process: the host reads them, and the process checks them."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, Field, SecretStr, create_model

from llmagent_os.config.plugin_tables import PluginTables
from llmagent_os.errors import PluginError
from llmagent_os.tools.isolation.declared_plugin import DeclaredSetting, WrongSettings
from llmagent_os.tools.isolation.rpc_connection import RpcConnection


class IsolatedSettings:
    """The values that the process is given each time it starts."""

    def __init__(self, plugin: str, fields: tuple[DeclaredSetting, ...] | None) -> None:
        """Args:
        plugin: the plugin's name.
        fields: what the plugin declares; None: it has no settings.
        """
        self._plugin, self._fields = plugin, fields
        self._values: dict[str, Any] = {}

    async def read(self, tables: PluginTables, process: RpcConnection) -> None:
        """Read the values from where they stand, and have them checked.

        Raises:
            ConfigError: a value is wrong or missing. The message names the file and the line, or the variable.
        """
        if self._fields is None:
            return
        found = await asyncio.to_thread(tables.checked, self._plugin, _model(self._fields, {}))
        given = {name: getattr(found, name) for name in found.model_fields_set}
        self._values = {
            name: value.get_secret_value() if isinstance(value, SecretStr) else value for name, value in given.items()
        }
        wrong: WrongSettings = await process.ask("settings", self._values, WrongSettings)
        if wrong:  # read once more by a model that refuses just this, so that the error says where it stands
            await asyncio.to_thread(tables.checked, self._plugin, _model(self._fields, dict(wrong)))
            raise PluginError(f"the settings of {self._plugin!r} are wrong: {wrong[0][1]}")

    async def give(self, process: RpcConnection) -> None:
        """Give a process the values that were read."""
        if self._fields is not None and await process.ask("settings", self._values, WrongSettings):
            raise PluginError(f"the plugin {self._plugin!r} does not take its settings any more: reload it")


def _model(fields: tuple[DeclaredSetting, ...], wrong: Mapping[str, str]) -> type[BaseModel]:
    """A model with these fields, of any type. It refuses those that are ``wrong``, for the reasons given."""
    made: dict[str, Any] = {}
    for each in fields:
        kind: Any = SecretStr if each.secret else Any
        if each.name in wrong:
            kind = Annotated[kind, BeforeValidator(_refusing(wrong[each.name]))]
        made[each.name] = (kind, Field(... if each.required else None, description=each.about or None))
    return create_model("Settings", __config__={"extra": "forbid"}, **made)


def _refusing(why: str) -> Any:
    def refuse(_: object) -> object:
        raise ValueError(why)

    return refuse
