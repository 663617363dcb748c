"""``/forget``: erases everything that is kept about a person, after they said so twice."""

from __future__ import annotations

from hashlib import sha256

from llmagent_os.adapter import Button, Reply
from llmagent_os.commands.platform_names import in_words, platform_names
from llmagent_os.events import Command, Event
from llmagent_os.identity import identity_of, parts_of
from llmagent_os.reply.services import Services

#: Begins the value of the button that erases a person. A hash of the account that asked comes after it.
FORGET = "agent:forget:"


async def ask_forget(services: Services, command: Command) -> Reply:
    """Answer ``/forget``: ask first."""
    places = platform_names(await services.directory.identities_of(identity_of(command)))
    also = f", on {in_words(places)}" if len(places) > 1 else ""
    return Reply(
        f"This erases your profile, your events and everything you told me{also}. Are you sure?",
        buttons=(Button("Yes, forget me", forget_value(command), "danger"), Button("No", "agent:keep")),
    )


async def forget(services: Services, event: Event) -> Reply:
    """Erase the person who did ``event``, in all their accounts.

    The ledger comes last: it knows who is to be forgotten, should a crash come in between.
    """
    directory = services.directory
    for identity in await directory.identities_of(identity_of(event)):
        platform, _, own_id = parts_of(identity)
        for adapter in services.transcripts:
            if adapter.name == platform:
                await adapter.forget(own_id)
        if services.profiles is not None:
            await services.profiles.forget(identity)
    everyone = await directory.identities_of(identity_of(event))
    if services.ledger is not None:
        await services.ledger.forget(identity_of(event))
    if services.policy_worker is not None:
        await services.policy_worker.forget(everyone)
    return Reply("Done: I have forgotten you.")


def forget_value(event: Event) -> str:
    """The value of the button that erases whoever did ``event``. Pressed by another person it means nothing."""
    return FORGET + sha256(identity_of(event).encode()).hexdigest()[:12]
