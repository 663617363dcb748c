"""What the calendar model is shown is what it will do: calls that copy, and replies in the person's style."""

from __future__ import annotations

import itertools
import json
import random
from collections.abc import Iterator
from typing import Any

import pytest

from llmagent_os.bots.calendar.recipe.chatml import TOOLS, Dialogue, DialogueTurn, call_text, read_call, tools_text
from llmagent_os.bots.calendar.recipe.dialogues import Writer, load_writer
from llmagent_os.bots.calendar.recipe.grammar_syntax import GrammarError
from llmagent_os.bots.calendar.recipe.phrase_grammar import Grammar
from llmagent_os.bots.calendar.recipe.replies import own_words, reply, rules
from llmagent_os.bots.calendar.recipe.style import MODES, VERBOSITIES, Style
from llmagent_os.bots.calendar.recipe.tool_results import result
from llmagent_os.plugins.calendar import CalendarPlugin
from llmagent_os.plugins.profile import ProfilePlugin
from llmagent_os.tools.registry import Plugins

STYLES = [Style(mode, verbosity) for mode in MODES for verbosity in VERBOSITIES]
#: What the keys of results look like.
VALUES = {
    "title": "lunch with Ana",
    "when": "Friday 27 November at noon",
    "count": "7",
    "events": "standup, Monday 30 November at 9 AM; gym, Friday 4 December at 6 PM",
    "more": "5",
    "about": "Ana",
    "heard": "spring break",
    "place": "Cafe Luna",
    "repeat": "every Friday",
    "conflict": "team sync at noon",
    "old": "Friday 27 November at 11 AM",
    "old_title": "brunch",
    "near": "lunch with Anna, Saturday 28 November at 1 PM",
    "name": "Sam",
    "time": "6 PM",
}
#: Every result of the plugins that a model is to answer: fixed keys, then keys that are always there, then others.
RESULTS = """
create_event status=created | title when | place repeat conflict
create_event status=created kind=reminder | title when | place repeat conflict
create_event status=noted kind=reminder | title | place
create_event status=missing need=title | | when
create_event status=missing need=when | title |
create_event status=missing need=date | title | when
create_event status=missing need=time | title | when
create_event status=unclear need=date | heard | title
create_event status=unclear need=repeat | heard | title
create_event status=past | title when |
create_event status=past kind=reminder | title when |
create_event status=confirm | title when | place repeat conflict
create_event status=confirm kind=reminder | title | when place repeat
list_events status=listed | count events | when more about
list_events status=listed kind=reminder | count events | when more about
list_events status=listed free=no | count events | when more about
list_events status=listed count=1 | events title | when place repeat about
list_events status=listed count=1 free=no | events title when | place repeat about
list_events status=empty | | when about
list_events status=empty free=yes | | when about
list_events status=unclear need=date | heard |
list_events status=past | when |
delete_event status=deleted | title | when repeat
delete_event status=deleted kind=reminder | title | when repeat
delete_event status=ambiguous | count events | more about when
delete_event status=confirm | count events | more about when
delete_event status=confirm | title | when repeat
delete_event status=confirm count=1 | title when | repeat
delete_event status=not_found | | about when near
delete_event status=missing need=event | |
delete_event status=unclear need=date | heard |
delete_event status=past | when |
move_event status=moved | title when | old old_title place repeat conflict
move_event status=unchanged | title when |
move_event status=ambiguous | count events | more about when
move_event status=not_found | | about when near
move_event status=missing need=event | |
move_event status=missing need=change | title when |
move_event status=unclear need=duration | heard | title
move_event status=past | when | title
move_event status=confirm | title when | old old_title place repeat conflict
set_preference status=set | name |
set_preference status=set style=brief | | name
set_preference status=set | place time | name
set_preference status=set style=act | place time |
set_preference status=unclear need=name | heard |
set_preference status=unclear need=place | heard | near
set_preference status=missing need=preference | |
""".strip().splitlines()


@pytest.fixture(scope="module")
def writer() -> Writer:
    return load_writer()


def results(line: str) -> Iterator[tuple[str, dict[str, str]]]:
    """The tool of a line above, with every result that it means."""
    fixed, always, others = (part.split() for part in line.split("|"))
    tool, *pairs = fixed
    for count in range(len(others) + 1):
        for chosen in itertools.combinations(others, count):
            values = {key: VALUES[key] for key in (*always, *chosen)}
            yield tool, values | dict(pair.split("=") for pair in pairs)


def dialogues(writer: Writer, count: int = 300) -> Iterator[Dialogue]:
    rng = random.Random(0)
    for _ in range(count):
        yield from (writer.single(rng), writer.conversation(rng), writer.informed(rng), writer.untooled(rng))


def calls(dialogue: Dialogue) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every call of a dialogue, with the message it answers."""
    for said, answer in itertools.pairwise(dialogue.turns):
        if answer.text.startswith("<tool_call>"):
            yield said.text, read_call(answer.text)


def test_arguments_are_copied_and_fit_the_tools(writer: Writer) -> None:
    """The engine lets the model copy pieces of the message only: anything else could never be said."""
    found = [call for dialogue in dialogues(writer) for call in calls(dialogue)]
    assert len(found) > 500
    for said, call in found:
        keys = list(call["arguments"])
        assert keys == [key for key in TOOLS[call["name"]] if key in keys]
        for key, value in call["arguments"].items():
            assert key == "style" or value in said
            assert any(map(str.isalnum, value))


def test_no_argument_has_a_quote(writer: Writer) -> None:
    """A quote, backslash or line's end would be written differently inside the call, and could not be copied."""
    values = [
        value for dialogue in dialogues(writer) for _, call in calls(dialogue) for value in call["arguments"].values()
    ]
    assert not [value for value in values if set(value) & set('"\\\n')]


def test_every_tool_and_small_talk_comes_often_enough(writer: Writer) -> None:
    """A tool that is hardly ever shown is hardly ever called."""
    rng = random.Random(0)
    asked = [writer.single(rng) for _ in range(2000)]
    named = [call["name"] for dialogue in asked for _, call in calls(dialogue)]
    assert {tool for tool in TOOLS if named.count(tool) > 40} == set(TOOLS)
    assert 0.3 < 1 - len(named) / len(asked) < 0.46


def test_a_conversation_is_a_pure_function_of_its_random_numbers(writer: Writer) -> None:
    """Else a run that was interrupted could not go on with what it would have seen."""
    fresh = load_writer()
    assert list(dialogues(writer, 20)) == list(dialogues(fresh, 20))


@pytest.mark.parametrize("line", RESULTS)
def test_every_result_has_a_reply_in_every_style(writer: Writer, line: str) -> None:
    """A result that nothing is said to would end the training, or leave the model to invent what it says."""
    for tool, data in results(line):
        for style in (*STYLES, Style("conversational", "brief", "Sam")):
            said = reply(writer.phrases, tool, data, style, random.Random(0))
            assert "data_" not in said
            assert "  " not in said
            assert said[-1] in ".?!"
            assert said[0] == said[0].upper()


@pytest.mark.parametrize("line", [line for line in RESULTS if not line.startswith("set_")])
def test_replies_to_the_same_result_differ_in_each_style(writer: Writer, line: str) -> None:
    """A style that changes nothing is a setting that does nothing."""
    for tool, data in results(line):
        said = [reply(writer.phrases, tool, data, style, random.Random(1)) for style in STYLES]
        assert len(set(said)) == len(STYLES), said


@pytest.mark.parametrize("mode", MODES)
def test_longer_styles_say_more(writer: Writer, mode: str) -> None:
    """'Keep your answers short' has to shorten them."""
    lengths = {
        verbosity: sum(
            len(reply(writer.phrases, tool, data, Style(mode, verbosity), random.Random(0)))
            for line in RESULTS
            for tool, data in results(line)
        )
        for verbosity in VERBOSITIES
    }
    assert lengths["brief"] < 0.8 * lengths["normal"] < 0.8 * lengths["detailed"]


def test_the_models_own_words_are_no_names(writer: Writer) -> None:
    """A name among them could be said without standing in any result."""
    own = set(own_words(writer.grammar))
    assert {"added", "calendar", "you're"} <= own
    assert not own & {"ana", "friday", "tomorrow", "3", "pm"}


def test_a_brief_reply_still_warns_of_a_conflict(writer: Writer) -> None:
    """Being brief is no reason to keep an overlap from somebody."""
    data = {"status": "created", "title": "tea", "when": "today at noon", "conflict": "gym at noon", "place": "home"}
    said = reply(writer.phrases, "create_event", data, Style("task_oriented", "brief"), random.Random(0))
    assert "gym at noon" in said
    assert "home" not in said


def test_the_person_is_called_by_name(writer: Writer) -> None:
    """'Call me Sam' should be heard in friendly replies, and nowhere in dry ones."""
    data = {"status": "created", "title": "tea", "when": "today at noon"}
    said = {
        mode: reply(writer.phrases, "create_event", data, Style(mode, "brief", "Sam"), random.Random(0))
        for mode in MODES
    }
    assert "Sam" in said["conversational"]
    assert "Sam" not in said["task_oriented"]


def test_a_result_without_words_for_it_is_named(writer: Writer) -> None:
    """Whoever gives a tool a new status has to learn that the model cannot speak of it."""
    with pytest.raises(GrammarError, match="r_move_exploded"):
        reply(writer.phrases, "move_event", {"status": "exploded"}, STYLES[0], random.Random(0))
    with pytest.raises(GrammarError, match=r"'title'.*not in \{'status': 'moved'\}"):
        reply(writer.phrases, "move_event", {"status": "moved"}, STYLES[0], random.Random(0))
    with pytest.raises(GrammarError, match="has a status"):
        rules("move_event", {})


@pytest.mark.parametrize("tool", TOOLS)
def test_drawn_results_look_like_the_plugins(writer: Writer, tool: str) -> None:
    """The model must not learn to read results that no plugin gives."""
    known = [data for line in RESULTS for of, data in results(line) if of == tool]
    rng = random.Random(0)
    for _ in range(400):
        request = writer.request(rng)
        while request.tool != tool:
            request = writer.request(rng)
        data = result(writer.phrases, tool, request.arguments, rng)
        assert all(value and isinstance(value, str) for value in data.values())
        keys = data.keys() - {"style"}
        assert any(other["status"] == data["status"] and keys == other.keys() - {"style"} for other in known), data


async def test_the_tools_are_the_plugins_own() -> None:
    """The prompt at run time lists what the plugins declare; trained on another list, the model would misread it."""
    plugins = Plugins(installed=())
    await plugins.add(CalendarPlugin())
    await plugins.add(ProfilePlugin())
    declared = {spec.name: tuple(spec.parameters["properties"]) for spec in plugins.specs()}
    assert declared == TOOLS


def test_only_what_the_assistant_says_is_learned() -> None:
    """A model that learns people's messages invents requests."""
    turns = (
        DialogueTurn("user", "hi"),
        DialogueTurn("assistant", "Hello."),
        DialogueTurn("tool", "{}"),
        DialogueTurn("assistant", "Done."),
    )
    learned = [text for text, target in Dialogue("Style: x.", turns).segments() if target]
    assert learned == ["Hello.<|im_end|>", "Done.<|im_end|>"]


def test_strangers_among_the_tools_are_valid(writer: Writer) -> None:
    """Now and then other tools are offered; they must be JSON that the template could have written."""
    rng = random.Random(0)
    seen: set[str] = set()
    for _ in range(200):
        lines = tools_text(rng).splitlines()
        tools = [json.loads(line) for line in lines[2:-1]]
        assert {*TOOLS} <= {tool["name"] for tool in tools}
        seen |= {tool["name"] for tool in tools}
    assert len(seen) > len(TOOLS) + 10


def test_a_call_is_written_in_the_order_of_the_schema() -> None:
    """The engine's constraint follows the schema's order."""
    text = call_text("create_event", {"time": "3pm", "title": "tea"})
    assert text == '<tool_call>\n{"name": "create_event", "arguments": {"title": "tea", "time": "3pm"}}\n</tool_call>'


def test_a_grammar_with_a_hole_is_refused() -> None:
    """Found at the start, and not after an hour of training."""
    grammar = Grammar()
    grammar.add("== create\nadd <titel>", "test")
    with pytest.raises(GrammarError, match="nothing defines titel"):
        Writer(grammar)
