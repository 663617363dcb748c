"""Whether one person's LoRA learns a wording. What breaks without this: what a person likes already is learned away."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from llmagent_os.chat import Message
from llmagent_os.identity import PersonId
from llmagent_os.training.asked_questions import in_other_styles
from llmagent_os.training.bot_prompts import BotPrompts, bot_prompts
from llmagent_os.training.distillation import Distillation, choose
from llmagent_os.training.personal_wording import liked_already, opinions_in_style, why_nothing, wording_gain
from llmagent_os.training.reward_model import Opinion, RewardModel, fit_reward_model
from llmagent_os.training.style_candidates import OWN, Candidate, Question
from llmagent_os.training.training_example import CORRECTED, TrainingExample

ANA = PersonId("web::ana")
BRIEF = {"mode": "conversational", "verbosity": "brief"}
PROMPTS = bot_prompts({"name": "calendar"}, (), native=True, style=BRIEF)
ASKED = ("thanks", "hello", "who are you", "sing", "what now", "why", "how so", "good morning")
SHORT = ("Sure.", "Hi.", "A bot.", "No.", "All quiet.", "Because.", "Like so.", "Morning.")
LONG = tuple(
    f"{each[:-1]}, and there is a good deal more to say of it, which I will gladly tell you now." for each in SHORT
)


def judged(system: str, reward: float, count: int, *, weight: float = 1.0, origin: str = "") -> list[TrainingExample]:
    messages: tuple[Message, ...] = (
        {"role": "system", "content": system},
        {"role": "user", "content": "hi"},
        {"role": "assistant", "content": "Hello."},
    )
    return [
        TrainingExample(messages=messages, origin=f"ledger:{at}{origin}", person=ANA, reward=reward, weight=weight)
        for at in range(count)
    ]


def test_the_prompts_of_a_person_ask_as_the_person_is_answered() -> None:
    assert PROMPTS.system == PROMPTS.usual == "Style: conversational, brief."
    assert PROMPTS.usual_styles == ("mode=conversational", "verbosity=brief")
    assert set(PROMPTS.other_styles.values()) == {
        "Style: task_oriented, brief.",
        "Style: conversational, normal.",
        "Style: conversational, detailed.",
    }, "one dimension is changed at a time, from the person's style"


@pytest.mark.parametrize(
    ("liked", "disliked", "already"), [(5, 0, True), (4, 0, False), (12, 1, True), (8, 1, False), (0, 0, False)]
)
def test_a_person_who_likes_the_replies_as_they_are_needs_none_of_their_own(
    liked: int, disliked: int, already: bool
) -> None:
    examples = judged(PROMPTS.usual, 1.0, liked) + judged(PROMPTS.usual, -1.0, disliked)
    elsewhere = judged("Style: task_oriented, normal.", -1.0, 9)
    said = liked_already([*examples, *elsewhere], PROMPTS)
    assert bool(said) == already
    if already:
        assert said.startswith("the behaviour policy already answers as this person likes")


def test_only_words_that_were_asked_for_in_this_style_count_and_as_far_as_the_rater_is_trusted() -> None:
    named = judged("Style: conversational, brief.\nName: Sam", 1.0, 2, weight=0.5)
    corrected = [
        *judged(PROMPTS.usual, -1.0, 1),
        TrainingExample(
            messages=(
                {"role": "user", "content": "hi"},
                {"role": "assistant", "content": "", "tool_calls": [{"function": {"name": "add", "arguments": {}}}]},
            ),
            origin=f"ledger:0{CORRECTED}",
            person=ANA,
        ),
    ]
    assert opinions_in_style([*named[1:], *corrected], PROMPTS) == (0.5, 0.5)


def found(styles: dict[str, Sequence[str]], model: RewardModel) -> Distillation:
    questions = [Question(messages=({"role": "user", "content": asked},), person=ANA) for asked in ASKED]
    written = [
        [Candidate(style=style, text=replies[at]) for style, replies in styles.items()] for at in range(len(ASKED))
    ]
    return choose(questions, written, model)


def likes(short: int, long: int) -> RewardModel:
    opinions = [Opinion(text=SHORT[at % 8], reward=1.0, person=ANA) for at in range(short)]
    opinions += [Opinion(text=LONG[at % 8], reward=-1.0, person=ANA) for at in range(long)]
    return fit_reward_model(opinions, ANA)


def test_a_wording_is_learned_where_it_is_surely_liked_better() -> None:
    model = likes(8, 8)
    gain = wording_gain(found({OWN: LONG, "verbosity=brief": SHORT}, model), model)
    assert gain is not None and gain.is_sure
    assert wording_gain(found({OWN: SHORT, "verbosity=detailed": LONG}, model), model) is None


def test_a_wording_that_may_as_well_be_worse_is_not_learned() -> None:
    """The best guess is better. Three opinions do not say how sure that is."""
    model = likes(2, 1)
    chosen = found({OWN: LONG, "verbosity=brief": SHORT}, model)
    gain = wording_gain(chosen, model)
    assert gain is not None and gain.expected > 0 and not gain.is_sure
    assert "expected to be liked +" in why_nothing(gain)
    assert "already answers as this person likes" in why_nothing(None)


def test_a_group_is_held_in_the_style_that_its_people_are_answered_in() -> None:
    prompts: BotPrompts = bot_prompts({"name": "calendar"}, (), native=True)
    questions = [Question(messages=({"role": "user", "content": asked},)) for asked in ASKED]
    asked = [each.messages[0]["content"] for each in in_other_styles(questions, prompts, "verbosity=brief")]
    assert asked.count("Style: task_oriented, brief.") >= len(ASKED) / 2
    assert len(set(asked)) > 1, "other styles are held too"
