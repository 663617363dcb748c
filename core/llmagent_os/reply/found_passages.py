"""Finds the passages that answer a message: in the bot's own knowledge, in the workspace's and in the person's."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING

import msgspec

from llmagent_os.adapter_kit.containment import contained_call
from llmagent_os.events import Event
from llmagent_os.identity import Identity
from llmagent_os.knowledge.passages import Hit
from llmagent_os.knowledge.scopes import Scope
from llmagent_os.reply.exchange import Exchange
from llmagent_os.reply.services import Services

if TYPE_CHECKING:
    from llmagent_os.modules import KnowledgeBase


class Found(msgspec.Struct, frozen=True):
    """What was found for a message."""

    facts: tuple[Hit, ...] = ()  #: the bot's own words
    passages: tuple[Hit, ...] = ()  #: of documents, which are data: the best first


async def find_passages(services: Services, kb: KnowledgeBase, exchange: Exchange) -> Found:
    """Search for what answers a message.

    Args:
        services: has what people have taught.
        kb: what the bot knows. It may be a subclass of the bot's own.
        exchange: the message.
    """
    search = kb.search
    asked = partial(kb.retrieve_knowledge, exchange.text, limit=search.limit, least=search.least)
    hits = list(await asyncio.to_thread(contained_call, asked))
    if services.taught is not None:
        scopes = await scopes_of(services, exchange.event, exchange.identity)
        hits += await asyncio.to_thread(_search_taught, services, kb, scopes, exchange.text)
    hits.sort(key=lambda hit: -hit.score)
    facts = tuple(hit for hit in hits if hit.passage.trusted)
    passages = tuple(hit for hit in hits if not hit.passage.trusted)
    return Found(facts[: search.limit], passages[: search.limit])


async def scopes_of(services: Services, event: Event, identity: Identity) -> list[Scope]:
    """The scopes that a person may read here. In a group others would read what is the person's alone."""
    scopes = [Scope.of_workspace(event.conversation)]
    if event.conversation.kind == "direct":
        accounts = await services.directory.identities_of(identity)
        scopes += [Scope.of_person(account) for account in accounts]
    else:
        scopes.append(Scope.of_group(event.conversation))
    return scopes


def _search_taught(services: Services, kb: KnowledgeBase, scopes: list[Scope], text: str) -> list[Hit]:
    if services.taught is None:
        return []
    return kb.search.find(services.taught.there(scopes), text)
