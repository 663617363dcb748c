"""What a bot without a language model says to words that no rule reads."""

from __future__ import annotations

import re

from llmagent_os.languages import gettext, lazy_gettext
from llmagent_os.reply.data_request import words_about_data
from llmagent_os.reply.exchange import Exchange
from llmagent_os.reply.model_failure import WORDS

#: How many of the bot's examples are named.
EXAMPLES = 3

_THANKS = re.compile(
    r"(?:(?:ok(?:ay)?|great|perfect|cool|super|gut|vale|好)[\s,.!，。]*)?"
    r"(?:thanks?(?: you)?|thank you|thx|ty|danke(?: schön| dir)?|(?:muchas )?gracias|谢谢你?)"
    r"(?: (?:a lot|so much|very much))?[\s.!。！]*",
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


def words_without_model(exchange: Exchange, examples: tuple[str, ...]) -> str:
    """Say once in a conversation that free talk needs a model, and how to set one; after that, in one sentence.

    Args:
        exchange: the message, which no rule has read.
        examples: requests that the bot understands.
    """
    if _THANKS.fullmatch(exchange.text):
        return gettext("You're welcome.")
    if about_data := words_about_data(exchange.text):
        return about_data
    if exchange.failed_rules:  # perhaps the message was for them: it is not the missing model that is to blame
        return str(_FAILED)
    plain = str(_NO_FREE_TALK)
    if any(plain in str(turn.context.get("reply", "")) for turn in exchange.episode.turns):
        return str(WORDS["absent"])
    named = "\n".join(f"- {each}" for each in examples[:EXAMPLES])
    lead = gettext("You can say, for example:")
    return f"{plain}\n\n{lead}\n{named}" if named else plain
