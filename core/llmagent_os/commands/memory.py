"""``/memory``: shows what is remembered of a person, and corrects or deletes it one by one."""

from __future__ import annotations

import re
from hashlib import sha256

from llmagent_os.adapter import Button, Reply
from llmagent_os.events import Command, Event
from llmagent_os.identity import identity_of
from llmagent_os.languages import gettext, lazy_gettext, ngettext
from llmagent_os.languages.written_phrases import join_sentences
from llmagent_os.ledger.memories import MemoryChange
from llmagent_os.memory.clauses import LONGEST, plain_clause
from llmagent_os.memory.message_reading import stated_in
from llmagent_os.memory.second_person import is_first_person, to_second_person
from llmagent_os.reply.exchange import Exchange, open_exchange
from llmagent_os.reply.memory_answers import (
    forget_numbers,
    forget_words,
    memory_list,
    past_list,
    set_remembering,
)
from llmagent_os.reply.remembering import lowered, remembered_of, source_of
from llmagent_os.reply.services import Services

#: Begins the value of the button that deletes all memories. A hash of the account that asked comes after it.
FORGET_ALL = "agent:memory-all:"

_NO_LEDGER = lazy_gettext("I keep no memories here.")
_NOT_YOURS = lazy_gettext("That button is not yours. `/memory forget all` asks you.")
_USAGE = lazy_gettext(
    "Usage: `/memory`, `/memory past`, `/memory forget NUMBER`, `/memory forget WORDS`, `/memory forget all`, "
    "`/memory correct NUMBER WORDS`, `/memory on` or `/memory off`."
)


async def memory(services: Services, command: Command) -> Reply:
    """Answer ``/memory`` and what may stand behind it."""
    if services.ledger is None:
        return Reply(str(_NO_LEDGER))
    exchange = await open_exchange(services, command, intent="command", turns=0)
    verb, _, rest = command.arguments.strip().partition(" ")
    rest = " ".join(rest.split())
    match verb.casefold():
        case "":
            return Reply(await memory_list(services, exchange))
        case "past":
            return Reply(await past_list(services, exchange))
        case "on" | "off" if not rest:
            return Reply(await set_remembering(services, exchange, verb.casefold()))
        case "forget" | "delete" if rest.casefold() in ("all", "everything"):
            return await _ask_all(services, exchange)
        case "forget" | "delete" if rest:
            return Reply(await _forget(services, exchange, rest))
        case "correct" if rest:
            return Reply(await _correct(services, exchange, rest))
        case _:
            said = gettext("I don't know `/memory {what}`.", what=command.arguments.strip()[:60])
            return Reply(join_sentences([said, str(_USAGE)]))


async def forget_all(services: Services, event: Event, value: str) -> Reply:
    """Answer the button that deletes all memories, if it is that of the account that asked."""
    if value != FORGET_ALL + _check(event):
        return Reply(str(_NOT_YOURS))
    if services.ledger is None:
        return Reply(str(_NO_LEDGER))
    count = await services.ledger.memories.erase_all(identity_of(event))
    await services.ledger.wipe()
    return Reply(
        ngettext(
            "Done: I have forgotten the one thing that you told me about yourself.",
            "Done: I have forgotten all {count} things that you told me about yourself.",
            count,
        )
    )


async def _ask_all(services: Services, exchange: Exchange) -> Reply:
    known = await remembered_of(services, exchange)
    if not known:
        return Reply(gettext("There is nothing to forget: I remember nothing that you told me about yourself."))
    return Reply(
        ngettext(
            "This deletes the one thing that I remember of you. Your profile and your events stay. Are you sure?",
            "This deletes all {count} things that I remember of you. Your profile and your events stay. Are you sure?",
            len(known),
        ),
        buttons=(
            Button(gettext("Yes, forget it all"), FORGET_ALL + _check(exchange.event), "danger"),
            Button(gettext("No"), "agent:keep"),
        ),
    )


async def _forget(services: Services, exchange: Exchange, rest: str) -> str:
    if re.fullmatch(r"#?\d{1,9}(?:(?:,| and|,? )\s*#?\d{1,9})*", rest):
        return await forget_numbers(services, exchange, [int(number) for number in re.findall(r"\d+", rest)])
    return await forget_words(services, exchange, re.sub(r"^(?:that|about) ", "", rest))


async def _correct(services: Services, exchange: Exchange, rest: str) -> str:
    number, _, words = rest.removeprefix("#").partition(" ")
    known = {str(one.number): one for one in await remembered_of(services, exchange)}
    if number not in known or services.ledger is None:
        return gettext("I have no memory with the number {number}. `/memory` lists them.", number=number[:20])
    if not words.strip() or len(words) > LONGEST:
        return gettext(
            "Write what is right after the number, such as `/memory correct {number} I live in Rome`.", number=number
        )
    if services.privacy.keep(words)[1]:
        return gettext("I keep no secrets, addresses and phone numbers as memories. Say it without them.")
    old = known[number]
    read = next((each for each in stated_in(words) if not each.ends), None)
    plain = plain_clause(words)
    told = read.text if read else to_second_person(plain) if is_first_person(plain) else f"You said: “{words}”"
    topic, value = (read.topic, read.value) if read else (old.topic, plain)
    new = source_of(services, exchange, "person").with_statement(topic, value, told, words)
    await services.ledger.memories.change(exchange.identity, lambda _: MemoryChange(add=(new,), erase=(old.number,)))
    return gettext("Corrected: {new}. I have deleted: {old}.", new=lowered(told), old=lowered(old.text))


def _check(event: Event) -> str:
    """Tells the account that was asked from all others."""
    return sha256(f"memory {identity_of(event)}".encode()).hexdigest()[:8]
