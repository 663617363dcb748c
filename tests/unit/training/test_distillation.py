"""Distillation: candidates in every style, what is chosen of them, and a LoRA that has learned it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import torch

from llmagent_os.chat import ChatRequest, Completion, Message, ToolCall
from llmagent_os.errors import ConfigError
from llmagent_os.identity import PersonId
from llmagent_os.llm import LLM
from llmagent_os.serving.backend import OnText
from llmagent_os.serving.chat_template import ChatTemplate
from llmagent_os.serving.model_loading import load_model, load_tokenizer, vocabulary_of
from llmagent_os.serving.model_location import locate
from llmagent_os.training.anchor_samples import write_anchors
from llmagent_os.training.control_prompts import ANCHORS, CONTROLS, is_right
from llmagent_os.training.distillation import Distillation, choose
from llmagent_os.training.lora import attach
from llmagent_os.training.objectives.objective_choice import objective_of
from llmagent_os.training.reward_model import Opinion, RewardModel, fit_reward_model
from llmagent_os.training.style_candidates import (
    OWN,
    Candidate,
    Question,
    instructed,
    instructions,
    write_candidates,
)
from llmagent_os.training.token_sample import TokenSample
from llmagent_os.training.training_loop import train
from llmagent_os.training.training_settings import TrainingSettings
from llmagent_os.training.wording_edits import EDITS
from tests.tiny_model import CREATE, save_model

ANA = PersonId("ana")
TONE = {"tone": {"plain": "", "playful": "Write playfully."}, "initiative": {"act": "", "ask_first": ""}}
PLAIN = "It is a good idea to begin with a plan. Then ask a friend to help you."

ABOUT = "You will see that {} is easy. Take your time. It's fun to learn."


def liking(style: str) -> RewardModel:
    """The reward model of a person who likes one of the edits and dislikes what the model says of its own accord."""
    texts = [
        PLAIN.replace("plan", word) for word in ("plan", "book", "map", "list of things", "walk", "call", "letter")
    ]
    opinions = [
        Opinion(text=each.text, reward=1.0 if each.style == style else -1.0, person=ANA)
        for text in texts
        for each in all_edits(text)
    ]
    return fit_reward_model(opinions, ANA)


def question(text: str, *before: Message) -> Question:
    return Question(messages=(*before, {"role": "user", "content": text}), origin=text, person=ANA, conversation=text)


class Echo:
    """A backend that answers with the system message that it was given."""

    def __init__(self, *, finish: Any = "stop", calls: tuple[ToolCall, ...] = ()) -> None:
        self.finish, self.calls = finish, calls
        self.running = self.most = 0
        self.seeds: list[int | None] = []

    async def complete(self, request: ChatRequest, on_text: OnText | None) -> Completion:
        self.running += 1
        self.most = max(self.most, self.running)
        self.seeds.append(request.seed)
        await asyncio.sleep(0)
        self.running -= 1
        first = request.messages[0]
        system = str(first["content"]) if first["role"] == "system" else "nothing"
        return Completion(
            text="" if self.calls else f"I was told {system}. And mo", finish_reason=self.finish, tool_calls=self.calls
        )

    def close(self) -> None: ...

    async def aclose(self) -> None: ...


def test_every_style_of_the_bot_is_an_instruction() -> None:
    """But not the initiative, of which the model is not told."""
    assert instructions(TONE) == {"tone=plain": "Style: plain.", "tone=playful": "Write playfully."}
    assert instructions(TONE, {"tone": "playful"}) == instructions(TONE)


def test_an_instruction_takes_the_place_of_another() -> None:
    """Two contradicting instructions in one prompt would make a style that nobody can ask for."""
    system: Message = {"role": "system", "content": "You help.\nStyle: plain.\nFact: tea is at 4."}
    chat: list[Message] = [system, {"role": "user", "content": "hi"}]
    styled = instructed(chat, "Write playfully.", list(instructions(TONE).values()))
    assert styled[0]["content"] == "You help.\nWrite playfully.\nFact: tea is at 4."
    assert styled[1:] == chat[1:] and system["content"].startswith("You help.\nStyle"), "the question stays as it was"
    assert instructed(chat[1:], "Be kind.") == [{"role": "system", "content": "Be kind."}, chat[1]]


async def test_candidates_are_instructed_edited_and_different() -> None:
    """Every style once, the model's own reply first, and no two alike."""
    backend = Echo()
    questions = [question(f"question {at}") for at in range(20)]
    found = await write_candidates(LLM("echo", backend), questions, instructions(TONE))
    assert len(found) == 20
    assert found[0][0] == Candidate(style=OWN, text="I was told nothing. And mo")
    by_style = {each.style: each.text for each in found[0]}
    assert by_style["tone=playful"] == "I was told Write playfully.. And mo"
    assert by_style["lower_case"] == "i was told nothing. and mo"
    assert len({each.text for each in found[0]}) == len(found[0])
    assert 1 < backend.most <= 32, "a queue that is full refuses requests"
    assert len(set(backend.seeds)) == 20, "each question has a seed of its own, so that they can be drawn again"


async def test_the_engine_writes_the_same_candidates_again() -> None:
    """A job that is resumed must go on with what it had."""
    asked = [question("hello"), question("thanks a lot")]
    async with LLM.from_pretrained("calendar", threads=1) as llm:
        found = [await write_candidates(llm, asked, instructions(), max_tokens=40, seed=3) for _ in range(2)]
    assert found[0] == found[1]
    assert all(replies[0].style == OWN and len(replies) > 3 for replies in found[0])


async def test_a_reply_that_was_cut_off_ends_with_a_whole_sentence() -> None:
    """Otherwise the model would learn to stop in the middle of a word."""
    cut = await write_candidates(LLM("echo", Echo(finish="length")), [question("q")], {}, edits={})
    assert [each.text for each in cut[0]] == ["I was told nothing."]


async def test_a_tool_call_is_kept_and_not_edited() -> None:
    """Its wording is none."""
    call = ToolCall("create_event", {"title": "lunch"})
    found = await write_candidates(
        LLM("echo", Echo(finish="tool_calls", calls=(call,))),
        [Question(messages=question("q").messages, tools=(CREATE,))],
        {},
    )
    assert found == [[Candidate(style=OWN, text="", calls=(call,))]]
    chosen = choose([question("q")], found, liking("terse"), caution=0.0)
    assert not chosen.examples or chosen.examples[0].messages[-1]["tool_calls"] == [call]


def all_edits(text: str = PLAIN) -> list[Candidate]:
    return [Candidate(style=OWN, text=text), *(Candidate(style=name, text=edit(text)) for name, edit in EDITS.items())]


def test_a_style_that_nobody_has_judged_is_not_chosen() -> None:
    """Ana dislikes the model's own replies. That says nothing for small letters, which she has never seen."""
    own = [PLAIN.replace("plan", word) for word in ("plan", "book", "map", "list of things", "walk", "call", "letter")]
    model = fit_reward_model([Opinion(text=text, reward=-1.0, person=ANA) for text in own], ANA)
    unseen = [Candidate(style=OWN, text=PLAIN), Candidate(style="lower_case", text=PLAIN.lower())]
    assert model.score([each.text for each in unseen]).liked[1] > model.score([PLAIN]).liked[0] + 0.02
    assert list(choose([question("q")], [unseen], model, caution=0.0).styles) == [OWN]
    seen = Opinion(text=own[0].lower(), reward=1.0, person=ANA)
    model = fit_reward_model([*(Opinion(text=text, reward=-1.0, person=ANA) for text in own), seen], ANA)
    assert list(choose([question("q")], [unseen], model, caution=0.0).styles) == ["lower_case"]


@pytest.mark.parametrize("style", ["terse", "lower_case", "bullets", "formal", "cheerful"])
def test_the_liked_style_is_chosen(style: str) -> None:
    """For questions on other things than the opinions were about."""
    system: Message = {"role": "system", "content": "You help."}
    asked = [question(f"about {topic}", system) for topic in ("chess", "bread", "trains")]
    texts = [ABOUT.format(topic) for topic in ("chess", "bread", "cooking")]
    found = choose(asked, [all_edits(text) for text in texts], liking(style))
    assert list(found.styles) == [style]
    assert found.liked_after > max(0.5, found.liked_before + 0.1)
    example = found.examples[0]
    assert example.messages[:2] == asked[0].messages, "the style becomes the model's own: nothing asks for it"
    assert example.messages[2]["content"] == EDITS[style](texts[0])
    assert example.rejected == {"role": "assistant", "content": texts[0]}
    assert (example.person, example.conversation, example.origin) == (
        ANA,
        "about chess",
        f"distilled:{style}:about chess",
    )
    assert 0 < example.reward <= 1
    assert found.warnings == []


def test_without_opinions_the_model_stays_as_it_is_and_it_is_said() -> None:
    """A LoRA from nothing would be a LoRA for nothing."""
    found = choose([question("q")], [all_edits()], fit_reward_model([]))
    assert list(found.styles) == [OWN]
    assert found.words_before == found.words_after == len(PLAIN.split())
    assert "no opinion of this person" in found.warnings[0]
    assert "there is little to learn" in found.warnings[1]
    assert found.warnings[2].startswith("1 questions are left out") and not found.examples


def test_no_reply_at_all_says_so() -> None:
    """Rather than a division by zero."""
    with pytest.raises(ConfigError, match="no whole reply to any of 2 questions"):
        choose([question("a"), question("b")], [[], []], liking("terse"))


def test_control_prompts_hold_and_measure_different_things() -> None:
    """A model that was held at a prompt shows no drift there."""
    asked = {each.text.lower().strip("?.") for each in CONTROLS}
    assert not asked & {each.lower().strip("?.") for each in ANCHORS}
    assert len(asked) == len(CONTROLS) and len(set(ANCHORS)) == len(ANCHORS)
    assert all(is_right(each, f"It is {answer.title()}!") for each in CONTROLS for answer in each.answers)
    assert not any(is_right(each, each.text) for each in CONTROLS), "a question must not hold its answer"


async def test_a_server_has_no_anchors() -> None:
    """It does not tell its tokens."""
    with pytest.raises(ConfigError, match="tells no tokens"):
        await write_anchors(LLM("echo", Echo()), ["hi"])


class Trained:
    """A tiny model of random weights, replies in lists, and a way to learn them."""

    def __init__(self, folder: Path) -> None:
        self.location = locate(str(folder))
        tokenizer = load_tokenizer(self.location)
        self.vocabulary = vocabulary_of(load_model(self.location), tokenizer)
        self.template = ChatTemplate(tokenizer, self.vocabulary)
        self.llm = LLM.from_pretrained(str(folder), threads=1)
        self.anchors: list[TokenSample] = []
        self.found: Distillation | None = None

    async def prepare(self) -> None:
        self.anchors = await write_anchors(self.llm, ANCHORS[:12], max_tokens=8)
        topics = ("lunch", "meetings", "friday", "mom", "sunday", "dogs")
        asked = [question(f"what about {topic}") for topic in topics]
        self.found = choose(asked, [all_edits(ABOUT.format(topic)) for topic in topics], liking("bullets"))

    def samples(self) -> list[TokenSample]:
        found: list[TokenSample] = []
        for each in self.found.examples if self.found else []:
            prompt = self.vocabulary.encode(self.template.prompt(each.messages[:-1], ()))
            response = [*self.vocabulary.encode(str(each.messages[-1]["content"])), self.vocabulary.end_id]
            found.append(TokenSample(prompt=tuple(prompt), response=tuple(response), reward=each.reward))
        return found

    def train(self, kl_weight: float) -> Any:
        settings = TrainingSettings(
            method="distil",
            kl_weight=kl_weight,
            rank=8,
            alpha=16,
            epochs=25,
            batch_size=6,
            anchor_batch=12,
            learning_rate=1e-2,
            precision="fp32",
            device="cpu",
            threads=1,
        )
        adapted = attach(load_model(self.location), settings, None)
        train(adapted, [*self.samples(), *self.anchors], objective_of(settings), settings)
        return adapted

    @torch.inference_mode()
    def drift(self, adapted: Any) -> float:
        """Mean KL(base || adapted) at what the base says to the anchors, in nats a token."""
        total, tokens = 0.0, 0
        for each in self.anchors:
            row, places = torch.tensor([[*each.prompt, *each.response]]), slice(len(each.prompt) - 1, -1)
            new = torch.log_softmax(adapted(row).logits[0, places], -1)
            with adapted.disable_adapter():
                old = torch.log_softmax(adapted(row).logits[0, places], -1)
            total, tokens = total + float((old.exp() * (old - new)).sum()), tokens + len(each.response)
        return total / tokens


@pytest.fixture
async def tiny(tmp_path: Path) -> AsyncIterator[Trained]:
    trained = Trained(save_model(tmp_path / "base"))
    await trained.prepare()
    yield trained
    await trained.llm.aclose()


async def test_the_model_learns_the_liked_style_and_stays_elsewhere(tiny: Trained, tmp_path: Path) -> None:
    """The way from the choice to replies by the engine. The anchors hold the model where nothing was to change."""
    assert tiny.found is not None
    assert set(tiny.found.styles) == {"bullets"} and len(tiny.samples()) == 6
    assert all(each.anchor and each.response for each in tiny.anchors)
    held, free = tiny.train(kl_weight=1.0), tiny.train(kl_weight=0.0)
    assert tiny.drift(held) < 0.2 * tiny.drift(free)
    held.save_pretrained(tmp_path / "lora", save_embedding_layers=False)
    for lora, listed in (("base", False), (str(tmp_path / "lora"), True)):
        request = ChatRequest(messages=[{"role": "user", "content": "what about lunch"}], lora=lora, max_tokens=4)
        reply = await tiny.llm.complete(request)
        assert reply.text.startswith("- ") is listed
