"""What becomes of a calendar when the person's time zone is learned, changes, or is forgotten."""

from __future__ import annotations

from datetime import timedelta

from llmagent_os.people.profiles import Profile
from llmagent_os.plugins.calendar.calendar_call import CalendarCall
from llmagent_os.plugins.calendar.calendar_event import known_zone


async def follow_zone(call: CalendarCall, before: Profile, assumed: str) -> str:
    """Keep what was meant when the time zone changes, and say so in one sentence. Empty: nothing is to be said.

    An event that was made before the zone was known keeps its wall time: the person meant their own clocks. When a
    known zone changes, as on a journey, every event stays at its moment.

    Args:
        call: of the person, in the new zone.
        before: the profile before the change.
        assumed: the zone of people who never said where they are.
    """
    new, old = call.context.profile.time_zone, before.time_zone
    if new == old:
        return ""
    if old is not None and new is not None:
        return await _stayed(call, old, new)
    moved = await call.store.move_assumed(old or assumed, new or assumed)
    coming = [match for match in call.upcoming(moved) if match.occurrence and not match.event.all_day]
    if new is None or not coming or not _differ(call, assumed, new):
        return ""
    return f"What is in your calendar keeps its times: they are {_where(call, new)} times now."


async def _stayed(call: CalendarCall, old: str, new: str) -> str:
    coming = [match for match in call.upcoming(await call.store.events()) if match.occurrence]
    if not any(not match.event.all_day for match in coming) or not _differ(call, old, new):
        return ""
    return f"Your events stay at the same moments, and I show them in {_where(call, new)} time."


def _differ(call: CalendarCall, one: str, other: str) -> bool:
    """Whether the clocks of two zones differ now or in half a year."""
    zones = (known_zone(one), known_zone(other))
    moments = (call.context.now, call.context.now + timedelta(days=182))
    return any(len({at.astimezone(zone).utcoffset() for zone in zones if zone}) > 1 for at in moments)


def _where(call: CalendarCall, zone: str) -> str:
    return call.context.profile.place or zone.rpartition("/")[2].replace("_", " ")
