"""What a bot without a language model says to words that no rule reads."""

from __future__ import annotations

import re

from llmagent_os.languages import gettext, lazy_gettext, translated
from llmagent_os.reply.agent_settings import AgentSettings
from llmagent_os.reply.data_request import words_about_data
from llmagent_os.reply.exchange import Exchange
from llmagent_os.reply.model_failure import WORDS
from llmagent_os.tools.registry import Plugins

#: How many of the bot's examples are named.
EXAMPLES = 3

_THANKS = re.compile(
    r"(?:(?:ok(?:ay)?|great|perfect|cool|super|gut|vale|好)[\s,.!，。]*)?"
    r"(?:thanks?(?: you)?|thank you|thx|ty|danke(?: schön| dir)?|(?:muchas )?gracias|谢谢你?)"
    r"(?: (?:a lot|so much|very much))?[\s.!。！]*",
    re.IGNORECASE,
)

_WHAT_CAN = re.compile(
    r"(?:(?:hi|hello|hey|hallo|hola|你好)[\s,.!，。]*)?"
    r"(?:help(?: me)?|what (?:can|do) you do(?: for me)?|what are you able to do|how (?:can|do) you help(?: me)?"
    r"|how does this work|hilfe|was kannst du(?: alles)?(?: für mich tun)?|was machst du"
    r"|ayuda|¿?qu[ée] (?:puedes|sabes) hacer"
    r"|帮助|你(?:能|会|可以)(?:帮我)?(?:做|干)(?:什么|些什么))[\s.!?。！？]*",
    re.IGNORECASE,
)
_NEVER_MIND = re.compile(
    r"(?:cancel|never ?mind|forget it|abbrechen|vergiss es|schon gut|cancelar|olvídalo|déjalo|取消|算了)[\s.!。！]*",
    re.IGNORECASE,
)
_NO_FREE_TALK = lazy_gettext(
    "I have no language model, so I cannot talk freely. I understand plain requests in English, and `/help` lists all "
    "commands. Whoever runs me can give me a model: `llmagent-os init`."
)


_FAILED = lazy_gettext(
    "Sorry, a part of me did not work just now, so I could not read that. Please try again in a moment; if it goes on, "
    "tell whoever runs me."
)


def words_without_model(exchange: Exchange, settings: AgentSettings, plugins: Plugins | None) -> str:
    """Say once in a conversation that free talk needs a model, and how to set one; after that, in one sentence.

    Args:
        exchange: the message, which no rule has read.
        settings: what the bot says about itself, and requests that it understands.
        plugins: whose commands it has.
    """
    if _THANKS.fullmatch(exchange.text):
        return gettext("You're welcome.")
    if _NEVER_MIND.fullmatch(exchange.text.strip()):  # a plugin whose question was open has closed it
        return gettext("All right.")
    if _WHAT_CAN.fullmatch(exchange.text.strip()):
        return _what_it_can(exchange, settings, plugins)
    if about_data := words_about_data(exchange.text):
        return about_data
    if exchange.failed_rules:  # perhaps the message was for them: it is not the missing model that is to blame
        return str(_FAILED)
    plain = str(_NO_FREE_TALK)
    if any(plain in str(turn.context.get("reply", "")) for turn in exchange.episode.turns):
        return str(WORDS["absent"])
    return "\n\n".join(filter(None, (plain, _examples(settings))))


def _examples(settings: AgentSettings) -> str:
    """Requests that the bot understands; empty: it names none."""
    named = [f"- {each}" for each in settings.examples[:EXAMPLES]]
    return "\n".join([gettext("You can say, for example:"), *named]) if named else ""


def _what_it_can(exchange: Exchange, settings: AgentSettings, plugins: Plugins | None) -> str:
    """What the bot does: what it says about itself, examples, and the commands of its plugins."""
    commands = plugins.commands_on(exchange.event.conversation.platform) if plugins is not None else {}
    lines = "\n".join(f"- `/{name}`: {translated(line)}" for name, line in commands.items())
    all_of_them = gettext("`/help` lists all commands.")
    return "\n\n".join(filter(None, (translated(settings.about), _examples(settings), lines, all_of_them)))
