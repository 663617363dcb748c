"""Checks an installation and says how to solve each problem: ``llmagent-os doctor``.

The checks change nothing. They open the ledger read-only. Platforms that have a token are asked what it permits, and a
model's server is asked which models it has. PyTorch is imported only for a deep check of the model.
"""

from __future__ import annotations

import json
import socket
import sqlite3
import stat
import sys
import tempfile
import urllib.request
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import closing
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path

from packaging.requirements import Requirement

from llmagent_os.admin import dead_letters_command
from llmagent_os.admin.cluster_check import check_cluster
from llmagent_os.admin.damage_check import check_damage
from llmagent_os.admin.data_folder_check import check_clock, check_data_folder
from llmagent_os.admin.encryption_check import check_encryption
from llmagent_os.admin.findings import SERVER_AWAY, Finding
from llmagent_os.admin.graphics_check import check_graphics
from llmagent_os.admin.model_check import check_model
from llmagent_os.admin.setup_guide import GuideSetup, find_guide, known_guides
from llmagent_os.admin.shared_check import check_shared
from llmagent_os.admin.vllm_check import check_vllm
from llmagent_os.admin.voice_check import check_voice
from llmagent_os.admin.waiting_check import check_credentials, check_waiting
from llmagent_os.bot import Bot
from llmagent_os.config import PREFIX, Settings
from llmagent_os.errors import ConfigError, LLMAgentOSError, NotConfiguredError


async def examine(
    load: Callable[[], Settings], bot_name: str, *, deep: bool = False, env_file: Path | None = Path(".env")
) -> list[Finding]:
    """Check everything. Wrong settings or a wrong bot end the checks.

    Args:
        load: reads the settings. It raises ConfigError if they are wrong.
        bot_name: the name of an installed bot, or a path.
        deep: also load the model and let it answer.
        env_file: the file that ``load`` reads.

    Returns:
        The findings, sorted by section.
    """
    findings = list(_packages())
    try:
        settings = load()
    except ConfigError as error:
        findings += [
            Finding("settings", "problem", line, "correct it in the environment or in .env")
            for line in str(error).splitlines()
        ]
        return findings
    findings += _settings(settings, env_file)
    findings += check_data_folder(settings)
    ledger = list(_ledger(settings))
    is_away = any(finding.remedy == SERVER_AWAY for finding in ledger)
    if not is_away:
        findings += check_encryption(settings)
    findings += [check_clock(settings), *ledger]
    if not is_away:
        findings += [*check_waiting(settings), *check_credentials(settings)]
    findings += check_shared(settings)
    if not is_away:
        async for finding in check_damage(settings):
            findings.append(finding)
    try:
        bot = Bot.load(bot_name).switched(settings.data)
    except ConfigError as error:
        findings.append(Finding("bot", "problem", str(error), "name an installed bot, or correct the bot.toml"))
        return findings
    findings += _bot(bot)
    findings += [check_voice(settings, bot), check_graphics(bot)]
    async for finding in check_model(settings, bot, deep=deep):
        findings.append(finding)
    async for finding in check_vllm(settings, bot):
        findings.append(finding)
    async for finding in check_cluster(settings, bot):
        findings.append(finding)
    async for finding in _plugins(settings, bot, asks_host=not is_away):
        findings.append(finding)
    findings += _adapters(settings, bot)
    for platform in configured_platforms(settings, bot):
        findings += (await find_guide(platform)(GuideSetup(settings, bot.config, {}))).findings
    return findings


def _packages() -> Iterator[Finding]:
    yield Finding(
        "python", "ok", f"Python {sys.version.split()[0]}, llmagent-os {version('llmagent-os')} at {sys.prefix}"
    )
    wrong = 0
    for line in requires("llmagent-os") or ():
        needed = Requirement(line)
        if needed.marker is not None and not needed.marker.evaluate({"extra": ""}):
            continue
        try:
            found = version(needed.name)
        except PackageNotFoundError:
            found = ""
        if not found or not needed.specifier.contains(found, prereleases=True):
            wrong += 1
            what = f"is {found}, and must be {needed.specifier}" if found else "is missing"
            yield Finding("python", "problem", f"package {needed.name} {what}", f"pip install '{needed}'")
    if not wrong:
        yield Finding("python", "ok", "all required packages are installed")


def _settings(settings: Settings, env_file: Path | None) -> Iterator[Finding]:
    given = sorted(settings.variable(name) for name in settings.model_fields_set if name not in settings.secrets())
    yield Finding("settings", "ok", f"set: {', '.join(given)}" if given else "all at their defaults")
    for name in settings.secrets():
        there = bool(getattr(settings, name).get_secret_value())
        yield Finding("settings", "note", f"{settings.variable(name)} is {'set (not shown)' if there else 'not set'}")
    for text in settings.unread(env_file):
        yield Finding("settings", "note", text)
    if env_file is not None and env_file.is_file() and env_file.stat().st_mode & (stat.S_IRGRP | stat.S_IROTH):
        text = f"{env_file} can be read by other users of this machine"
        yield Finding("settings", "problem", text, f"chmod 600 {env_file}")


def _ledger(settings: Settings) -> Iterator[Finding]:
    from llmagent_os.ledger.location import locate
    from llmagent_os.ledger.schema import REVISION

    try:
        location = locate(settings.ledger_url)
    except LLMAgentOSError as error:
        yield Finding("ledger", "problem", str(error), f"correct {PREFIX}DATABASE_URL")
        return
    if location.on_server:
        from llmagent_os.admin.server_check import check_server

        yield from check_server(settings.ledger_url)
        return
    file = location.file
    if file is None:
        yield Finding("ledger", "note", "in memory: everything is forgotten when the host stops")
        return
    if not file.exists():
        yield Finding("ledger", "ok", f"{file}: will be created at revision {REVISION}")
        return
    try:
        with closing(sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro", uri=True)) as database:
            found = str(database.execute("SELECT version_num FROM alembic_version").fetchone()[0])
            sound = str(database.execute("PRAGMA quick_check(1)").fetchone()[0])
    except (sqlite3.Error, TypeError) as error:
        yield Finding("ledger", "problem", f"{file} is not a ledger: {error}", "move it away, or restore a backup")
        return
    if sound != "ok":
        yield Finding("ledger", "problem", f"{file} is damaged: {sound}", "stop the host and restore a backup")
    elif found != REVISION:
        yield Finding("ledger", "note", f"{file}: at revision {found}; the next start brings it to {REVISION}")
    else:
        yield Finding("ledger", "ok", f"{file}: the file is whole, at revision {found}")
        yield from dead_letters_command.findings(file)


def _bot(bot: Bot) -> Iterator[Finding]:
    yield Finding("bot", "ok", f"{bot.config.title} ({bot.name}), from {bot.folder}")
    try:
        agent = bot.agent_class()
        yield Finding("bot", "ok", f"agent: {agent.__module__}.{agent.__name__}")
    except ConfigError as error:
        yield Finding("bot", "problem", str(error), "correct agent.py")
    for path in (*((bot.facts,) if bot.facts else ()), *bot.documents):
        from llmagent_os.modules import KnowledgeBase

        try:
            count = KnowledgeBase().load_knowledge(path)
            yield Finding("bot", "ok", f"knowledge: {count} passages from {path.name}")
        except LLMAgentOSError as error:
            yield Finding("bot", "problem", str(error), f"correct {path}, or `knowledge` in bot.toml")


async def _plugins(settings: Settings, bot: Bot, *, asks_host: bool) -> AsyncIterator[Finding]:
    from llmagent_os.admin.mcp_check import server_findings
    from llmagent_os.admin.plugins_command import running_states
    from llmagent_os.tools.plugin_names import check_permissions

    async with bot.plugins(settings) as plugins:
        try:
            check_permissions(plugins, bot.config.permissions, known_elsewhere=bot.config.mcp.is_of_server)
        except ConfigError as error:
            for line in str(error).splitlines():
                yield Finding("plugins", "problem", line, "correct `permissions` in bot.toml")
        allowed = plugins.permitted()
        for health in plugins.health():
            if health.state == "not loaded":
                remedy = "install its package, correct the plugin, or remove it from `plugins` in bot.toml"
                yield Finding("plugins", "problem", f"{health.name}: {health.problem}", remedy)
                continue
            tools = ", ".join(tool if tool in allowed else f"{tool} (not permitted)" for tool in health.tools)
            yield Finding("plugins", "ok", f"{health.name} ({health.source}): {tools or 'no tools'}")
        if not plugins.health():
            yield Finding("plugins", "note", "none")
    for name, state in sorted((await running_states(settings)).items()) if asks_host else ():
        if state != "working":
            yield running_finding(name, state)
    async for finding in server_findings(settings, bot):
        yield finding


def running_finding(name: str, state: str) -> Finding:
    """Say how a plugin of the running host does; ``state`` is one of its states, with the reason behind a colon."""
    kind, _, trouble = state.partition(": ")
    if kind == "working":  # it failed, and is called all the same
        return Finding("plugins", "note", f"{name}, in the running host, works; what failed last: {trouble}")
    remedy = f"see the host's log; when it is mended: llmagent-os plugins reload {name}"
    return Finding("plugins", "problem", f"{name}, in the running host, is {state}", remedy)


def _adapters(settings: Settings, bot: Bot) -> Iterator[Finding]:
    from llmagent_os.adapter_kit.setup import AdapterSetup, make_adapter
    from llmagent_os.host.health import Health

    health = Health(bot.name, "")
    configured = 0
    for name in bot.config.adapters:
        try:
            with tempfile.TemporaryDirectory() as scratch:
                make_adapter(
                    name, AdapterSetup(settings, bot.config.description, Path(scratch), health.report, health.metrics)
                )
        except NotConfiguredError as error:
            command = f"`llmagent-os setup {name}`"
            how = "" if command in str(error) else f"; {command} explains how to set it up"
            yield Finding("adapters", "note", f"{name} is left out: {str(error).removeprefix(f'{name}: ')}{how}")
            continue
        except LLMAgentOSError as error:
            configured += 1
            yield Finding("adapters", "problem", str(error), "correct the setting that the message names")
            continue
        configured += 1
        yield Finding("adapters", "ok", f"{name}: the settings are right")
        if name == "web":
            yield check_port(settings.web_host, settings.web_port)
    if not configured:
        remedy = "set one of the tokens named above, or add another adapter to `adapters` in bot.toml"
        yield Finding("adapters", "problem", "nobody can reach the bot: none of its adapters is configured", remedy)


def configured_platforms(settings: Settings, bot: Bot) -> tuple[str, ...]:
    """Return the bot's platforms that have a guide and a token, in the order of the bot's file."""
    guides = known_guides()
    given = [name for name in settings.secrets() if getattr(settings, name).get_secret_value()]
    return tuple(
        name
        for name in bot.config.adapters
        if name in guides and any(secret.startswith(f"{name}_") for secret in given)
    )


def check_port(host: str, port: int) -> Finding:
    """Return whether the web chat can listen on a port. It is a note where a host of ours listens there."""
    try:
        family, kind, proto, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind, proto) as tried:
            tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            tried.bind(address)
    except OSError as error:
        if _is_ours(host, port):
            return Finding("adapters", "note", f"web: a host is running on {host}:{port}")
        remedy = f"stop the program that listens there, or change {PREFIX}WEB_HOST or {PREFIX}WEB_PORT"
        return Finding("adapters", "problem", f"web: cannot listen on {host}:{port}: {error.strerror or error}", remedy)
    return Finding("adapters", "ok", f"web: {host}:{port} is free")


def _is_ours(host: str, port: int) -> bool:
    """Return whether the program that listens there answers like our web chat."""
    try:
        with urllib.request.urlopen(f"http://{host}:{port}/healthz", timeout=2) as response:
            return "ok" in json.load(response)
    except (OSError, ValueError):
        return False
