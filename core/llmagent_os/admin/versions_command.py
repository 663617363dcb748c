"""Shows, compares, promotes and rolls back LoRAs: ``llmagent-os versions``. A running host takes it up at once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec

from llmagent_os.admin.command_ledger import open_ledger
from llmagent_os.bot import Bot, make_llm
from llmagent_os.config import Settings
from llmagent_os.errors import ConfigError, ModelError
from llmagent_os.modules.taste_words import persona_in_words
from llmagent_os.serving.model_hash import model_hash
from llmagent_os.training.canary_record import read_record, write_record
from llmagent_os.training.lora_difference import layer_differences
from llmagent_os.training.lora_registry import LoraRegistry
from llmagent_os.training.lora_version import SERVED, Level, LoraVersion, check_base, outcome_of

#: The most layers that a comparison names.
MAX_LAYERS = 5


async def listing(settings: Settings, bot: str | None) -> str:
    """The versions, oldest first, one a line, without any person."""
    async with _registry(settings) as registry:
        versions = await registry.all(bot)
    if not versions:
        return "There is no trained LoRA yet: `llmagent-os jobs run BOT` trains one."
    return "\n".join(_line(version) for version in versions)


async def show(settings: Settings, name: str) -> str:
    """Everything about a version, one field a line, then who contributed, then its evaluation as JSON.

    Raises:
        ConfigError: there is no such version.
    """
    async with open_ledger(settings) as ledger:
        registry = LoraRegistry(ledger, settings.data)
        version = await registry.get(name)
        tested = await read_record(ledger, version)
        people = await registry.contributors(version)
        folder = registry.folder_of(version)
        there = await asyncio.to_thread(folder.is_dir)
    rows: dict[str, object] = {
        "version": version.name,
        "bot": version.bot,
        "level": f"{version.level.value} {version.subject}".strip(),
        **({"group": persona_in_words(version.subject)} if version.level == Level.GROUP else {}),
        "stage": outcome_of(version),
        "trained by": version.method + (f", job {version.job}" if version.job else ""),
        "parent": version.parent or "the base model",
        "base model": f"{version.base_model} ({version.base_hash})",
        "data": version.data_hash,
        "sha256": version.sha256,
        "files": folder if there else "deleted",
        "made": f"{version.created_at:%Y-%m-%d %H:%M:%S} UTC",
        "people": f"{version.people}, of whom {version.withdrawn} have taken something back or left the group"
        if version.level == Level.GROUP
        else f"{version.people}, of whom {version.withdrawn} have taken something back",
    }
    if tested is not None:
        rows["canary"] = f"against {tested.test.against or 'the base model'}: {tested.canary.why}"
    if version.stale_since is not None:
        rows["stale since"] = f"{version.stale_since:%Y-%m-%d %H:%M:%S} UTC"
    lines = [f"{row}: {value}" for row, value in rows.items()]
    lines += [f"  {person}" + ("" if back is None else f"  took back {back:%Y-%m-%d %H:%M}") for person, back in people]
    if version.evaluation:
        lines.append(msgspec.json.format(msgspec.json.encode(version.evaluation), indent=2).decode())
    return "\n".join(lines)


async def report(settings: Settings, name: str) -> str:
    """Write how a version's canary stands into its report. Returns where the report is.

    Raises:
        ConfigError: there is no such version, or its report is deleted or was never written.
        ModelError: the report cannot be written.
    """
    async with open_ledger(settings) as ledger:
        registry = LoraRegistry(ledger, settings.data)
        version = await registry.get(name)
        page = registry.folder_of(version) / "report.html"
        if (tested := await read_record(ledger, version)) is not None:
            try:
                await write_record(registry, version, tested)
            except OSError as error:
                raise ModelError(f"the report cannot be written in {page.parent}: {error}") from error
    if not await asyncio.to_thread(page.is_file):
        raise ConfigError(f"version {version.name} has no report: it was deleted with the files, or never written")
    return str(page)


async def diff(settings: Settings, first: str, second: str) -> str:
    """In what two versions differ: their fields, and how far apart their weights are.

    Raises:
        ConfigError: there is no such version.
        ModelError: the files of one are missing or damaged.
    """
    async with _registry(settings) as registry:
        one, other = await registry.get(first), await registry.get(second)
        for version in (one, other):
            await registry.verify(version)
        layers = await asyncio.to_thread(layer_differences, registry.folder_of(one), registry.folder_of(other))
    names = ("level", "stage", "parent", "base_hash", "data_hash", "method", "people", "created_at")
    lines = [
        f"{name}: {getattr(one, name)} -> {getattr(other, name)}"
        for name in names
        if getattr(one, name) != getattr(other, name)
    ]
    sizes = [
        sum(size**2 for size in each) ** 0.5
        for each in zip(*((x.first, x.second, x.distance) for x in layers), strict=True)
    ]
    if sizes:
        lines.append(f"weights: size {sizes[0]:.3g} -> {sizes[1]:.3g}, distance {sizes[2]:.3g}, {len(layers)} layers")
    lines += [
        f"  {each.layer}: distance {each.distance:.3g} ({100 * each.share:.0f} %)" for each in layers[:MAX_LAYERS]
    ]
    return "\n".join(lines)


async def promote(settings: Settings, name: str, why: str, bot: str = "") -> str:
    """Have a version write the replies of its level. Returns a confirmation.

    Args:
        settings: of the machine.
        name: of the version.
        why: in words.
        bot: a name or a folder, as a bot is run; empty: the installed bot of the version.

    Raises:
        ConfigError: there is no such version, or it cannot become active, or it is of another model than the bot's.
        ModelError: its files are damaged, or the bot's model cannot be read.
    """
    async with _registry(settings) as registry:
        version = await registry.get(name)
        base_hash = await asyncio.to_thread(_base_hash, settings, bot, version)
        if base_hash is not None:
            check_base(version, base_hash)
        version = await registry.promote(version, why)
    unknown = f"\nWhether it fits the model of bot {version.bot!r} is not known: name the bot's folder with --bot"
    return f"Active: {version.name} ({version.level.value})" + (unknown if base_hash is None else "")


async def roll_back(settings: Settings, name: str, why: str, bot: str = "") -> str:
    """Take a version back, from the next reply on. Returns what answers now.

    Args: as :func:`promote`.

    Raises:
        ConfigError: there is no such version, or it writes no replies.
    """
    async with _registry(settings) as registry:
        version = await registry.get(name)
        try:
            base_hash = await asyncio.to_thread(_base_hash, settings, bot, version)
        except ModelError:  # what is bad is taken back all the same
            base_hash = None
        before = await registry.roll_back(version, why, base_hash or "")
    answers = f"{before.name} answers again" if before is not None else "the level above answers"
    return f"Rolled back: {version.name}; {answers}"


async def export(settings: Settings, name: str, target: Path) -> str:
    """Copy a version into a new folder. Returns a confirmation.

    Raises:
        ConfigError: there is no such version, or something is at ``target``.
        ModelError: its files are damaged, or the target cannot be written.
    """
    async with _registry(settings) as registry:
        folder = await registry.export(await registry.get(name), target)
    return f"{folder}: load it with LLM.from_pretrained({str(folder)!r})"


def _base_hash(settings: Settings, bot: str, version: LoraVersion) -> str | None:
    """The hash of the model that the version's bot has. None: the bot is not found. Reads the weights. Blocks.

    Raises:
        ConfigError: ``bot`` names no bot, or another one than that of the version.
        ModelError: there is no such model, or its weights cannot be read.
    """
    try:
        found = Bot.load(bot or version.bot)
    except ConfigError:
        if bot:
            raise
        return None
    if found.name != version.bot:
        if not bot:
            return None
        raise ConfigError(f"version {version.name} is of bot {version.bot!r}, and {bot} is bot {found.name!r}")
    location = make_llm(settings, found).base
    return "" if location is None else model_hash(location)


def _line(version: LoraVersion) -> str:
    stale = (
        f", stale ({version.withdrawn} of {version.people} people took something back)" if version.stale_since else ""
    )
    mark = "*" if version.stage in SERVED else " "
    why = f"  {version.why}" if version.why else ""
    made = f"{version.created_at:%Y-%m-%d %H:%M} UTC"
    group = f"  {version.subject}" if version.level == Level.GROUP else ""
    return f"{mark} {version.name}{group}  {made}  {version.method}  {version.stage.value}{stale}{why}"


@asynccontextmanager
async def _registry(settings: Settings) -> AsyncGenerator[LoraRegistry]:
    async with open_ledger(settings) as ledger:
        yield LoraRegistry(ledger, settings.data)
