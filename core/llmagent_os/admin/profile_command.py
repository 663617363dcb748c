"""Shows, exports, erases and unlinks what is stored about a person: ``llmagent-os profile``.

A person is named by an identity, ``platform:workspace:id``, as the logs and the ledger write it. If several identities
are linked, any of them names the person.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec

from llmagent_os.adapter import Remembers
from llmagent_os.adapter_kit.files import FOLDER, Files
from llmagent_os.adapter_kit.setup import AdapterSetup, BotDescription, known_adapters, make_adapter
from llmagent_os.config import Settings
from llmagent_os.errors import ConfigError
from llmagent_os.host.health import Health
from llmagent_os.identity import parts_of
from llmagent_os.ledger import Ledger
from llmagent_os.ledger.connection import file_of
from llmagent_os.people.linking import Links
from llmagent_os.people.profiles import Profiles


async def show(settings: Settings, identity: str) -> str:
    """Return the person's profile, one field per line, and their linked identities."""
    everyone = await _everyone(settings, identity)
    profile = await Profiles(settings.data / "profiles").get(everyone[0])
    fields: dict[str, Any] = msgspec.to_builtins(profile)
    known = {name: value for name, value in fields.items() if value not in (None, "", {}, [])}
    if len(everyone) > 1:
        known["linked"] = ", ".join(everyone)
    return "\n".join(f"{name}: {value}" for name, value in known.items())


async def export(settings: Settings, identity: str) -> str:
    """Return everything that is stored about the person, as indented JSON.

    ``profile`` is the person's profile. ``profiles`` are the unused profiles of the other linked identities.
    """
    first, *others = await _everyone(settings, identity)
    profiles = Profiles(settings.data / "profiles")
    found: dict[str, Any] = {"profile": await profiles.export(first)}
    if others:
        found["profiles"] = [await profiles.export(other) for other in others]
    for url in _ledgers(settings):
        async with _opened(url) as ledger:
            for kind, rows in (await ledger.export(identity)).items():
                found.setdefault(kind, []).extend(rows)
    return json.dumps(found, indent=2, ensure_ascii=False)


async def forget(settings: Settings, identity: str) -> str:
    """Erase the person everywhere. Returns what was erased, in words.

    The ledger comes last. It knows the links, so that after a crash the command can run again.
    """
    everyone = await _everyone(settings, identity)
    profiles = Profiles(settings.data / "profiles")
    had_profile = any([await profiles.forget(each) for each in everyone])
    conversations = rows = 0
    for each in everyone:
        platform, _, own_id = parts_of(each)
        conversations += await _forget_there(settings, platform, own_id)
    for url in _ledgers(settings):
        async with _opened(url) as ledger:
            for each in everyone:  # perhaps only one of the ledgers knows the links
                rows += await ledger.forget(each)
    profile = "a profile" if had_profile else "no profile"
    who = ", ".join(everyone)
    return f"{who}: {profile}, {rows} rows of the ledger and {conversations} conversations erased"


async def unlink(settings: Settings, identity: str) -> str:
    """Separate an identity from the person it is linked to. Returns the result, in words."""
    parts_of(identity)
    profiles = Profiles(settings.data / "profiles")
    for url in _ledgers(settings):
        async with _opened(url) as ledger:
            rest = await Links(ledger, profiles).leave(identity)
            if rest is not None:
                return f"{identity} stands for itself" + (f"; still one person: {', '.join(rest)}" if rest else "")
    return f"{identity} is linked to nothing"


async def _everyone(settings: Settings, identity: str) -> tuple[str, ...]:
    """Return all identities of the person. The first one has the profile that all of them use."""
    parts_of(identity)
    for url in _ledgers(settings):
        async with _opened(url) as ledger:
            everyone = await ledger.identities.everyone(identity)
            if len(everyone) > 1:
                return everyone
    return (identity,)


def _ledgers(settings: Settings) -> list[str]:
    """Return the ledger of ``run`` and the ledger of ``chat``, as far as they exist."""
    urls = {url: file_of(url) for url in (settings.ledger_url, settings.chat_ledger_url)}
    return [url for url, file in urls.items() if file is not None and file.exists()]


@asynccontextmanager
async def _opened(url: str) -> AsyncGenerator[Ledger]:
    ledger = await Ledger.open(url)
    try:
        yield ledger
    finally:
        await ledger.close()


async def _forget_there(settings: Settings, platform: str, own_id: str) -> int:
    """Erase what the platform's adapter stores. Returns the number of conversations or messages."""
    folder: Path = settings.data / platform
    if platform not in known_adapters() or not await asyncio.to_thread(folder.is_dir):
        return 0
    health = Health(platform, "none")
    setup = AdapterSetup(settings, BotDescription(platform), folder, health.report, health.metrics)
    try:
        adapter = await asyncio.to_thread(make_adapter, platform, setup)
    except ConfigError:  # such as without a token; the files that people sent are still there
        return await Files(folder / FOLDER, 0).forget(own_id)
    return await adapter.forget(own_id) if isinstance(adapter, Remembers) else 0
