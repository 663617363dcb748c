"""``/forget``: erases everything that is kept about a person, after they said so twice.

The question has a button of its own, whose value is good once: for the account that asked, for
:data:`~llmagent_os.privacy.retention.CONFIRMATIONS`, and until ``/forget`` is given again. In words, only the button's
label in the very next turn confirms (:meth:`llmagent_os.reply.conversation_memory.Episode.button_meant`).
"""

from __future__ import annotations

import secrets
from datetime import datetime
from hashlib import sha256

import structlog

from llmagent_os.adapter import Button, Reply
from llmagent_os.commands.erasable_stores import stores_of
from llmagent_os.commands.platform_names import platform_names
from llmagent_os.commands.withdrawal_notice import withdrawal_notice
from llmagent_os.events import Command, Event
from llmagent_os.identity import identity_of
from llmagent_os.languages import gettext, lazy_gettext, list_text
from llmagent_os.languages.written_phrases import join_sentences
from llmagent_os.privacy.lora_store import LORAS
from llmagent_os.privacy.retention import CONFIRMATIONS
from llmagent_os.privacy.stores import DataSubject
from llmagent_os.reply.services import Services

_log = structlog.stdlib.get_logger(__name__)

#: Begins the value of the button that erases a person. A random token and a hash of the account come after it.
FORGET = "agent:forget:"

#: The records in which the token of an open question is kept, and its key.
_RECORDS, _KEY = "agent", "forget"

#: Stands for the token where no ledger keeps one.
NO_TOKEN = "0"

#: The value of the button that closes the question.
KEEP = "agent:keep"

DONE = lazy_gettext("Done: I have forgotten you.")

#: The answer to a button whose question is not open any more.
NOT_OPEN = lazy_gettext(
    "That button is no longer open, and I have erased nothing. Send `/forget` if you still want it."
)


async def ask_forget(services: Services, command: Command) -> Reply:
    """Answer ``/forget``: ask first."""
    places = platform_names(await services.directory.identities_of(identity_of(command)))
    if len(places) > 1:
        asked = gettext(
            "This erases your profile, your events and everything you told me, on {platforms}. Are you sure?",
            platforms=list_text(places),
        )
    else:
        asked = gettext("This erases your profile, your events and everything you told me. Are you sure?")
    yes = Button(gettext("Yes, forget me"), await _open_question(services, command), "danger")
    return Reply(asked, buttons=(yes, Button(gettext("No"), KEEP)))


async def close_question(services: Services, event: Event) -> None:
    """Make the button of the open question worthless: the person wants to be kept, or goes on to other things."""
    if services.ledger is not None:
        await services.ledger.records(_RECORDS, identity_of(event)).delete(_KEY)


async def confirm_forget(services: Services, event: Event, value: str) -> Reply:
    """Answer the button that erases: erase whoever did ``event``, if the button is theirs and its question is open."""
    if await _is_open(services, event, value):
        return await forget(services, event)
    _, _, check = value.rpartition(":")
    if check == _check(_token(value), event) and await _is_erased(services, event):
        return Reply(str(DONE))  # run again after a crash: the question was erased with everything else
    return Reply(str(NOT_OPEN))


async def forget(services: Services, event: Event) -> Reply:
    """Erase the person who did ``event``, in all their accounts and from all stores."""
    subject = DataSubject.of(await services.directory.identities_of(identity_of(event)))
    if services.languages is not None:
        services.languages.forget(subject.person_id, subject.identities)
    erased = await stores_of(services).erase(subject, pass_over=True)
    _log.info("a person was erased", **{each.store.replace(" ", "_"): each.count for each in erased})
    if any(each.problem for each in erased):
        return Reply(
            gettext(
                "I have forgotten you, except for a part that I cannot open right now. Those who run me can erase it: "
                "my log names it."
            )
        )
    versions = sum(each.count for each in erased if each.store == LORAS)
    return Reply(join_sentences([str(DONE), withdrawal_notice(versions) if versions else ""]))


async def _open_question(services: Services, command: Command) -> str:
    """The value of the button of a new question."""
    if services.ledger is None:  # nothing is kept but a profile, and nothing can tell one question from another
        return f"{FORGET}{NO_TOKEN}:{_check(NO_TOKEN, command)}"
    token = secrets.token_hex(8)
    question = {"token": token, "at": services.clock().isoformat()}
    await services.ledger.records(_RECORDS, identity_of(command)).put(_KEY, question)
    return f"{FORGET}{token}:{_check(token, command)}"


def _token(value: str) -> str:
    return value.removeprefix(FORGET).partition(":")[0]


def _check(token: str, event: Event) -> str:
    """Tells the account that was asked from all others, also after the erasure has erased the question."""
    return sha256(f"{token} {identity_of(event)}".encode()).hexdigest()[:8]


async def _is_open(services: Services, event: Event, value: str) -> bool:
    token = _token(value)
    if services.ledger is None:
        return value == f"{FORGET}{NO_TOKEN}:{_check(NO_TOKEN, event)}"
    question = await services.ledger.records(_RECORDS, identity_of(event)).get(_KEY)
    if question is None or not secrets.compare_digest(str(question.get("token")).encode(), token.encode()):
        return False
    return services.clock() - datetime.fromisoformat(str(question.get("at"))) < CONFIRMATIONS.time


async def _is_erased(services: Services, event: Event) -> bool:
    """Whether nothing is left that an erasure would erase."""
    if services.ledger is None:
        return False
    kept = await services.ledger.export(identity_of(event))
    return not any(kept[kind] for kind in ("interactions", "rewards", "records", "timers", "identities"))
