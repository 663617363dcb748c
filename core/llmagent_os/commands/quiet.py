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
from llmagent_os.people.time_zones import zone_or
from llmagent_os.reply.presence import clock_of
from llmagent_os.reply.quiet_times import NO_QUIET_HOURS, quiet_spans
from llmagent_os.reply.services import Services

_NO_PROFILES = "I keep no profiles here, so I cannot remember your quiet hours."
_TRY = "Try `/quiet 2h`, `/quiet 22:00-07:00` or `/quiet off`."


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
    lines = [f"I begin nothing by myself from {_in_words(spans)}." if spans else "You have no quiet hours."]
    ledger = services.ledger
    silence = ledger and await ledger.silences.find(command.conversation, "asked", services.clock())
    if silence:
        lines.append(f"I am silent here until {await clock_of(services, command, silence.until)}.")
    return Reply(" ".join([*lines, _TRY]))


async def _end(services: Services, command: Command) -> Reply:
    """End the silence of this conversation, or else the person's quiet hours."""
    ledger = services.ledger
    if ledger is not None and await ledger.silences.end(command.conversation, "asked"):
        return Reply("Done: I am no longer silent here.")
    if services.profiles is None:
        return Reply(_NO_PROFILES)
    person_id = await services.directory.person_of(identity_of(command))
    await services.profiles.update(person_id, quiet_hours=NO_QUIET_HOURS)
    return Reply("Done: you have no quiet hours.")


async def _be_silent(services: Services, command: Command, time: timedelta) -> Reply:
    if services.ledger is None:
        return Reply("I remember nothing here, so I cannot stay silent for a time.")
    until = services.clock() + time
    await services.ledger.silences.begin(command, "asked", until)
    clock = await clock_of(services, command, until)
    if command.conversation.kind == "group":
        return Reply(f"Done: I stay silent here until {clock}, or until somebody mentions me.")
    return Reply(f"Done: I begin nothing by myself here until {clock}. Reminders that you have set still come.")


async def _set_hours(services: Services, command: Command, what: str) -> Reply:
    try:
        spans = [parse_span(span) for span in what.split(",")]
    except ValueError:
        return Reply(f"I don't know `/quiet {what}`. {_TRY}")
    if never_ends(spans):
        return Reply("These quiet hours never end. Leave some time of the day at which I may begin something.")
    if services.profiles is None:
        return Reply(_NO_PROFILES)
    person_id = await services.directory.person_of(identity_of(command))
    try:
        profile = await services.profiles.update(person_id, quiet_hours=",".join(map(str, spans)))
    except ProfileError as error:
        return Reply(f"I could not keep that: {error}.")
    zone = zone_or(profile.time_zone, services.settings.hours.zone(services.settings.time_zone).key)
    known = "" if profile.time_zone else " Tell me where you are if that is not your time zone."
    return Reply(
        f"Done: from {_in_words(spans)} ({zone.key}) I begin nothing by myself. Reminders that you have set still "
        f"come.{known}"
    )


def _in_words(spans: Iterable[TimeSpan]) -> str:
    """Spans as people read them: ``22:00 to 07:00``."""
    return " and ".join(str(span).replace("-", " to ") for span in spans)
