"""Clear rules about messages in a group that are not addressed to the bot: who talks to whom, and who wants it silent.

A rule looks at one message and at the decision before it. Where no rule applies, the bot answers, or its behaviour
policy chooses.
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import Literal

import msgspec

from llmagent_os.etiquette.durations import parse_duration
from llmagent_os.etiquette.presence_phrases import CLOSING, NOT_YOU, QUIET
from llmagent_os.events import Message
from llmagent_os.identity import identity_of
from llmagent_os.ledger import Interaction

#: Why the bot is silent. ``asked``: somebody has asked it to be; ``quiet``: this message asks for it; ``mention``,
#: ``name`` and ``reply``: the message is for somebody else; ``between``: it goes on with such a message; ``closing``:
#: thanks or a good-bye that needs no answer; ``policy``: the behaviour policy chose.
Rule = Literal["asked", "quiet", "mention", "name", "reply", "between", "closing", "policy"]

#: The key in ``Interaction.context`` of the rule that a silence follows.
RULE = "rule"

#: The rules by which a message is for somebody else.
_ELSEWHERE = frozenset(("mention", "name", "reply", "between"))

#: How long after a message to somebody else an answer of another person belongs to it, and another message of the same.
TALK_PAUSE, SAME_PERSON_PAUSE = timedelta(minutes=10), timedelta(minutes=2)

#: How long the bot is silent if nobody says how long, unless somebody addresses it before.
UNTIL_ADDRESSED = timedelta(days=1)

#: The most words of a closing.
_MOST_CLOSING_WORDS = 8
#: Words that begin a sentence with a comma or a colon behind them, and are nobody's name.
_NO_NAMES = frozenset(
    "yes yeah yep no nope ok okay well so now then also please thanks hello hi hey sorry actually sure great tomorrow"
    " today tonight monday tuesday wednesday thursday friday saturday sunday next maybe perhaps alright right wait"
    " look oh ah hmm anyway however first second third finally good morning evening afternoon guys all everyone"
    " everybody team folks question note fyi btw ps important reminder update and but or if when what who where why"
    " how this that here there meanwhile otherwise basically honestly cool nice perfect fine again still once later bot"
    " assistant"
    " ja nein doch also danke bitte hallo heute morgen montag dienstag mittwoch donnerstag freitag samstag sonntag gut"
    " genau klar leute alle und oder aber wenn was wer wo warum wie dann jetzt noch vielleicht eigentlich übrigens moin"
    " sí si vale bueno bien gracias hola hoy mañana lunes martes miércoles jueves viernes sábado domingo claro pues"
    " perdón todos chicos gente y o pero qué quién dónde cómo entonces ahora quizás además".split()
)
#: Words that speak to somebody.
_YOU = re.compile(
    r"\b(?:you|your|ya|u|du|dich|dir|deine?[mnrs]?|ihr|euch|eure?[mnrs]?|t[uú]|te|ti|tus|usted(?:es)?|puedes|tienes"
    r"|quieres|vienes|vas|sabes|podr[ií]as|vos)\b|[你您]",
    re.I,
)
_VOCATIVE = re.compile(
    r"\s*(?:(?:hey|hi|hello|hallo|hola|oye|ok|so|and|und|y|yo)[ ,]+)?@?(?P<name>[^\W\d_][\w'’-]+)"
    r"(?:\s*[,:–—]\s+|\s*[，：])(?P<rest>\S.*)",
    re.DOTALL | re.IGNORECASE,
)


class QuietRequest(msgspec.Struct, frozen=True):
    """Somebody asks the bot to be silent."""

    time: timedelta = UNTIL_ADDRESSED  #: how long
    unasked: bool = False  #: it has answered what was not for it


def quiet_request(text: str, title: str = "") -> QuietRequest | None:
    """What a message asks that says nothing else. None: it asks for no silence.

    Args:
        text: of the message.
        title: what the bot calls itself.

    >>> str(quiet_request("Please be quiet for an hour!").time), quiet_request("not you, Calendar", "Calendar").unasked
    ('1:00:00', True)
    >>> quiet_request("remind me to be quiet for an hour") is None
    True
    """
    plain = _plain(text, title)
    if NOT_YOU.fullmatch(plain):
        return QuietRequest(unasked=True)
    found = QUIET.fullmatch(plain)
    if found is None:
        return None
    said = next((words for words in found.groupdict().values() if words), "")
    if not said:
        return QuietRequest()
    time = parse_duration(said)
    return None if time is None else QuietRequest(time)


def is_closing(text: str) -> bool:
    """Whether a message only thanks, agrees or says good-bye.

    >>> is_closing("Thanks a lot, see you tomorrow!"), is_closing("👍🎉"), is_closing("ok, and Friday?")
    (True, True, False)
    """
    plain = _plain(text)
    if not text.strip() or "?" in text or len(plain.split()) > _MOST_CLOSING_WORDS:
        return False
    return not plain or CLOSING.fullmatch(plain) is not None


def is_for_somebody_else(message: Message, title: str = "", names: frozenset[str] = frozenset()) -> Rule | None:
    """The rule by which a message is plainly for another person than the bot. None: it may be for the bot.

    Args:
        message: not addressed to the bot, and no answer to one of its messages.
        title: what the bot calls itself.
        names: the first names, in lower case, of the people who talk here.
    """
    if message.mentions:
        return "mention"
    found = _VOCATIVE.match(message.text)
    if found is not None:
        name = found["name"].lower()
        own = title.lower().split()
        if name in own:
            return None
        asks = _YOU.search(found["rest"]) is not None
        if _is_known(name, names) or (asks and found["name"][0].isupper() and name not in _NO_NAMES):
            return "name"
    return "reply" if answered_message(message) else None


def _is_known(name: str, names: frozenset[str]) -> bool:
    """Whether a name is one of ``names``. Chinese names are written as one word, and people say the end of it."""
    return name in names or (name >= "\u4e00" and len(name) > 1 and any(known.endswith(name) for known in names))


def answered_message(message: Message) -> str | None:
    """The id of the message that ``message`` replies to. None: it replies to none, but only stands in a thread.

    On Slack all messages of a thread answer the one that began it.
    """
    return None if message.reply_to == message.conversation.thread else message.reply_to


def goes_on_between(message: Message, before: Interaction | None) -> bool:
    """Whether a message goes on with what people say to each other, by the decision before it in the conversation."""
    if before is None or not before.silent or before.context.get(RULE) not in _ELSEWHERE:
        return False
    return message.at - before.created_at < (
        SAME_PERSON_PAUSE if before.user_id == identity_of(message) else TALK_PAUSE
    )


def is_recent(before: Interaction | None, at: datetime) -> bool:
    """Whether a decision is so recent that what is said at ``at`` may be about it."""
    return before is not None and timedelta(0) <= at - before.created_at < TALK_PAUSE


def _plain(text: str, title: str = "") -> str:
    """The words of a text in lower case, without marks, emojis and the bot's name."""
    words = re.findall(r"[\w'’:.]*\w", text.lower().replace("’", "'"))
    own = set(title.lower().split()) | {"bot"}
    while words and words[0].strip(".:") in own:
        words.pop(0)
    while words and words[-1].strip(".:") in own:
        words.pop()
    return " ".join(words)
