"""What is kept about a person, gathered, shown and erased: ``llmagent-os profile``.

A person is known by their id, as the logs and the ledger write it: ``platform:workspace:id``.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec

from llmagent_os.adapter import Adapter, Remembers
from llmagent_os.bot import BotConfig
from llmagent_os.config import Settings
from llmagent_os.errors import ConfigError
from llmagent_os.health import Health
from llmagent_os.ledger import Ledger
from llmagent_os.ledger.connection import file_of
from llmagent_os.profiles import Profiles
from llmagent_os.setup import AdapterSetup, known_adapters, make_adapter


async def show(settings: Settings, user_id: str) -> str:
    """The person's profile, one field a line."""
    profile = await _profiles(settings, user_id).get(user_id)
    fields: dict[str, Any] = msgspec.to_builtins(profile)
    known = {name: value for name, value in fields.items() if value not in (None, "", {}, [])}
    return "\n".join(f"{name}: {value}" for name, value in known.items())


async def export(settings: Settings, user_id: str) -> str:
    """Everything kept about the person, as indented JSON."""
    found: dict[str, Any] = {"profile": await _profiles(settings, user_id).export(user_id)}
    for url in _ledgers(settings):
        async with _opened(url) as ledger:
            for kind, rows in (await ledger.export(user_id)).items():
                found.setdefault(kind, []).extend(rows)
    return json.dumps(found, indent=2, ensure_ascii=False)


async def forget(settings: Settings, user_id: str) -> str:
    """Erase the person everywhere; returns what was erased, in words."""
    rows = 0
    for url in _ledgers(settings):
        async with _opened(url) as ledger:
            rows += await ledger.forget(user_id)
    had_profile = await _profiles(settings, user_id).forget(user_id)
    conversations = 0
    platform, _, own_id = _parts(user_id)
    adapter = await asyncio.to_thread(_adapter, settings, platform)
    if isinstance(adapter, Remembers):
        conversations = await adapter.forget(own_id)
    profile = "a profile" if had_profile else "no profile"
    return f"{user_id}: {profile}, {rows} rows of the ledger and {conversations} conversations erased"


def _parts(user_id: str) -> tuple[str, str, str]:
    platform, colon, rest = user_id.partition(":")
    workspace, second, own_id = rest.partition(":")
    if not (colon and second and platform and own_id):
        raise ConfigError(f"a person is written platform:workspace:id (web:local:3f2a), not {user_id!r}")
    return platform, workspace, own_id


def _profiles(settings: Settings, user_id: str) -> Profiles:
    _parts(user_id)
    return Profiles(settings.data / "profiles")


def _ledgers(settings: Settings) -> list[str]:
    """The ledger of ``run``, and that of ``chat`` beside it, where they are."""
    urls = {url: file_of(url) for url in (settings.ledger_url, settings.chat_ledger_url)}
    return [url for url, file in urls.items() if file is not None and file.exists()]


@asynccontextmanager
async def _opened(url: str) -> AsyncGenerator[Ledger]:
    ledger = await Ledger.open(url)
    try:
        yield ledger
    finally:
        await ledger.close()


def _adapter(settings: Settings, platform: str) -> Adapter | None:
    folder: Path = settings.data / platform
    if platform not in known_adapters() or not folder.is_dir():
        return None
    config = BotConfig(name=platform, model="none")
    health = Health(platform, "none")
    return make_adapter(platform, AdapterSetup(settings, config, folder, health.report, health.metrics))
