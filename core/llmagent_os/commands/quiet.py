"""``/quiet``: when the bot begins nothing by itself, and for how long it stays out of a group."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta

from llmagent_os.adapter import Reply
from llmagent_os.errors import ProfileError
from llmagent_os.etiquette.durations import parse_duration
from llmagent_os.etiquette.time_spans import TimeSpan, never_ends, parse_span
from llmagent_os.events import Command
from llmagent_os.identity import identity_of
from llmagent_os.languages import gettext, lazy_gettext, list_text
from llmagent_os.languages.written_phrases import join_sentences
from llmagent_os.people.time_zones import zone_or
from llmagent_os.reply.presence import clock_of, silent_until
from llmagent_os.reply.quiet_times import NO_QUIET_HOURS, quiet_spans
from llmagent_os.reply.services import Services

_NO_PROFILES = lazy_gettext("I keep no profiles here, so I cannot remember your quiet hours.")
_TRY = lazy_gettext("Try `/quiet 2h`, `/quiet 22:00-07:00` or `/quiet off`.")


async def quiet(services: Services, command: Command) -> Reply:
    """Answer ``/quiet``, ``/quiet 2h``, ``/quiet 22:00-07:00`` and ``/quiet off``."""
    what = command.arguments.strip().lower()
    if not what:
        return await _show(services, command)
    if what in ("off", "end", "stop"):
        return await _end(services, command)
    time = parse_duration(what.removeprefix("for "))
    if time is not None:
        return await _be_silent(services, command, time)
    return await _set_hours(services, command, what)


async def _show(services: Services, command: Command) -> Reply:
    profile = await services.directory.profile_of(command)
    spans = quiet_spans(services, profile)
    if spans:
        lines = [gettext("I begin nothing by myself from {hours}.", hours=_in_words(spans))]
    else:
        lines = [gettext("You have no quiet hours.")]
    ledger = services.ledger
    silence = ledger and await ledger.silences.find(command.conversation, "asked", services.clock())
    if silence:
        until = await clock_of(services, command, silence.until)
        lines.append(gettext("I am silent here until {time}.", time=until))
    return Reply(join_sentences([*lines, str(_TRY)]))


async def _end(services: Services, command: Command) -> Reply:
    """End the silence of this conversation, or else the person's quiet hours."""
    ledger = services.ledger
    if ledger is not None and await ledger.silences.end(command.conversation, "asked"):
        return Reply(gettext("Done: I am no longer silent here."))
    if services.profiles is None:
        return Reply(str(_NO_PROFILES))
    person_id = await services.directory.person_of(identity_of(command))
    await services.profiles.update(person_id, quiet_hours=NO_QUIET_HOURS)
    return Reply(gettext("Done: you have no quiet hours."))


async def _be_silent(services: Services, command: Command, time: timedelta) -> Reply:
    if services.ledger is None:
        return Reply(gettext("I remember nothing here, so I cannot stay silent for a time."))
    clock = await clock_of(services, command, await silent_until(services, command, time))
    if command.conversation.kind == "group":
        told = gettext("Done: I stay silent here until {time}, or until somebody mentions me.", time=clock)
    else:
        told = gettext(
            "Done: I begin nothing by myself here until {time}. Reminders that you have set still come.", time=clock
        )
    return Reply(told)


async def _set_hours(services: Services, command: Command, what: str) -> Reply:
    try:
        spans = [parse_span(span) for span in what.split(",")]
    except ValueError:
        return Reply(join_sentences([gettext("I don't know `{command}`.", command=f"/quiet {what}"), str(_TRY)]))
    if never_ends(spans):
        return Reply(gettext("These quiet hours never end. Leave some time of the day at which I may begin something."))
    if services.profiles is None:
        return Reply(str(_NO_PROFILES))
    person_id = await services.directory.person_of(identity_of(command))
    try:
        profile = await services.profiles.update(person_id, quiet_hours=",".join(map(str, spans)))
    except ProfileError as error:
        return Reply(gettext("I could not keep that: {why}.", why=error))
    zone = zone_or(profile.known_zone, services.settings.hours.zone(services.settings.time_zone).key)
    told = gettext(
        "Done: from {hours} ({zone}) I begin nothing by myself. Reminders that you have set still come.",
        hours=_in_words(spans),
        zone=zone.key,
    )
    known = "" if profile.known_zone else gettext("Tell me where you are if that is not your time zone.")
    return Reply(join_sentences([told, known]))


def _in_words(spans: Iterable[TimeSpan]) -> str:
    """Spans as people read them: ``22:00 to 07:00``."""
    pairs = (str(span).split("-") for span in spans)
    return list_text([gettext("{begin} to {end}", begin=begin, end=end) for begin, end in pairs])
