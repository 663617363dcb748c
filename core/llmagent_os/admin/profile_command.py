"""``llmagent-os profile``: show, export and erase what is kept about a person, and unlink one of their accounts.

A person is named by an identity, as the logs and the ledger write it: ``platform:workspace:id``. Where several are
linked, each of them names the same person. All of this works beside a running host, and without one.
"""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncGenerator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import msgspec

from llmagent_os.adapter import Adapter
from llmagent_os.adapter_kit.setup import AdapterSetup, BotDescription, make_adapter
from llmagent_os.config import Settings
from llmagent_os.errors import ConfigError
from llmagent_os.events import now
from llmagent_os.identity import parse
from llmagent_os.ledger import Ledger
from llmagent_os.ledger.connection import is_made
from llmagent_os.ledger.link_changes import MAX_CHANGES
from llmagent_os.ledger.shared_rows import SharedRows
from llmagent_os.people.directory import Directory
from llmagent_os.people.kept_places import KeptPlaces
from llmagent_os.people.linking import Links, Refused
from llmagent_os.people.profiles import Profiles
from llmagent_os.privacy.archive import make_archive
from llmagent_os.privacy.job_store import JobStore
from llmagent_os.privacy.known_stores import known_stores
from llmagent_os.privacy.ledger_store import LedgerStore, data_subject
from llmagent_os.privacy.lora_store import LoraStore
from llmagent_os.privacy.stores import DataSubject, Stores
from llmagent_os.reply.plugin_exports import exported_files
from llmagent_os.reply.plugin_pages import PluginPages
from llmagent_os.tools.registry import Plugins
from llmagent_os.training.consent_check import take_back_withdrawn
from llmagent_os.training.job_folders import JobFolders
from llmagent_os.training.lora_registry import LoraRegistry


async def show(settings: Settings, typed: str) -> str:
    """The person's profile, one field a line, and their identities if they have linked several.

    A person who has no profile is not given one.

    Raises:
        ConfigError: ``typed`` is not written ``platform:workspace:id``.
    """
    subject = await data_subject(parse(typed), _ledgers(settings))
    known: dict[str, Any] = {}
    profiles = _profiles(settings)
    if await profiles.exists(subject.person_id):
        profile: dict[str, Any] = msgspec.to_builtins(await profiles.get(subject.person_id))
        known = {name: value for name, value in profile.items() if value not in (None, "", {}, [])}
    else:
        known["no profile"] = f"{subject.person_id} has changed nothing yet; `profile export` prints what else is kept"
    if len(subject.identities) > 1:
        known["linked"] = ", ".join(subject.identities)
    return "\n".join(f"{name}: {value}" for name, value in known.items())


async def export(settings: Settings, typed: str) -> str:
    """Everything that is kept about the person, as indented JSON by kind.

    Kinds are ``profile``, ``profiles`` (of accounts that were linked to it), ``interactions``, ``rewards``,
    ``records``, ``timers``, ``identities``, ``members``, ``conversations`` (transcripts, such as that of the web chat),
    ``files``, ``loras`` and ``trainings`` (what was trained on the person), and ``damaged``: rows that cannot be read,
    as they are.

    Raises:
        ConfigError: ``typed`` is not written ``platform:workspace:id``, or an adapter that keeps a transcript cannot
            be made.
    """
    subject = await data_subject(parse(typed), _ledgers(settings))
    async with _stores(settings) as stores:
        return json.dumps(await stores.export(subject), indent=2, ensure_ascii=False)


async def export_archive(settings: Settings, typed: str, file: Path) -> str:
    """Write everything that is kept about the person into the zip ``file``, with all files; returns what was written.

    Raises:
        ConfigError: as :func:`export`, or ``file`` cannot be written.
    """
    subject = await data_subject(parse(typed), _ledgers(settings))
    async with _stores(settings) as stores:
        given = await _plugin_files(settings, subject)
        archive = await make_archive(stores, subject, given, now())
    try:
        await asyncio.to_thread(_write_private, file, archive.content)
    except OSError as error:
        raise ConfigError(f"the archive {str(file)!r} cannot be written: {error.strerror or error}") from error
    missing = "".join(f"; could not be read: {name}" for name in archive.left_out)
    return f"{file}: {len(archive.content)} bytes about {', '.join(subject.identities)}{missing}"


async def forget(settings: Settings, typed: str) -> str:
    """Erase the person everywhere; returns in words what every store has erased.

    What cannot be opened stops nothing else: otherwise one damaged file would keep all the rest.

    Raises:
        ConfigError: ``typed`` is not written ``platform:workspace:id``; or something could not be erased. The message
            names it, what was erased, and every account of the person: they are linked no more.
    """
    subject = await data_subject(parse(typed), _ledgers(settings))
    async with _stores(settings) as stores:
        erased = await stores.erase(subject, pass_over=True)
    accounts = ", ".join(subject.identities)
    words = f"{accounts}: erased ({', '.join(str(each) for each in erased if not each.problem)})"
    if left := [f"{each.store}: {each.problem}" for each in erased if each.problem]:
        raise ConfigError(
            f"{words}. NOT erased: {'; '.join(left)}. Mend it, then run `llmagent-os profile forget` for each of these "
            f"accounts again: {accounts}"
        )
    return words


async def unlink(settings: Settings, typed: str) -> str:
    """Take an identity out of its person; returns in words who is still linked.

    Raises:
        ConfigError: ``typed`` is not written ``platform:workspace:id``.
    """
    identity = parse(typed)
    profiles = _profiles(settings)
    for url in _ledger_urls(settings).values():
        if not await asyncio.to_thread(is_made, url):
            continue
        ledger = await Ledger.open(url)
        try:
            before = await ledger.identities.everyone(identity)
            rest = await Links(ledger, profiles).leave(identity)
            registry = LoraRegistry(ledger, settings.data)
            await take_back_withdrawn(Directory(ledger, profiles), registry, before)
        finally:
            await ledger.close()
        if isinstance(rest, Refused):
            raise ConfigError(f"{identity} was linked and unlinked {MAX_CHANGES} times within an hour: wait an hour")
        if rest is not None:
            return f"{identity} is no longer linked" + (f"; still one person: {', '.join(rest)}" if rest else "")
    return f"{identity} is linked to no other account"


@asynccontextmanager
async def _stores(settings: Settings) -> AsyncGenerator[Stores]:
    """All stores of the installation, for a process without a host."""
    places = KeptPlaces(settings.ledger_url, settings.data)
    stores = known_stores(
        ledgers=_ledgers(settings)[::-1],  # the one that knows the links comes last
        profiles=places.profiles(),
        data=settings.data,
        secrets=places.secrets,
        shared=places.shared,
        make=partial(_make, settings),
    )
    async with AsyncExitStack() as stack:
        stack.push_async_callback(asyncio.to_thread, places.close)
        for name, url in _ledger_urls(settings).items():
            if not await asyncio.to_thread(is_made, url):  # nothing was ever trained from it
                continue
            ledger = await Ledger.open(url)
            stack.push_async_callback(ledger.close)
            chat = "" if name == "ledger" else "chat "
            stores.register(LoraStore(LoraRegistry(ledger, settings.data), f"{chat}loras"))
            stores.register(JobStore(JobFolders(ledger, settings.data), f"{chat}trainings"))
        yield stores


async def _plugin_files(settings: Settings, subject: DataSubject) -> dict[str, bytes]:
    """What the installed plugins give of the person, from the ledger of ``run``, as files."""
    if not await asyncio.to_thread(is_made, settings.ledger_url):
        return {}
    ledger = await Ledger.open(settings.ledger_url)
    try:
        async with Plugins(folder=settings.plugin_folder, records=ledger.records) as plugins:
            pages = PluginPages(
                plugins=plugins, ledger=ledger, profiles=_profiles(settings), time_zone=settings.zone, clock=now
            )
            return await exported_files(plugins, await pages.context_of(subject.identities[0]))
    finally:
        await ledger.close()


def _write_private(file: Path, content: bytes) -> None:
    """Write a file that other users of the machine cannot read."""
    with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as handle:
        handle.write(content)


def _profiles(settings: Settings) -> Profiles:
    return KeptPlaces(settings.ledger_url, settings.data).profiles()


def _ledger_urls(settings: Settings) -> Mapping[str, str]:
    """By store name, the ledger of ``run`` and that of ``chat`` in the terminal, which may be the same."""
    urls = {"ledger": settings.ledger_url, "chat ledger": settings.chat_ledger_url}
    return urls if urls["chat ledger"] != urls["ledger"] else {"ledger": urls["ledger"]}


def _ledgers(settings: Settings) -> tuple[LedgerStore, ...]:
    return tuple(LedgerStore(name, url=url, data=settings.data) for name, url in _ledger_urls(settings).items())


def _make(settings: Settings, platform: str) -> Adapter:
    """An adapter that only exports and erases: it is never run, so health and metrics have nothing to say."""

    async def health() -> Mapping[str, Any]:
        return {}

    shared = SharedRows.of(settings.ledger_url)
    setup = AdapterSetup(settings, BotDescription(platform), settings.data / platform, health, bytes, shared=shared)
    return make_adapter(platform, setup)
