"""The secrets that a plugin gets: those that it keeps itself, and no other's."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from llmagent_os.adapter_kit.files import safe_name
from llmagent_os.adapter_kit.person_secrets import PersonSecrets

#: Between the plugin's name and the secret's, in the name of its file. No plugin and no credential has it in its name.
_APART = "~"

#: Secrets that a plugin kept under their plain names, before each plugin had its own: read and erased there, too.
_PLAIN: Mapping[str, frozenset[str]] = MappingProxyType({"calendar": frozenset({"calendar-feed", "caldav-password"})})


class PluginSecrets(PersonSecrets):
    """The secrets of one account with one plugin."""

    def __init__(self, inner: PersonSecrets, plugin: str) -> None:
        """Args:
        inner: all secrets of the account.
        plugin: the plugin's name.
        """
        super().__init__()
        self._inner = inner
        self._plugin = plugin

    async def get(self, name: str) -> str | None:
        found = await self._inner.get(self._own(name))
        return await self._inner.get(name) if found is None and self._is_plain(name) else found

    async def put(self, name: str, secret: str) -> None:
        await self._inner.put(self._own(name), secret)
        if self._is_plain(name):
            await self._inner.delete(name)

    async def delete(self, name: str) -> None:
        await self._inner.delete(self._own(name))
        if self._is_plain(name):
            await self._inner.delete(name)

    def _own(self, name: str) -> str:
        return f"{self._plugin}{_APART}{safe_name(name)}"

    def _is_plain(self, name: str) -> bool:
        return name in _PLAIN.get(self._plugin, ())
