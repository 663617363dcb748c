"""Says in a few words what a new conversation is about."""

from __future__ import annotations

import msgspec

from llmagent_os.events import Event, Message
from llmagent_os.handler import Outcome
from llmagent_os.markup.shortening import shorten
from llmagent_os.privacy.masking import MASKS, redact
from llmagent_os.reply.services import Services

#: The most characters of a topic.
TOPIC_CHARACTERS = 60

#: Masks of what may stand in a topic, masked. Anything else that was masked is a secret, and gives no topic at all.
_CONTACT_MASKS = frozenset({"[email]", "[phone]"})


def topic_of(text: str) -> str:
    """The topic of a conversation that begins with the message ``text``. Empty: it holds a secret, or says nothing.

    >>> topic_of("book lunch with ana@example.org tomorrow")
    'book lunch with [email] tomorrow'
    >>> topic_of("my password is hunter22, what do I have today?")
    ''
    """
    masked = " ".join(redact(text).split())
    if any(mask in masked for mask in MASKS if mask not in _CONTACT_MASKS):
        return ""
    return shorten(masked, TOPIC_CHARACTERS)


async def with_topic(services: Services, event: Event, outcome: Outcome) -> Outcome:
    """``outcome`` with a topic, where its reply is the first one in a thread that a person has with the bot alone."""
    reply, where = outcome.reply, event.conversation
    if not isinstance(event, Message) or where.kind != "direct" or where.thread is None:
        return outcome
    if reply is None or outcome.erases or services.ledger is None or await services.ledger.took_part(where.key):
        return outcome
    return msgspec.structs.replace(outcome, reply=msgspec.structs.replace(reply, topic=topic_of(event.text)))
