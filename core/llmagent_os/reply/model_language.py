"""Tells a person in a conversation that the model understands other languages than the one they write in.

The commands, the buttons and the notices of this project are in the person's language all the same, and the person is
told so: at length the first time, and then in one sentence now and then. What is written in a language that the bot
does not speak is left to plugins and to the model.
"""

from __future__ import annotations

import asyncio
from hashlib import sha256

from llmagent_os.adapter import Reply
from llmagent_os.events import Message
from llmagent_os.handler import Outcome
from llmagent_os.identity import identity_of
from llmagent_os.languages import gettext, language_name, list_text, speaking
from llmagent_os.languages.identification import foreign_language
from llmagent_os.reply.document_answer import may_answer
from llmagent_os.reply.exchange import Exchange
from llmagent_os.reply.found_passages import Found
from llmagent_os.reply.interaction_record import fixed_outcome
from llmagent_os.reply.services import Services
from llmagent_os.serving.model_card import ModelCard

#: The records in which it is kept that a person was told, and the beginning of their keys: a conversation each.
_RECORDS, _KEY = "agent", "model-language:"

#: After how many more such messages in a conversation a person is reminded.
REMIND_AFTER = 5


async def answer_not_understood(
    services: Services, exchange: Exchange, found: Found, card: ModelCard
) -> Outcome | None:
    """Return what is said to a message in a language that the model does not understand.

    None: the model may understand the message, a document answers it, or the person was told a short time before.

    Args:
        services: the languages of the bot, and the ledger, which keeps when the person was told.
        exchange: the message.
        found: what documents have about it.
        card: of the model.
    """
    event, languages = exchange.event, services.languages
    understood = understood_languages(services, card)
    if not understood or languages is None or services.ledger is None or not isinstance(event, Message):
        return None
    language = await asyncio.to_thread(foreign_language, exchange.text)
    if language is None or language in understood or language not in languages.languages:
        return None
    if may_answer(exchange, found):
        return None
    records = services.ledger.records(_RECORDS, identity_of(event))
    key = f"{_KEY}{sha256(event.conversation.key.encode()).hexdigest()[:16]}"
    told = await records.get(key)
    before = -1 if told is None else int(told.get("count", 0))
    if told is None or told.get("event") != exchange.key:  # the same one is answered again after a crash
        before += 1
        await records.put(key, {"event": exchange.key, "count": before, "at": services.clock().isoformat()})
    if before % REMIND_AFTER:
        return None
    await languages.prepare(language)
    with speaking(language):
        return await fixed_outcome(services, event, Reply(_said(understood, first=not before)), intent="talk")


def understood_languages(services: Services, card: ModelCard) -> tuple[str, ...]:
    """The languages that the model understands, by ISO 639-1; empty: whatever people write."""
    settings = services.settings
    return card.languages if settings.model_languages is None else settings.model_languages


def _said(understood: tuple[str, ...], *, first: bool) -> str:
    names = list_text([language_name(each) for each in understood])
    if not first:
        return gettext(
            "As I said, the model here understands only {languages}. `/help` lists what works in your language.",
            languages=names,
        )
    return gettext(
        "The model that answers here understands only {languages}. Please write in a language that it understands what "
        "I should do. In your language you have the commands and the buttons: `/help` lists all commands, `/profile` "
        "shows what I know about you, and `/privacy` shows what you allow me.",
        languages=names,
    )
