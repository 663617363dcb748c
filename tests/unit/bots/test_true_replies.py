"""No sentence of the calendar model claims another outcome than the one that the tools gave.

Every outcome of the tools is met in every style by fifty wordings: those of all other outcomes filled with the same
values, those of the right one with something swapped, dropped or said twice, and what the shipped model once said of
other results. Nothing false may pass, and nearly everything true has to: else no person's style could be learned.
"""

from __future__ import annotations

import json
import random
import re
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from benchmarks.reply_claims import Changes, false_claims

from llmagent_os.bots.calendar.recipe.dialogues import load_writer
from llmagent_os.bots.calendar.recipe.export import card
from llmagent_os.bots.calendar.recipe.phrases import DATA_KEYS
from llmagent_os.bots.calendar.recipe.replies import own_words, reply, rules
from llmagent_os.bots.calendar.recipe.reply_cases import REPLY_CASES, taught_replies
from llmagent_os.bots.calendar.recipe.style import Style
from llmagent_os.chat import Completion, ToolCall
from llmagent_os.modules import PrivacyModule
from llmagent_os.plugin import ToolResult
from llmagent_os.reply.answer import Answer
from llmagent_os.reply.taught_check import MUST_SAY
from llmagent_os.serving.model_card import ModelCard
from llmagent_os.tools.result_statuses import ASKING
from tests.unit.bots.test_recipe_dialogues import RESULTS, VALUES, results

WRITER = load_writer()
STYLES = [
    Style(mode, length, name)
    for mode in ("task_oriented", "conversational")
    for length, name in (("brief", None), ("normal", "Sam"), ("detailed", None))
]
TAUGHT, OWN = taught_replies(WRITER.grammar), frozenset(own_words(WRITER.grammar))
WORDINGS = 50
#: What the shipped model said of results that were drawn, in all styles.
RECORDED: list[dict[str, Any]] = [
    json.loads(line)
    for line in (Path(__file__).parent / "model_replies.jsonl").read_text(encoding="utf-8").splitlines()
]
#: Outcomes of the tools that the model was never taught words for.
UNTAUGHT: list[tuple[str, dict[str, str]]] = [
    ("delete_event", {"status": "restored", "title": "lunch with Ana"}),
    ("create_event", {"status": "kept"}),
    ("create_event", {"status": "stale"}),
    ("create_event", {"status": "unchanged"}),
    ("create_event", {"status": "joined", "count": "2"}),
    ("delete_event", {"status": "deleted", "count": "3"}),
    ("list_events", {"status": "exported", "count": "3"}),
    ("create_event", {"status": "created", "title": "yoga", "when": "today at 5 PM", "dropped": "for 5 days"}),
    ("create_event", {"status": "created", "title": "yoga", "when": "today at 5 PM", "until": "Friday 5 March"}),
]
#: What an outcome did to the calendar, for the judge. All others did nothing.
CHANGED = {
    "created": Changes(added=1),
    "noted": Changes(added=1),
    "moved": Changes(changed=1),
    "deleted": Changes(deleted=1),
    "restored": Changes(added=1),
}


def outcomes() -> list[tuple[str, dict[str, str]]]:
    """Every outcome: with the keys that it always has, and with all that it can have."""
    found: list[tuple[str, dict[str, str]]] = []
    for line in RESULTS:
        cases = list(results(line))
        found += [cases[0]] + ([cases[-1]] if len(cases) > 1 else [])
    for _, data in found:
        if data.get("count") == "1" and {"title", "when"} <= data.keys():
            data["events"] = f"{data['title']}, {data['when']}"
    return found


def answer(tool: str, data: dict[str, str], text: str, style: Style) -> Answer:
    return Answer(
        known=style.system(),
        own=OWN,
        taught=TAUGHT,
        grounding="enforce",
        text=text,
        calls=[ToolCall(tool, {})],
        results=[ToolResult(dict(data), "The tool's own words.")],
    )


def shown(tool: str, data: dict[str, str], text: str, style: Style) -> bool:
    """Whether the person reads ``text``, and not the tool's own words."""
    reply = answer(tool, data, text, style).reply(PrivacyModule())
    return reply.text == text


def told(tool: str, data: dict[str, str], style: Style, seed: int) -> str:
    return reply(WRITER.phrases, tool, data, style, random.Random(seed))


@cache
def texts_of_rules() -> dict[str, tuple[str, ...]]:
    """All texts of every rule, with ``<data_key>`` in them."""
    files_ = ("replies.txt", "replies_rare.txt")
    folder = files("llmagent_os.bots.calendar.recipe") / "grammar"
    found: dict[str, tuple[str, ...]] = {}
    name = ""
    for line in "\n".join((folder / each).read_text(encoding="utf-8") for each in files_).splitlines():
        if line.startswith("== "):
            name = re.sub(r"_[tc][bnd]?$", "", line[3:].strip())
        elif line.strip() and not line.startswith("#") and name.startswith("r_"):
            found[name] = (*found.get(name, ()), line.strip())
    return found


def filled(text: str, data: dict[str, str]) -> str:
    """A text of the grammar with the values of a result, or those of another where the result has none."""
    for key in DATA_KEYS:
        text = text.replace(f"<data_{key}>", data.get(key, VALUES.get(key, "date")))
    return text[:1].upper() + text[1:]


SWAPS = (
    ("added", "deleted"), ("deleted", "added"), ("put", "taken"), ("taken", "put"), ("changed", "deleted"),
    ("It's in", "It's gone"), ("It's gone", "It's in"), ("gone", "in"), ("Added", "Deleted"), ("Deleted", "Added"),
    ("remind", "delete"), ("Reminder", "Deleted"), ("reminder", "meeting"), ("Nothing", "Something"),
    ("nothing", "something"), (" not ", " "), ("n't", ""), ("noon", "1 PM"), ("Friday", "Monday"), ("27", "28"),
    ("lunch with Ana", "brunch with Ana"), ("Ana", "Bo"), ("has passed", "is added"), ("already", "now"),
    ("free", "busy"), ("Shall I", "I"), ("?", "."), ("every Friday", "every Monday"), ("7", "8"), ("noted", "deleted"),
)  # fmt: skip


def mangled(text: str, rng: random.Random) -> list[str]:
    """``text`` with one thing swapped, said twice, left out, or out of order."""
    found = [text.replace(old, new) for old, new in SWAPS if old in text]
    words = text.split()
    at = rng.randrange(len(words))
    found += [f"{text} {text}", " ".join(words[:-1]), " ".join([*words[:at], *words[at + 1 :]]), text + " Undo."]
    found += [f"{text.rstrip('.!?')}, {text[:1].lower()}{text[1:]}", " ".join(reversed(words)), text.rstrip(".!?")]
    return [each for each in found if each != text]


def wordings(tool: str, data: dict[str, str], style: Style, number: int) -> list[str]:
    """Fifty wordings that are not those of the outcome, as far as chance leaves them so."""
    rng = random.Random(f"{number}-{style.code}")
    own = set(rules(tool, data)) if (tool, data) not in UNTAUGHT else set[str]()
    others = [filled(text, data) for rule, texts in texts_of_rules().items() if rule not in own for text in texts]
    wrong = mangled(told(tool, data, style, number) if own else others[number], rng)
    said = [each["reply"] for each in rng.sample(RECORDED, 6)]
    joined = [f"{told(tool, data, style, number)} {rng.choice(others)}"] if own else []
    rng.shuffle(wrong)
    chosen = [*wrong[:16], *said, *joined]
    return chosen + rng.sample(others, WORDINGS - len(chosen))


def true_texts(tool: str, data: dict[str, str]) -> set[str]:
    """What was taught to be said of a result, sentence by sentence, in lower case."""
    found: set[str] = set()
    for style in STYLES:
        for seed in range(3):
            text = told(tool, data, style, seed)
            found |= {text.lower(), *(each.lower() for each in re.split(r"(?<=[.!?]) ", text))}
    return found


@pytest.mark.parametrize(("number", "outcome"), list(enumerate([*outcomes(), *UNTAUGHT])))
def test_nothing_false_is_said(number: int, outcome: tuple[str, dict[str, str]]) -> None:
    tool, data = outcome
    taught = (tool, data) not in UNTAUGHT
    own = true_texts(tool, data) if taught else set[str]()
    for style in STYLES:
        said = wordings(tool, data, style, number)
        assert len(said) == WORDINGS
        for text in said:
            if not shown(tool, data, text, style):
                continue
            assert not false_claims(text, CHANGED.get(data["status"], Changes())), text
            sentences = {each.lower() for each in re.split(r"(?<=[.!?]) ", text)}
            assert text.lower() in own or sentences <= own, f"{data}: {text}"


@pytest.mark.parametrize("outcome", outcomes())
def test_what_is_true_is_said_in_every_style(outcome: tuple[str, dict[str, str]]) -> None:
    """A true reply that is replaced takes the person's style away.

    A question before something is done is the tool's, and so is a question that the model did not put as one.
    """
    tool, data = outcome
    for style in STYLES:
        text = told(tool, data, style, 1)
        says_all = all(data[key].lower() in text.lower() for key in MUST_SAY if key in data)
        asks = "?" in text or data["status"] not in ASKING
        assert shown(tool, data, text, style) == (says_all and asks and data["status"] != "confirm"), text


def test_the_shipped_model_keeps_its_words() -> None:
    """Of what it really said, the true is shown: it says what was taught, and leaves out nothing that it must say."""
    kept, true = 0, 0
    for each in RECORDED:
        tool, data, text = each["tool"], each["data"], each["reply"]
        if data["status"] == "confirm":
            continue
        sayable = set(re.split(r"(?<=[.!?]) ", text))
        says_all = all(data[key] in text for key in MUST_SAY if key in data)
        known = [re.escape(value) for value in data.values()]
        names = re.search(r"^Name: (.*)$", each["system"], re.MULTILINE)
        patterns = [filled_pattern(line, known, names[1] if names else "") for line in lines_for(tool, data)]
        asks = "?" in text or data["status"] not in ASKING
        is_true = says_all and asks and all(any(re.fullmatch(p, s, re.IGNORECASE) for p in patterns) for s in sayable)
        if not is_true:
            continue
        true += 1
        reply = Answer(known=each["system"], own=OWN, taught=TAUGHT, grounding="enforce", text=text,
                       calls=[ToolCall(tool, {})], results=[ToolResult(data, "x")])  # fmt: skip
        kept += reply.reply(PrivacyModule()).text == text
    assert true > 0.8 * len([each for each in RECORDED if each["data"]["status"] != "confirm"])
    assert kept >= 0.95 * true


def lines_for(tool: str, data: dict[str, str]) -> list[str]:
    """The sentences of the grammar for a result, and those that may stand beside them."""
    raw = [text for rule in rules(tool, data) for text in texts_of_rules()[rule]]
    sentences = [each for text in raw for each in re.split(r"(?<=[.!?]) ", text)]
    return sentences + list(TAUGHT.remarks)


def filled_pattern(line: str, values: list[str], name: str) -> str:
    line = re.escape(re.sub(r"<(?:data_)?user>", name, line)).replace("\\ ", " ")
    return re.sub(r"<(?:data_)?\w+>", lambda _: f"(?:{'|'.join(values)})", line)


def test_every_kind_of_result_is_of_one_case() -> None:
    """Two cases would ask two sentences of one reply. What was set is several things."""
    for line in RESULTS:
        for tool, data in results(line):
            fitting = [case.rule for case in REPLY_CASES if case.kind.fits(tool, data)]
            assert len(fitting) == 1 or data["status"] == "set", (data, fitting)


def test_the_shipped_model_knows_what_it_was_taught() -> None:
    """The card in the package is that of the grammar: a text changed there has to reach it."""
    config = files("llmagent_os.bots.calendar.model") / "config.json"
    shipped = json.loads(config.read_text(encoding="utf-8"))["llmagent_os"]
    assert shipped == json.loads(json.dumps(card(own_words(WRITER.grammar), TAUGHT)))
    assert ModelCard(taught=TAUGHT).taught.of("create_event", {"status": "noted", "title": "tea"})


@pytest.mark.parametrize(
    ("text", "is_shown"),
    [
        ("Done! It's in: tea, today at 4 PM!", True),
        ("Great! It's in your calendar: tea, today at 4 PM!", True),  # no text of the grammar: a LoRA learned it
        ("I've deleted tea, today at 4 PM!", False),
        ("Done! It's in: tea, today at 5 PM!", False),
        ("Done! It's in your calendar!", False),
    ],
)
def test_a_lora_may_say_it_in_words_of_its_own_if_they_are_true(text: str, is_shown: bool) -> None:
    """People's reactions change the words. If only the base model's texts were let through, nobody would read them."""
    result = {"status": "created", "title": "tea", "when": "today at 4 PM"}
    reply = answer("create_event", result, text, STYLES[0])
    reply.completions.append(Completion(text=text, lora_version="shared@1"))
    assert (reply.reply(PrivacyModule()).text == text) == is_shown


def test_a_number_of_events_has_a_noun() -> None:
    """ "You have 2 for next week" is no English."""
    texts = [text for reply in TAUGHT.results for text in reply.texts if "<count>" in text]
    assert len(texts) > 10
    assert [text for text in texts if re.search(r"<count>(?! (?:things|that|of them)\b)(?! in all\b)", text)] == []


def test_a_number_without_a_noun_is_not_let_through() -> None:
    data = {"status": "listed", "count": "2", "events": "tea at 1 PM; gym at 6 PM", "when": "next week"}
    said = "You have 2 for next week: tea at 1 PM; gym at 6 PM."
    plain = "You have 2 events next week: tea at 1 PM and gym at 6 PM."
    reply = Answer(known="", own=OWN, taught=TAUGHT, grounding="enforce", text=said,
                   calls=[ToolCall("list_events", {})], results=[ToolResult(data, plain)])  # fmt: skip
    assert reply.reply(PrivacyModule()).text == plain
