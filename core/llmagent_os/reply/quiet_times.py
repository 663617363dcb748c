"""Says when the bot may begin something by itself: after the quiet hours of the person, or of the bot."""

from __future__ import annotations

from datetime import datetime

from llmagent_os.etiquette.time_spans import TimeSpan, end_of, parse_span
from llmagent_os.events import Event
from llmagent_os.people.profiles import Profile
from llmagent_os.people.time_zones import zone_or
from llmagent_os.reply.services import Services

#: What a person's profile has in the place of quiet hours who wants none, whatever the bot's are.
NO_QUIET_HOURS = "off"


def quiet_spans(services: Services, profile: Profile) -> tuple[TimeSpan, ...]:
    """The quiet hours of a person: their own, else the bot's. A profile that was damaged by hand has none."""
    own = profile.quiet_hours
    if own is None:
        return services.settings.hours.quiet_spans
    try:
        return tuple(parse_span(span) for span in own.split(",")) if own != NO_QUIET_HOURS else ()
    except ValueError:
        return ()


async def quiet_until(services: Services, event: Event) -> datetime | None:
    """When the bot may begin something by itself, for the person and in the conversation of ``event``. None: now.

    Ask this before a digest, a notice or a question that nobody has asked for. What a person does is answered at any
    time, and so is a reminder that the person has set.

    Args:
        services: has the profiles and the ledger.
        event: the person, and where the bot would speak.

    Raises:
        ProfileError: the person's profile is damaged.
        LedgerError: the ledger cannot be read.
    """
    now, settings = services.clock(), services.settings
    profile = await services.directory.profile_of(event)
    zone = zone_or(profile.known_zone, settings.hours.zone(settings.time_zone).key)
    until = end_of(quiet_spans(services, profile), now, zone)
    if services.ledger is None:
        return until
    asked = await services.ledger.silences.find(event.conversation, "asked", now)
    return until if asked is None else max(asked.until, until or asked.until)
