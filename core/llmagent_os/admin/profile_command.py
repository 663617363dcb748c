"""What is kept about a person, gathered, shown, erased and taken apart: ``llmagent-os profile``.

A person is known by an identity, as the logs and the ledger write it: ``platform:workspace:id``. Any of
several that are linked will do.
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
    """The person's profile, one field a line, and whom they are linked as."""
    everyone = await _everyone(settings, identity)
    profile = await Profiles(settings.data / "profiles").get(everyone[0])
    fields: dict[str, Any] = msgspec.to_builtins(profile)
    known = {name: value for name, value in fields.items() if value not in (None, "", {}, [])}
    if len(everyone) > 1:
        known["linked"] = ", ".join(everyone)
    return "\n".join(f"{name}: {value}" for name, value in known.items())


async def export(settings: Settings, identity: str) -> str:
    """Everything kept about the person, as indented JSON; ``profiles`` are those of linked identities, put aside."""
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
    """Erase the person everywhere; returns what was erased, in words.

    The ledger last: it knows who is to be forgotten, where a crash comes in between.
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
            for each in everyone:  # only one of them may know of the links
                rows += await ledger.forget(each)
    profile = "a profile" if had_profile else "no profile"
    who = ", ".join(everyone)
    return f"{who}: {profile}, {rows} rows of the ledger and {conversations} conversations erased"


async def unlink(settings: Settings, identity: str) -> str:
    """Take an identity out of its person; returns what came of it, in words."""
    parts_of(identity)
    profiles = Profiles(settings.data / "profiles")
    for url in _ledgers(settings):
        async with _opened(url) as ledger:
            rest = await Links(ledger, profiles).leave(identity)
            if rest is not None:
                return f"{identity} stands for itself" + (f"; still one person: {', '.join(rest)}" if rest else "")
    return f"{identity} is linked to nothing"


async def _everyone(settings: Settings, identity: str) -> tuple[str, ...]:
    """All identities of the person, the one first whose profile is everybody's."""
    parts_of(identity)
    for url in _ledgers(settings):
        async with _opened(url) as ledger:
            everyone = await ledger.identities.everyone(identity)
            if len(everyone) > 1:
                return everyone
    return (identity,)


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


async def _forget_there(settings: Settings, platform: str, own_id: str) -> int:
    """Erase what the platform's adapter keeps; returns of how many conversations or messages."""
    folder: Path = settings.data / platform
    if platform not in known_adapters() or not await asyncio.to_thread(folder.is_dir):
        return 0
    health = Health(platform, "none")
    setup = AdapterSetup(settings, BotDescription(platform), folder, health.report, health.metrics)
    try:
        adapter = await asyncio.to_thread(make_adapter, platform, setup)
    except ConfigError:  # it has no token any more, say; the files that people have sent are still there
        return await Files(folder / FOLDER, 0).forget(own_id)
    return await adapter.forget(own_id) if isinstance(adapter, Remembers) else 0
