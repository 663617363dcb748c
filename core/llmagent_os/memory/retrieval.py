"""Which memories are relevant to a message, and may be shown where it was written."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

from llmagent_os.events import Conversation
from llmagent_os.knowledge.bm25_scores import TermStatistics, bm25
from llmagent_os.ledger.memories import Memory
from llmagent_os.memory.statement import value_key
from llmagent_os.memory.topics import topic_of

MOST_SHOWN = 8  #: memories that one prompt holds

_STOP = frozenset(
    """a about am an and any are as at be been by can could did do does for from had has have how i if in into is it its
    let me my no not of off on or our out please shall should so some tell than that the their them then there they this
    those to too up us very was we were what when where which who why will with would you your yours called like likes
    one ones get go make give show know now just also than s t m re ve ll d""".split()
)
_ENDINGS = re.compile(r"(?:ings?|ers?|ed|es|e|s)$")
#: Words of questions that "like" and "go" are left out for, and that nearly every message has: no cue by themselves.
_WEAK = frozenset(("time", "day", "week", "do", "way", "today", "tomorrow", "when", "where"))


def room_of(conversation: Conversation) -> str:
    """Name where something was said: a conversation without its thread. Whoever reads a channel reads its threads."""
    return "\x1f".join((conversation.platform, conversation.workspace, conversation.channel))


def may_show(memory: Memory, conversation: Conversation) -> bool:
    """Return whether a memory may be shown in a conversation: among others, only what was said there."""
    return conversation.kind == "direct" or memory.room == room_of(conversation)


def relevant(memories: Sequence[Memory], text: str, conversation: Conversation) -> list[Memory]:
    """Return the memories that help to answer a message, the most relevant first (BM25, Robertson & Zaragoza 2009).

    Args:
        memories: of the person who wrote the message.
        text: the message.
        conversation: where the answer is read.
    """
    asked = {word for word in _words(text) if word not in _WEAK}
    documents = {
        one: [*_words(f"{one.value} {one.text}"), *_words(topic_of(one.topic).cues)]
        for one in memories
        if may_show(one, conversation)
    }
    matching = {one: words for one, words in documents.items() if asked.intersection(words)}
    if not matching:
        return []
    counts = Counter(word for words in documents.values() for word in set(words))
    mean = sum(map(len, documents.values())) / len(documents)
    statistics = TermStatistics(len(documents), mean, counts)
    terms = sorted(asked)
    return sorted(matching, key=lambda one: -bm25(terms, matching[one], statistics))[:MOST_SHOWN]


def named_in(memories: Sequence[Memory], words: str) -> list[Memory]:
    """Return the memories that ``words`` name: those with most of its words, and with all that matter.

    >>> named_in([], "tea")
    []
    """
    asked = set(_words(words))
    if not asked:
        return []
    key = value_key(words)
    exact = [one for one in memories if value_key(one.value) == key]
    return exact or [one for one in memories if asked <= set(_words(f"{one.value} {one.text} {one.topic}"))]


def _words(text: str) -> list[str]:
    """The content words of a text, without their endings."""
    found = (word for word in re.findall(r"[^\W_]+", text.casefold()) if word not in _STOP)
    return [_ENDINGS.sub("", word) if len(word) > 4 else word.removesuffix("s") for word in found]
