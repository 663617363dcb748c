"""``/plugins``: admins see which plugins the bot has, and enable, disable and reload them."""

from __future__ import annotations

from collections.abc import Collection

from llmagent_os.adapter import Reply
from llmagent_os.errors import ConfigError, PluginError
from llmagent_os.events import Command
from llmagent_os.identity import identity_of
from llmagent_os.languages import gettext, lazy_gettext
from llmagent_os.people.access import Access
from llmagent_os.reply.services import Services
from llmagent_os.tools.plugin_choice import PluginChoice
from llmagent_os.tools.plugin_sources import installed_plugins, not_installed
from llmagent_os.tools.registry import Plugins

MAX_PROBLEM = 300  #: characters of what is wrong with one plugin

_USAGE = lazy_gettext("Usage: `/plugins enable NAME`, `/plugins disable NAME`, `/plugins reload NAME`.")


async def plugins(services: Services, access: Access, command: Command) -> Reply:
    """Answer ``/plugins``, ``/plugins enable NAME``, ``/plugins disable NAME`` and ``/plugins reload NAME``."""
    loaded, choice = services.plugins, services.plugin_choice
    if loaded is None or choice is None:
        return Reply(gettext("I have no plugins."))
    what, _, name = command.arguments.strip().partition(" ")
    name = name.strip()
    if not what:
        return Reply(_listing(loaded))
    if what not in ("enable", "disable", "reload") or not name:
        return Reply(str(_USAGE))
    if access.roles.workspaces(identity_of(command)) is not None:  # an admin of one workspace would switch for all
        return Reply(gettext("Only owners, and admins of every workspace, can do that."))
    try:
        if what == "reload":
            await loaded.reload_named(name)
            said = gettext("{name} was reloaded.", name=name)
        else:
            said = await _switched(loaded, choice, name, on=what == "enable")
    except (ConfigError, PluginError) as error:
        return Reply(str(error))
    await access.note(identity_of(command), f"plugins {what}", detail=name, where=command)
    return Reply(said)


def _listing(loaded: Plugins) -> str:
    lines = [
        f"- `{each.name}`: {each.state}"
        + (f" ({', '.join(each.tools)})" if each.tools else "")
        + (f": {each.problem[:MAX_PROBLEM]}" if each.problem else "")
        for each in loaded.health()
    ]
    return "\n".join([*lines, "", str(_USAGE)])


async def _switched(loaded: Plugins, choice: PluginChoice, name: str, *, on: bool) -> str:
    """Switch a plugin, and say what it still lacks.

    Raises:
        ConfigError: there is no such plugin, or the bot's file cannot be changed.
    """
    known = [entry.name for entry in await installed_plugins()]
    if on and name not in known:
        raise ConfigError(not_installed(name, known))
    changed: list[bool] = []

    def switch() -> Collection[str]:
        changed.append(choice.switch(name, on=on))
        return choice.chosen().plugins

    await loaded.choose_by(switch)
    if not any(changed):
        return gettext("Nothing was changed.")
    if not on:
        return gettext("{name} is disabled. What it keeps about people stays.", name=name)
    problem = next((each.problem for each in loaded.health() if each.name == name), "")
    if problem:
        return problem
    missing = loaded.missing_permissions(name)
    if missing:
        return gettext(
            "{name} is enabled. Its tools need permissions that I do not have: {permissions}. Whoever runs me gives "
            "them: `llmagent-os plugins enable {name} --bot {bot} --allow`",
            name=name,
            permissions=", ".join(missing),
            bot=choice.bot,
        )
    return gettext("{name} is enabled.", name=name)
