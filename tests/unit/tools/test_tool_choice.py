"""Which tools a model is shown. What breaks without this: a bot with many tools does not find the one it needs."""

from __future__ import annotations

import pytest
from benchmarks.tool_retrieval import listed_requests, listed_tools, recall

from llmagent_os.chat import ToolSpec
from llmagent_os.tools.tool_choice import OfferedTools, Wanted, choose_tools
from llmagent_os.tools.tool_index import ToolIndex
from llmagent_os.tools.tools_config import ToolsConfig

TOOLS = OfferedTools(tuple(listed_tools()))
INDEX = ToolIndex(TOOLS.specs)


def shown(wanted: Wanted, tools: OfferedTools = TOOLS, **budget: object) -> list[str]:
    return [spec.name for spec in choose_tools(INDEX, tools, ToolsConfig.model_validate(budget), wanted)]


@pytest.mark.parametrize(
    ("text", "tool"),
    [
        ("Where's my package?", "track_parcel"),
        ("How many boxes of screws are left?", "stock_level"),
        ("Storniere meine Bestellung 7765", "cancel_order"),
        ("Trag einen Zahnarzttermin ein", "create_event"),
        ("取消星期五的会议", "delete_event"),
        ("Reserva una habitación de hotel", "book_hotel"),
    ],
)
def test_the_tool_is_shown_that_a_message_asks_for_in_other_words(text: str, tool: str) -> None:
    assert tool in shown(Wanted(text=text), shown=12)


def test_what_the_conversation_is_about_is_shown_whatever_the_message_says() -> None:
    wanted = Wanted(text="yes, at nine", called=("log_symptom",), plugins=("transit",), used={"play_music": 3})
    names = shown(wanted, shown=16, always=["word_of_the_day", "set_light"])
    assert names[0] == "set_light", "pinned tools come first, and one that is not there is passed over"
    assert {"log_symptom", "rent_bike", "next_departures"} <= set(names)
    assert len(names) == 16
    assert names[1:] == sorted(names[1:], key=lambda name: TOOLS.place[name]), "the others keep their order"
    assert "track_parcel" in shown(Wanted(text="and when?", earlier=("Where's my package?",)), shown=8)


def test_words_that_nothing_is_known_of_share_the_room_among_the_plugins() -> None:
    names = shown(Wanted(text="vyöhyke kymmenen", used={"play_music": 3, "gone": 9}))
    assert "play_music" in names
    assert len({TOOLS.by_name[name].plugin for name in names}) >= 23


def test_the_budget_counts_characters_too() -> None:
    assert TOOLS.fit(ToolsConfig(shown=200, shown_characters=4_000_000))
    assert not TOOLS.fit(ToolsConfig(shown=200, shown_characters=1_000))
    names = shown(Wanted(text="Where's my package?"), shown=24, shown_characters=1_000)
    assert "track_parcel" in names
    assert sum(TOOLS.sizes[name] for name in names) <= 1_000


def test_a_plugin_with_few_tools_is_shown_whole_where_there_is_room() -> None:
    few = [
        ToolSpec(name="ring_the_gong", description="Ring the gong.", parameters={}, plugin="gong"),
        ToolSpec(name="polish_brass", description="Make it shine.", parameters={}, plugin="gong"),
    ]
    tools = OfferedTools((*TOOLS.specs, *few))
    chosen = choose_tools(ToolIndex(tools.specs), tools, ToolsConfig(shown=12), Wanted(text="please send me the gong"))
    assert {"ring_the_gong", "polish_brass"} <= {spec.name for spec in chosen}


def test_only_tools_that_may_be_called_are_shown() -> None:
    permitted = OfferedTools(tuple(spec for spec in TOOLS.specs if spec.plugin != "shipping"))
    names = shown(Wanted(text="Where's my package?", called=("track_parcel",)), permitted, always=["track_parcel"])
    assert {TOOLS.by_name[name].plugin for name in names} >= {"storefront"}
    assert "shipping" not in {TOOLS.by_name[name].plugin for name in names}


def test_the_right_tool_is_mostly_among_24_of_200() -> None:
    """On requests that the index was not made with. The figures are in docs/experiments.md."""
    met = recall(INDEX, TOOLS, [request for request in listed_requests() if request.held_out], 24)
    assert sum(met) / len(met) > 0.7
