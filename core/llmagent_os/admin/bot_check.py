"""``llmagent-os bot``: check a bot's TOML file with all that it refers to, and describe it for editors.

What the file says about itself is checked when it is read. What it refers to is checked here: adapters, plugins,
permissions, the model, and files.
"""

from __future__ import annotations

import asyncio
import importlib.util
import json
from collections.abc import AsyncIterator, Iterator
from difflib import get_close_matches
from pathlib import Path

from llmagent_os.adapter_kit.setup import known_adapters
from llmagent_os.bot import Bot, BotConfig, make_llm, meant_model
from llmagent_os.config import Settings
from llmagent_os.config.field_comments import with_comments
from llmagent_os.config.toml_places import Path as TomlPath
from llmagent_os.config.user_path import user_path
from llmagent_os.errors import ConfigError, ModelNotFoundError
from llmagent_os.mcp.loaded_servers import wrong_servers
from llmagent_os.tools.plugin_names import wrong_names, wrong_plugins, wrong_tools

#: Where something is wrong, and what.
_Wrong = tuple[TomlPath, str]


async def check_references(settings: Settings, bot: Bot, *, complete: bool = True) -> None:
    """Check everything that a bot's file refers to.

    Args:
        settings: of the machine.
        bot: the bot.
        complete: also look for the model and the permissions where nothing else is wrong. A start does that itself.

    Raises:
        MistakesError: something is not there. All that is not there is named.
    """
    found = await asyncio.to_thread(_not_there, bot)
    plugins = await wrong_plugins(bot.config.plugins)
    found += [(("plugins", at), text) for at, text in plugins]
    found += wrong_servers(bot.config.mcp, settings.variables_named(bot.config.mcp.variables))
    if not plugins and (complete or found):
        found += await _tools(settings, bot, complete=complete)
    if not settings.model and (complete or found):
        found += [each async for each in _model(settings, bot)]
    if found:
        raise await asyncio.to_thread(bot.mistaken, found)


async def check(settings: Settings, name: str) -> str:
    """Check a bot's file, and say that it is right, and what in it costs more than it seems.

    Raises:
        ConfigError: there is no such bot, or its file has mistakes.
    """
    bot = Bot.load(name).switched(settings.data)
    await check_references(settings, bot)
    return "\n".join([f"{bot.file} is right.", *_warnings(bot.config)])


def _warnings(config: BotConfig) -> Iterator[str]:
    """What is allowed, and has a price."""
    if config.policy.learner == "bayes" and config.policy.exploration == 0:
        yield (
            "Warning: `policy.exploration` is 0. Ways of answering that seem worse then have a probability near "
            "or at 0, so `llmagent-os policy evaluate` and trainings cannot say how they would have done. Write 0.01 "
            "or more to keep that."
        )


def schema() -> str:
    """Return the JSON schema of a bot's TOML file. Editors complete and check by it."""
    whole = with_comments(BotConfig.model_json_schema(), BotConfig)
    return json.dumps({"$schema": "https://json-schema.org/draft/2020-12/schema", **whole}, indent=2)


def _not_there(bot: Bot) -> list[_Wrong]:
    """What can be found out without plugins and models."""
    return [*_adapters(bot.config), *_files(bot), *_modules(bot.config)]


def _adapters(config: BotConfig) -> Iterator[_Wrong]:
    known = known_adapters()
    for number, name in enumerate(config.adapters):
        if name not in known:
            near = get_close_matches(name, known, 1, 0.6)
            hint = f"did you mean {near[0]!r}?" if near else f"installed: {', '.join(sorted(known)) or 'none'}"
            yield ("adapters", number), f"`adapters`: there is no adapter {name!r}; {hint}"


async def _tools(settings: Settings, bot: Bot, *, complete: bool) -> list[_Wrong]:
    """What says something of plugins and tools that there are not: permissions, tables, tools that are always shown."""
    config = bot.config
    async with bot.plugins(settings) as plugins:
        if complete and plugins.mistakes:
            raise ConfigError("\n".join(map(str, plugins.mistakes)))
        found: list[_Wrong] = await wrong_names(
            plugins,
            permissions=config.permissions,
            tables=config.plugin,
            isolated=config.isolated_plugins,
            known_elsewhere=config.mcp.is_of_server,
        )
        return [*found, *((("tools", "always", at), text) for at, text in wrong_tools(plugins, config.tools.always))]


async def _model(settings: Settings, bot: Bot) -> AsyncIterator[_Wrong]:
    """Whether there is the model. No server is asked, and nothing is loaded."""
    try:
        llm = await asyncio.to_thread(make_llm, settings, bot)
    except ModelNotFoundError as error:
        yield ("model",), f"{error.__cause__}{meant_model(bot.config.model)}"
    except ConfigError:  # the settings are wrong, not the file
        return
    else:
        await llm.aclose()


def _files(bot: Bot) -> Iterator[_Wrong]:
    knowledge, training = bot.config.knowledge, bot.config.training
    named: list[tuple[TomlPath, str]] = [(("knowledge", "facts"), knowledge.facts)] if knowledge.facts else []
    named += [(("knowledge", "documents", number), each) for number, each in enumerate(knowledge.documents)]
    named += [(("training", "examples", number), each) for number, each in enumerate(training.examples)]
    for path, name in named:
        file = bot.folder / user_path(name)
        if not file.exists():
            where = ".".join(str(part) for part in path if isinstance(part, str))
            yield path, f"`{where}`: there is no file {name!r} in {bot.folder}{_nearest(file)}"


def _nearest(file: Path) -> str:
    there = [each.name for each in file.parent.iterdir()] if file.parent.is_dir() else []
    near = get_close_matches(file.name, there, 1, 0.6)
    return f"; did you mean {near[0]!r}?" if near else ""


def _modules(config: BotConfig) -> Iterator[_Wrong]:
    for key, reference in (("plan", config.training.plan), ("probes", config.training.probes)):
        module = reference.partition(":")[0]
        try:
            there = not module or importlib.util.find_spec(module) is not None
        except ImportError:
            there = False
        if not there:
            text = f"`training.{key}`: there is no module {module!r}; install its package, or correct the name"
            yield ("training", key), text
