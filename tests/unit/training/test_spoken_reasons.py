"""Reasons behind a 👎, through a running host and its ledger. What breaks without this: "too long" unlearns a call that
was right, and "wrong day" teaches that the wording was bad.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence

import pytest

from llmagent_os.chat import ToolCall
from llmagent_os.feedback.kept_reasons import OFFERED
from llmagent_os.feedback.reason_questions import WHY
from llmagent_os.feedback.stated_reasons import StatedReason
from llmagent_os.policy.contract import DIMENSIONS
from llmagent_os.policy.persona import style_name
from llmagent_os.policy_worker.reason_styles import wanted_styles
from llmagent_os.training.asked_questions import asked_in_words
from llmagent_os.training.bot_prompts import bot_prompts
from llmagent_os.training.reaction_data import opinions_of
from llmagent_os.training.reward_model import Opinion, fit_reward_model
from llmagent_os.training.style_candidates import OWN, Candidate
from llmagent_os.training.training_example import TrainingExample
from llmagent_os.training.unjudged_chats import unjudged_chats
from llmagent_os.training.wanted_styles import wanted_opinions
from tests.unit.agent_bench import Bench
from tests.unit.training.talk import Talk, talking

WRITE = ToolCall("write", {"what": "rain"})
CALL = [("write", {"what": "rain"})]
WORDY = "I wrote rain into your diary for you, as you have asked me to do just now."
TOO_LONG = StatedReason(about="wording", less="long")
STYLES = [style_name(name, value) for name, values in DIMENSIONS.items() for value in values]


@pytest.fixture
async def talk(bench: Bench) -> AsyncIterator[Talk]:
    async with talking(bench) as opened:
        yield opened


def learned(example: TrainingExample) -> tuple[object, float]:
    last = example.messages[-1]
    calls = [(call["function"]["name"], call["function"]["arguments"]) for call in last.get("tool_calls", [])]
    return calls or last["content"], example.reward


async def test_too_long_speaks_of_the_words_and_not_of_the_call(talk: Talk) -> None:
    """ "No, too long" begins like a correction: the call would be unlearned."""
    await talk.react(await talk.say("write down rain", WRITE, WORDY), "👎")
    await talk.say("no, too long", "Sorry.")
    (example,) = (await talk.examples()).examples
    assert learned(example) == (WORDY, -1.0)
    assert example.reason == TOO_LONG
    assert example.action["verbosity"] in DIMENSIONS["verbosity"]


async def test_a_reason_about_the_wording_says_nothing_of_a_call_whose_words_are_fixed(talk: Talk) -> None:
    await talk.react(await talk.say("ask me", ToolCall("ask", {}), "Shall I?"), "👎")
    await talk.say("too formal", "Sorry.")
    assert [each for each in (await talk.examples()).examples if learned(each)[0] != "Shall I?"] == []


async def test_a_reason_counts_without_a_thumb_and_goes_with_the_thumb(talk: Talk) -> None:
    """Whoever takes the 👎 off takes the reason back as well."""
    sent = await talk.say("write down rain", WRITE, WORDY)
    await talk.say("too long", "Sorry.")
    assert [learned(each) for each in (await talk.examples()).examples] == [(WORDY, -1.0)]
    await talk.react(sent, "👎")
    await talk.react(sent, "👎", removed=True)
    assert (await talk.examples()).examples == ()


@pytest.mark.parametrize("said", ["wrong day", "that's not what I asked", "you forgot the dentist"])
async def test_a_reason_about_the_content_speaks_of_the_call(talk: Talk, said: str) -> None:
    """A 👎 alone would be taken for one of the wording: the words were the model's own."""
    await talk.react(await talk.say("write down rain", WRITE, WORDY), "👎")
    await talk.say(said, "Sorry.")
    (example,) = (await talk.examples()).examples
    assert learned(example) == (CALL, -1.0)


async def test_words_that_are_wrong_say_nothing_of_how_words_should_be_put(talk: Talk) -> None:
    """The reward model of the wording would dislike short answers, because one was false."""
    await talk.react(await talk.say("what is rain?", "Fire."), "👎")
    await talk.say("that is false", "Sorry.")
    (example,) = (await talk.examples()).examples
    assert (learned(example), example.of_wording) == (("Fire.", -1.0), False)
    assert opinions_of([example]) == []
    prompts = bot_prompts({"behavior": {}}, (), native=True)
    assert asked_in_words([example], (), prompts) == [], "the model would say it again in another style"


@pytest.mark.parametrize(
    ("code", "taught", "of_wording"),
    [("too_long", WORDY, True), ("tone", WORDY, True), ("wrong", CALL, True), ("unasked", CALL, True)],
)
async def test_a_reason_in_one_tap_decides_what_the_dislike_is_about(
    talk: Talk, code: str, taught: object, of_wording: bool
) -> None:
    sent = await talk.say("write down rain", WRITE, WORDY)
    await talk.react(sent, "👎")
    await talk.tap(sent, f"{WHY}{code}:{sent.key}")
    (example,) = (await talk.examples()).examples
    assert (learned(example), example.of_wording) == ((taught, -1.0), of_wording)
    assert (example.reason == OFFERED[code]) == (taught == WORDY)


async def test_words_after_a_tool_acted_are_a_request(talk: Talk) -> None:
    """ "Be shorter" may be of an event: a right reply would count as disliked."""
    await talk.say("write down rain", WRITE, WORDY)
    await talk.say("shorter please", ToolCall("write", {"what": "it"}), "Noted it.")
    assert (await talk.examples()).examples == ()


async def test_nothing_of_a_reason_is_learned_but_its_name(talk: Talk) -> None:
    """Somebody complains with a password in the same breath."""
    await talk.react(await talk.say("write down rain", WRITE, WORDY), "👎")
    await talk.say("too long, mail me at ana@example.org", "I will.")
    (example,) = (await talk.examples()).examples
    assert example.reason == TOO_LONG
    assert "ana@example" not in str(example)
    assert "too long" not in str(example)
    unjudged = await unjudged_chats(talk.bench.ledger, talk.agent.services.directory.consents)
    assert "too long" not in [turn["content"] for each in unjudged for turn in each.messages], "nothing was asked"


@pytest.mark.parametrize(
    ("reason", "action", "right"),
    [
        (TOO_LONG, {"verbosity": "detailed"}, {"verbosity=brief", "verbosity=normal"}),
        (TOO_LONG, {}, {"verbosity=brief"}),
        (TOO_LONG, {"verbosity": "brief"}, None),
        (StatedReason(about="wording", less="detailed"), {}, {"verbosity=brief"}),
        (StatedReason(about="wording", more="short"), {}, {"verbosity=brief"}),
        (StatedReason(about="wording", less="brief"), {}, {"verbosity=detailed"}),
        (StatedReason(about="wording", less="formal"), {}, {"mode=conversational"}),
        (StatedReason(about="wording", less="chatty"), {}, {"mode=task_oriented"}),
        (StatedReason(about="wording", less="complicated"), {}, None),
        (StatedReason(about="content"), {}, None),
    ],
)  # fmt: skip
def test_a_reason_names_the_styles_that_would_have_been_right(
    reason: StatedReason, action: dict[str, str], right: set[str] | None
) -> None:
    found = wanted_styles(reason, action, STYLES)
    assert (None if found is None else set(found.right)) == right


@pytest.mark.parametrize(("less", "more", "right"), [("formal", "", "tone=playful"), ("", "formal", "tone=formal")])
def test_a_bots_own_styles_are_named_by_their_values(less: str, more: str, right: str) -> None:
    """ "Formal" is a value of this bot: it stands for no other dimension."""
    reason = StatedReason(about="wording", less=less, more=more)
    found = wanted_styles(reason, {}, ["tone=formal", "tone=playful", *STYLES])
    assert found is not None
    assert found.right == {right}


async def test_one_reason_teaches_the_reward_model_which_style_is_right(talk: Talk) -> None:
    """One 👎 says that something was wrong. "Too long" says what would have been right."""
    await talk.react(await talk.say("what is rain?", WORDY), "👎")
    before = (await talk.examples()).examples
    await talk.say("too long", "Sorry.")
    after = (await talk.examples()).examples
    prompts = bot_prompts({"behavior": {}}, (), native=True)
    asked = asked_in_words(after, (), prompts)
    brief = Candidate(style="verbosity=brief", text="Water from clouds.")
    longer = Candidate(style="verbosity=detailed", text="Rain is water that falls from clouds. " * 3)
    own = Candidate(style=OWN, text="Rain is water that falls from the clouds in drops, mostly when it is warm.")
    written = [[own, brief, longer]]
    plain, reasons = opinions_of(before), wanted_opinions(after, asked, written, prompts.styles, prompts.usual_styles)
    assert wanted_opinions(before, asked, written, prompts.styles) == []
    assert [(each.reward, each.given) for each in reasons] == [(1.0, True), (-1.0, False), (-1.0, False)]

    def margin(opinions: Sequence[Opinion]) -> float:
        scores = fit_reward_model(opinions, after[0].person).score([brief.text, longer.text]).liked
        return float(scores[0] - scores[1])

    assert margin([*plain, *reasons]) > margin(plain) + 0.1
