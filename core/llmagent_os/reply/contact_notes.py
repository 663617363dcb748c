"""Notes who writes to the bot and where, for the plugins that find people by name and ask them."""

from __future__ import annotations

import structlog

from llmagent_os.errors import ProfileError
from llmagent_os.events import ButtonPress, Command, Event, Message
from llmagent_os.people.access import plain_name
from llmagent_os.reply.services import Services

_log = structlog.stdlib.get_logger(__name__)


async def note_contact(services: Services, event: Event) -> None:
    """Note the person who did ``event``. Where no plugin asks others, nothing is noted about anybody."""
    plugins, ledger = services.plugins, services.ledger
    if ledger is None or plugins is None or not plugins.ask_others or event.sender.is_bot:
        return
    if not isinstance(event, Message | Command | ButtonPress):
        return
    try:
        given = (await services.directory.profile_of(event)).name or ""
    except ProfileError:  # the answer says what is wrong with it
        _log.warning("a profile cannot be read, so its name is not noted")
        given = ""
    await ledger.note_contact(event, plain_name(event.sender.name), plain_name(given), services.clock())
