"""Time zones in people's words: "CET", "Eastern time", "London time", "UTC+2".

>>> named_zone("new york time"), named_zone("pst"), named_zone("utc+5:30")
('America/New_York', 'America/Los_Angeles', 'UTC+05:30')
>>> named_zone("dinner time") is None
True
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta, timezone, tzinfo
from functools import lru_cache
from zoneinfo import ZoneInfo, available_timezones

#: What people mean by an abbreviation. The clocks of the place count, as people write EST in summer, too.
_ABBREVIATIONS: dict[str, str] = {
    name: zone
    for names, zone in {
        "est edt et eastern": "America/New_York",
        "cst cdt ct central": "America/Chicago",
        "mst mdt mt mountain": "America/Denver",
        "pst pdt pt pacific": "America/Los_Angeles",
        "akst akdt": "America/Anchorage",
        "hst": "Pacific/Honolulu",
        "gmt utc zulu": "UTC",
        "bst": "Europe/London",
        "wet west": "Europe/Lisbon",
        "cet cest mez mesz": "Europe/Berlin",
        "eet eest": "Europe/Athens",
        "msk": "Europe/Moscow",
        "trt": "Europe/Istanbul",
        "gst": "Asia/Dubai",
        "ist": "Asia/Kolkata",
        "pkt": "Asia/Karachi",
        "wib": "Asia/Jakarta",
        "sgt": "Asia/Singapore",
        "hkt": "Asia/Hong_Kong",
        "jst": "Asia/Tokyo",
        "kst": "Asia/Seoul",
        "awst": "Australia/Perth",
        "acst acdt": "Australia/Adelaide",
        "aest aedt": "Australia/Sydney",
        "nzst nzdt": "Pacific/Auckland",
        "brt": "America/Sao_Paulo",
        "sast": "Africa/Johannesburg",
        "cat": "Africa/Maputo",
        "eat": "Africa/Nairobi",
        "wat": "Africa/Lagos",
    }.items()
    for name in names.split()
}
#: Abbreviations that are English words, too. In small letters, they name no zone.
UNSURE_ABBREVIATIONS = frozenset("et ct mt pt west cat eat wat wet gst eastern pacific central mountain".split())
#: Regions, countries with one zone, and big cities after which no IANA zone is called. Before "time".
_REGIONS: dict[str, str] = {
    name: zone
    for names, zone in {
        "eastern,us eastern,east coast,boston,washington,washington dc,philadelphia,miami,atlanta,nyc,ny"
        ",montreal,ottawa": "America/New_York",
        "central,us central,houston,dallas,austin": "America/Chicago",
        "mountain,us mountain": "America/Denver",
        "pacific,us pacific,west coast,la,california,san francisco,sf,seattle,san diego,las vegas,portland"
        ",silicon valley": "America/Los_Angeles",
        "atlantic": "America/Halifax",
        "hawaii": "Pacific/Honolulu",
        "uk,british,england,english,edinburgh,manchester,scotland,glasgow": "Europe/London",
        "irish,ireland": "Europe/Dublin",
        "central european,european,german,germany,munich,hamburg,frankfurt,cologne": "Europe/Berlin",
        "french,france": "Europe/Paris",
        "spanish,spain,barcelona": "Europe/Madrid",
        "italian,italy,milan": "Europe/Rome",
        "swiss,geneva,basel,switzerland": "Europe/Zurich",
        "dutch": "Europe/Amsterdam",
        "polish,poland": "Europe/Warsaw",
        "swedish,sweden": "Europe/Stockholm",
        "greek,greece,eastern european": "Europe/Athens",
        "turkish,turkey,ankara": "Europe/Istanbul",
        "kyiv,kiev,ukraine": "Europe/Kyiv",
        "israel,tel aviv": "Asia/Jerusalem",
        "abu dhabi": "Asia/Dubai",
        "indian,india,mumbai,delhi,new delhi,bangalore,chennai,calcutta,hyderabad": "Asia/Kolkata",
        "chinese,china,beijing,shenzhen": "Asia/Shanghai",
        "japan,japanese,osaka,kyoto": "Asia/Tokyo",
        "korean,korea": "Asia/Seoul",
        "hanoi,vietnam,saigon": "Asia/Ho_Chi_Minh",
        "canberra": "Australia/Sydney",
        "wellington,new zealand": "Pacific/Auckland",
        "rio,brasilia": "America/Sao_Paulo",
        "cape town,south african": "Africa/Johannesburg",
        "greenwich,coordinated universal,universal": "UTC",
    }.items()
    for name in names.split(",")
}
_OFFSET_PARTS = re.compile(r"(?:utc|gmt) ?([+-]) ?(\d{1,2})(?::?(\d\d))?")


@lru_cache(maxsize=1)
def _cities() -> dict[str, str]:
    found: dict[str, str] = {}
    for zone in sorted(available_timezones()):
        area, _, city = zone.rpartition("/")
        if area and area.split("/")[0] not in ("Etc", "SystemV", "US", "Canada", "posix", "right"):
            found.setdefault(city.replace("_", " ").casefold(), zone)
    return found | _REGIONS


def named_zone(said: str, own: str = "UTC", at: datetime | None = None) -> str | None:
    """Return what a name of a zone means: an IANA name, or ``UTC+05:30``. None: it is no zone.

    Args:
        said: in lower case.
        own: the person's zone. An abbreviation that its clocks show means it: IST in Dublin, CST in Shanghai.
        at: the day on which the person's clocks show it, naive.
    """
    said = re.sub(r"\s+", " ", said.strip()).removeprefix("in ")
    offset = _OFFSET_PARTS.fullmatch(said)
    if offset:
        hours, minutes = int(offset[2]), int(offset[3] or 0)
        return f"UTC{offset[1]}{hours:02}:{minutes:02}" if hours <= 14 and minutes < 60 else None
    short = said.removesuffix(" time")
    if short in _ABBREVIATIONS:
        zone = ZoneInfo(own)
        for day in (at, datetime(2026, 1, 15), datetime(2026, 7, 15)):
            if day is not None and (day.replace(tzinfo=zone).tzname() or "").casefold() == short:
                return own
        return _ABBREVIATIONS[short]
    if not said.endswith(" time"):
        return None
    return _cities().get(re.sub(r" (?:standard|daylight|summer|local)$", "", short).removesuffix("'s"))


def zone_info(name: str) -> tzinfo:
    """Return the zone that :func:`named_zone` names."""
    offset = re.fullmatch(r"UTC([+-])(\d\d):(\d\d)", name)
    if offset is None:
        return ZoneInfo(name)
    by = timedelta(hours=int(offset[2]), minutes=int(offset[3]))
    return timezone(-by if offset[1] == "-" else by)


def zone_label(name: str) -> str:
    """Return what a reply calls a zone.

    >>> zone_label("America/New_York"), zone_label("UTC")
    ('New York time', 'UTC')
    """
    return name if name.startswith(("UTC", "Etc/")) else f"{name.rpartition('/')[2].replace('_', ' ')} time"
