"""Embeds, beside the host, the passages that have no embedding yet."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import structlog

from llmagent_os.errors import ConfigError
from llmagent_os.knowledge.embedding_models import EmbeddingError
from llmagent_os.knowledge.passage_base import UNUSABLE
from llmagent_os.knowledge.scopes import ScopedBases
from llmagent_os.knowledge.search import embed_missing

if TYPE_CHECKING:
    from llmagent_os.modules import KnowledgeBase

_log = structlog.stdlib.get_logger(__name__)

#: How often all bases are looked through, in seconds.
PERIOD_SECONDS = 600.0


async def keep_embedded(kb: KnowledgeBase, taught: ScopedBases | None) -> None:
    """Embed what has no embedding, now and every ten minutes, until cancelled. Passages are found by words until then.

    Args:
        kb: what the bot knows, with its embedding model.
        taught: what people have taught; None: nobody can.
    """
    while True:
        try:
            count = await asyncio.to_thread(_embed_all, kb, taught)
        except (EmbeddingError, ConfigError) as error:
            _log.error("passages are found by their words only", error=str(error))
        else:
            if count:
                _log.info("passages were embedded", count=count)
        await asyncio.sleep(PERIOD_SECONDS)


def _embed_all(kb: KnowledgeBase, taught: ScopedBases | None) -> int:
    model = kb.search.model
    if model is None or kb.search.mode == "bm25":
        return 0
    bases = [kb.base]
    if taught is not None:
        bases += [*taught.all_bases("workspace"), *taught.all_bases("group"), *taught.all_bases("person")]
    count = 0
    for base in bases:
        try:
            len(base)
        except UNUSABLE as error:
            _log.error("a knowledge base cannot be embedded", path=str(base.path), error=str(error))
        else:
            count += embed_missing(base, model)
    return count
