"""What is configured, what is wrong, and how to mend it: ``llmagent-os doctor``.

Looks without changing anything: the ledger is opened read-only, and nothing is sent to a platform. PyTorch is imported
only where it is asked to look deep.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import sqlite3
import stat
import sys
import tempfile
import urllib.request
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from contextlib import closing
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path
from typing import Literal

import click
import msgspec
from packaging.requirements import Requirement

from llmagent_os.bot import Bot
from llmagent_os.config import PREFIX, Settings
from llmagent_os.errors import ConfigError, LLMAgentOSError, NotConfiguredError

State = Literal["ok", "note", "problem"]

_MARKS: dict[State, tuple[str, str]] = {"ok": ("✓", "green"), "note": ("·", "yellow"), "problem": ("✗", "red")}
_ROOM = 200_000_000  #: bytes of free disk under which a running host gets into trouble


class Finding(msgspec.Struct, frozen=True):
    """One thing that was looked at."""

    section: str
    state: State  #: ``note`` is worth knowing and nothing to mend
    text: str
    remedy: str = ""  #: what to do about a problem


async def examine(load: Callable[[], Settings], bot_name: str, *, deep: bool = False) -> list[Finding]:
    """Look at everything.

    Args:
        load: reads the settings, or raises what is wrong with them.
        bot_name: an installed bot, or a path.
        deep: also load the model and have it answer.
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
    findings += _settings(settings)
    findings += _data(settings)
    findings += _ledger(settings)
    try:
        bot = Bot.load(bot_name)
    except ConfigError as error:
        findings.append(Finding("bot", "problem", str(error), "name an installed bot, or a bot.toml that is right"))
        return findings
    findings += _bot(bot)
    async for finding in _model(settings, bot, deep):
        findings.append(finding)
    async for finding in _plugins(settings, bot):
        findings.append(finding)
    findings += _adapters(settings, bot)
    return findings


def show(findings: Iterable[Finding], *, fine: str = "Everything looks right.") -> int:
    """Print the findings, and ``fine`` where none is a problem; returns the exit code: 1 where one is."""
    section, problems = "", 0
    for finding in findings:
        if finding.section != section:
            section = finding.section
            click.secho(section, bold=True)
        mark, colour = _MARKS[finding.state]
        click.echo(f"  {click.style(mark, fg=colour)} {finding.text}")
        if finding.state == "problem":
            problems += 1
            click.echo(f"    → {finding.remedy}")
    click.echo(f"\n{problems} problem{'s' * (problems != 1)} found." if problems else f"\n{fine}")
    return 1 if problems else 0


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
        yield Finding("python", "ok", "every package that it needs is there")


def _settings(settings: Settings) -> Iterator[Finding]:
    given = sorted(settings.variable(name) for name in settings.model_fields_set if name not in settings.secrets())
    yield Finding("settings", "ok", f"set: {', '.join(given)}" if given else "all at their defaults")
    for name in settings.secrets():
        there = bool(getattr(settings, name).get_secret_value())
        yield Finding("settings", "note", f"{settings.variable(name)} is {'set (not shown)' if there else 'not set'}")
    for name in settings.unknown():
        yield Finding("settings", "note", f"{name} is read by nothing of LLMAgentOS itself")
    env = Path(".env")
    if env.is_file() and env.stat().st_mode & (stat.S_IRGRP | stat.S_IROTH):
        yield Finding("settings", "problem", ".env can be read by other users of this machine", "chmod 600 .env")


def _data(settings: Settings) -> Iterator[Finding]:
    folder = settings.data.absolute()
    there = next(path for path in (folder, *folder.parents) if path.exists())
    try:
        with tempfile.NamedTemporaryFile(dir=there):
            pass
    except OSError as error:
        remedy = f"give this user the folder, or set {PREFIX}DATA to another"
        yield Finding("data", "problem", f"{there} cannot be written: {error.strerror}", remedy)
        return
    free = shutil.disk_usage(there).free
    state = "writable" if there == folder else "will be made"
    if free < _ROOM:
        yield Finding("data", "problem", f"{folder}: only {free / 1e6:.0f} MB are free", "make room on the disk")
    else:
        yield Finding("data", "ok", f"{folder}: {state}, {free / 1e9:.1f} GB free")


def _ledger(settings: Settings) -> Iterator[Finding]:
    from llmagent_os.ledger.connection import file_of
    from llmagent_os.ledger.schema import REVISION

    try:
        file = file_of(settings.ledger_url)
    except LLMAgentOSError as error:
        yield Finding("ledger", "problem", str(error), f"correct {PREFIX}DATABASE_URL")
        return
    if file is None:
        yield Finding("ledger", "note", "in memory: everything is forgotten when the host stops")
        return
    if not file.exists():
        yield Finding("ledger", "ok", f"{file}: will be made at revision {REVISION}")
        return
    try:
        with closing(sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro", uri=True)) as database:
            found = str(database.execute("SELECT version_num FROM alembic_version").fetchone()[0])
            sound = str(database.execute("PRAGMA quick_check(1)").fetchone()[0])
    except (sqlite3.Error, TypeError) as error:
        yield Finding("ledger", "problem", f"{file} is no ledger: {error}", "move it away, or restore a backup")
        return
    if sound != "ok":
        yield Finding("ledger", "problem", f"{file} is damaged: {sound}", "stop the host and restore a backup")
    elif found != REVISION:
        yield Finding("ledger", "note", f"{file}: at revision {found}; the next start brings it to {REVISION}")
    else:
        yield Finding("ledger", "ok", f"{file}: sound, at revision {found}")


def _bot(bot: Bot) -> Iterator[Finding]:
    yield Finding("bot", "ok", f"{bot.config.title} ({bot.name}), from {bot.folder}")
    try:
        agent = bot.agent_class()
        yield Finding("bot", "ok", f"agent: {agent.__module__}.{agent.__name__}")
    except ConfigError as error:
        yield Finding("bot", "problem", str(error), "mend agent.py")
    if bot.knowledge is not None:
        from llmagent_os.modules import KnowledgeBase

        try:
            facts = KnowledgeBase().load_knowledge(bot.knowledge)
            yield Finding("bot", "ok", f"knowledge: {facts} facts from {bot.knowledge.name}")
        except LLMAgentOSError as error:
            yield Finding("bot", "problem", str(error), f"mend {bot.knowledge}, or `knowledge` in bot.toml")


async def _model(settings: Settings, bot: Bot, deep: bool) -> AsyncIterator[Finding]:
    from llmagent_os.bot import make_llm
    from llmagent_os.chat import ChatRequest

    name = settings.model or bot.config.model
    remedy = f"set {PREFIX}MODEL to an installed model, a folder, or openai:MODEL with {PREFIX}BASE_URL"
    try:
        llm = make_llm(settings, bot)
    except LLMAgentOSError as error:
        yield Finding("model", "problem", str(error), remedy)
        return
    async with llm:
        if llm.location is None:
            yield Finding(
                "model", "ok", f"{name}, at {settings.base_url or 'the address that the openai client takes'}"
            )
            if (
                not settings.base_url
                and not os.environ.get("OPENAI_BASE_URL")
                and not settings.api_key.get_secret_value()
            ):
                yield Finding("model", "note", f"neither {PREFIX}BASE_URL nor {PREFIX}API_KEY is set")
        elif llm.location.local:
            yield _weights(name, Path(llm.location.base))
        else:
            yield Finding("model", "ok", f"{name}, from the Hugging Face hub")
        if deep:
            try:
                said = await llm.complete(ChatRequest(messages=[{"role": "user", "content": "hello"}], max_tokens=40))
                yield Finding("model", "ok", f"it answers 'hello' with {said.text!r}")
            except LLMAgentOSError as error:
                yield Finding("model", "problem", f"it does not answer: {error}", remedy)
        else:
            yield Finding("model", "note", "not tried; --deep loads it and has it answer")


def _weights(name: str, folder: Path) -> Finding:
    """Reads the weights' header, which names every tensor: a broken download shows there."""
    from safetensors import SafetensorError, safe_open

    files = sorted(folder.glob("*.safetensors"))
    lacking = [file for file in ("config.json", "tokenizer.json") if not (folder / file).is_file()]
    remedy = "install the package again, or train or download the model again"
    if lacking or not files:
        return Finding(
            "model", "problem", f"{folder} lacks {', '.join(lacking) or 'its weights (*.safetensors)'}", remedy
        )
    try:
        tensors = 0
        for file in files:
            with safe_open(file, framework="numpy") as opened:  # pyright: ignore[reportUnknownVariableType]
                tensors += len(opened.keys())  # pyright: ignore[reportUnknownArgumentType, reportUnknownMemberType]
    except (SafetensorError, OSError) as error:
        return Finding("model", "problem", f"{folder}: the weights cannot be read: {error}", remedy)
    size = sum(file.stat().st_size for file in files) / 1e6
    return Finding("model", "ok", f"{name}: {folder}, {tensors} tensors, {size:.1f} MB")


async def _plugins(settings: Settings, bot: Bot) -> AsyncIterator[Finding]:
    from llmagent_os.tools.registry import Plugins

    folder = settings.plugin_folder or bot.plugin_folder
    async with Plugins(folder=folder, installed=bot.config.plugins, allowed=bot.config.permissions) as plugins:
        allowed = {spec.name for spec in plugins.specs()}
        for health in plugins.health():
            if health.state == "not loaded":
                remedy = "install the package that has it, mend it, or take it out of `plugins` in bot.toml"
                yield Finding("plugins", "problem", f"{health.name}: {health.problem}", remedy)
                continue
            tools = ", ".join(tool if tool in allowed else f"{tool} (not permitted)" for tool in health.tools)
            yield Finding("plugins", "ok", f"{health.name} ({health.source}): {tools or 'no tools'}")
        if not plugins.health():
            yield Finding("plugins", "note", "none")


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
            how = "" if command in str(error) else f"; {command} tells how"
            yield Finding("adapters", "note", f"{name} is left out: {error}{how}")
            continue
        except LLMAgentOSError as error:
            configured += 1
            yield Finding("adapters", "problem", str(error), "correct the setting that it names")
            continue
        configured += 1
        yield Finding("adapters", "ok", f"{name}: its settings are right")
        if name == "web":
            yield _port(settings.web_host, settings.web_port)
    if not configured:
        remedy = "set a token that is named above, or add another adapter to `adapters` in bot.toml"
        yield Finding("adapters", "problem", "nobody could reach the bot: none of its adapters is configured", remedy)


def _port(host: str, port: int) -> Finding:
    try:
        family, kind, proto, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind, proto) as tried:
            tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            tried.bind(address)
    except OSError as error:
        if _is_ours(host, port):
            return Finding("adapters", "note", f"web: a host is running on {host}:{port}")
        remedy = f"stop what listens there, or set {PREFIX}WEB_HOST and {PREFIX}WEB_PORT to something else"
        return Finding("adapters", "problem", f"web: cannot listen on {host}:{port}: {error.strerror or error}", remedy)
    return Finding("adapters", "ok", f"web: {host}:{port} is free")


def _is_ours(host: str, port: int) -> bool:
    """Whether what listens there answers as our web chat does."""
    try:
        with urllib.request.urlopen(f"http://{host}:{port}/healthz", timeout=2) as response:
            return "ok" in json.load(response)
    except (OSError, ValueError):
        return False
