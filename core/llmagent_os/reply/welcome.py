"""Greets a person who opens a new conversation, and suggests what to say."""

from __future__ import annotations

import structlog

from llmagent_os.adapter import Reply
from llmagent_os.errors import ProfileError
from llmagent_os.events import Opened
from llmagent_os.handler import Outcome
from llmagent_os.languages import gettext
from llmagent_os.languages.written_phrases import join_sentences
from llmagent_os.reply.exchange import open_exchange
from llmagent_os.reply.plugin_calls import tool_context
from llmagent_os.reply.services import Services

_log = structlog.stdlib.get_logger(__name__)

#: How many suggestions there are at most, and how many of them are the plugins': the others show what the bot can do.
MAX_SUGGESTIONS, MAX_OWN_SUGGESTIONS = 4, 2


async def welcome(services: Services, event: Opened) -> Outcome:
    """The greeting, with suggestions: first those that fit the person, then the bot's examples.

    Nothing of it is learned from, and the ledger keeps no interaction: nobody has said anything yet.
    """
    settings = services.settings
    try:
        exchange = await open_exchange(services, event, turns=0)
    except ProfileError as error:  # a damaged profile: the person is greeted without a name
        _log.error("a person is greeted without what is known of them", error=str(error))
        exchange = await open_exchange(services, event, turns=0, read_profile=False)
    name = exchange.profile.name
    if name:
        greeting = gettext("Hello {name}! I am {title}.", name=name, title=settings.title)
    else:
        greeting = gettext("Hello! I am {title}.", title=settings.title)
    suggested: list[str] = []
    if services.plugins is not None:
        context = tool_context(services, exchange, exchange.key)
        suggested = await services.plugins.suggestions(context, allowed=settings.permissions)
    every = dict.fromkeys(filter(None, (*suggested[:MAX_OWN_SUGGESTIONS], *settings.examples)))
    reply = Reply(join_sentences((greeting, settings.about)), suggestions=tuple(every)[:MAX_SUGGESTIONS])
    return Outcome(services.interaction.render(reply))
