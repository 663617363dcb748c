"""Answers what people ask about what is remembered of them, in words and by ``/memory``.

An answer that names memories is for the person alone: in a group nobody else sees it, and the ledger keeps nothing of
it, because a later prompt of the group would hold it.
"""

from __future__ import annotations

from collections.abc import Sequence

from llmagent_os.adapter import Reply
from llmagent_os.events import Message
from llmagent_os.handler import Outcome
from llmagent_os.languages import date_text, gettext, lazy_gettext, ngettext
from llmagent_os.languages.written_phrases import join_sentences
from llmagent_os.ledger.memories import Memory, MemoryChange
from llmagent_os.memory.memory_requests import MemoryRequest, request_in
from llmagent_os.memory.message_reading import Reading, stated_in
from llmagent_os.memory.retrieval import may_show, named_in
from llmagent_os.memory.statement import value_key
from llmagent_os.people.profiles import Profile
from llmagent_os.privacy.consent import REMEMBER
from llmagent_os.reply.exchange import Exchange
from llmagent_os.reply.plugin_calls import private_reply
from llmagent_os.reply.remembering import answer_statements, lowered, may_remember_in, remembered_of, spoken
from llmagent_os.reply.requests_read import lets_rules_read
from llmagent_os.reply.services import Services
from llmagent_os.serving.model_card import ModelCard

#: Memories that ``/profile`` shows; ``/memory`` shows all.
MOST_IN_PROFILE = 5

WAYS = lazy_gettext(
    "`/memory forget NUMBER` deletes one, `/memory correct NUMBER WORDS` corrects one, `/memory forget all` deletes "
    "all, `/memory off` ends it."
)
_NOTHING = lazy_gettext("I remember nothing that you told me about yourself.")
_IS_OFF = lazy_gettext("I keep nothing that you tell me about yourself, and use nothing of it. `/memory on` allows it.")
TURNED_ON = lazy_gettext("Done: I remember what you tell me about yourself. `/memory` shows it, and deletes it.")
TURNED_OFF = lazy_gettext(
    "Done: I keep nothing more that you tell me about yourself, and use none of what I remember. `/privacy` shows what "
    "else you allow me."
)
STILL_THERE = lazy_gettext("What I have kept of it is still there: `/memory forget all` deletes it.")


async def answer_memory_request(services: Services, exchange: Exchange) -> Outcome | None:
    """Answer a message that asks about memories. None: it asks for something else."""
    asked = request_in(exchange.text) if services.ledger is not None else None
    if asked is None or asked.kind == "ask":
        return None
    match asked.kind:
        case "show":
            text = await memory_list(services, exchange)
        case "off" | "on":
            text = await set_remembering(services, exchange, asked.kind)
        case _:
            text = await forget_words(services, exchange, asked.words, is_sure=asked.is_sure)
    return None if not text else await _private_outcome(services, exchange, text)


async def answer_about_self(services: Services, exchange: Exchange, card: ModelCard) -> Outcome | None:
    """Answer "when is my birthday?" for a model that reads no memories. None: nothing that may be said here answers.

    A general model is shown the memories, and answers by itself.
    """
    asked = request_in(exchange.text) if services.ledger is not None else None
    if asked is None or asked.kind != "ask" or not lets_rules_read(services, card):
        return None
    if not may_remember_in(services, exchange):
        return None
    shown = [one for one in await remembered_of(services, exchange) if may_show(one, exchange.event.conversation)]
    found = _answers(shown, asked)
    if not found:
        return None
    return await spoken(services, exchange, " ".join(f"{one.text}." for one in found))


async def answer_from_memory(
    services: Services, exchange: Exchange, reading: Reading, card: ModelCard
) -> Outcome | None:
    """Answer a message that only tells something of its person, or asks what they told. None: somebody else answers."""
    if (told := await answer_statements(services, exchange, reading, card)) is not None:
        return told
    return await answer_about_self(services, exchange, card)


async def memory_list(services: Services, exchange: Exchange) -> str:
    """Everything that is remembered, with numbers and sources, after what the profile has."""
    known = await remembered_of(services, exchange)
    lines = [_in_profile(exchange.profile)] if _in_profile(exchange.profile) else []
    if known:
        head = gettext("You told me:") if not lines else gettext("And you told me:")
        lines += [head, *(_line(one) for one in known), "", str(WAYS)]
    else:
        lines.append(str(_NOTHING))
    if not may_remember_in(services, exchange):
        lines.append(str(_IS_OFF))
    return "\n".join(lines)


async def told_report(services: Services, exchange: Exchange) -> str:
    """What ``/profile`` says of memories, in words; empty where there are none."""
    known = await remembered_of(services, exchange)
    if not known:
        return ""
    first = [f"- {one.text}" for one in known[:MOST_IN_PROFILE]]
    more = len(known) - len(first)
    last = gettext("`/memory` shows, corrects and deletes each of them.")
    if more:
        last = ngettext(
            "And {count} more: `/memory` shows, corrects and deletes each of them.",
            "And {count} more: `/memory` shows, corrects and deletes each of them.",
            more,
        )
    return "\n".join([gettext("You told me:"), *first, last])


async def past_list(services: Services, exchange: Exchange) -> str:
    """What was replaced by what the person said later."""
    if services.ledger is None:
        return str(_NOTHING)
    ended = await services.ledger.memories.of(exchange.identity, ended=True)
    if not ended:
        return gettext("Nothing that I remembered was replaced in the last month.")
    lines = [
        gettext("{memory}; until {day}", memory=_line(one), day=date_text(one.ended_at))
        for one in ended
        if one.ended_at
    ]
    head = gettext("This held until you told me something else. I delete it after a month:")
    return "\n".join([head, *lines])


async def set_remembering(services: Services, exchange: Exchange, value: str) -> str:
    """Turn the switch ``remember`` of the person ``on`` or ``off``, as ``/privacy`` does. The profile records it."""
    if services.profiles is None:
        return gettext("I keep no profiles here, so I cannot keep that choice.")
    await services.profiles.update(exchange.profile.user_id, **{REMEMBER: value})
    if value == "on":
        return str(TURNED_ON)
    return join_sentences([str(TURNED_OFF), str(STILL_THERE) if await remembered_of(services, exchange) else ""])


async def forget_numbers(services: Services, exchange: Exchange, numbers: Sequence[int]) -> str:
    """Delete memories by number, and say which."""
    known = {one.number: one for one in await remembered_of(services, exchange)}
    found = [known[number] for number in dict.fromkeys(numbers) if number in known]
    if not found or services.ledger is None:
        missing = ", ".join(map(str, numbers))
        return gettext("I have no memory with the number {number}. `/memory` lists them.", number=missing)
    erase = tuple(one.number for one in found)
    await services.ledger.memories.change(exchange.identity, lambda _: MemoryChange(erase=erase))
    return gettext("Forgotten: {memories}.", memories=", ".join(lowered(one.text) for one in found))


async def forget_words(services: Services, exchange: Exchange, words: str, *, is_sure: bool = True) -> str:
    """Delete the memory that words name. Empty: they name none, and may speak of something else."""
    known = await remembered_of(services, exchange)
    found = _meant(known, words)
    if len(found) == 1 or (found and len({value_key(one.value) for one in found}) == 1):
        return await forget_numbers(services, exchange, [one.number for one in found])
    if found:
        return "\n".join([gettext("Which of these? Say `/memory forget NUMBER`:"), *map(_line, found)])
    return gettext("I remember nothing like that. `/memory` shows what I keep.") if is_sure else ""


def _meant(known: Sequence[Memory], words: str) -> list[Memory]:
    """The memories that words name: by what the rules read in them, or by the words themselves."""
    for each in stated_in(words):
        same = [one for one in known if one.topic == each.topic and value_key(one.value) == value_key(each.value)]
        if same or not each.ends:
            return same or named_in([one for one in known if one.topic == each.topic], each.value)
    return named_in(known, words)


def _answers(known: Sequence[Memory], asked: MemoryRequest) -> list[Memory]:
    """The memories that answer a question: their topic is asked for, or they hold all of its words."""
    words = asked.words.casefold().removeprefix("my ").strip()
    by_topic = [one for one in known if _asks_topic(words, one.topic)]
    return by_topic or named_in(known, words)


_TOPIC_WORDS = {
    "like": ("likes", "favourite", "prefers"),
    "love": ("likes", "favourite"),
    "enjoy": ("likes", "hobby"),
    "hate": ("dislikes",),
    "not like": ("dislikes",),
    "dislike": ("dislikes",),
    "prefer": ("prefers",),
    "avoid": ("avoids",),
    "not eat": ("avoids", "diet", "allergy"),
    "eat": ("diet", "avoids"),
    "drink": ("drinks", "prefers"),
    "play": ("hobby",),
    "speak": ("language",),
    "learn": ("learning",),
    "learning": ("learning",),
    "work": ("employer", "job"),
    "live": ("home", "dwelling"),
    "study": ("studies", "school"),
    "studying": ("studies", "school"),
    "drive": ("car",),
    "use": ("uses", "owns"),
    "own": ("owns", "pet"),
    "allergic to": ("allergy",),
    "come from": ("origin",),
    "married to": ("partner",),
    "commute": ("commute",),
    "get to work": ("commute",),
    "go to work": ("commute",),
    "job": ("job", "employer"),
    "employer": ("employer",),
    "hobby": ("hobby",),
    "hobbies": ("hobby",),
    "birthday": ("birthday",),
    "pets": ("pet",),
    "pet": ("pet",),
    "allergies": ("allergy",),
    "diet": ("diet",),
    "languages": ("language",),
    "wife": ("partner",),
    "husband": ("partner",),
    "partner": ("partner",),
    "children": ("child", "children"),
    "kids": ("child", "children"),
}


def _asks_topic(words: str, topic: str) -> bool:
    return topic.partition(":")[0] in _TOPIC_WORDS.get(words, ())


def _in_profile(profile: Profile) -> str:
    """What the profile has, in a line; empty: nothing."""
    if profile.name and profile.place:
        return gettext(
            "Your profile has your name {name} and your place {place} (`/profile` shows and changes that).",
            name=profile.name,
            place=profile.place,
        )
    if profile.name:
        return gettext("Your profile has your name {name} (`/profile` shows and changes that).", name=profile.name)
    if profile.place:
        return gettext("Your profile has your place {place} (`/profile` shows and changes that).", place=profile.place)
    return ""


def _line(one: Memory) -> str:
    """One memory with its number and its source."""
    day = date_text(one.said_at)
    if one.proposed_by == "model":
        source = (
            gettext("{day}, as the model read it", day=day)
            if one.is_private
            else gettext("{day}, in a group, as the model read it", day=day)
        )
    else:
        source = day if one.is_private else gettext("{day}, in a group", day=day)
    if one.said and value_key(one.said) != value_key(one.text):
        source = gettext("{source}: “{words}”", source=source, words=one.said)
    return f"{one.number}. {one.text} ({source})"


async def _private_outcome(services: Services, exchange: Exchange, text: str) -> Outcome:
    if isinstance(exchange.event, Message) and exchange.event.conversation.kind == "direct":
        return await spoken(services, exchange, text)
    return Outcome(services.interaction.render(private_reply(exchange.event, Reply(text))))
