"""Runs ``llmagent-os init``: five questions, then a bot.

Nothing is written before the last answer, and then everything at once: ``.env`` and the folder of the bot. What is
there already is proposed, changed line by line, and kept as a copy.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import sys
from collections.abc import Generator
from pathlib import Path

import click
import msgspec

from llmagent_os.admin.asking import Asking
from llmagent_os.admin.doctor import check_port
from llmagent_os.admin.init_answers import InitAnswers, access_of, days_of, privacy_of
from llmagent_os.admin.init_model import Load, ask_model
from llmagent_os.admin.init_questions import ask_access, ask_platforms, ask_plugins, ask_privacy
from llmagent_os.admin.plugin_guides import missing_guides, stale_guides
from llmagent_os.bot import FILE, Bot
from llmagent_os.config import PREFIX, Settings
from llmagent_os.config.env_changes import with_variables
from llmagent_os.config.env_file import read_env_file
from llmagent_os.config.ignored_files import secret_files, with_ignored
from llmagent_os.config.staged_files import write_files
from llmagent_os.config.toml_changes import with_values
from llmagent_os.errors import ConfigError
from llmagent_os.tools.registry import Plugins

#: The installed bot that a new bot is a copy of.
PATTERN = "assistant"

_HEAD = "# The settings of this installation. `.env.example` of the project names all of them.\n"


class InitOptions(msgspec.Struct, frozen=True, kw_only=True):
    """Answers that were given on the command line; None: it is asked."""

    bot: str = "my_bot"  #: the folder of the bot
    model: str | None = None
    base_url: str | None = None
    platforms: str | None = None  #: with commas between them
    access: str | None = None
    allow: str | None = None
    plugins: str | None = None  #: with commas between them
    privacy: str | None = None
    keep_days: int | None = None
    yes: bool = False  #: every other answer is the proposed one


def init(options: InitOptions, env_file: Path, load: Load) -> Path:
    """Ask, and write what was answered. Returns the bot's folder.

    Args:
        options: the answers that need no question.
        env_file: the file of the settings.
        load: loads the settings, with other values by field name.

    Raises:
        ConfigError: an option or a file is wrong. Nothing was written.
        click.Abort: the person ended it. Nothing was written.
    """
    asking = Asking(takes_defaults=options.yes)
    settings, folder = load(), Path(options.bot)
    pattern = Bot.load(PATTERN)
    is_new = not (folder / FILE).is_file()
    present = pattern if is_new else Bot.load(folder)
    click.secho("A bot in five questions. Enter takes the answer in [brackets]. Nothing is written before the end.\n")
    now = _given_server(options, _present(settings, present, is_new=is_new))
    click.secho("1 of 5: what writes free talk", fg="cyan")
    now = ask_model(asking, now, load, present, _given_model(options, now))
    click.secho("\n2 of 5: where people talk to it", fg="cyan")
    now = ask_platforms(asking, now, load, present, options.platforms)
    click.secho("\n3 of 5: who is answered on Slack, Discord and Telegram", fg="cyan")
    now = ask_access(asking, now, load, options.access, options.allow)
    click.secho("\n4 of 5: what it can do", fg="cyan")
    now = ask_plugins(asking, now, options.plugins)
    click.secho("\n5 of 5: privacy", fg="cyan")
    now = ask_privacy(asking, now, options.privacy, options.keep_days)
    now = _with_free_port(now, settings)
    files = _files(now, settings, env_file, folder, present, is_new=is_new)
    changed = [path for path, content in files.items() if path.is_file() and path.read_bytes() != content]
    if changed and not asking.agrees(f"\n{' and '.join(map(str, changed))} will change, and be kept as copies. Go on?"):
        raise click.Abort
    gone, kept = ([], []) if is_new else stale_guides(pattern, present, now.plugins)
    copies = write_files(files, frozenset({env_file}))
    click.echo()
    for path in files:
        click.echo(f"{path}{f' (as it was: {copies[path]})' if path in copies else ''}")
    for path in gone:
        path.unlink(missing_ok=True)
        click.echo(f"{_shown(path)} was removed: the bot has no plugin {path.stem} any more")
    for path in kept:
        click.echo(f"{_shown(path)} stays, as you have changed it; the bot has no plugin {path.stem} any more")
    return folder


def _shown(path: Path) -> Path:
    """A path as it is shorter to read: from the folder in which the command works, where it lies there."""
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path


@contextlib.contextmanager
def inside(folder: Path) -> Generator[None]:
    """Work in a folder, which is made. Where something fails, a new folder without a file is removed again."""
    is_new, before = not folder.exists(), Path.cwd()
    folder.mkdir(parents=True, exist_ok=True)
    os.chdir(folder)
    try:
        yield
    except BaseException:
        os.chdir(before)
        if is_new and not any(folder.iterdir()):
            folder.rmdir()
        raise


def _present(settings: Settings, bot: Bot, *, is_new: bool) -> InitAnswers:
    config = bot.config
    adapters = () if is_new else tuple(each for each in config.adapters if each not in ("web", "console"))
    return InitAnswers(
        model=settings.model or config.model,
        base_url=settings.base_url,
        api_key=settings.api_key.get_secret_value(),
        platforms=adapters,
        access=access_of(settings),
        allow=settings.allow,
        plugins=config.plugins,
        privacy=privacy_of(config),
        days=days_of(settings),
    )


def _given_model(options: InitOptions, now: InitAnswers) -> InitAnswers | None:
    if options.model is None:
        return now if options.yes else None
    return msgspec.structs.replace(now, model=options.model)


def _given_server(options: InitOptions, now: InitAnswers) -> InitAnswers:
    """``now`` with the server of the options; the key of another server is not kept for it."""
    if options.base_url is None or options.base_url == now.base_url:
        return now
    return msgspec.structs.replace(now, base_url=options.base_url, api_key="")


def _with_free_port(now: InitAnswers, settings: Settings) -> InitAnswers:
    """``now`` with another port for the web chat, where another program has the one of the settings."""
    if not settings.web_port or check_port(settings.web_host, settings.web_port).state == "ok":
        return now
    with socket.socket() as tried:
        tried.bind((settings.web_host, 0))
        port: int = tried.getsockname()[1]
    click.echo(f"\nPort {settings.web_port} is taken on this machine: the web chat gets port {port}.")
    return msgspec.structs.replace(now, web_port=port)


def _files(
    now: InitAnswers, settings: Settings, env_file: Path, folder: Path, present: Bot, *, is_new: bool
) -> dict[Path, bytes]:
    """What is written, by path."""
    variables = read_env_file(env_file, Settings.variables())
    names_model = bool(variables.get(f"{PREFIX}MODEL") and variables[f"{PREFIX}MODEL"].value)
    values = now.variables(settings, names_model=names_model)
    before = _text(env_file) if env_file.is_file() else _HEAD
    wanted = {name: value for name, value in values.items() if value or name in variables}
    defaults = {f"{PREFIX}ACCESS": "pairing"}
    wanted = {name: value for name, value in wanted.items() if name in variables or value != defaults.get(name)}
    wanted = {n: value for n, value in wanted.items() if n not in variables or value != variables[n].value}
    source = _text(present.file)
    permissions = asyncio.run(_permissions(now.plugins))
    name = folder.name.lower().replace(" ", "_") if is_new else present.name
    text = with_values(source, now.bot_values(name, permissions, present.config))
    files = {env_file: with_variables(before, wanted).encode(), folder / FILE: text.encode()}
    ignored = env_file.with_name(".gitignore")
    files[ignored] = with_ignored(_text(ignored) if ignored.is_file() else "", secret_files(env_file)).encode()
    if is_new:
        files |= {folder / path: content for path, content in _documents(present, now.plugins).items()}
    else:
        files |= missing_guides(Bot.load(PATTERN), present, now.plugins)
    return files


def _text(file: Path) -> str:
    """The text of a file with its own line ends.

    Raises:
        ConfigError: it cannot be read.
    """
    try:
        return file.read_bytes().decode()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{file} cannot be read: {error}") from error


def _documents(bot: Bot, plugins: tuple[str, ...]) -> dict[Path, bytes]:
    """The documents that a bot's file names, without those about plugins that were not chosen."""
    left_out = set(bot.config.plugins) - set(plugins)
    return {
        file.relative_to(bot.folder): file.read_bytes()
        for document in bot.documents
        for file in sorted(document.rglob("*") if document.is_dir() else [document])
        if file.is_file() and file.stem not in left_out
    }


async def _permissions(names: tuple[str, ...]) -> tuple[str, ...]:
    """Every permission that the plugins ask for."""
    async with Plugins(installed=names) as plugins:
        if missing := [each.name for each in plugins.health() if each.state == "not loaded"]:
            raise ConfigError(f"these plugins cannot be loaded: {', '.join(missing)}")
        return tuple(sorted(plugins.permissions))


def program_name() -> str:
    """How the command was called, for hints: ``llmagent-os``, or the way that runs it without installing it."""
    parts = Path(sys.prefix).parts
    if "archive-v0" in parts:  # the environments that uvx makes for one command
        return "uvx llmagent-os"
    return "pipx run llmagent-os" if "pipx" in parts and "venvs" not in parts else "llmagent-os"


def has_screen() -> bool:
    """Whether a browser can show a page to the person at this terminal."""
    return sys.stdout.isatty() and (sys.platform == "darwin" or bool({"DISPLAY", "WAYLAND_DISPLAY"} & set(os.environ)))
